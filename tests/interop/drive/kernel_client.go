// SPDX-License-Identifier: GPL-2.0-or-later

// Our server with a scripted client: every cut of records and frames, one stream and eight, slow ends, bad ends.
package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

const someStreams = 8

var clientCases = append([]kernelCase{
	{"server: both ways at once, 8 streams", everyEngine, func(b *bench) error { return b.exchange(planMixed, someStreams) }},
	{"server: slow client", fullRun, func(b *bench) error { return b.toClient(planFull, 1, slowly()) }},
	{"server: slow target", fullRun, func(b *bench) error { return b.toServer(planLarge, 1, "lazy") }},
	{"server: one slow target of 8", fullRun, func(b *bench) error { return b.toServer(planLarge, someStreams, "lazy") }},
	{"server: KeyUpdates of the client", everyEngine, func(b *bench) error { return b.clientUpdates(false) }},
	{"server: KeyUpdates that ask for one", fullRun, func(b *bench) error { return b.clientUpdates(true) }},
	{"server: FIN in the middle of a frame", everyEngine, func(b *bench) error { return b.clientLeaves((*rawTLS).leaveByFIN) }},
	{"server: RST in the middle of a frame", everyEngine, func(b *bench) error { return b.clientLeaves((*rawTLS).leaveByRST) }},
	{"server: close_notify in the middle of a frame", fullRun, func(b *bench) error { return b.clientLeaves((*rawTLS).leaveByNotify) }},
	{"server: FIN in the middle of a record", fullRun, func(b *bench) error { return b.clientLeaves((*rawTLS).leaveInRecord) }},
	{"server: a forged record", fullRun, func(b *bench) error { return b.clientLeaves((*rawTLS).leaveByForgery) }},
}, transfers("server", (*bench).upTo, (*bench).downFrom)...)

// transfers: every plan, one stream and eight, each way.
func transfers(role string, up, down func(*bench, plan, int) error) []kernelCase {
	var cases []kernelCase
	for _, p := range []plan{planSmall, planFull, planLarge, planMixed, planPadded, planTicket} {
		if p.tickets && role == "server" {
			continue
		}
		for _, n := range []int{1, someStreams} {
			if n > 1 && (p.name == planSmall.name || p.name == planLarge.name) {
				continue
			}
			with := fullRun
			if p.padded || n == 1 && p.name == planFull.name {
				with = everyEngine
			}
			name := fmt.Sprintf("%s: %s, %d streams", role, p.name, n)
			cases = append(cases,
				kernelCase{name + ", up", with, func(b *bench) error { return up(b, p, n) }},
				kernelCase{name + ", down", with, func(b *bench) error { return down(b, p, n) }})
		}
	}
	return cases
}

func (b *bench) upTo(p plan, n int) error     { return b.toServer(p, n, "sink") }
func (b *bench) downFrom(p plan, n int) error { return b.toClient(p, n, func() {}) }

// slowly pauses now and then, always at the same places.
func slowly() func() {
	rng := rand.New(rand.NewPCG(1, 2))
	return func() {
		if rng.IntN(8) == 0 {
			time.Sleep(time.Duration(rng.IntN(8)) * time.Millisecond)
		}
	}
}

func (b *bench) login(p plan) (*rawSession, error) {
	return login(b.pair.server.addr(), defaultUsers[0].password, p, b.seed())
}

// toServer uploads to n targets, of which the first is of this kind.
func (b *bench) toServer(p plan, n int, first string) error {
	s, err := b.login(p)
	if err != nil {
		return err
	}
	defer s.Close()
	go s.read()
	size, seeds, sinks := b.size/int64(n), map[uint32]uint64{}, map[uint32]chan ending{}
	kind := first
	for id := range uint32(n) {
		id++
		token, sink := b.pair.targets.newSink()
		seeds[id], sinks[id] = b.seed(), sink
		if err = s.open(s.expect(id, 0, -1), b.pair.targets.tcp, fmt.Sprintf("%s %s %d", kind, token, seeds[id])); err != nil {
			return err
		}
		kind = "sink"
	}
	if err = s.sendNoise(size, seeds); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	for id := range seeds {
		err = errors.Join(err, s.frame(cmdFIN, id, nil))
	}
	err = errors.Join(err, s.flushFrames())
	for _, sink := range sinks {
		e, late := ended(sink)
		err = errors.Join(err, late, e.complete(size))
	}
	return errors.Join(err, s.closing())
}

// toClient downloads from n targets; the client reads at its own pace.
func (b *bench) toClient(p plan, n int, pause func()) error {
	s, err := b.login(p)
	if err != nil {
		return err
	}
	defer s.Close()
	s.pause = pause
	go s.read()
	size := b.size / int64(n)
	var all []*rawStream
	for id := range uint32(n) {
		seed := b.seed()
		all = append(all, s.expect(id+1, seed, size))
		if err = s.open(all[id], b.pair.targets.tcp, fmt.Sprintf("send %d %d 0", size, seed)); err != nil {
			return err
		}
	}
	for _, r := range all {
		if err = await("end of a stream", r.ended); err != nil {
			return err
		}
		if err = r.got.complete(size); err != nil {
			return fmt.Errorf("stream %d: %w", r.id, err)
		}
	}
	return s.closing()
}

