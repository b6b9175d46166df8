// SPDX-License-Identifier: GPL-2.0-or-later

// Command records is the other end of record_peer: crypto/tls against our records, in both roles.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

var suites = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}

type test struct {
	name string
	run  func(role, suite string) error
}

var tests = []test{
	{"every size both ways, key updates all the time", everySize},
	{"tickets are learnt and resumed with", resumption},
	{"our close_notify is io.EOF", weClose},
	{"our FIN alone has no close_notify", weFree},
	{"our FIN inside a record is io.ErrUnexpectedEOF", weCut},
	{"our RST is a reset", weAbort},
	{"our alert is told in words", weRefuse},
	{"its close_notify is a close", goCloses},
	{"its FIN alone is a truncation", goCuts},
	{"its RST is a reset", goResets},
	{"its alert is a reset", goRefuses},
}

// guarded bounds a case, so that a stuck peer is a failure and not a hung test run.
func guarded(run func() error) error {
	const limit = 60 * time.Second
	done := make(chan error, 1)
	go func() { done <- run() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("not finished after %v", limit)
	}
}

func main() {
	flag.StringVar(&peerPath, "peer", "", "the program record_peer")
	only := flag.String("only", "", "run what has this in its name")
	flag.Parse()
	passed, failed := 0, 0
	for _, role := range []string{"server", "client"} {
		for _, suite := range suites {
			for _, t := range tests {
				name := fmt.Sprintf("%s %s: %s", role, suite, t.name)
				if !strings.Contains(name, *only) {
					continue
				}
				begin := time.Now()
				if err := guarded(func() error { return t.run(role, suite) }); err != nil {
					failed++
					fmt.Printf("FAIL  %s: %v\n", name, err)
					continue
				}
				passed++
				fmt.Printf("ok    %s (%.1f s)\n", name, time.Since(begin).Seconds())
			}
		}
	}
	fmt.Printf("%d passed, %d failed, 0 skipped\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
