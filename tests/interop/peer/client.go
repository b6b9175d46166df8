// SPDX-License-Identifier: GPL-2.0-or-later

// The client role: SOCKS5 in front, the library's client behind.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"

	anytls "github.com/anytls/sing-anytls"
	"github.com/sagernet/sing/common/logger"
	M "github.com/sagernet/sing/common/metadata"
)

const (
	socksConnect   = 1
	socksAssociate = 3
)

type socksServer struct {
	client *anytls.Client
	uot    string
}

func runClient(o options) error {
	pem, err := os.ReadFile(o.cert)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("no certificate in " + o.cert)
	}
	config := &tls.Config{RootCAs: roots, ServerName: o.name}
	client, err := anytls.NewClient(context.Background(), anytls.ClientConfig{
		Password: o.password,
		Logger:   logger.NOP(),
		DialOut: func(ctx context.Context) (net.Conn, error) {
			return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", o.server)
		},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	s := &socksServer{client: client, uot: o.uot}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if err := s.serve(conn.(*net.TCPConn)); err != nil {
				logf("socks: %v", err)
			}
		}()
	}
}

func (s *socksServer) serve(conn *net.TCPConn) error {
	command, dst, err := readSocksRequest(conn)
	if err != nil {
		return err
	}
	switch command {
	case socksConnect:
		return s.connect(conn, dst)
	case socksAssociate:
		return s.associate(conn)
	}
	_, err = conn.Write([]byte{5, 7, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}

func readSocksRequest(conn net.Conn) (command byte, dst M.Socksaddr, err error) {
	var head [3]byte
	if _, err = io.ReadFull(conn, head[:2]); err != nil {
		return
	}
	if _, err = io.CopyN(io.Discard, conn, int64(head[1])); err != nil {
		return
	}
	if _, err = conn.Write([]byte{5, 0}); err != nil {
		return
	}
	if _, err = io.ReadFull(conn, head[:]); err != nil {
		return
	}
	dst, err = M.SocksaddrSerializer.ReadAddrPort(conn)
	return head[1], dst, err
}

// As the library's users do, the answer is sent before the server's SYNACK.
func (s *socksServer) connect(conn *net.TCPConn, dst M.Socksaddr) error {
	stream, err := s.client.CreateProxy(context.Background(), dst)
	if err != nil {
		conn.Write([]byte{5, 1, 0, 1, 0, 0, 0, 0, 0, 0})
		return err
	}
	if _, err = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		stream.Close()
		return err
	}
	go func() {
		copyStream(stream, conn)
		stream.Close()
	}()
	copyStream(conn, stream)
	stream.Close()
	return nil
}
