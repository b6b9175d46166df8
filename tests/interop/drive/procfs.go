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

func listening(port int) bool {
	return listeningIn("/proc/net/tcp", port) || listeningIn("/proc/net/tcp6", port)
}

func listeningIn(table string, port int) bool {
	f, err := os.Open(table)
	if err != nil {
		return false
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) > 3 && strings.HasSuffix(w[1], suffix) && w[3] == tcpListen {
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
