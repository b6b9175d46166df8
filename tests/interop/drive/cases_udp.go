// SPDX-License-Identifier: GPL-2.0-or-later

// Cases over UDP associations.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"
)

func caseUDPSizes(c *cell) error {
	return c.withAssociation(func(a *association) error {
		for _, size := range []int{1, 1200, 8192} {
			if err := a.echo(c.targets.udp, c.seed(), size); err != nil {
				return err
			}
		}
		return nil
	})
}

func caseUDPEmpty(c *cell) error {
	return c.withAssociation(func(a *association) error {
		for _, size := range []int{10, 0, 20} {
			if err := a.echo(c.targets.udp, c.seed(), size); err != nil {
				return err
			}
		}
		return nil
	})
}

// caseUDPTargets alternates between destinations in one association.
func caseUDPTargets(c *cell) error {
	return c.udpInTurn(c.targets.udp, c.targets.udp2, c.udpByName())
}

func caseUDP6(c *cell) error {
	if c.targets.udp6 == "" {
		return skip("no IPv6 on this machine's loopback")
	}
	return c.udpInTurn(c.targets.udp6)
}

func caseUDPMixed(c *cell) error {
	if c.targets.udp6 == "" {
		return skip("no IPv6 on this machine's loopback")
	}
	if c.serverKind == kindSingBox {
		return skip("this server's association keeps to the family of its first destination")
	}
	return c.udpInTurn(c.targets.udp, c.targets.udp6, c.udpByName())
}

func (c *cell) udpByName() string {
	_, port := splitAddr(c.targets.udp2)
	return fmt.Sprintf("localhost:%d", port)
}

func (c *cell) udpInTurn(targets ...string) error {
	return c.withAssociation(func(a *association) error {
		for i := range 20 {
			if err := a.echo(targets[i%len(targets)], c.seed(), 100+i); err != nil {
				return err
			}
		}
		return nil
	})
}

// caseUDPMany keeps 8 associations open at once.
func caseUDPMany(c *cell) error {
	var all []*association
	defer func() {
		for _, a := range all {
			a.close()
		}
	}()
	for range 8 {
		a, err := associate(c.client.addr())
		if err != nil {
			return err
		}
		all = append(all, a)
	}
	for i := range 80 {
		if err := all[i%len(all)].echo(c.targets.udp, c.seed(), 500); err != nil {
			return fmt.Errorf("association %d: %w", i%len(all), err)
		}
	}
	return nil
}

func (c *cell) withAssociation(test func(*association) error) error {
	a, err := associate(c.client.addr())
	if err != nil {
		return err
	}
	defer a.close()
	return test(a)
}

// echo sends one datagram and expects it back, with the port it was sent to as its source.
func (a *association) echo(dst string, seed uint64, size int) error {
	payload := make([]byte, size)
	newNoise(seed).Read(payload)
	if err := a.send(dst, payload); err != nil {
		return err
	}
	src, got, err := a.receive()
	if err != nil {
		return fmt.Errorf("datagram of %d bytes to %s: %w", size, dst, err)
	}
	if !bytes.Equal(got, payload) {
		return fmt.Errorf("datagram of %d bytes to %s came back changed: %d bytes", size, dst, len(got))
	}
	wantHost, wantPort := splitAddr(dst)
	host, port := splitAddr(src)
	if port != wantPort || net.ParseIP(wantHost) != nil && host != wantHost {
		return fmt.Errorf("answer of %s came as from %s", dst, src)
	}
	return nil
}

func (a *association) receive() (string, []byte, error) {
	b := make([]byte, 65535)
	a.socket.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := a.socket.Read(b)
	if err != nil {
		return "", nil, err
	}
	if n < 3 || b[2] != 0 {
		return "", nil, errors.New("bad SOCKS UDP header")
	}
	r := bytes.NewReader(b[3:n])
	src, err := readSocksAddr(r)
	return src, b[n-r.Len() : n], err
}
