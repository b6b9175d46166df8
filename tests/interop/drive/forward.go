// SPDX-License-Identifier: GPL-2.0-or-later

// A TCP forwarder between client and server: counts connections, notes the client's TLS records, cuts.
package main

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	tlsHeader      = 5
	tlsFirst       = 20
	tlsApplication = 23
	recordsNoted   = 32
)

type link struct {
	client, server         *net.TCPConn
	clientShut, serverShut atomic.Bool // we have sent an end of stream there
	mu                     sync.Mutex
	records                []int // payload lengths of the first application records from the client
}

type forwarder struct {
	addr  string
	mu    sync.Mutex
	links []*link
}

func newForwarder(server string) (*forwarder, error) {
	f := &forwarder{}
	var err error
	f.addr, err = serveTCP("127.0.0.1:0", func(c *net.TCPConn) {
		s, err := net.Dial("tcp", server)
		if err != nil {
			c.SetLinger(0)
			return
		}
		f.forward(&link{client: c, server: s.(*net.TCPConn)})
	})
	return f, err
}

func (f *forwarder) forward(k *link) {
	f.mu.Lock()
	f.links = append(f.links, k)
	f.mu.Unlock()
	done := make(chan struct{})
	go func() {
		k.noteRecords()
		k.pass(k.server, k.client, &k.serverShut, &k.clientShut)
		close(done)
	}()
	k.pass(k.client, k.server, &k.clientShut, &k.serverShut)
	<-done
	k.server.Close()
}

// pass copies one direction. An end of stream is passed on as such, everything else as a reset.
func (k *link) pass(dst, src *net.TCPConn, dstShut, srcShut *atomic.Bool) {
	if _, err := io.Copy(dst, src); err != nil || closed(src) && !srcShut.Load() {
		reset(src, dst)
		return
	}
	dstShut.Store(true)
	dst.CloseWrite()
}

// closed tells: a read that found an end of stream on a socket which a write was told is reset finds
// it closed, as is one that both sides have shut in good order.
func closed(c *net.TCPConn) bool {
	const tcpClose = 7
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	state := tcpClose
	raw.Control(func(fd uintptr) {
		// The first byte of struct tcp_info is the state.
		if info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO); err == nil {
			state = info & 0xff
		}
	})
	return state == tcpClose
}

func reset(conns ...*net.TCPConn) {
	for _, c := range conns {
		c.SetLinger(0)
		c.Close()
	}
}

// noteRecords passes on the first application records one by one.
func (k *link) noteRecords() {
	b := make([]byte, tlsHeader+65535)
	for n := 0; n < recordsNoted; {
		if _, err := io.ReadFull(k.client, b[:tlsHeader]); err != nil {
			return
		}
		if b[0] < tlsFirst || b[0] > tlsApplication {
			k.server.Write(b[:tlsHeader])
			return
		}
		size := int(binary.BigEndian.Uint16(b[3:]))
		if _, err := io.ReadFull(k.client, b[tlsHeader:tlsHeader+size]); err != nil {
			return
		}
		if b[0] == tlsApplication {
			k.mu.Lock()
			k.records = append(k.records, size)
			k.mu.Unlock()
			n++
		}
		if _, err := k.server.Write(b[:tlsHeader+size]); err != nil {
			return
		}
	}
}

func (k *link) hasRecord(size int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.records, size)
}

// hasEarlyRecord looks at the client's Finished and its preamble only: sizes that are drawn later may be any.
func (k *link) hasEarlyRecord(size int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.records[:min(2, len(k.records))], size)
}

// cut ends the connection with RST to both ends.
func (k *link) cut() { reset(k.client, k.server) }

func (f *forwarder) all() []*link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.links)
}
