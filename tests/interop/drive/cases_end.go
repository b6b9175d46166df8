// SPDX-License-Identifier: GPL-2.0-or-later

// Cases about how a stream ends: half-close and a session that is cut.
package main

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// caseHalfClose: the application ends its side and still gets all of the answer.
func caseHalfClose(c *cell) error {
	if !c.ours("client") {
		return skip("this client sends FIN at once, which ends both directions")
	}
	if err := c.download(5*mib, 0, true); err != nil {
		return err
	}
	return c.download(5*mib, 2*time.Second, true)
}

// caseTargetEnds: the target's end of stream arrives although the application's side stays open.
func caseTargetEnds(c *cell) error {
	seed := c.seed()
	conn, err := c.request(c.targets.tcp, "send %d %d 0", 5*mib, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	time.Sleep(200 * time.Millisecond) // let the end reach the client before anything is read
	return readNoise(conn, seed, -1).complete(5 * mib)
}

// caseCut: when a session dies, our roles reset what is behind them; others may end it cleanly.
func caseCut(c *cell) error {
	const size = 100 * 1000
	seed := c.seed()
	token, sink := c.targets.newSink()
	conn, err := c.request(c.targets.tcp, "heard %s %d %d", token, seed, size)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = writeNoise(conn, seed, size); err != nil {
		return err
	}
	// all of it is to arrive before the cut, however long that takes
	if e := readNoise(conn, seed, 1); e.wrong || e.bytes != 1 {
		return fmt.Errorf("word of the target: %v", e)
	}
	for _, k := range c.forward.all() {
		k.cut()
	}
	return errors.Join(c.checkCut(conn, <-sink, size), caseSmall(c))
}

func (c *cell) checkCut(app net.Conn, far ending, size int64) error {
	near := readNoise(app, 0, -1)
	if far.wrong || far.bytes != size {
		return fmt.Errorf("target before the cut: %v", far)
	}
	if c.ours("server") && !far.reset() {
		return fmt.Errorf("target was not reset: %v", far)
	}
	if c.ours("client") && !near.reset() {
		return fmt.Errorf("application was not reset: %v", near)
	}
	return nil
}
