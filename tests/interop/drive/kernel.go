// SPDX-License-Identifier: GPL-2.0-or-later

// The kernel suite: every relay engine and both places for TLS records, with peers that do what only few do.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

type kernelOptions struct {
	ctl   string // anytlsctl
	mib   int64
	smoke bool
	guest bool // the machine is ours: sysctls may be changed
}

// suite is a run of it.
type suite struct {
	*env
	*tally
	kernelOptions
	can  map[string]bool // features of the probe
	size int64           // bytes that a case moves
}

// kernelCase is tried with some engines.
type kernelCase struct {
	name string
	with scope
	run  func(*bench) error
}

type scope int

const (
	everyEngine scope = iota
	mainEngines       // in the short run as well
	fullRun           // the main engines, in the full run only
)

// has tells whether a case of this scope is tried with such an engine.
func (s *suite) has(c scope, main bool) bool {
	return c == everyEngine || main && (c == mainEngines || !s.smoke)
}

func runKernel(e *env, t *tally, o kernelOptions) {
	s := &suite{env: e, tally: t, kernelOptions: o, size: o.mib * mib}
	if err := s.askProbe(); err != nil {
		t.report("kernel: probe", 0, err)
		return
	}
	for _, one := range engines {
		if o.smoke && !one.smoke {
			continue
		}
		if lacks := s.lacks(one); lacks != "" {
			t.report(one.name, 0, skip("this kernel's self-test says no: "+lacks))
			continue
		}
		s.runEngine(one)
	}
}

// askProbe has the daemon's own self-test say what to expect; its unit tests hold it against the kernel.
func (s *suite) askProbe() error {
	out, err := exec.Command(s.ctl, "kernel", "-j").Output()
	if err != nil {
		return fmt.Errorf("%s kernel -j: %w", s.ctl, err)
	}
	var report struct {
		Kernel   string
		Features map[string]struct{ Verdict, Why string }
	}
	if err = json.Unmarshal(out, &report); err != nil {
		return err
	}
	s.can = map[string]bool{}
	var no []string
	for name, f := range report.Features {
		s.can[name] = f.Verdict == "yes"
		if f.Verdict != "yes" {
			no = append(no, name)
		}
	}
	fmt.Printf("kernel: %s, without: %s\n", report.Kernel, strings.Join(no, " "))
	return nil
}

func (s *suite) runEngine(one engine) {
	b, err := s.newBench(one)
	if err != nil {
		s.run(one.name, "start", func() error { return err })
		return
	}
	groups := [][]kernelCase{clientCases, serverCases, pairCases, endCases}
	if one.suite == suiteChaCha {
		groups = [][]kernelCase{pairCases} // the scripted peers have only AES
	}
	for _, group := range groups {
		for _, c := range group {
			if s.has(c.with, one.main) {
				s.run(one.name, c.name, func() error { return b.explained(c.run(b)) })
			}
		}
	}
	err = b.close()
	s.run(one.name, "both still run and stop when told", func() error { return err })
	if one.main || one.suite == suiteChaCha {
		s.runPeers(one)
	}
}

// runPeers: other implementations, each as the server and as the client.
func (s *suite) runPeers(one engine) {
	cases := []testCase{
		{"small", caseSmall},
		{"download", func(c *cell) error { return c.download(s.size, 0, false) }},
		{"upload, answered", func(c *cell) error { return c.answered(s.size) }},
		{"both ways at once", func(c *cell) error { return c.echo(c.targets.tcp, c.seed(), s.size) }},
		{"10 streams in turn", func(c *cell) error { return c.inTurn(10) }},
	}
	for _, peer := range []kind{kindSingBox, kindPeer013} {
		if s.program(peer) == "" || s.smoke && peer != kindPeer013 {
			continue
		}
		for _, pair := range [][2]kind{{peer, kindDaemon}, {kindDaemon, peer}} {
			name := fmt.Sprintf("%s: %s server, %s client", one.name, pair[0], pair[1])
			c, err := newCell(s.env, pair[0], pair[1], serverOptions{users: defaultUsers, engine: one},
				clientOptions{password: defaultUsers[0].password, engine: one})
			if err != nil {
				s.run(name, "start", func() error { return err })
				continue
			}
			for _, k := range cases {
				s.run(name, k.name, func() error { return k.run(c) })
			}
			err = c.close()
			s.run(name, "both still run and stop when told", func() error { return err })
		}
	}
}

// upload closes right after the last byte: everything must arrive, and then a clean end.
func (c *cell) upload(size int64) error {
	seed := c.seed()
	token, sink := c.targets.newSink()
	conn, err := c.request(c.targets.tcp, "sink %s %d", token, seed)
	if err != nil {
		return err
	}
	err = writeNoise(conn, seed, size)
	conn.Close()
	if err != nil {
		return err
	}
	return (<-sink).complete(size)
}

// answered uploads, and downloads once all of it has come.
func (c *cell) answered(size int64) error {
	seed := c.seed()
	conn, err := c.request(c.targets.tcp, "answer %d %d", size, seed)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = writeNoise(conn, seed, size); err != nil {
		return err
	}
	return readNoise(conn, seed, -1).complete(size)
}

func (c *cell) inTurn(n int) error {
	for i := range n {
		if err := c.download(int64(1000*i), 0, false); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
	}
	return nil
}

// sysctl changes a setting of this machine and gives back how to undo it.
func (s *suite) sysctl(name, value string) (func(), error) {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	old, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(value), 0)
	}
	return func() { os.WriteFile(path, old, 0) }, err
}
