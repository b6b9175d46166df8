// SPDX-License-Identifier: GPL-2.0-or-later

// Our client with a scripted server: the same cuts the other way round, tickets, KeyUpdates, bad ends.
package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

var serverCases = append([]kernelCase{
	{"client: both ways at once, 8 sessions", everyEngine, func(b *bench) error { return b.apps(planMixed, someStreams, "both", func() {}) }},
	{"client: slow server", fullRun, func(b *bench) error { return b.apps(planFull, 1, "send", slowly()) }},
	{"client: slow application", fullRun, (*bench).slowApp},
	{"client: KeyUpdates of the server", everyEngine, func(b *bench) error { return b.serverUpdates(false) }},
	{"client: KeyUpdates that ask for one", fullRun, func(b *bench) error { return b.serverUpdates(true) }},
	{"client: FIN in the middle of a frame", everyEngine, func(b *bench) error { return b.serverLeaves((*rawTLS).leaveByFIN) }},
	{"client: RST in the middle of a frame", everyEngine, func(b *bench) error { return b.serverLeaves((*rawTLS).leaveByRST) }},
	{"client: close_notify in the middle of a frame", fullRun, func(b *bench) error { return b.serverLeaves((*rawTLS).leaveByNotify) }},
	{"client: FIN in the middle of a record", fullRun, func(b *bench) error { return b.serverLeaves((*rawTLS).leaveInRecord) }},
	{"client: a forged record", fullRun, func(b *bench) error { return b.serverLeaves((*rawTLS).leaveByForgery) }},
}, transfers("client",
	func(b *bench, p plan, n int) error { return b.apps(p, n, "send", func() {}) },
	func(b *bench, p plan, n int) error { return b.apps(p, n, "down", func() {}) })...)

// app opens a connection through our client to a destination that tells the scripted server what to do.
func (b *bench) app(what string, size int64, seed uint64) (*net.TCPConn, error) {
	return dial(b.client.addr(), fmt.Sprintf("%s-%d-%d:80", what, size, seed))
}

// apps has n applications do the same at once, each on a session of its own.
func (b *bench) apps(p plan, n int, what string, pause func()) error {
	b.scripted.next(p, pause)
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range errs {
		seed := b.seed()
		wait.Go(func() { errs[i] = b.appDoes(what, b.size/int64(n), seed) })
	}
	wait.Wait()
	return errors.Join(errors.Join(errs...), b.scripted.err())
}

func (b *bench) appDoes(what string, size int64, seed uint64) error {
	conn, err := b.app(what, size, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	up, down := size, size
	if what == "down" {
		up = 0
	} else if what == "send" {
		down = 0
	}
	sent := make(chan error, 1)
	go func() { sent <- writeNoise(conn, seed, up) }()
	e := readNoise(conn, seed, -1)
	return errors.Join(e.complete(down), <-sent)
}

func (b *bench) slowApp() error {
	b.scripted.next(planLarge, func() {})
	seed := b.seed()
	conn, err := b.app("down", b.size, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	return errors.Join(readNoise(reader(conn, slowly()), seed, -1).complete(b.size), b.scripted.err())
}

// pausingReader does something before each read.
type pausingReader struct {
	net.Conn
	pause func()
}

func reader(c net.Conn, pause func()) pausingReader { return pausingReader{c, pause} }

func (p pausingReader) Read(b []byte) (int, error) {
	p.pause()
	return p.Conn.Read(b)
}

// serverUpdates changes the server's key between downloads of one session, while it is idle and while it is not.
func (b *bench) serverUpdates(ask bool) error {
	const size, rounds = 200000, 3
	b.scripted.next(planMixed, func() {})
	follows := b.rekeysRX() && (!ask || b.rekeysTX())
	for range rounds {
		if err := b.appDoes("both", size, b.seed()); err != nil {
			return err
		}
		for _, s := range b.scripted.all() {
			s.keyUpdate(ask) // fails on those that are over
		}
	}
	all := b.scripted.all()
	if follows && len(all) != 1 {
		return fmt.Errorf("%d sessions; the first one was to last", len(all))
	}
	if !follows {
		return errors.Join(await("end of a session whose key the kernel cannot change", all[0].over), b.scripted.err())
	}
	err := errors.Join(b.appDoes("both", size, b.seed()), b.scripted.err())
	return errors.Join(err, all[0].answered(ask, rounds))
}

// serverLeaves ends a connection in a bad place: the application is reset, and the next one is served.
func (b *bench) serverLeaves(leave func(*rawTLS) error) error {
	const size = 100000
	b.scripted.next(planMixed, func() {})
	seed := b.seed()
	conn, err := b.app("part", size, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	if e := readNoise(conn, seed, size); e.wrong || e.bytes != size {
		return fmt.Errorf("application: %v", e)
	}
	if all := b.scripted.all(); len(all) != 1 {
		return fmt.Errorf("%d sessions", len(all))
	} else if err = leave(all[0].rawTLS); err != nil {
		return err
	}
	// what of the frame was there may have come, and then it ends, which is no good end
	conn.SetReadDeadline(time.Now().Add(peerLimit))
	if e := readNoise(conn, 0, -1); e.eof() || e.bytes == 0 && !e.wrong && !e.reset() {
		return fmt.Errorf("application, after the end: %v", e)
	}
	return b.appDoes("both", 1000, b.seed())
}
