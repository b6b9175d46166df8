// SPDX-License-Identifier: GPL-2.0-or-later

// Counting and printing results.
package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

type tally struct {
	mu                      sync.Mutex
	passed, failed, skipped int
	only                    string
}

// A skip is an error that says why a case does not apply.
type skip string

func (s skip) Error() string { return string(s) }

func (t *tally) run(cell, name string, test func() error) {
	full := cell + ": " + name
	if !strings.Contains(full, t.only) {
		return
	}
	begin := time.Now()
	err := guarded(test)
	t.report(full, time.Since(begin), err)
}

// guarded bounds a case, so that a stuck peer is a failure and not a hung test run.
func guarded(test func() error) error {
	const limit = 90 * time.Second
	done := make(chan error, 1)
	go func() { done <- test() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("not finished after %v", limit)
	}
}

func (t *tally) report(full string, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s skip
	switch {
	case err == nil:
		t.passed++
		fmt.Printf("ok    %s (%.1f s)\n", full, took.Seconds())
	case errors.As(err, &s):
		t.skipped++
		fmt.Printf("skip  %s: %s\n", full, s)
	default:
		t.failed++
		fmt.Printf("FAIL  %s: %v (%.1f s)\n", full, err, took.Seconds())
	}
}
