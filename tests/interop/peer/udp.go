// SPDX-License-Identifier: GPL-2.0-or-later

// SOCKS5 UDP ASSOCIATE of the client role, and what both roles need to move packets and bytes.
package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/sagernet/sing/common/buf"
	M "github.com/sagernet/sing/common/metadata"
	"github.com/sagernet/sing/common/uot"
)

// association maps destinations to UoT streams: one each in connect mode, one for all otherwise.
type association struct {
	server  *socksServer
	socket  *net.UDPConn
	mu      sync.Mutex
	tunnels map[string]*uot.Conn
	app     netip.AddrPort
}

func (s *socksServer) associate(conn net.Conn) error {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: conn.LocalAddr().(*net.TCPAddr).IP})
	if err != nil {
		return err
	}
	defer socket.Close()
	reply := bytes.NewBuffer([]byte{5, 0, 0})
	M.SocksaddrSerializer.WriteAddrPort(reply, M.SocksaddrFromNet(socket.LocalAddr()).Unwrap())
	if _, err = conn.Write(reply.Bytes()); err != nil {
		return err
	}
	a := &association{server: s, socket: socket, tunnels: make(map[string]*uot.Conn)}
	go a.run()
	io.Copy(io.Discard, conn)
	a.close()
	return nil
}

func (a *association) run() {
	b := make([]byte, 65535)
	for {
		n, from, err := a.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		packet := bytes.NewReader(b[:n])
		if _, err = packet.Seek(3, io.SeekStart); err != nil {
			continue
		}
		dst, err := M.SocksaddrSerializer.ReadAddrPort(packet)
		if err != nil {
			continue
		}
		tunnel, err := a.tunnel(dst, from)
		if err != nil {
			logf("UoT to %s: %v", dst, err)
			continue
		}
		if _, err = tunnel.WriteTo(b[n-packet.Len():n], dst); err != nil {
			logf("UoT to %s: %v", dst, err)
		}
	}
}

func (a *association) tunnel(dst M.Socksaddr, app netip.AddrPort) (*uot.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.app = app
	key := ""
	if a.server.uot == "connect" {
		key = dst.String()
	}
	if t := a.tunnels[key]; t != nil {
		return t, nil
	}
	version := uint8(uot.Version)
	if a.server.uot == "v1" {
		version = uot.LegacyVersion
	}
	stream, err := a.server.client.CreateProxy(context.Background(), uot.RequestDestination(version))
	if err != nil {
		return nil, err
	}
	client := uot.Client{Version: version}
	t, err := client.DialEarlyConn(stream, a.server.uot == "connect", dst)
	if err != nil {
		stream.Close()
		return nil, err
	}
	a.tunnels[key] = t
	go a.answers(t)
	return t, nil
}

func (a *association) answers(t *uot.Conn) {
	for {
		payload, src, err := readPacket(t)
		if err != nil {
			return
		}
		packet := bytes.NewBuffer([]byte{0, 0, 0})
		if M.SocksaddrSerializer.WriteAddrPort(packet, src) != nil {
			continue
		}
		packet.Write(payload)
		a.mu.Lock()
		app := a.app
		a.mu.Unlock()
		a.socket.WriteToUDPAddrPort(packet.Bytes(), app)
	}
}

func (a *association) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.tunnels {
		t.Close()
	}
}

// readPacket returns one datagram with the address that stands before it, which may be a name.
func readPacket(tunnel *uot.Conn) ([]byte, M.Socksaddr, error) {
	b := buf.NewSize(65535)
	defer b.Release()
	addr, err := tunnel.ReadPacket(b)
	if err != nil {
		return nil, addr, err
	}
	return bytes.Clone(b.Bytes()), addr, nil
}

// copyStream never writes more than 65535 bytes at once: v0.0.8 would truncate the frame's length.
func copyStream(dst io.Writer, src io.Reader) {
	b := make([]byte, 32*1024)
	for {
		n, err := src.Read(b)
		if n > 0 {
			if _, werr := dst.Write(b[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
