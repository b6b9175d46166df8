// SPDX-License-Identifier: GPL-2.0-or-later

// What the kernel and log files tell about a process.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

const tcpListen = "0A"

// listening tells whether somebody listens on 127.0.0.1:port. Another address says nothing: the kernel gives the same free
// port to sockets of ::1.
func listening(port int) bool {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return false
	}
	defer f.Close()
	local := fmt.Sprintf("0100007F:%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) > 3 && w[1] == local && w[3] == tcpListen {
			return true
		}
	}
	return false
}

// tail returns the end of a log, set off for an error message.
func tail(path string) string {
	const lines = 8
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return "\n      | " + strings.Join(all[max(0, len(all)-lines):], "\n      | ")
}

func peakMemory(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if what, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(what)
		}
	}
	return "unknown"
}
