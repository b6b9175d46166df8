// SPDX-License-Identifier: GPL-2.0-or-later

// The programs that can play a role, and how each is told to.
package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

type kind string

const (
	kindDaemon  kind = "anytlsd"
	kindSingBox kind = "sing-box"
	kindPeer013 kind = "v0.0.13"
	kindPeer008 kind = "v0.0.8"
)

type user struct{ name, password string }

type serverOptions struct {
	users  []user
	scheme []string // lines; none: the default
	engine engine   // of our own daemon
}

type clientOptions struct {
	server   string // host:port on 127.0.0.1
	password string
	uot      string // peers only: packet, connect or v1
	engine   engine // of our own daemon
}

type object map[string]any

func (e *env) program(k kind) string {
	return map[kind]string{
		kindDaemon: e.daemon, kindSingBox: e.singBox, kindPeer013: e.peer013, kindPeer008: e.peer008,
	}[k]
}

// speaksJSON tells whether a kind is configured by a file in sing-box's form.
func (k kind) speaksJSON() bool { return k == kindDaemon || k == kindSingBox }

func (e *env) startServer(k kind, o serverOptions) (*process, error) {
	return onFreePort(func(port int) (*process, error) { return e.startServerOn(port, k, o) })
}

func (e *env) startClient(k kind, o clientOptions) (*process, error) {
	return onFreePort(func(port int) (*process, error) { return e.startClientOn(port, k, o) })
}

func (e *env) startServerOn(port int, k kind, o serverOptions) (*process, error) {
	if k.speaksJSON() {
		config := e.serverConfig(k, port, o)
		if k == kindSingBox { // it does not look into the hosts file unasked
			config["dns"] = object{"servers": []object{{"type": "hosts", "tag": "hosts"}}}
		}
		return e.startJSON(k, "server", port, config)
	}
	argv := []string{e.program(k), "server", "-listen", fmt.Sprintf("127.0.0.1:%d", port),
		"-cert", e.cert, "-key", e.key}
	for _, u := range o.users {
		argv = append(argv, "-user", u.name+":"+u.password)
	}
	if len(o.scheme) > 0 {
		path, err := e.file("scheme", []byte(strings.Join(o.scheme, "\n")))
		if err != nil {
			return nil, err
		}
		argv = append(argv, "-scheme", path)
	}
	return e.start(string(k)+"-server", port, argv...)
}

func (e *env) startClientOn(port int, k kind, o clientOptions) (*process, error) {
	if k.speaksJSON() {
		return e.startJSON(k, "client", port, e.clientConfig(k, port, o))
	}
	argv := []string{e.program(k), "client", "-listen", fmt.Sprintf("127.0.0.1:%d", port), "-cert", e.cert,
		"-server", o.server, "-password", o.password}
	if o.uot != "" {
		argv = append(argv, "-uot", o.uot)
	}
	return e.start(string(k)+"-client", port, argv...)
}

func (e *env) startJSON(k kind, role string, port int, config object) (*process, error) {
	config["log"] = object{"level": "debug"}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, err
	}
	name := string(k) + "-" + role
	path, err := e.file(name+".json", text)
	if err != nil {
		return nil, err
	}
	p, err := e.start(name, port, e.program(k), "run", "-c", path)
	if err == nil {
		p.exit = k == kindDaemon
	}
	return p, err
}

func (e *env) serverConfig(k kind, port int, o serverOptions) object {
	var users []object
	for _, u := range o.users {
		users = append(users, object{"name": u.name, "password": u.password})
	}
	in := object{
		"type": "anytls", "tag": "in", "listen": "127.0.0.1", "listen_port": port, "users": users,
		"tls": object{"enabled": true, "certificate_path": e.cert, "key_path": e.key},
	}
	if len(o.scheme) > 0 {
		in["padding_scheme"] = o.scheme
	}
	direct := object{"type": "direct", "tag": "direct"}
	if k == kindDaemon {
		o.engine.apply(in, in["tls"].(object))
		o.engine.apply(direct, object{})
	}
	return object{"inbounds": []object{in}, "outbounds": []object{direct}}
}

func (e *env) clientConfig(k kind, port int, o clientOptions) object {
	host, serverPort := splitAddr(o.server)
	socks := object{"type": "socks", "tag": "in", "listen": "127.0.0.1", "listen_port": port}
	tls := object{"enabled": true, "server_name": "localhost", "certificate_path": e.cert}
	out := object{
		"type": "anytls", "tag": "out", "server": host, "server_port": serverPort, "password": o.password, "tls": tls,
	}
	if k == kindDaemon {
		o.engine.apply(out, tls)
		o.engine.apply(socks, object{})
	}
	return object{"inbounds": []object{socks}, "outbounds": []object{out}}
}
