// SPDX-License-Identifier: GPL-2.0-or-later

// Command drive runs whole programs against each other on loopback and checks what comes out at the far end.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var p programs
	var o lossOptions
	var k kernelOptions
	what := "matrix"
	if len(os.Args) > 1 {
		what = os.Args[1]
	}
	f := flag.NewFlagSet("drive", flag.ExitOnError)
	f.StringVar(&p.daemon, "daemon", "build/anytlsd", "the program under test")
	f.StringVar(&p.singBox, "sing-box", "", "sing-box program")
	f.StringVar(&p.peer013, "peer013", "", "peer on sing-anytls v0.0.13")
	f.StringVar(&p.peer008, "peer008", "", "peer on sing-anytls v0.0.8")
	only := f.String("only", "", "matrix: run only the cells or cases whose name contains this")
	f.IntVar(&o.mib, "mib", 1024, "loss: MiB each way")
	f.IntVar(&o.streams, "streams", 64, "loss: streams")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "loss: seed")
	f.StringVar(&k.ctl, "ctl", "build/anytlsctl", "kernel: anytlsctl")
	f.Int64Var(&k.mib, "case-mib", 4, "kernel: MiB that a case moves")
	f.BoolVar(&k.smoke, "smoke", false, "kernel: a few cases with a few engines")
	f.BoolVar(&k.guest, "guest", false, "kernel: this machine's sysctls may be changed")
	f.Parse(os.Args[min(2, len(os.Args)):])

	env, err := newEnv(p)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drive:", err)
		os.Exit(2)
	}
	t := &tally{only: *only}
	switch what {
	case "matrix":
		runMatrix(env, t)
	case "loss":
		runLoss(env, t, o)
	case "kernel":
		runKernel(env, t, k)
	default:
		fmt.Fprintln(os.Stderr, "usage: drive matrix|loss|kernel [options]")
		os.Exit(2)
	}
	env.close(t.failed > 0)
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 {
		os.Exit(1)
	}
}
