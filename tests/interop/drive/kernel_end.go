// SPDX-License-Identifier: GPL-2.0-or-later

// What is left behind: descriptors, maps, kernel TLS and memory after many sessions; and odd buffer sizes.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

var endCases = []kernelCase{
	{"200 sessions leave nothing", fullRun, func(b *bench) error { return b.cycles(200) }},
	{"30 sessions leave nothing", everyEngine, func(b *bench) error { return b.cycles(30) }},
	{"smallest socket buffers", mainEngines, func(b *bench) error { return b.buffers("4096 4608 4608", "4096 4608 4608") }},
	{"largest socket buffers", fullRun, func(b *bench) error { return b.buffers("4096 4194304 6291456", "4096 6291456 6291456") }},
}

// standing is what a daemon holds.
type standing struct{ descriptors, pipes, maps, rss int }

func (p *process) standing() standing {
	var s standing
	pid := p.cmd.Process.Pid
	s.pipes, s.descriptors = descriptors(pid)
	s.maps = mapsOf(pid, "map_id:")
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "VmRSS: %d kB", &s.rss)
	}
	return s
}

// settled waits until neither daemon nor kernel hold more than before.
func (b *bench) settled(p *process, before standing, tls int) error {
	const growth = 2048 // kB, of a heap that has its own ways
	var now standing
	var open int
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		now, open = p.standing(), readTLSStat().current
		if now.descriptors <= before.descriptors && now.maps <= before.maps && open <= tls && now.rss <= before.rss+growth {
			return nil
		}
	}
	return fmt.Errorf("%s holds %+v, and the kernel %d TLS directions; before it was %+v and %d", p.name, now, open, before, tls)
}

// cycles opens and ends sessions in every way, after a few that make room for what is kept.
func (b *bench) cycles(n int) error {
	idle, tls := b.pair.server.standing(), readTLSStat().current
	if err := b.manySessions(12); err != nil {
		return err
	}
	// a warm heap, but no more descriptors than it had without any session
	idle.rss = b.pair.server.standing().rss
	if err := b.manySessions(n); err != nil {
		return err
	}
	return b.settled(b.pair.server, idle, tls)
}

// manySessions opens some at once, which is a matter of time: handshakes are slow in a guest.
func (b *bench) manySessions(n int) error {
	const atOnce = 4
	ends := []func(*rawTLS) error{(*rawTLS).leaveByNotify, (*rawTLS).leaveByFIN, (*rawTLS).leaveByRST}
	errs := make([]error, atOnce)
	var wait sync.WaitGroup
	for i := range errs {
		seed := b.seed()
		wait.Go(func() {
			for k := i; k < n && errs[i] == nil; k += atOnce {
				errs[i] = b.oneSession(seed+uint64(k), ends[k%len(ends)])
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// oneSession moves a little both ways and ends in the given way.
func (b *bench) oneSession(seed uint64, leave func(*rawTLS) error) error {
	s, err := login(b.pair.server.addr(), defaultUsers[0].password, planMixed, seed)
	if err != nil {
		return err
	}
	defer s.Close()
	go s.read()
	r := s.expect(1, seed, 20000)
	if err = s.open(r, b.pair.targets.tcp, "echo"); err == nil {
		err = s.sendNoise(r.size, map[uint32]uint64{1: seed})
	}
	if err == nil {
		err = await("the last byte of an echo", r.whole)
	}
	return errors.Join(err, leave(s.rawTLS))
}

// buffers runs some transfers with every new socket's buffers like this.
func (b *bench) buffers(wmem, rmem string) error {
	if !b.guest {
		return skip("it would change this machine")
	}
	for name, value := range map[string]string{"net.ipv4.tcp_wmem": wmem, "net.ipv4.tcp_rmem": rmem} {
		undo, err := b.sysctl(name, value)
		if err != nil {
			return err
		}
		defer undo()
	}
	small, fewer := *b, *b.suite
	fewer.size = min(b.size, mib/2)
	small.suite = &fewer
	return errors.Join(
		small.exchange(planMixed, 1),
		small.toServer(planFull, 1, "sink"),
		small.toClient(planFull, 1, func() {}),
		small.apps(planLarge, 1, "both", func() {}),
		small.pair.echo(small.pair.targets.tcp, small.pair.seed(), small.size),
		small.pair.download(small.size, 0, false))
}
