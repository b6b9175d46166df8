// SPDX-License-Identifier: GPL-2.0-or-later

// Reading what should be noise, and saying precisely how it ended.
package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

const ioSize = 128 * 1024

// ending is how a direction of a connection came to its end.
type ending struct {
	bytes int64
	wrong bool // the byte after these differs from what was sent
	err   error
}

func (e ending) reset() bool { return errors.Is(e.err, syscall.ECONNRESET) }
func (e ending) eof() bool   { return e.err == io.EOF }

func (e ending) String() string {
	if e.wrong {
		return fmt.Sprintf("wrong byte at offset %d", e.bytes)
	}
	return fmt.Sprintf("%d bytes, then %v", e.bytes, e.err)
}

// complete is nil where exactly `size` bytes came, followed by EOF.
func (e ending) complete(size int64) error {
	if e.wrong || e.bytes != size || !e.eof() {
		return fmt.Errorf("expected %d bytes and EOF, got %v", size, e)
	}
	return nil
}

// readNoise reads until the end, or until `size` bytes have come where size >= 0.
func readNoise(r io.Reader, seed uint64, size int64) ending {
	n, b := newNoise(seed), make([]byte, ioSize)
	var e ending
	for size < 0 || e.bytes < size {
		want := len(b)
		if size >= 0 {
			want = int(min(int64(want), size-e.bytes))
		}
		got, err := r.Read(b[:want])
		ok := n.match(b[:got])
		e.bytes += int64(ok)
		if e.wrong = ok < got; e.wrong {
			return e
		}
		if err != nil {
			e.err = err
			return e
		}
	}
	return e
}

func writeNoise(w io.Writer, seed uint64, size int64) error {
	_, err := io.CopyBuffer(writerOnly{w}, newNoise(seed).limited(size), make([]byte, ioSize))
	return err
}

// writerOnly keeps io.CopyBuffer to our buffer.
type writerOnly struct{ io.Writer }