// exchange has n targets send back what they get.
func (b *bench) exchange(p plan, n int) error {
	s, err := b.login(p)
	if err != nil {
		return err
	}
	defer s.Close()
	go s.read()
	size, seeds := b.size/int64(n), map[uint32]uint64{}
	var all []*rawStream
	for id := range uint32(n) {
		seeds[id+1] = b.seed()
		all = append(all, s.expect(id+1, seeds[id+1], size))
		if err = s.open(all[id], b.pair.targets.tcp, "echo"); err != nil {
			return err
		}
	}
	if err = s.sendNoise(size, seeds); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	for _, r := range all {
		if err = await("the last byte of an echo", r.whole); err != nil {
			return errors.Join(err, r.got.complete(size))
		}
		if r.got.wrong {
			return fmt.Errorf("stream %d: %v", r.id, r.got)
		}
	}
	return s.closing()
}

// clientUpdates changes the client's key now and then. Where the kernel cannot follow, the session ends, and no wrong
// byte gets through.
func (b *bench) clientUpdates(ask bool) error {
	const rounds = 5
	s, err := b.login(planMixed)
	if err != nil {
		return err
	}
	defer s.Close()
	go s.read()
	token, sink := b.pair.targets.newSink()
	seed := b.seed()
	r := s.expect(1, seed, 1)
	if err = s.open(r, b.pair.targets.tcp, fmt.Sprintf("told %s %d", token, seed)); err != nil {
		return err
	}
	if err = await("word of the target", r.whole); err != nil {
		return err
	}
	n, sent := newNoise(seed), int64(0)
	for range rounds {
		piece := make([]byte, 60000)
		n.Read(piece)
		if err = errors.Join(s.frame(cmdPSH, 1, piece), s.flushFrames(), s.keyUpdate(ask)); err != nil {
			break
		}
		sent += int64(len(piece))
	}
	follows := b.rekeysRX() && (!ask || b.rekeysTX())
	if follows {
		err = errors.Join(err, s.frame(cmdFIN, 1, nil), s.flushFrames())
	}
	e, late := ended(sink)
	if !follows {
		if late != nil || e.wrong || e.bytes > sent {
			return fmt.Errorf("target: %v, %v", e, late)
		}
		return await("end of a session whose key the kernel cannot change", s.over)
	}
	err = errors.Join(err, late, e.complete(sent), s.closing())
	return errors.Join(err, s.answered(ask, rounds))
}

// answered: one KeyUpdate may answer several requests (RFC 8446, 4.6.3).
func (r *rawTLS) answered(asked bool, rounds int) error {
	if asked && (r.updates < 1 || r.updates > rounds) || !asked && r.updates > 0 {
		return fmt.Errorf("%d KeyUpdates came, with %d sent", r.updates, rounds)
	}
	return nil
}

// clientLeaves ends a connection in a bad place: the target gets what was whole and sees an end; the server goes on.
func (b *bench) clientLeaves(leave func(*rawTLS) error) error {
	const size = 100000
	s, err := b.login(planMixed)
	if err != nil {
		return err
	}
	defer s.Close()
	go s.read()
	token, sink := b.pair.targets.newSink()
	seed := b.seed()
	r := s.expect(1, seed, 1)
	err = s.open(r, b.pair.targets.tcp, fmt.Sprintf("told %s %d", token, seed))
	if err == nil {
		err = await("word of the target", r.whole) // a reset would make it lose what it has not read
	}
	if err == nil {
		err = errors.Join(s.sendNoise(size, map[uint32]uint64{1: seed}), s.partOfFrame(1, seed, size))
	}
	if err == nil {
		err = leave(s.rawTLS)
	}
	if err != nil {
		return err
	}
	if e, err := ended(sink); err != nil || e.wrong || e.bytes > size+partSize {
		return fmt.Errorf("target: %v, %v", e, err)
	}
	s.Close()
	if err = await("end of the session", s.over); err != nil {
		return err
	}
	return caseSmall(b.pair)
}

// ended waits for the ending of a sink.
func ended(sink chan ending) (ending, error) {
	select {
	case e := <-sink:
		return e, nil
	case <-time.After(peerLimit):
		return ending{}, errors.New("it was not told of the end")
	}
}

func (r *rawTLS) leaveByFIN() error { return r.CloseWrite() }

// leaveByNotify may find that the other end was quick and the connection is closed.
func (r *rawTLS) leaveByNotify() error {
	err := errors.Join(r.sayGoodbye(), r.CloseWrite())
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (r *rawTLS) leaveByRST() error {
	r.SetLinger(0)
	return r.Close()
}

func (r *rawTLS) leaveInRecord() error {
	record := r.tx.seal(nil, recordData, make([]byte, 1000), 0)
	_, err := r.TCPConn.Write(record[:500])
	return errors.Join(err, r.CloseWrite())
}

func (r *rawTLS) leaveByForgery() error {
	record := r.tx.seal(nil, recordData, make([]byte, 1000), 0)
	record[500] ^= 1
	_, err := r.TCPConn.Write(record)
	return err
}
