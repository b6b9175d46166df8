// SPDX-License-Identifier: GPL-2.0-or-later

// One stream of the loss test: noise both ways, random pauses, and an end that was decided beforehand.
package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"
)

type fate int

const (
	targetEnds   fate = iota // the target closes when it has all and has sent all
	appEnds                  // so does the application
	appResets                // RST by the application
	targetResets             // RST by the target
	sessionCut               // RST on the session's connection
	fates
)

func (f fate) completes() bool { return f == targetEnds || f == appEnds }

func (f fate) String() string {
	return [...]string{"ended by the target", "ended by the application", "reset by the application",
		"reset by the target", "session cut"}[f]
}

type lossStream struct {
	id       int
	fate     fate
	size     int64 // each way, where nothing breaks it
	breakAt  int64 // bytes that the breaking side has written by then
	seed     uint64
	app, far *net.TCPConn
	farOpen  chan struct{}
	link     *link
	up, down ending   // as the target and the application saw it
	wrote    [2]error // what the application's and the target's writes met
}

// acceptStream is the target: it tells the opener that its connection is through.
func acceptStream(opening chan *lossStream) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return
		}
		s, done := <-opening, make(chan struct{})
		s.far = c
		c.SetDeadline(time.Now().Add(lossDeadline))
		c.Write(b[:])
		close(s.farOpen)
		<-done // serveTCP would close it; move() does
	}
}

func (s *lossStream) open(socks, target string) error {
	var err error
	if s.app, err = dial(socks, target); err != nil {
		return err
	}
	if _, err = s.app.Write([]byte{'?'}); err != nil {
		return err
	}
	var b [1]byte
	if _, err = io.ReadFull(s.app, b[:]); err != nil {
		return err
	}
	<-s.farOpen
	return s.app.SetDeadline(time.Now().Add(lossDeadline))
}

// move runs all four ends and returns when the stream is over.
func (s *lossStream) move() {
	limitUp, limitDown := int64(-1), int64(-1) // -1: read on until the end
	if s.fate == targetEnds {
		limitUp = s.size
	}
	if s.fate == appEnds {
		limitDown = s.size
	}
	var app, far, all sync.WaitGroup
	app.Go(func() { s.send(s.app, 0, s.fate == appResets || s.fate == sessionCut) })
	far.Go(func() { s.send(s.far, 1, s.fate == targetResets) })
	far.Go(func() { s.up = s.receive(s.far, 0, limitUp) })
	app.Go(func() { s.down = s.receive(s.app, 1, limitDown) })
	all.Go(func() {
		app.Wait()
		s.finishApp()
	})
	all.Go(func() {
		far.Wait()
		s.far.Close()
	})
	all.Wait()
	s.app.Close()
}

// finishApp: half of the applications close at once, half end their side and wait for the answer's end.
func (s *lossStream) finishApp() {
	if s.fate != appEnds || s.id%2 == 0 {
		s.app.Close()
		return
	}
	s.app.CloseWrite()
	s.down = s.receiveEnd(s.app, s.down)
}

func (s *lossStream) receiveEnd(c *net.TCPConn, e ending) ending {
	if e.err == nil && !e.wrong {
		var b [1]byte
		n, err := c.Read(b[:])
		e.wrong, e.err = n > 0, err
	}
	return e
}

func (s *lossStream) rng(direction, end uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed+direction, end))
}

// send writes noise in pieces of any size, and breaks the stream where that is its fate.
func (s *lossStream) send(c *net.TCPConn, direction uint64, breaks bool) {
	n, rng, b := newNoise(s.seed+direction), s.rng(direction, 0), make([]byte, ioSize)
	limit := s.size
	if breaks {
		limit = s.breakAt
	}
	for done := int64(0); done < limit; {
		piece := b[:min(1+rng.Int64N(ioSize), limit-done)]
		n.Read(piece)
		if _, err := c.Write(piece); err != nil {
			s.wrote[direction] = fmt.Errorf("write after %d bytes: %w", done, err)
			return
		}
		done += int64(len(piece))
		pause(rng)
	}
	if breaks {
		s.breakUp(c)
	}
}

func (s *lossStream) breakUp(c *net.TCPConn) {
	if s.fate == sessionCut {
		s.link.cut()
		return
	}
	c.SetLinger(0)
	c.Close()
}

func (s *lossStream) receive(c *net.TCPConn, direction uint64, limit int64) ending {
	rng := s.rng(direction, 1)
	if rng.IntN(4) == 0 {
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond) // everything behind it fills up
	}
	return readNoise(pausing{c, rng}, s.seed+direction, limit)
}

type pausing struct {
	io.Reader
	rng *rand.Rand
}

func (p pausing) Read(b []byte) (int, error) {
	pause(p.rng)
	return p.Reader.Read(b)
}

func pause(rng *rand.Rand) {
	if rng.IntN(100) == 0 {
		time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
	}
}

// checkContent: what came is a beginning of what was sent, and all of it where nothing broke the stream.
func (s *lossStream) checkContent() error {
	for direction, e := range map[string]ending{"up": s.up, "down": s.down} {
		if e.wrong {
			return fmt.Errorf("%s: %v", direction, e)
		}
		if s.fate.completes() && e.bytes != s.size {
			return fmt.Errorf("%s: expected %d bytes, got %v", direction, s.size, e)
		}
	}
	if s.fate.completes() {
		return errors.Join(s.wrote[:]...)
	}
	return nil
}

// checkEnd: an end of stream where it was complete, a reset where it was broken.
func (s *lossStream) checkEnd() error {
	target, app := s.wasReset(s.up, s.wrote[1], "target"), s.wasReset(s.down, s.wrote[0], "application")
	switch s.fate {
	case targetEnds:
		return s.down.complete(s.size)
	case appEnds:
		return s.up.complete(s.size)
	case appResets:
		return target
	case targetResets:
		return app
	}
	return errors.Join(target, app)
}

// wasReset: the kernel reports a reset to one call only, be it a read or a write. A write that is
// reset after an end of stream gets EPIPE instead.
func (s *lossStream) wasReset(read ending, wrote error, who string) error {
	if read.reset() || errors.Is(wrote, syscall.ECONNRESET) {
		return nil
	}
	return fmt.Errorf("%s was not reset: %v; writes: %v", who, read, wrote)
}
