// SPDX-License-Identifier: GPL-2.0-or-later

// Both of our roles together: whole transfers, and whether the engine is the one that was asked for.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

var pairCases = []kernelCase{
	{"pair: small", everyEngine, func(b *bench) error { return caseSmall(b.pair) }},
	{"pair: both ways at once", everyEngine, func(b *bench) error { return b.pair.echo(b.pair.targets.tcp, b.pair.seed(), b.size) }},
	{"pair: 8 at once", fullRun, (*bench).parallel},
	{"pair: upload and immediate close", fullRun, func(b *bench) error { return b.pair.upload(b.size) }}, // 10 s of patience
	{"pair: upload, half-closed", everyEngine, func(b *bench) error { return halfCloseUpload(b.pair) }},
	{"pair: download, half-closed", everyEngine, func(b *bench) error { return b.pair.download(b.size, 0, true) }},
	{"pair: target ends first", fullRun, func(b *bench) error { return caseTargetEnds(b.pair) }},
	{"pair: the records are made where they should be", everyEngine, (*bench).recordsWhere},
	{"pair: the engine works", everyEngine, (*bench).engineWorks},
}

func (b *bench) parallel() error {
	errs := make([]error, someStreams)
	var wait sync.WaitGroup
	for i := range errs {
		seed := b.pair.seed()
		wait.Go(func() { errs[i] = b.pair.echo(b.pair.targets.tcp, seed, b.size/someStreams) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// recordsWhere asks the kernel how many directions it has been given since these daemons are there.
func (b *bench) recordsWhere() error {
	now := readTLSStat()
	switch opened := now.opened - b.before.opened; {
	case (b.engine.tx == true || b.engine.rx == true) && opened == 0:
		return errors.New("the kernel has no TLS session of ours")
	case b.engine.tx == false && b.engine.rx == false && opened > 0:
		return fmt.Errorf("the kernel was given %d keys", opened)
	case b.engine.tx == nil || b.engine.tx == "auto":
		return skip(fmt.Sprintf("left to the daemon, which gave %d keys away", opened))
	}
	return nil
}

// engineWorks looks for the pipes of splice and the programs of sockmap while something large is under way.
func (b *bench) engineWorks() error {
	want := b.engine.datapath
	switch {
	case want != "splice" && want != "sockmap":
		return skip("copy has nothing to show")
	case b.engine.tx != true && b.engine.rx != true:
		return skip("without TLS in the kernel there is nothing to splice")
	case want == "sockmap" && !b.can["sk_msg_splice"]:
		want = "splice" // what is left of it
	}
	var pipes, maps int
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for _, p := range []*process{b.pair.server, b.pair.client} {
				n, _ := descriptors(p.cmd.Process.Pid)
				pipes, maps = max(pipes, n), max(maps, mapsOf(p.cmd.Process.Pid, "map_type:\t15"))
			}
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	err := b.pair.echo(b.pair.targets.tcp, b.pair.seed(), 4*b.size)
	close(stop)
	<-done
	if err == nil && pipes == 0 {
		err = errors.New("no pipe was ever there")
	}
	if err == nil && want == "sockmap" && maps == 0 {
		err = errors.New("no sockmap was ever there")
	}
	return err
}

// mapsOf counts a process's descriptors whose fdinfo has this text; "map_id:" are BPF maps.
func mapsOf(pid int, text string) int {
	n := 0
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), text) {
			n++
		}
	}
	return n
}
