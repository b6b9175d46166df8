// SPDX-License-Identifier: GPL-2.0-or-later

// A scripted AnyTLS server: what a stream is to carry is told by its destination's name.
package main

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
)

// rawServer serves sessions by one plan at a time.
type rawServer struct {
	addr     string
	mu       sync.Mutex
	plan     plan
	pause    func()
	failures []error
	sessions []*rawSession
	serial   uint64
}

func newRawServer(e *env) (*rawServer, error) {
	pair, err := tls.LoadX509KeyPair(e.cert, e.key)
	if err != nil {
		return nil, err
	}
	v := &rawServer{plan: planFull, pause: func() {}}
	v.addr, err = serveTCP("127.0.0.1:0", func(c *net.TCPConn) {
		t, err := takeOver(c, &tls.Config{Certificates: []tls.Certificate{pair}}, false)
		if err == nil {
			err = v.serve(t)
		}
		if err != nil {
			v.failed(err)
		}
	})
	return v, err
}

func (v *rawServer) failed(err error) {
	v.mu.Lock()
	v.failures = append(v.failures, err)
	v.mu.Unlock()
}

// next sets the plan of the sessions to come, ends those there are and forgets what failed.
func (v *rawServer) next(p plan, pause func()) {
	v.mu.Lock()
	old := v.sessions
	v.plan, v.pause, v.failures, v.sessions = p, pause, nil, nil
	v.mu.Unlock()
	for _, s := range old {
		s.closing()
	}
}

func (v *rawServer) err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(v.failures...)
}

func (v *rawServer) all() []*rawSession {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.sessions)
}

func (v *rawServer) serve(t *rawTLS) error {
	var head [34]byte
	if _, err := io.ReadFull(t, head[:]); err != nil {
		return fmt.Errorf("preamble: %w", err)
	}
	if _, err := io.CopyN(io.Discard, t, int64(binary.BigEndian.Uint16(head[32:]))); err != nil {
		return fmt.Errorf("preamble: %w", err)
	}
	v.mu.Lock()
	v.serial++
	s := newRawSession(t, v.plan, v.serial)
	s.pause = v.pause
	s.onOpen = v.opened
	v.sessions = append(v.sessions, s)
	v.mu.Unlock()
	s.read()
	return nil
}

// opened looks whether a stream's destination is there: down-SIZE-SEED, send-SIZE-SEED, both-SIZE-SEED, part-SIZE-SEED.
func (v *rawServer) opened(s *rawSession, r *rawStream) {
	if len(r.head) < 2 || len(r.head) < 2+int(r.head[1])+2 {
		return
	}
	name, rest := string(r.head[2:2+r.head[1]]), r.head[4+r.head[1]:]
	var what string
	var size int64
	var seed uint64
	if _, err := fmt.Sscanf(name, "%4s-%d-%d", &what, &size, &seed); err != nil {
		v.failed(fmt.Errorf("destination %q: %w", name, err))
		return
	}
	r.want, r.size = newNoise(seed), size
	if what == "down" {
		r.size = -1
	}
	s.takeData(r, rest)
	go func() {
		if err := v.carry(s, r, what, size, seed); err != nil {
			v.failed(fmt.Errorf("%s: %w", name, err))
		}
	}()
}

// carry runs a stream to its end.
func (v *rawServer) carry(s *rawSession, r *rawStream, what string, size int64, seed uint64) error {
	err := errors.Join(s.frame(cmdSYNACK, r.id, nil), s.flushFrames())
	switch what {
	case "down", "both":
		err = errors.Join(err, s.sendNoise(size, map[uint32]uint64{r.id: seed}))
	case "part": // stops in the middle of a frame, for good
		err = errors.Join(err, s.sendNoise(size, map[uint32]uint64{r.id: seed}))
		return errors.Join(err, s.partOfFrame(r.id, seed, size))
	}
	if what != "down" && err == nil {
		if err = await("upload", r.whole); err == nil && r.got.wrong {
			err = fmt.Errorf("upload: %v", r.got)
		}
	}
	return errors.Join(err, s.frame(cmdFIN, r.id, nil), s.flushFrames())
}

const partSize = 500

// partOfFrame announces twice as much as it sends of the noise behind the first `size` bytes; the record is whole.
func (s *rawSession) partOfFrame(id uint32, seed uint64, size int64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	b := make([]byte, frameHeader+partSize)
	b[0] = cmdPSH
	binary.BigEndian.PutUint32(b[1:], id)
	binary.BigEndian.PutUint16(b[5:], 2*partSize)
	n := newNoise(seed)
	io.CopyN(io.Discard, n, size)
	n.Read(b[frameHeader:])
	_, err := s.cut.Write(b)
	return errors.Join(err, s.cut.flush())
}
