// SPDX-License-Identifier: GPL-2.0-or-later

// The matrix: our server and our client, each against every peer and against each other.
package main

import (
	"errors"
	"fmt"
	"sync"
)

type testCase struct {
	name string
	run  func(*cell) error
}

var udpCases = []testCase{
	{"UDP sizes", caseUDPSizes},
	{"UDP empty datagram", caseUDPEmpty},
	{"UDP several destinations", caseUDPTargets},
	{"UDP IPv6", caseUDP6},
	{"UDP both families in one association", caseUDPMixed},
	{"UDP many associations", caseUDPMany},
}

var allCases = append([]testCase{
	{"small", caseSmall},
	{"destination by name", caseName},
	{"IPv6 destination", caseIPv6},
	{"server speaks first", caseBanner},
	{"download of 64 MiB", caseDownload},
	{"upload of 64 MiB and immediate close", caseUpload},
	{"16 MiB both ways at once", caseDuplex},
	{"16 parallel streams", caseParallel},
	{"60 streams in turn", caseReuse},
	{"refused destination", caseRefused},
	{"local half-close", caseHalfClose},
	{"target ends first", caseTargetEnds},
	{"users", caseUsers},
}, udpCases...)

// Cells that wait for time-outs leave the processor to others, so some run at once.
func runMatrix(e *env, t *tally) {
	const atOnce = 3
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	run := func(server, client kind, uot string, cases []testCase) {
		slots <- struct{}{}
		wait.Go(func() {
			runCell(e, t, server, client, uot, cases)
			<-slots
		})
	}
	run(kindDaemon, kindDaemon, "", allCases)
	for _, p := range []kind{kindSingBox, kindPeer013, kindPeer008} {
		run(p, kindDaemon, "", allCases)
		run(kindDaemon, p, "", allCases)
	}
	for _, uot := range []string{"connect", "v1"} {
		run(kindDaemon, kindPeer013, uot, udpCases)
	}
	wait.Wait()
}

func runCell(e *env, t *tally, server, client kind, uot string, cases []testCase) {
	name := fmt.Sprintf("%s server, %s client", server, client)
	if uot != "" {
		name += ", UoT " + uot
	}
	c, err := newCell(e, server, client, serverOptions{users: defaultUsers},
		clientOptions{password: defaultUsers[0].password, uot: uot})
	if err != nil {
		t.run(name, "start", func() error { return err })
		return
	}
	for _, one := range cases {
		t.run(name, one.name, func() error { return one.run(c) })
	}
	err = c.close()
	t.run(name, "both still run and stop when told", func() error { return err })
	if uot == "" {
		t.run(name, "padding update", func() error {
			return runAlone(e, server, client, serverOptions{users: defaultUsers, scheme: ownScheme}, casePadding)
		})
		t.run(name, "cut session", func() error {
			return runAlone(e, server, client, serverOptions{users: defaultUsers}, caseCut)
		})
	}
}

// runAlone gives a case a pair of its own, whose first stream gets the first session.
func runAlone(e *env, server, client kind, o serverOptions, test func(*cell) error) error {
	c, err := newCell(e, server, client, o, clientOptions{password: defaultUsers[0].password})
	if err != nil {
		return err
	}
	return errors.Join(test(c), c.close())
}
