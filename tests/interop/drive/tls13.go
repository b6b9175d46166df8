// SPDX-License-Identifier: GPL-2.0-or-later

// TLS 1.3 records of our own making, after a handshake by crypto/tls: any size, padding, tickets, KeyUpdates.
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
	recordMax       = 16384

	messageTicket    = 4
	messageKeyUpdate = 24

	peerLimit = 60 * time.Second // of a scripted connection, from its beginning to its end
)

// half is one direction's keys.
type half struct {
	hash   func() hash.Hash
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func expandLabel(h func() hash.Hash, secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(h, secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return out
}

func newHalf(suite uint16, secret []byte) (*half, error) {
	h := &half{hash: sha256.New}
	if suite == tls.TLS_AES_256_GCM_SHA384 {
		h.hash = sha512.New384
	} else if suite != tls.TLS_AES_128_GCM_SHA256 {
		return nil, fmt.Errorf("no records of our own with %s", tls.CipherSuiteName(suite))
	}
	return h, h.install(secret)
}

// keySize follows from the hash, since both suites are AES.
func (h *half) install(secret []byte) error {
	size := 16
	if len(secret) == sha512.Size384 {
		size = 32
	}
	block, err := aes.NewCipher(expandLabel(h.hash, secret, "key", size))
	if err != nil {
		return err
	}
	h.secret, h.seq = secret, 0
	h.iv = expandLabel(h.hash, secret, "iv", 12)
	h.aead, err = cipher.NewGCM(block)
	return err
}

func (h *half) update() error {
	return h.install(expandLabel(h.hash, h.secret, "traffic upd", len(h.secret)))
}

func (h *half) nonce() []byte {
	n := bytes.Clone(h.iv)
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(n[4:])^h.seq)
	h.seq++
	return n
}

// seal appends a record to dst.
func (h *half) seal(dst []byte, kind byte, content []byte, pad int) []byte {
	inner := append(append(bytes.Clone(content), kind), make([]byte, pad)...)
	head := []byte{recordData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(inner)+h.aead.Overhead()))
	return h.aead.Seal(append(dst, head...), h.nonce(), inner, head)
}

// rawTLS is a connection whose records we make.
type rawTLS struct {
	*net.TCPConn
	in     *bufio.Reader
	rx     *half
	mu     sync.Mutex // of what is below
	tx     *half
	out    []byte
	left   []byte // received content that was not read yet
	client bool
	// what came besides data
	tickets, updates int
	records          []int // lengths of received data records, the first ones
	goodbye          bool
}

// oneRecord gives a reader no byte of the next record, so that none is lost to the handshake's buffer.
type oneRecord struct {
	*net.TCPConn
	head []byte
	left int
}

func (r *oneRecord) Read(p []byte) (int, error) {
	if len(r.head) == 0 && r.left == 0 {
		head := make([]byte, tlsHeader)
		if _, err := io.ReadFull(r.TCPConn, head); err != nil {
			return 0, err
		}
		r.head, r.left = head, int(binary.BigEndian.Uint16(head[3:]))
	}
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	n, err := r.TCPConn.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// secretOf finds a secret in a key log.
func secretOf(log, label string) ([]byte, error) {
	for line := range strings.Lines(log) {
		if w := strings.Fields(line); len(w) == 3 && w[0] == label {
			return hex.DecodeString(w[2])
		}
	}
	return nil, errors.New("no " + label + " in the key log")
}

// takeOver makes the handshake; config is the caller's own.
func takeOver(conn *net.TCPConn, config *tls.Config, client bool) (*rawTLS, error) {
	var log bytes.Buffer
	config.KeyLogWriter, config.MinVersion = &log, tls.VersionTLS13
	config.SessionTicketsDisabled = true
	conn.SetDeadline(time.Now().Add(peerLimit))
	c := tls.Server(&oneRecord{TCPConn: conn}, config)
	ours, theirs := "SERVER_TRAFFIC_SECRET_0", "CLIENT_TRAFFIC_SECRET_0"
	if client {
		c = tls.Client(&oneRecord{TCPConn: conn}, config)
		ours, theirs = theirs, ours
	}
	if err := c.Handshake(); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	r := &rawTLS{TCPConn: conn, in: bufio.NewReaderSize(conn, 2*recordMax), client: client}
	suite := c.ConnectionState().CipherSuite
	for label, to := range map[string]**half{ours: &r.tx, theirs: &r.rx} {
		secret, err := secretOf(log.String(), label)
		if err != nil {
			return nil, err
		}
		if *to, err = newHalf(suite, secret); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// put seals one record; it leaves with the next flush, or when much has come together.
func (r *rawTLS) put(kind byte, content []byte, pad int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = r.tx.seal(r.out, kind, content, pad)
	if len(r.out) < ioSize {
		return nil
	}
	return r.flushLocked()
}

func (r *rawTLS) flushLocked() error {
	out := r.out
	r.out = r.out[:0]
	_, err := r.TCPConn.Write(out)
	return err
}

func (r *rawTLS) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flushLocked()
}

// keyUpdate tells the peer of the next key and takes it; asks for the peer's own where told to.
func (r *rawTLS) keyUpdate(ask bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	message := []byte{messageKeyUpdate, 0, 0, 1, 0}
	if ask {
		message[4] = 1
	}
	r.out = r.tx.seal(r.out, recordHandshake, message, 0)
	if err := r.tx.update(); err != nil {
		return err
	}
	return r.flushLocked()
}

// ticket sends a NewSessionTicket, which the client may keep or not.
func (r *rawTLS) ticket(size int) error {
	body := binary.BigEndian.AppendUint32(nil, 7200)
	body = append(body, 1, 2, 3, 4, 1, 0)
	body = binary.BigEndian.AppendUint16(body, uint16(size))
	body = append(append(body, make([]byte, size)...), 0, 0)
	return r.put(recordHandshake, append([]byte{messageTicket, 0, byte(len(body) >> 8), byte(len(body))}, body...), 0)
}

func (r *rawTLS) sayGoodbye() error {
	return errors.Join(r.put(recordAlert, []byte{1, 0}, 0), r.flush())
}

// next receives one record.
func (r *rawTLS) next() (kind byte, content []byte, err error) {
	var head [tlsHeader]byte
	if _, err = io.ReadFull(r.in, head[:]); err != nil {
		return
	}
	body := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err = io.ReadFull(r.in, body); err != nil {
		return
	}
	inner, err := r.rx.aead.Open(body[:0], r.rx.nonce(), body, head[:])
	if err != nil {
		return
	}
	inner = bytes.TrimRight(inner, "\x00")
	if len(inner) == 0 {
		return 0, nil, errors.New("a record without a type")
	}
	return inner[len(inner)-1], inner[:len(inner)-1], nil
}

// Read gives data; what else comes is counted and followed.
func (r *rawTLS) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		kind, content, err := r.next()
		switch {
		case err != nil:
			return 0, err
		case kind == recordData:
			r.left = content
			if len(r.records) < recordsNoted {
				r.records = append(r.records, len(content))
			}
		case kind == recordAlert && len(content) == 2 && content[1] == 0:
			r.goodbye = true
			return 0, io.EOF
		case kind == recordAlert:
			return 0, fmt.Errorf("alert % x", content)
		case len(content) > 4 && content[0] == messageKeyUpdate:
			r.updates++
			if err = r.rx.update(); err != nil {
				return 0, err
			}
			if content[4] == 1 {
				if err = r.keyUpdate(false); err != nil {
					return 0, err
				}
			}
		default:
			r.tickets++
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}
