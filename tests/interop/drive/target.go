// SPDX-License-Identifier: GPL-2.0-or-later

// The far end: a TCP server that does what the first line of a connection asks for, and UDP echoes.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

const banner = "220 the server speaks first\r\n"

type targets struct {
	tcp, tcp6, banner string // host:port; tcp6 is empty where there is no IPv6
	udp, udp2, udp6   string
	refused           string
	mu                sync.Mutex
	sinks             map[string]chan ending
	serial            uint64
	accepted          int
}

func newTargets() (*targets, error) {
	t := &targets{sinks: make(map[string]chan ending)}
	var err error
	if t.tcp, err = serveTCP("127.0.0.1:0", t.serve); err != nil {
		return nil, err
	}
	t.tcp6, _ = serveTCP("[::1]:0", t.serve)
	t.banner, err = serveTCP("127.0.0.1:0", func(c *net.TCPConn) { fmt.Fprint(c, banner) })
	if err != nil {
		return nil, err
	}
	if t.udp, err = serveUDP("127.0.0.1:0"); err != nil {
		return nil, err
	}
	if t.udp2, err = serveUDP("127.0.0.1:0"); err != nil {
		return nil, err
	}
	t.udp6, _ = serveUDP("[::1]:0")
	t.refused, err = refusing()
	return t, err
}

func serveTCP(addr string, serve func(*net.TCPConn)) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String(), nil
}

func serveUDP(addr string) (string, error) {
	s, err := net.ListenPacket("udp", addr)
	if err != nil {
		return "", err
	}
	go func() {
		b := make([]byte, 65535)
		for {
			n, from, err := s.ReadFrom(b)
			if err != nil {
				return
			}
			s.WriteTo(b[:n], from)
		}
	}()
	return s.LocalAddr().String(), nil
}

// newSink makes a token for a request "sink" and the channel on which its ending will come.
func (t *targets) newSink() (string, chan ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serial++
	token, result := strconv.FormatUint(t.serial, 10), make(chan ending, 1)
	t.sinks[token] = result
	return token, result
}

func (t *targets) connections() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted
}

// Requests, one line: echo | send SIZE SEED DELAY_MS | trickle SIZE SEED PAUSE_MS | answer SIZE SEED
// (the same noise back, once all of it has come) | sink TOKEN SEED | lazy TOKEN SEED (a slow sink) | told TOKEN SEED
// (a sink that says the first byte of the noise when it is there) | heard TOKEN SEED SIZE (a sink that says it when it has
// that much).
func (t *targets) serve(c *net.TCPConn) {
	t.mu.Lock()
	t.accepted++
	t.mu.Unlock()
	r := bufio.NewReaderSize(c, ioSize)
	line, err := r.ReadString('\n')
	if err != nil {
		return
	}
	var size, delay int64
	var seed uint64
	var token string
	switch {
	case line == "echo\n":
		r.WriteTo(writerOnly{c})
	case scan(line, "send %d %d %d", &size, &seed, &delay):
		time.Sleep(time.Duration(delay) * time.Millisecond)
		writeNoise(c, seed, size)
	case scan(line, "trickle %d %d %d", &size, &seed, &delay):
		trickle(c, newNoise(seed).limited(size), size/20, time.Duration(delay)*time.Millisecond)
	case scan(line, "answer %d %d", &size, &seed):
		if e := readNoise(r, seed, size); e.bytes == size {
			writeNoise(c, seed, size)
		}
	case scan(line, "sink %s %d", &token, &seed):
		t.sink(token) <- readNoise(r, seed, -1)
	case scan(line, "told %s %d", &token, &seed):
		writeNoise(c, seed, 1)
		t.sink(token) <- readNoise(r, seed, -1)
	case scan(line, "heard %s %d %d", &token, &seed, &size):
		t.sink(token) <- hear(c, r, seed, size)
	case scan(line, "lazy %s %d", &token, &seed):
		t.sink(token) <- readNoise(pausing{r, rand.New(rand.NewPCG(seed, 2))}, seed, -1)
	}
}

// hear answers with the first byte of the noise once `size` bytes of it have come, and reads on to the end.
func hear(w io.Writer, r io.Reader, seed uint64, size int64) ending {
	e := readNoise(r, seed, size)
	if e.wrong || e.err != nil {
		return e
	}
	writeNoise(w, seed, 1)
	var b [1]byte
	n, err := r.Read(b[:])
	return ending{size, n > 0, err}
}

func (t *targets) sink(token string) chan ending {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sinks[token]
}

func trickle(w io.Writer, r io.Reader, part int64, pause time.Duration) {
	for n := part; n == part; time.Sleep(pause) {
		n, _ = io.CopyN(w, r, part)
	}
}

func scan(line, format string, into ...any) bool {
	n, err := fmt.Sscanf(line, format+"\n", into...)
	return err == nil && n == len(into)
}
