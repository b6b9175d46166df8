// SPDX-License-Identifier: GPL-2.0-or-later

// Ports of our own on 127.0.0.1.
package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
)

var given sync.Map // by freePort; whoever asked may not listen yet

// freePort returns a port that nobody has, from below the range out of which the kernel gives them to others.
func freePort() int {
	for {
		port := 12000 + rand.IntN(19000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		if _, taken := given.LoadOrStore(port, true); !taken {
			return port
		}
	}
}

// refusing returns an address that refuses connections: its socket is bound, and stays so, but does not listen.
func refusing() (string, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	addr := syscall.SockaddrInet4{Port: freePort(), Addr: [4]byte{127, 0, 0, 1}}
	if err = syscall.Bind(fd, &addr); err != nil {
		syscall.Close(fd)
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", addr.Port), nil
}
