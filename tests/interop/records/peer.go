// SPDX-License-Identifier: GPL-2.0-or-later

// Starting record_peer, and the connections to it.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

var peerPath string

// A tap passes bytes on, spoils the next that are read once it is told to, and keeps the last.
type tap struct {
	*net.TCPConn
	spoil atomic.Bool
	tail  []byte
}

// An alert's record, whole.
const alertSize = 5 + 2 + 1 + 16

// saidGoodbye: the last that came is a record of the size that a close_notify has, and no word of a test.
func (t *tap) saidGoodbye() bool {
	return len(t.tail) == alertSize && bytes.HasPrefix(t.tail, []byte{23, 3, 3, 0, alertSize - 5})
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.TCPConn.Read(p)
	if n > 0 && t.spoil.Load() {
		p[n-1] ^= 1
	}
	t.tail = append(t.tail, p[:n]...)
	if len(t.tail) > alertSize {
		t.tail = append([]byte(nil), t.tail[len(t.tail)-alertSize:]...)
	}
	return n, err
}

// A peer is a run of record_peer.
type peer struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	conns []*tap
	tls   *tls.Config
	role  string
	suite string
}

func tcpPair() (*net.TCPConn, *net.TCPConn, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	a, err := net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		return nil, nil, err
	}
	b, err := l.AcceptTCP()
	return a, b, err
}

// start runs the peer in this role on n connections.
func start(role, suite, recordsMax, task string, n int) (*peer, error) {
	p := &peer{role: role, suite: suite}
	p.cmd = exec.Command(peerPath, role, suite, recordsMax, task, fmt.Sprint(n))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewScanner(out)
	for range n {
		ours, theirs, err := tcpPair()
		if err != nil {
			return nil, err
		}
		file, err := theirs.File()
		if err != nil {
			return nil, err
		}
		defer file.Close()
		theirs.Close()
		p.conns = append(p.conns, &tap{TCPConn: ours})
		p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, file)
	}
	if p.tls, err = config(role); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

func config(role string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13, DynamicRecordSizingDisabled: true}
	if role == "server" {
		c.ServerName = "localhost"
		c.InsecureSkipVerify = true
		c.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{"localhost"},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	c.Certificates = []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}
	return c, nil
}

// connect makes the handshake on the i-th connection.
func (p *peer) connect(i int) (*tls.Conn, error) {
	c := tls.Client(p.conns[i], p.tls)
	if p.role == "client" {
		c = tls.Server(p.conns[i], p.tls)
	}
	c.SetDeadline(time.Now().Add(50 * time.Second))
	if err := c.Handshake(); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if got := tls.CipherSuiteName(c.ConnectionState().CipherSuite); got != p.suite {
		return nil, fmt.Errorf("suite %s", got)
	}
	line, err := p.line()
	if err == nil && !(strings.HasPrefix(line, "up ") && strings.Contains(line, "(records)")) {
		err = fmt.Errorf("the peer says %q", line)
	}
	if resumed := strings.Contains(line, " resumed "); resumed != c.ConnectionState().DidResume {
		err = fmt.Errorf("the ends do not agree on resumption: %q", line)
	}
	return c, err
}

func (p *peer) line() (string, error) {
	if !p.lines.Scan() {
		return "", fmt.Errorf("the peer ended early")
	}
	return p.lines.Text(), nil
}

// ends waits until the peer has told how the connection ended.
func (p *peer) ends(want string) error {
	line, err := p.line()
	if err == nil && line != "end "+want {
		err = fmt.Errorf("the peer says %q, not %q", line, want)
	}
	return err
}

// stop waits for the program: it must leave in peace.
func (p *peer) stop() error {
	for _, c := range p.conns {
		c.Close()
	}
	return p.cmd.Wait()
}

// kill ends it where a case has failed.
func (p *peer) kill() {
	p.cmd.Process.Kill()
	p.stop()
}

// talk says a word and hears it again.
func talk(c io.ReadWriter, word string) error {
	if _, err := io.WriteString(c, word); err != nil {
		return err
	}
	got := make([]byte, len(word))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != word {
		return fmt.Errorf("%q came back as %q", word, got)
	}
	return nil
}
