// SPDX-License-Identifier: GPL-2.0-or-later

// What is tried with record_peer.
package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"syscall"
)

const (
	largest = 16384
	period  = 65521 // of the pattern, as in record_peer
)

var pattern = func() []byte {
	p := make([]byte, period+largest)
	for i := range p {
		p[i] = byte(i%period*131 + i%period/251)
	}
	return p
}()

func sendSizes(c *tls.Conn) error {
	at := 0
	for size := 1; size <= largest; size++ {
		if _, err := c.Write(pattern[at%period:][:size]); err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
		at += size
	}
	return c.CloseWrite()
}

// Read never joins records: each size must come as one.
func receiveSizes(c *tls.Conn) error {
	p := make([]byte, 2*largest)
	at := 0
	for size := 1; size <= largest; size++ {
		n, err := c.Read(p)
		if err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
		if n != size || !bytes.Equal(p[:n], pattern[at%period:][:n]) {
			return fmt.Errorf("size %d: got %d bytes, or others", size, n)
		}
		at += size
	}
	if n, err := c.Read(p); n != 0 || err != io.EOF {
		return fmt.Errorf("%d bytes too many, then: %v", n, err)
	}
	return nil
}

func everySize(role, suite string) error {
	p, err := start(role, suite, "7", "sizes", 1)
	if err != nil {
		return err
	}
	c, err := p.connect(0)
	if err == nil {
		sent := make(chan error, 1)
		go func() { sent <- sendSizes(c) }()
		err = errors.Join(receiveSizes(c), <-sent)
	}
	if err == nil {
		err = p.ends("closed")
	}
	if err != nil {
		p.kill()
		return err
	}
	return p.stop()
}

// resumption: the first connection cannot, the others do.
func resumption(role, suite string) error {
	p, err := start(role, suite, "5", "echo", 3)
	if err != nil {
		return err
	}
	for i := 0; i < 3 && err == nil; i++ {
		var c *tls.Conn
		if c, err = p.connect(i); err != nil {
			break
		}
		if resumed := c.ConnectionState().DidResume; resumed != (i > 0) {
			err = fmt.Errorf("connection %d: resumed: %t", i, resumed)
		}
		for range 20 {
			if err == nil {
				err = talk(c, "hello")
			}
		}
		c.Close()
		if err == nil {
			err = p.ends("closed")
		}
	}
	if err != nil {
		p.kill()
		return err
	}
	return p.stop()
}

// ending talks a little, does something to the connection, and looks at what both ends make of it.
func ending(role, suite, word, want string, act func(*peer, *tls.Conn) error) error {
	p, err := start(role, suite, "3", "echo", 1)
	if err != nil {
		return err
	}
	c, err := p.connect(0)
	for _, w := range []string{"hello", "world", word} {
		if err == nil {
			err = talk(c, w)
		}
	}
	if err == nil {
		err = act(p, c)
	}
	if err == nil {
		err = p.ends(want)
	}
	if err != nil {
		p.kill()
		return err
	}
	return p.stop()
}

// readsError reads, and wants this.
func readsError(c *tls.Conn, want error) error {
	n, err := c.Read(make([]byte, 1))
	if n != 0 || !errors.Is(err, want) {
		return fmt.Errorf("read gave %d, %v, not %v", n, err, want)
	}
	return nil
}

func weClose(role, suite string) error {
	return ending(role, suite, "close", "closed", func(p *peer, c *tls.Conn) error {
		if err := readsError(c, io.EOF); err != nil {
			return err
		}
		if !p.conns[0].saidGoodbye() {
			return errors.New("no close_notify came")
		}
		return c.CloseWrite()
	})
}

// weFree: between two records Go takes a FIN for an end, so it does not tell; the bytes do.
func weFree(role, suite string) error {
	return ending(role, suite, "free", "ours", func(p *peer, c *tls.Conn) error {
		err := readsError(c, io.EOF)
		if p.conns[0].saidGoodbye() {
			err = errors.New("a close_notify came")
		}
		return err
	})
}

func weCut(role, suite string) error {
	return ending(role, suite, "cut", "ours", func(p *peer, c *tls.Conn) error {
		if _, err := io.Copy(io.Discard, c); err != io.ErrUnexpectedEOF {
			return fmt.Errorf("read gave %v", err)
		}
		return nil
	})
}

func weAbort(role, suite string) error {
	return ending(role, suite, "abort", "ours", func(p *peer, c *tls.Conn) error {
		return readsError(c, syscall.ECONNRESET)
	})
}

func weRefuse(role, suite string) error {
	return ending(role, suite, "last", "reset", func(p *peer, c *tls.Conn) error {
		record := append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...)
		if _, err := p.conns[0].TCPConn.Write(record); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		if err == nil || err.Error() != "remote error: tls: bad record MAC" {
			return fmt.Errorf("read gave %v", err)
		}
		return nil
	})
}

func goCloses(role, suite string) error {
	return ending(role, suite, "last", "closed", func(p *peer, c *tls.Conn) error { return c.CloseWrite() })
}

func goCuts(role, suite string) error {
	return ending(role, suite, "last", "truncated", func(p *peer, c *tls.Conn) error {
		if _, err := p.conns[0].TCPConn.Write([]byte{23, 3, 3, 0, 40, 1}); err != nil {
			return err
		}
		return p.conns[0].TCPConn.CloseWrite()
	})
}

func goResets(role, suite string) error {
	return ending(role, suite, "last", "reset", func(p *peer, c *tls.Conn) error {
		p.conns[0].SetLinger(0)
		return p.conns[0].TCPConn.Close()
	})
}

// goRefuses: our record is spoilt on its way, so Go says bad_record_mac.
func goRefuses(role, suite string) error {
	return ending(role, suite, "last", "reset", func(p *peer, c *tls.Conn) error {
		p.conns[0].spoil.Store(true)
		if _, err := io.WriteString(c, "spoil this"); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		if err == nil || err.Error() != "local error: tls: bad record MAC" {
			return fmt.Errorf("read gave %v", err)
		}
		return nil
	})
}
