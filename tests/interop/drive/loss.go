// SPDX-License-Identifier: GPL-2.0-or-later

// The loss test: many streams through both of our roles at once, with pauses, resets and cut sessions.
package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

type lossOptions struct {
	mib, streams int
	seed         uint64
}

const lossDeadline = 150 * time.Second

func runLoss(e *env, t *tally, o lossOptions) {
	fmt.Printf("loss: seed %d, %d MiB each way, %d streams\n", o.seed, o.mib, o.streams)
	c, err := newCell(e, kindDaemon, kindDaemon, serverOptions{users: defaultUsers},
		clientOptions{password: defaultUsers[0].password})
	if err != nil {
		t.report("loss: start", 0, err)
		return
	}
	begin := time.Now()
	streams, err := openStreams(c, o)
	t.report("loss: open streams", time.Since(begin), err)
	if err == nil {
		moveAll(streams)
		reportLoss(t, streams, o, time.Since(begin))
	}
	for _, p := range []*process{c.server, c.client} {
		fmt.Printf("loss: %s: peak memory %s\n", p.name, peakMemory(p.cmd.Process.Pid))
	}
	err = c.close()
	t.report("loss: both still run and stop when told", 0, err)
	runHalfClose(e, t)
}

// openStreams opens one after another, so that stream i has the forwarder's connection i to itself.
func openStreams(c *cell, o lossOptions) ([]*lossStream, error) {
	rng := rand.New(rand.NewPCG(o.seed, 0))
	streams := planStreams(rng, o)
	byID := make(chan *lossStream, 1)
	addr, err := serveTCP("127.0.0.1:0", acceptStream(byID))
	if err != nil {
		return nil, err
	}
	for i, s := range streams {
		byID <- s
		if err = s.open(c.client.addr(), addr); err != nil {
			return nil, fmt.Errorf("stream %d: %w", i, err)
		}
		links := c.forward.all()
		if len(links) != i+1 {
			return nil, fmt.Errorf("stream %d: %d sessions, expected one for each stream", i, len(links))
		}
		s.link = links[i]
	}
	return streams, nil
}

// planStreams draws each stream's fate; those that are to complete share the volume.
func planStreams(rng *rand.Rand, o lossOptions) []*lossStream {
	fates := make([]fate, o.streams)
	complete := 0
	mix := [...]fate{targetEnds, targetEnds, appEnds, appResets, targetEnds, targetResets, targetEnds, sessionCut}
	for i := range fates {
		fates[i] = mix[i%len(mix)]
		if fates[i].completes() {
			complete++
		}
	}
	rng.Shuffle(len(fates), func(i, j int) { fates[i], fates[j] = fates[j], fates[i] })
	size := (int64(o.mib)*mib + int64(complete) - 1) / int64(complete)
	streams := make([]*lossStream, o.streams)
	for i, f := range fates {
		streams[i] = &lossStream{
			id: i, fate: f, size: size, breakAt: rng.Int64N(size), seed: o.seed + uint64(i)*1000,
			farOpen: make(chan struct{}),
		}
	}
	return streams
}

func moveAll(streams []*lossStream) {
	var wait sync.WaitGroup
	for _, s := range streams {
		wait.Go(s.move)
	}
	wait.Wait()
}

func reportLoss(t *tally, streams []*lossStream, o lossOptions, took time.Duration) {
	var up, down int64
	content, end, count := map[fate][]error{}, map[fate][]error{}, map[fate]int{}
	for _, s := range streams {
		up += s.up.bytes
		down += s.down.bytes
		count[s.fate]++
		if err := s.checkContent(); err != nil {
			content[s.fate] = append(content[s.fate], fmt.Errorf("stream %d: %w", s.id, err))
		}
		if err := s.checkEnd(); err != nil {
			end[s.fate] = append(end[s.fate], fmt.Errorf("stream %d: %w", s.id, err))
		}
	}
	fmt.Printf("loss: %d MiB up, %d MiB down in %.1f s\n", up/mib, down/mib, took.Seconds())
	for f := range fates {
		what := fmt.Sprintf("loss: %d streams, %s", count[f], f)
		t.report(what+": every byte right", took, errors.Join(content[f]...))
		t.report(what+": end seen as what it was", took, errors.Join(end[f]...))
	}
	var err error
	if want := int64(o.mib) * mib; up < want || down < want {
		err = fmt.Errorf("only %d bytes up and %d down arrived", up, down)
	}
	t.report("loss: volume", took, err)
}
