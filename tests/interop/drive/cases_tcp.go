// SPDX-License-Identifier: GPL-2.0-or-later

// Cases over TCP streams that every pair must pass.
package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const mib = 1 << 20

func caseSmall(c *cell) error { return c.echo(c.targets.tcp, c.seed(), 5) }

func caseName(c *cell) error {
	_, port := splitAddr(c.targets.tcp)
	return c.echo(fmt.Sprintf("localhost:%d", port), c.seed(), 1000)
}

func caseIPv6(c *cell) error {
	if c.targets.tcp6 == "" {
		return skip("no IPv6 on this machine's loopback")
	}
	return c.echo(c.targets.tcp6, c.seed(), 1000)
}

func caseBanner(c *cell) error {
	conn, err := dial(c.client.addr(), c.targets.banner)
	if err != nil {
		return err
	}
	defer conn.Close()
	if got, err := io.ReadAll(conn); err != nil || string(got) != banner {
		return fmt.Errorf("banner %q, %v", got, err)
	}
	return nil
}

func caseDownload(c *cell) error { return c.download(64*mib, 0, false) }

// download has the target send and close; with halfClose the application ends its side first.
func (c *cell) download(size int64, delay time.Duration, halfClose bool) error {
	seed := c.seed()
	conn, err := c.request(c.targets.tcp, "send %d %d %d", size, seed, delay.Milliseconds())
	if err != nil {
		return err
	}
	defer conn.Close()
	if halfClose {
		if err = conn.CloseWrite(); err != nil {
			return err
		}
	}
	return readNoise(conn, seed, -1).complete(size)
}

// caseUpload closes right after the last byte: everything must arrive, and then a clean end.
func caseUpload(c *cell) error {
	const size = 64 * mib
	seed := c.seed()
	token, sink := c.targets.newSink()
	conn, err := c.request(c.targets.tcp, "sink %s %d", token, seed)
	if err != nil {
		return err
	}
	err = writeNoise(conn, seed, size)
	conn.Close()
	if err != nil {
		return err
	}
	return (<-sink).complete(size)
}

func caseDuplex(c *cell) error { return c.echo(c.targets.tcp, c.seed(), 16*mib) }

func caseParallel(c *cell) error {
	errs := make([]error, 16)
	var wait sync.WaitGroup
	for i := range errs {
		seed := c.seed()
		wait.Go(func() { errs[i] = c.echo(c.targets.tcp, seed, mib) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// caseReuse runs streams one after another, each ended by the target, and counts the sessions they needed.
func caseReuse(c *cell) error {
	const cycles, spare = 60, 3
	before := len(c.forward.all())
	for i := range cycles {
		if err := c.download(int64(1000*i), 0, false); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		time.Sleep(2 * time.Millisecond) // the end of the stream travels behind its last byte
	}
	if used := len(c.forward.all()) - before; used > spare {
		return fmt.Errorf("%d streams in turn took %d new sessions", cycles, used)
	}
	return nil
}

func caseRefused(c *cell) error {
	for _, dst := range []string{c.targets.refused, "host.invalid:80"} {
		if err := c.expectFailure(dst); err != nil {
			return fmt.Errorf("%s: %w", dst, err)
		}
		if err := caseSmall(c); err != nil {
			return fmt.Errorf("stream after the refusal of %s: %w", dst, err)
		}
	}
	return nil
}

// expectFailure: clients that answer before the server does can only end the connection.
func (c *cell) expectFailure(dst string) error {
	conn, err := c.request(dst, "echo")
	if err != nil {
		return nil
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var b [1]byte
	n, err := conn.Read(b[:])
	var timeout interface{ Timeout() bool }
	if n > 0 || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("failure not reported: %d bytes, %v", n, err)
	}
	return nil
}
