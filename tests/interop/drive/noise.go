// SPDX-License-Identifier: GPL-2.0-or-later

// Endless pseudo-random bytes, the same for the same seed: what was sent is checked without storing it.
package main

import (
	"encoding/binary"
	"io"
)

type noise struct {
	state uint64
	word  [8]byte
	left  int // bytes of word not yet used, at its end
}

func newNoise(seed uint64) *noise {
	return &noise{state: seed*0x9e3779b97f4a7c15 | 1}
}

func (n *noise) next() uint64 {
	x := n.state
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	n.state = x
	return x
}

func (n *noise) refill() {
	binary.LittleEndian.PutUint64(n.word[:], n.next())
	n.left = 8
}

// Read fills b; it never fails.
func (n *noise) Read(b []byte) (int, error) {
	done := copy(b, n.word[8-n.left:])
	n.left -= done
	for ; len(b)-done >= 8; done += 8 {
		binary.LittleEndian.PutUint64(b[done:], n.next())
	}
	if done < len(b) {
		n.refill()
		n.left -= copy(b[done:], n.word[:])
	}
	return len(b), nil
}

// match returns how many bytes of b are the next ones of the sequence.
func (n *noise) match(b []byte) int {
	i := 0
	for ; i < len(b) && n.left > 0; i++ {
		if b[i] != n.word[8-n.left] {
			return i
		}
		n.left--
	}
	for ; len(b)-i >= 8; i += 8 {
		if x := n.next(); x != binary.LittleEndian.Uint64(b[i:]) {
			binary.LittleEndian.PutUint64(n.word[:], x)
			n.left = 8
			return i + n.match(b[i:])
		}
	}
	if i < len(b) {
		n.refill()
		for ; i < len(b) && b[i] == n.word[8-n.left]; i++ {
			n.left--
		}
	}
	return i
}

// limited returns the next `size` bytes as a reader.
func (n *noise) limited(size int64) io.Reader { return io.LimitReader(n, size) }
