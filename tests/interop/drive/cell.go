// SPDX-License-Identifier: GPL-2.0-or-later

// One pair of client and server with a forwarder between them.
package main

import (
	"errors"
	"fmt"
	"net"
)

type cell struct {
	env                    *env
	serverKind, clientKind kind
	server, client         *process
	forward                *forwarder
	targets                *targets
	serial                 uint64
}

var defaultUsers = []user{{"alice", "correct horse"}, {"bob", "battery staple"}}

func newCell(e *env, server, client kind, so serverOptions, co clientOptions) (*cell, error) {
	c := &cell{env: e, serverKind: server, clientKind: client}
	var err error
	if c.targets, err = newTargets(); err != nil {
		return nil, err
	}
	if c.server, err = e.startServer(server, so); err != nil {
		return nil, err
	}
	if c.forward, err = newForwarder(c.server.addr()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	co.server = c.forward.addr
	if c.client, err = e.startClient(client, co); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cell) close() error {
	var err error
	if c.client != nil {
		err = c.client.stop()
	}
	return errors.Join(err, c.server.stop())
}

func (c *cell) ours(role string) bool {
	return role == "client" && c.clientKind == kindDaemon || role == "server" && c.serverKind == kindDaemon
}

func (c *cell) seed() uint64 {
	c.serial++
	return c.serial
}

// request opens a stream and sends a request line to the target.
func (c *cell) request(dst, format string, args ...any) (*net.TCPConn, error) {
	conn, err := dial(c.client.addr(), dst)
	if err != nil {
		return nil, err
	}
	if _, err = fmt.Fprintf(conn, format+"\n", args...); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// echo sends and receives `size` bytes at the same time.
func (c *cell) echo(dst string, seed uint64, size int64) error {
	conn, err := c.request(dst, "echo")
	if err != nil {
		return err
	}
	defer conn.Close()
	return echoOn(conn, seed, size)
}

func echoOn(conn net.Conn, seed uint64, size int64) error {
	sent := make(chan error, 1)
	go func() { sent <- writeNoise(conn, seed, size) }()
	if e := readNoise(conn, seed, size); e.wrong || e.bytes != size {
		return fmt.Errorf("echo of %d: %v", size, e)
	}
	return <-sent
}
