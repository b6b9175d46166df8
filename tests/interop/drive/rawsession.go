// SPDX-License-Identifier: GPL-2.0-or-later

// A scripted AnyTLS session in either role: frames out by a plan, frames in compared as they come.
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	frameHeader = 7

	cmdWaste          = 0
	cmdSYN            = 1
	cmdPSH            = 2
	cmdFIN            = 3
	cmdSettings       = 4
	cmdAlert          = 5
	cmdSYNACK         = 7
	cmdHeart          = 8
	cmdHeartReply     = 9
	cmdServerSettings = 10
)

// rawStream is what came on one stream.
type rawStream struct {
	id    uint32
	want  *noise // nil: whatever comes is kept in head
	size  int64  // whole is closed once this much came
	head  []byte
	got   ending
	whole chan struct{}
	ended chan struct{} // FIN came, or the session is over
}

type rawSession struct {
	*rawTLS
	cut     *cutter
	rng     *rand.Rand
	pause   func()                            // before each read of the reader
	onOpen  func(s *rawSession, r *rawStream) // server: a stream's destination is in head
	mu      sync.Mutex
	writing sync.Mutex // of a frame, so that none is cut by another
	streams map[uint32]*rawStream
	over    chan struct{} // the reader has ended, for this reason:
	err     error
}

func newRawSession(t *rawTLS, p plan, seed uint64) *rawSession {
	return &rawSession{
		rawTLS: t, cut: newCutter(t, p, seed), rng: rand.New(rand.NewPCG(seed, 78)), pause: func() {},
		streams: map[uint32]*rawStream{}, over: make(chan struct{}),
	}
}

// login opens a session as a client and begins to read.
func login(addr, password string, p plan, seed uint64) (*rawSession, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	t, err := takeOver(conn.(*net.TCPConn), &tls.Config{InsecureSkipVerify: true}, true)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := newRawSession(t, p, seed)
	hash := sha256.Sum256([]byte(password))
	preamble := append(append(hash[:], 0, 30), make([]byte, 30)...)
	if err = t.put(recordData, preamble, 0); err == nil {
		err = s.frame(cmdSettings, 0, []byte("v=2\nclient=test/1\npadding-md5=75cff2ad89aadf5e257059ee571ebe11"))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *rawSession) frame(cmd byte, id uint32, data []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	head := binary.BigEndian.AppendUint32([]byte{cmd}, id)
	head = binary.BigEndian.AppendUint16(head, uint16(len(data)))
	_, err := s.cut.Write(append(head, data...))
	return err
}

func (s *rawSession) flushFrames() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.cut.flush()
}

// expect makes a stream that is to carry `size` bytes of noise.
func (s *rawSession) expect(id uint32, seed uint64, size int64) *rawStream {
	r := &rawStream{id: id, want: newNoise(seed), size: size, whole: make(chan struct{}), ended: make(chan struct{})}
	s.mu.Lock()
	s.streams[id] = r
	s.mu.Unlock()
	return r
}

// open begins a stream as a client, with a request line for the target.
func (s *rawSession) open(r *rawStream, dst, request string) error {
	err := s.frame(cmdSYN, r.id, nil)
	if err == nil {
		err = s.frame(cmdPSH, r.id, appendSocksAddr(nil, dst))
	}
	if err == nil {
		err = s.frame(cmdPSH, r.id, []byte(request+"\n"))
	}
	return errors.Join(err, s.flushFrames())
}

// sendNoise sends noise on each of the streams, a frame here and a frame there.
func (s *rawSession) sendNoise(size int64, seeds map[uint32]uint64) error {
	type source struct {
		id   uint32
		n    *noise
		left int64
	}
	var all []*source
	for id, seed := range seeds {
		all = append(all, &source{id, newNoise(seed), size})
	}
	b := make([]byte, 65536)
	for len(all) > 0 {
		i := s.rng.IntN(len(all))
		from := all[i]
		piece := b[:min(int64(s.cut.plan.frame(s.rng)), from.left)]
		from.n.Read(piece)
		if err := errors.Join(s.frame(cmdPSH, from.id, piece), s.meaningless()); err != nil {
			return err
		}
		if from.left -= int64(len(piece)); from.left == 0 {
			all = append(all[:i], all[i+1:]...)
		}
	}
	return s.flushFrames()
}

// meaningless sends now and then what must change nothing.
func (s *rawSession) meaningless() error {
	if !s.cut.plan.noise || s.rng.IntN(5) > 0 {
		return nil
	}
	switch s.rng.IntN(3) {
	case 0:
		return s.frame(cmdWaste, 0, make([]byte, s.rng.IntN(3000)))
	case 1:
		return s.frame(cmdPSH, 0x7ffffff0, make([]byte, s.rng.IntN(20000))) // a stream that there is not
	}
	return s.frame(cmdHeart, 0, nil)
}

func (s *rawSession) stream(id uint32) *rawStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[id]
}

// read runs until the session ends, in a goroutine of its own.
func (s *rawSession) read() {
	s.err = s.readFrames()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.streams {
		select {
		case <-r.ended:
		default:
			r.got.err = s.err
			close(r.ended)
		}
	}
	close(s.over)
}

func (s *rawSession) readFrames() error {
	var head [frameHeader]byte
	b := make([]byte, 65536)
	for {
		s.pause()
		if _, err := io.ReadFull(s.rawTLS, head[:]); err != nil {
			return err
		}
		data := b[:binary.BigEndian.Uint16(head[5:])]
		if _, err := io.ReadFull(s.rawTLS, data); err != nil {
			return err
		}
		if err := s.take(head[0], binary.BigEndian.Uint32(head[1:]), data); err != nil {
			return err
		}
	}
}

func (s *rawSession) take(cmd byte, id uint32, data []byte) error {
	switch cmd {
	case cmdPSH:
		if r := s.stream(id); r != nil {
			s.takeData(r, data)
		}
	case cmdSYN:
		r := &rawStream{id: id, whole: make(chan struct{}), ended: make(chan struct{})}
		s.mu.Lock()
		s.streams[id] = r
		s.mu.Unlock()
	case cmdFIN:
		if r := s.stream(id); r != nil && r.got.err == nil {
			r.got.err = io.EOF
			close(r.ended)
		}
	case cmdHeart:
		return errors.Join(s.frame(cmdHeartReply, id, nil), s.flushFrames())
	case cmdSettings:
		return errors.Join(s.frame(cmdServerSettings, 0, []byte("v=2")), s.flushFrames())
	case cmdAlert:
		return fmt.Errorf("alert frame %q", data)
	}
	return nil
}

func (s *rawSession) takeData(r *rawStream, data []byte) {
	if r.want == nil {
		if r.head = append(r.head, data...); s.onOpen != nil {
			s.onOpen(s, r)
		}
		return
	}
	before, ok := r.got.bytes, r.want.match(data)
	r.got.bytes += int64(ok)
	r.got.wrong = r.got.wrong || ok < len(data)
	if before < r.size && r.got.bytes == r.size {
		close(r.whole)
	}
}

// await waits for a channel, within what a connection may take.
func await(what string, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-time.After(peerLimit):
		return fmt.Errorf("%s: not after %v", what, peerLimit)
	}
}

// closing ends the session in good order.
func (s *rawSession) closing() error {
	err := errors.Join(s.flushFrames(), s.sayGoodbye(), s.CloseWrite())
	err = errors.Join(err, await("end of the session", s.over))
	s.Close()
	return err
}
