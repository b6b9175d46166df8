// SPDX-License-Identifier: GPL-2.0-or-later

// Cases with a server of their own: users and the padding scheme.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// caseUsers: both users are served, each under the right name; a wrong password is not.
func caseUsers(c *cell) error {
	for _, u := range defaultUsers {
		client, err := c.env.startClient(c.clientKind, clientOptions{server: c.server.addr(), password: u.password})
		if err != nil {
			return err
		}
		err = (&cell{client: client, targets: c.targets}).echo(c.targets.tcp, c.seed(), 1000)
		if err = errors.Join(err, client.stop()); err != nil {
			return fmt.Errorf("user %s: %w", u.name, err)
		}
	}
	if c.ours("server") {
		if err := c.checkServerLog(); err != nil {
			return err
		}
	}
	return c.wrongPassword()
}

func (c *cell) checkServerLog() error {
	b, err := os.ReadFile(c.server.log)
	if err != nil {
		return err
	}
	for _, u := range defaultUsers {
		if !strings.Contains(string(b), u.name) {
			return fmt.Errorf("the server's log does not name user %s", u.name)
		}
		if strings.Contains(string(b), u.password) {
			return errors.New("a password is in the server's log")
		}
	}
	return nil
}

func (c *cell) wrongPassword() error {
	before := c.targets.connections()
	client, err := c.env.startClient(c.clientKind,
		clientOptions{server: c.server.addr(), password: "correct horsf"})
	if err != nil {
		return err
	}
	err = (&cell{client: client, targets: c.targets}).expectFailure(c.targets.tcp)
	if n := c.targets.connections() - before; n > 0 {
		err = errors.Join(err, fmt.Errorf("a wrong password reached the target %d times", n))
	}
	return errors.Join(err, client.stop())
}

// A scheme whose packets can be told from the default's by their size alone.
var ownScheme = []string{"stop=3", "0=700-700", "1=900-900", "2=333-333,c,444-444"}

const (
	recordOverhead = 17 // TLS 1.3: content type and tag
	ownPreamble    = 34 + 700 + recordOverhead
	ownPacket1     = 900 + recordOverhead
)

// casePadding: the first session uses the default scheme, the second the server's; both carry data.
func casePadding(c *cell) error {
	first, err := c.request(c.targets.tcp, "echo")
	if err != nil {
		return err
	}
	defer first.Close()
	if err = echoOn(first, 1, 100*1000); err != nil {
		return fmt.Errorf("session with the default scheme: %w", err)
	}
	if err = c.echo(c.targets.tcp, 2, 100*1000); err != nil {
		return fmt.Errorf("session with the new scheme: %w", err)
	}
	if err = echoOn(first, 3, 100*1000); err != nil {
		return fmt.Errorf("first session after the update: %w", err)
	}
	links := c.forward.all()
	if len(links) != 2 {
		return fmt.Errorf("%d sessions for two streams at a time", len(links))
	}
	if links[0].hasEarlyRecord(ownPreamble) {
		return errors.New("the first session knew the server's scheme already")
	}
	for _, size := range []int{ownPreamble, ownPacket1} {
		if !links[1].hasRecord(size) {
			return fmt.Errorf("no record of %d bytes in the second session: %v", size, links[1].records)
		}
	}
	return nil
}
