// SPDX-License-Identifier: GPL-2.0-or-later

// The server role: TLS, the library's service, direct destinations.
package main

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"strings"
	"time"

	anytls "github.com/anytls/sing-anytls"
	"github.com/anytls/sing-anytls/padding"
	"github.com/sagernet/sing/common/auth"
	"github.com/sagernet/sing/common/logger"
	M "github.com/sagernet/sing/common/metadata"
	N "github.com/sagernet/sing/common/network"
	"github.com/sagernet/sing/common/uot"
)

const dialTimeout = 5 * time.Second

type serverHandler struct{}

func runServer(o options) error {
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return err
	}
	service, err := newService(o)
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", o.listen, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			source := M.SocksaddrFromNet(conn.RemoteAddr())
			if err := service.NewConnection(context.Background(), conn, source, nil); err != nil {
				logf("session refused: %v", err)
			}
		}()
	}
}

func newService(o options) (*anytls.Service, error) {
	scheme := padding.DefaultPaddingScheme
	if o.scheme != "" {
		var err error
		if scheme, err = os.ReadFile(o.scheme); err != nil {
			return nil, err
		}
	}
	var users []anytls.User
	for _, u := range o.users {
		name, password, _ := strings.Cut(u, ":")
		users = append(users, anytls.User{Name: name, Password: password})
	}
	return anytls.NewService(anytls.ServiceConfig{
		PaddingScheme: scheme,
		Users:         users,
		Handler:       serverHandler{},
		Logger:        logger.NOP(),
	})
}

// NewConnectionEx serves one stream and returns when it is over.
func (serverHandler) NewConnectionEx(ctx context.Context, stream net.Conn, _, dst M.Socksaddr, _ N.CloseHandlerFunc) {
	defer stream.Close()
	user, _ := auth.UserFromContext[string](ctx)
	logf("user=%s stream to %s", user, dst)
	if dst.Fqdn == uot.MagicAddress || dst.Fqdn == uot.LegacyMagicAddress {
		serveUDP(stream, dst.Fqdn == uot.LegacyMagicAddress)
		return
	}
	target, err := net.DialTimeout("tcp", dst.String(), dialTimeout)
	if err != nil {
		N.ReportHandshakeFailure(stream, err)
		return
	}
	N.ReportHandshakeSuccess(stream)
	serverRelay(stream, target.(*net.TCPConn))
}

// An old library reports every end of a stream alike, so the target always sees a clean end.
func serverRelay(stream net.Conn, target *net.TCPConn) {
	uploaded := make(chan struct{})
	go func() {
		copyStream(target, stream)
		target.CloseWrite()
		// The stream is gone; what the target still says is read and dropped, or closing would reset it.
		target.SetReadDeadline(time.Now().Add(dialTimeout))
		close(uploaded)
	}()
	copyStream(stream, target)
	stream.Close()
	<-uploaded
	target.Close()
}

// serveUDP is one UDP association; a v1 stream carries packets without a request before them.
func serveUDP(stream net.Conn, legacy bool) {
	var request uot.Request
	if !legacy {
		r, err := uot.ReadRequest(stream)
		if err != nil {
			logf("UoT request: %v", err)
			return
		}
		request = *r
	}
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		N.ReportHandshakeFailure(stream, err)
		return
	}
	defer socket.Close()
	N.ReportHandshakeSuccess(stream)
	tunnel := uot.NewConn(stream, request)
	go func() {
		defer stream.Close()
		b := make([]byte, 65535)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if _, err = tunnel.WriteTo(b[:n], net.UDPAddrFromAddrPort(unmap(from))); err != nil {
				return
			}
		}
	}()
	for {
		payload, dst, err := readPacket(tunnel)
		if err != nil {
			return
		}
		if addr, err := net.ResolveUDPAddr("udp", dst.String()); err == nil {
			socket.WriteToUDP(payload, addr)
		}
	}
}
