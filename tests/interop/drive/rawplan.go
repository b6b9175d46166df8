// SPDX-License-Identifier: GPL-2.0-or-later

// How a scripted peer cuts what it sends: into frames, and these into records.
package main

import (
	"math/rand/v2"
)

// plan says what a peer sends; all sizes are drawn anew for each frame and record.
type plan struct {
	name    string
	frame   func(*rand.Rand) int // bytes of payload
	record  func(*rand.Rand) int // bytes of content, padding not counted
	padded  bool
	tickets bool // servers only
	noise   bool // frames that mean nothing in between
}

func fixed(n int) func(*rand.Rand) int { return func(*rand.Rand) int { return n } }

func oneOf(sizes ...int) func(*rand.Rand) int {
	return func(r *rand.Rand) int { return sizes[r.IntN(len(sizes))] }
}

func anyRecord(r *rand.Rand) int {
	if r.IntN(2) == 0 {
		return 1 + r.IntN(recordMax)
	}
	return oneOf(1, 2, 6, 7, 8, 100, 1200, 4096, 8192, recordMax-1, recordMax)(r)
}

var anyFrame = oneOf(0, 1, 700, 1193, 1400, 4089, 8191, 8192, 8193, 16377, 16384, 40000, 65529, 65535)

var (
	planSmall  = plan{name: "records of 1200", frame: fixed(1200 - frameHeader), record: fixed(1200)}
	planFull   = plan{name: "records of 16384", frame: fixed(recordMax - frameHeader), record: fixed(recordMax)}
	planLarge  = plan{name: "frames of 65529", frame: fixed(4*recordMax - frameHeader), record: fixed(recordMax)}
	planMixed  = plan{name: "mixed sizes", frame: anyFrame, record: anyRecord, noise: true}
	planPadded = plan{name: "padded records", frame: anyFrame, record: anyRecord, noise: true, padded: true}
	planTicket = plan{name: "tickets in between", frame: anyFrame, record: anyRecord, noise: true, tickets: true}
)

// cutter makes records of a stream of bytes as its plan says.
type cutter struct {
	tls   *rawTLS
	plan  plan
	rng   *rand.Rand
	bytes []byte
	next  int // content of the record that comes next
}

func newCutter(t *rawTLS, p plan, seed uint64) *cutter {
	c := &cutter{tls: t, plan: p, rng: rand.New(rand.NewPCG(seed, 77))}
	c.next = p.record(c.rng)
	return c
}

func (c *cutter) record(content []byte) error {
	pad := 0
	if c.plan.padded && c.rng.IntN(3) > 0 {
		pad = oneOf(1, 50, 255, c.rng.IntN(recordMax))(c.rng)
	}
	if c.plan.tickets && c.rng.IntN(4) == 0 {
		if err := c.tls.ticket(1 + c.rng.IntN(300)); err != nil {
			return err
		}
	}
	return c.tls.put(recordData, content, min(pad, recordMax-len(content)))
}

// Write keeps what does not fill a record until flush.
func (c *cutter) Write(p []byte) (int, error) {
	c.bytes = append(c.bytes, p...)
	at := 0
	for len(c.bytes)-at >= c.next {
		if err := c.record(c.bytes[at : at+c.next]); err != nil {
			return 0, err
		}
		at += c.next
		c.next = c.plan.record(c.rng)
	}
	c.bytes = append(c.bytes[:0], c.bytes[at:]...)
	return len(p), nil
}

func (c *cutter) flush() error {
	if len(c.bytes) > 0 {
		if err := c.record(c.bytes); err != nil {
			return err
		}
		c.bytes = c.bytes[:0]
	}
	return c.tls.flush()
}
