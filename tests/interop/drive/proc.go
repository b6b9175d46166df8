// SPDX-License-Identifier: GPL-2.0-or-later

// Processes under test: a folder of their own, started, waited for, ended by pid.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

type programs struct {
	daemon, singBox, peer013, peer008 string
}

type env struct {
	programs
	dir, cert, key string
	serial         atomic.Int64
}

func newEnv(p programs) (*env, error) {
	for _, path := range []*string{&p.daemon, &p.singBox, &p.peer013, &p.peer008} {
		*path, _ = filepath.Abs(*path) // they run in a folder of their own
	}
	dir, err := os.MkdirTemp("", "anytlsd-interop-")
	if err != nil {
		return nil, err
	}
	e := &env{programs: p, dir: dir, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	return e, writeCertificate(e.cert, e.key)
}

// Logs are kept where something failed.
func (e *env) close(keep bool) {
	if keep {
		fmt.Println("logs are in", e.dir)
		return
	}
	os.RemoveAll(e.dir)
}

// file writes a new file into the folder and returns its path.
func (e *env) file(name string, content []byte) (string, error) {
	path := filepath.Join(e.dir, fmt.Sprintf("%03d-%s", e.serial.Add(1), name))
	return path, os.WriteFile(path, content, 0o600)
}

type process struct {
	name string
	exit bool // must end with status 0 when told to stop
	cmd  *exec.Cmd
	port int
	log  string
	dead chan struct{}
}

// start runs a program and waits until it accepts connections on 127.0.0.1:port.
func (e *env) start(name string, port int, argv ...string) (*process, error) {
	log, err := e.file(name+".log", nil)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), port: port, log: log, dead: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = e.dir, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err = p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.dead)
	}()
	if err = p.waitReady(); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w%s", name, err, tail(log))
	}
	return p, nil
}

// The listener is looked for in /proc: to a server, a probing connection is a failed login.
func (p *process) waitReady() error {
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.dead:
			return fmt.Errorf("ended at start: %v", p.cmd.ProcessState)
		default:
		}
		if listening(p.port) {
			return nil
		}
	}
	return fmt.Errorf("not listening on port %d after 15 s", p.port)
}

func (p *process) alive() bool {
	select {
	case <-p.dead:
		return false
	default:
		return true
	}
}

// stop ends the process; an error tells of a bad end.
func (p *process) stop() error {
	if !p.alive() {
		return fmt.Errorf("%s: died during the test: %v%s", p.name, p.cmd.ProcessState, tail(p.log))
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.dead:
	case <-time.After(15 * time.Second):
		p.cmd.Process.Kill()
		<-p.dead
		return fmt.Errorf("%s: ignored SIGTERM for 15 s", p.name)
	}
	if p.exit && p.cmd.ProcessState.ExitCode() != 0 {
		return fmt.Errorf("%s: %v when told to stop%s", p.name, p.cmd.ProcessState, tail(p.log))
	}
	return nil
}

func (p *process) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// onFreePort starts something on a port; another one, should somebody have taken that port meanwhile.
func onFreePort(start func(port int) (*process, error)) (*process, error) {
	for attempt := 1; ; attempt++ {
		p, err := start(freePort())
		if err == nil || attempt == 3 || !strings.Contains(err.Error(), "in use") {
			return p, err
		}
	}
}
