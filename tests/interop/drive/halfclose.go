// SPDX-License-Identifier: GPL-2.0-or-later

// Half-close through both of our roles: the wire has no word for it, the applications must not notice.
package main

import (
	"fmt"
	"time"
)

var halfCloseCases = []testCase{
	{"answer under way", func(c *cell) error { return c.download(5*mib, 0, true) }},
	{"answer after 3 s", func(c *cell) error { return c.download(5*mib, 3*time.Second, true) }},
	{"answer in small parts", halfCloseTrickle},
	{"request of 5 MiB before it", halfCloseUpload},
	{"by the target", caseTargetEnds},
	{"session cut after it", halfCloseCut},
}

func runHalfClose(e *env, t *tally) {
	for _, one := range halfCloseCases {
		t.run("half-close", one.name, func() error {
			return runAlone(e, kindDaemon, kindDaemon, serverOptions{users: defaultUsers}, one.run)
		})
	}
}

func halfCloseTrickle(c *cell) error {
	seed := c.seed()
	conn, err := c.request(c.targets.tcp, "trickle %d %d 150", 5*mib, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = conn.CloseWrite(); err != nil {
		return err
	}
	return readNoise(conn, seed, -1).complete(5 * mib)
}

func halfCloseUpload(c *cell) error {
	seed := c.seed()
	conn, err := c.request(c.targets.tcp, "answer %d %d", 5*mib, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = writeNoise(conn, seed, 5*mib); err != nil {
		return err
	}
	if err = conn.CloseWrite(); err != nil {
		return err
	}
	return readNoise(conn, seed, -1).complete(5 * mib)
}

// halfCloseCut: a half-closed stream that is cut must not look complete.
func halfCloseCut(c *cell) error {
	seed := c.seed()
	conn, err := c.request(c.targets.tcp, "trickle %d %d 500", 5*mib, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = conn.CloseWrite(); err != nil {
		return err
	}
	go func() {
		time.Sleep(time.Second)
		for _, k := range c.forward.all() {
			k.cut()
		}
	}()
	if e := readNoise(conn, seed, -1); e.wrong || !e.reset() {
		return fmt.Errorf("expected a part of the answer and a reset, got %v", e)
	}
	return nil
}
