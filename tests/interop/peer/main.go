// SPDX-License-Identifier: GPL-2.0-or-later

// Command peer is a small AnyTLS server and client on the sing-anytls library.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

type userList []string

func (u *userList) String() string     { return strings.Join(*u, ",") }
func (u *userList) Set(v string) error { *u = append(*u, v); return nil }

type options struct {
	listen, server, cert, key, name, password, scheme, uot string
	users                                                  userList
}

func main() {
	if len(os.Args) < 2 {
		fatal("usage: peer server|client [options]")
	}
	var o options
	f := flag.NewFlagSet("peer", flag.ExitOnError)
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to listen on")
	f.StringVar(&o.cert, "cert", "", "certificate file: the server's own, or what the client trusts")
	f.StringVar(&o.key, "key", "", "server: key file")
	f.Var(&o.users, "user", "server: NAME:PASSWORD, may be repeated")
	f.StringVar(&o.scheme, "scheme", "", "server: file with a padding scheme; the library's default without")
	f.StringVar(&o.server, "server", "", "client: address of the server")
	f.StringVar(&o.name, "name", "localhost", "client: name in the server's certificate")
	f.StringVar(&o.password, "password", "", "client: password")
	f.StringVar(&o.uot, "uot", "packet", "client: UDP over TCP as packet, connect or v1")
	f.Parse(os.Args[2:])

	var err error
	switch os.Args[1] {
	case "server":
		err = runServer(o)
	case "client":
		err = runClient(o)
	default:
		err = fmt.Errorf("no such role: %s", os.Args[1])
	}
	if err != nil {
		fatal(err)
	}
}

func fatal(what any) {
	fmt.Fprintln(os.Stderr, "peer:", what)
	os.Exit(1)
}

func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
