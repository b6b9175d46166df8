// SPDX-License-Identifier: GPL-2.0-or-later

// The engines, what each needs of the kernel, and the daemons that run with one.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// engine is how the daemon is told to move bytes. The zero value leaves it to the daemon.
type engine struct {
	name     string
	main     bool   // gets all of the cases
	smoke    bool   // is part of the short run
	datapath string // of inbounds and outbounds
	tx, rx   any    // true, false or "auto"
	suite    string // TLS suite; none: what the ends agree on, one of those with AES
}

const (
	suite128    = "TLS_AES_128_GCM_SHA256"
	suiteChaCha = "TLS_CHACHA20_POLY1305_SHA256"
)

var engines = []engine{
	{name: "copy, TLS in the kernel", main: true, smoke: true, datapath: "copy", tx: true, rx: true},
	{name: "splice, TLS in the kernel", main: true, smoke: true, datapath: "splice", tx: true, rx: true},
	{name: "sockmap, TLS in the kernel", main: true, smoke: true, datapath: "sockmap", tx: true, rx: true},
	{name: "auto", smoke: true, datapath: "auto", tx: "auto", rx: "auto"},
	{name: "copy, TLS in userspace", datapath: "copy", tx: false, rx: false},
	{name: "copy, only sending in the kernel", datapath: "copy", tx: true, rx: false},
	{name: "copy, only receiving in the kernel", datapath: "copy", tx: false, rx: true},
	{name: "splice, TLS in userspace", datapath: "splice", tx: false, rx: false},
	{name: "splice, only sending in the kernel", datapath: "splice", tx: true, rx: false},
	{name: "splice, only receiving in the kernel", datapath: "splice", tx: false, rx: true},
	{name: "splice, AES-128 in the kernel", datapath: "splice", tx: true, rx: true, suite: suite128},
	{name: "copy, ChaCha20 in the kernel", datapath: "copy", tx: true, rx: true, suite: suiteChaCha},
}

// apply puts the engine into an inbound or outbound.
func (e engine) apply(in object, tls object) {
	if e.datapath != "" {
		in["datapath"] = e.datapath
	}
	if e.tx != nil {
		tls["kernel_tx"], tls["kernel_rx"] = e.tx, e.rx
	}
	if e.suite != "" {
		tls["cipher_suites"] = []string{e.suite}
	}
}

// lacks names what the kernel would need and has not; "" where it has all.
func (s *suite) lacks(e engine) string {
	ciphers := map[string][]string{
		"": {"aes_128_gcm", "aes_256_gcm"}, suite128: {"aes_128_gcm"}, suiteChaCha: {"chacha20_poly1305"},
	}[e.suite]
	var need, lacks []string
	for _, c := range ciphers {
		if e.tx == true {
			need = append(need, "tls_tx_"+c)
		}
		if e.rx == true {
			need = append(need, "tls_rx_"+c)
		}
	}
	if e.datapath == "sockmap" {
		need = append(need, "sk_msg")
	}
	for _, f := range need {
		if !s.can[f] {
			lacks = append(lacks, f)
		}
	}
	return strings.Join(lacks, " ")
}

// rekeys: a KeyUpdate of the peer's can be followed, in the direction that the daemon receives.
func (b *bench) rekeysRX() bool { return b.engine.rx != true || b.can["tls_rekey_rx"] }
func (b *bench) rekeysTX() bool { return b.engine.tx != true || b.can["tls_rekey_tx"] }

// bench is an engine with everything that talks to it: our pair, and a scripted server behind one more client.
type bench struct {
	*suite
	engine   engine
	pair     *cell
	scripted *rawServer
	client   *process // of the scripted server
	serial   uint64
	before   tlsStat
}

func (s *suite) newBench(one engine) (*bench, error) {
	b := &bench{suite: s, engine: one}
	password := defaultUsers[0].password
	var err error
	b.pair, err = newCell(s.env, kindDaemon, kindDaemon, serverOptions{users: defaultUsers, engine: one},
		clientOptions{password: password, engine: one})
	if err != nil {
		return nil, err
	}
	if b.scripted, err = newRawServer(s.env); err == nil {
		b.client, err = s.startClient(kindDaemon, clientOptions{server: b.scripted.addr, password: password, engine: one})
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	// each daemon's self-test takes some keys; who serves is through with it
	if err = caseSmall(b.pair); err == nil && one.suite != suiteChaCha {
		err = errors.Join(b.appDoes("both", 1000, b.seed()), b.scripted.err())
	}
	b.before = readTLSStat()
	if err != nil {
		return nil, errors.Join(b.explained(err), b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	var err error
	if b.client != nil {
		err = b.client.stop()
	}
	return errors.Join(err, b.pair.close())
}

// explained adds what the daemons logged last to an error: a guest's files are gone when it is.
func (b *bench) explained(err error) error {
	var s skip
	if err == nil || errors.As(err, &s) {
		return err
	}
	for _, p := range []*process{b.pair.server, b.pair.client, b.client} {
		err = fmt.Errorf("%w\n      %s:%s", err, p.name, tail(p.log))
	}
	return err
}

func (b *bench) seed() uint64 {
	b.serial++
	return b.serial * 1000
}

// tlsStat is the kernel's own account of its TLS.
type tlsStat struct{ opened, current, errors int }

func readTLSStat() tlsStat {
	text, _ := os.ReadFile("/proc/net/tls_stat") // there is none before the module is loaded
	var t tlsStat
	for line := range bytes.Lines(text) {
		var name string
		var n int
		if _, err := fmt.Sscan(string(line), &name, &n); err != nil {
			continue
		}
		switch name {
		case "TlsTxSw", "TlsRxSw":
			t.opened += n
		case "TlsCurrTxSw", "TlsCurrRxSw":
			t.current += n
		case "TlsDecryptError":
			t.errors += n
		}
	}
	return t
}

// pipes counts a process's descriptors of pipes, and all that it has.
func descriptors(pid int) (pipes, all int) {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil {
			all++
			if strings.HasPrefix(to, "pipe:") {
				pipes++
			}
		}
	}
	return pipes, all
}
