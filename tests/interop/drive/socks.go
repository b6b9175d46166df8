// SPDX-License-Identifier: GPL-2.0-or-later

// A SOCKS5 application: CONNECT and UDP ASSOCIATE.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	socksConnect   = 1
	socksAssociate = 3
)

func splitAddr(addr string) (string, int) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	return host, n
}

func appendSocksAddr(b []byte, addr string) []byte {
	host, port := splitAddr(addr)
	ip := net.ParseIP(host)
	switch {
	case ip == nil:
		b = append(append(b, 3, byte(len(host))), host...)
	case ip.To4() != nil:
		b = append(append(b, 1), ip.To4()...)
	default:
		b = append(append(b, 4), ip...)
	}
	return binary.BigEndian.AppendUint16(b, uint16(port))
}

func readSocksAddr(r io.Reader) (string, error) {
	var b [256]byte
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return "", err
	}
	n := map[byte]int{1: 4, 4: 16}[b[0]]
	name := b[0] == 3
	if name {
		if _, err := io.ReadFull(r, b[:1]); err != nil {
			return "", err
		}
		n = int(b[0])
	}
	if n == 0 {
		return "", fmt.Errorf("SOCKS address of type %d", b[0])
	}
	var port [2]byte
	if _, err := io.ReadFull(r, b[:n]); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(r, port[:]); err != nil {
		return "", err
	}
	host := string(b[:n])
	if !name {
		host = net.IP(b[:n]).String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:])))), nil
}

// errRefused is a SOCKS reply other than success.
var errRefused = errors.New("refused by SOCKS reply")

// socksRequest makes the dialogue and returns the bound address.
func socksRequest(conn net.Conn, command byte, dst string) (string, error) {
	var b [3]byte
	if _, err := conn.Write([]byte{5, 1, 0}); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(conn, b[:2]); err != nil {
		return "", fmt.Errorf("SOCKS greeting: %w", err)
	}
	if b[0] != 5 || b[1] != 0 {
		return "", fmt.Errorf("SOCKS method reply % x", b[:2])
	}
	if _, err := conn.Write(appendSocksAddr([]byte{5, command, 0}, dst)); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return "", fmt.Errorf("SOCKS reply: %w", err)
	}
	if b[1] != 0 {
		return "", fmt.Errorf("%w %d", errRefused, b[1])
	}
	return readSocksAddr(conn)
}

// dial opens a TCP connection through the SOCKS server; every later step is bounded by a deadline.
func dial(socks, dst string) (*net.TCPConn, error) {
	conn, err := net.Dial("tcp", socks)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err = socksRequest(conn, socksConnect, dst); err != nil {
		conn.Close()
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// association is one UDP ASSOCIATE.
type association struct {
	control net.Conn
	socket  net.Conn
}

func associate(socks string) (*association, error) {
	control, err := net.Dial("tcp", socks)
	if err != nil {
		return nil, err
	}
	control.SetDeadline(time.Now().Add(60 * time.Second))
	bound, err := socksRequest(control, socksAssociate, "0.0.0.0:0")
	if err != nil {
		control.Close()
		return nil, err
	}
	socket, err := net.Dial("udp", bound)
	if err != nil {
		control.Close()
		return nil, err
	}
	return &association{control, socket}, nil
}

func (a *association) close() {
	a.socket.Close()
	a.control.Close()
}

func (a *association) send(dst string, payload []byte) error {
	_, err := a.socket.Write(append(appendSocksAddr([]byte{0, 0, 0}, dst), payload...))
	return err
}
