#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# runners.sh: the scripts that count tests cannot be talked into a pass by a test that dies, hangs or says nothing.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 99
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
ok='1 passed, 0 failed, 0 skipped'

# expect STATUS 'LAST LINE' COMMAND...
expect() {
	local want_rc=$1 want=$2 got rc
	shift 2
	got=$("$@" 2>/dev/null)
	rc=$?
	if [ "$(tail -n 1 <<<"$got")" = "$want" ] && [ "$rc" = "$want_rc" ]; then
		passed=$((passed + 1))
	else
		echo "runners: $*: exit $rc, $(tail -n 1 <<<"$got")"
		failed=$((failed + 1))
	fi
}

# program NAME: a test program that does what its standard input says.
program() {
	{ echo '#!/bin/bash'; cat; } >"$dir/$1"
	chmod +x "$dir/$1"
}

export LOGS=$dir/log
expect 0 '3 passed, 0 failed, 2 skipped' tools/dev/stages a "echo $ok" b 'echo 2 passed, 0 failed, 2 skipped'
expect 1 '1 passed, 1 failed, 0 skipped' tools/dev/stages a "echo $ok" b 'true'
expect 1 '1 passed, 1 failed, 0 skipped' tools/dev/stages a "echo $ok; exit 3"
expect 1 '0 passed, 1 failed, 0 skipped' tools/dev/stages a 'no/such/runner'
expect 1 '0 passed, 1 failed, 0 skipped' tools/dev/stages a 'echo 0 passed, 0 failed, 0 skipped'
expect 1 '1 passed, 2 failed, 0 skipped' tools/dev/stages a 'echo 1 passed, 2 failed, 0 skipped; exit 1'
expect 1 '1 passed, 1 failed, 0 skipped' env STAGE_LIMIT=0.2 tools/dev/stages a "echo $ok; sleep 5"

program all_well <<<'echo 1..3; echo ok 1 - a; echo "not ok 2 # SKIP b"; echo ok 3 - c'
program one_fails <<<'echo 1..2; echo ok 1 - a; echo "not ok 2 - b"; exit 1'
program dies <<<'echo 1..3; echo ok 1 - a; kill -SEGV $$'
program leaks <<<'echo 1..1; echo ok 1 - a; exit 23'
program silent <<<'exit 0'
expect 0 '2 passed, 0 failed, 1 skipped' tools/dev/run-unit "$dir/all_well"
expect 1 '3 passed, 1 failed, 1 skipped' tools/dev/run-unit "$dir/all_well" "$dir/one_fails"
expect 1 '1 passed, 2 failed, 0 skipped' tools/dev/run-unit "$dir/dies"
expect 1 '1 passed, 1 failed, 0 skipped' tools/dev/run-unit "$dir/leaks"
expect 1 '0 passed, 1 failed, 0 skipped' tools/dev/run-unit "$dir/silent"
expect 1 '0 passed, 1 failed, 0 skipped' tools/dev/run-corpus "$dir/replay_no_such_corpus"
expect 0 "$ok" tools/dev/run-sanitized "$dir/reports" echo "$ok"
# shellcheck disable=SC2016 # the inner shell's
expect 1 '1 passed, 1 failed, 0 skipped' tools/dev/run-sanitized "$dir/reports" \
	bash -c 'log=${ASAN_OPTIONS#log_path=}; echo leak >"${log%%:*}.1"; echo 1 passed, 0 failed, 0 skipped'

# kernels SAY [FETCH]: tests/vm/check with a guest that does what SAY says, and its kernels from nowhere.
kernels() {
	program guest <<<"suite=\${1##*/vm-}; $1"
	program fetch <<<"${2:-mkdir -p \"\$2\"; echo initrd >\"\$2/initrd\"}"
	rm -rf "$dir/cache"
	XDG_CACHE_HOME=$dir/cache VM_PROGRAMS=$dir VM_FETCH=$dir/fetch VM_RUN=$dir/guest tests/vm/check "$dir/build"
}
begin='echo guest-check: begin;'
expect 0 '3 passed, 0 failed, 0 skipped' kernels "$begin echo $ok"
expect 1 '3 passed, 2 failed, 4 skipped' kernels "$begin echo 1 passed, 1 failed, 1 skipped; exit 1"
expect 0 '3 passed, 0 failed, 4 skipped' kernels "$begin echo $ok; [ \$suite != sid ] || { echo 1 passed, 4 failed, 0 skipped; exit 1; }"
expect 1 '2 passed, 1 failed, 0 skipped' kernels "$begin [ \$suite = trixie ] || echo $ok"
expect 1 '3 passed, 1 failed, 0 skipped' kernels "$begin echo $ok; [ \$suite != trixie ] || exit 99"
expect 1 '0 passed, 2 failed, 1 skipped' kernels 'exit 99'
expect 0 '0 passed, 0 failed, 3 skipped' kernels "$begin echo $ok" 'echo no network; exit 100'
expect 0 "$ok" tests/vm/kernel-log <<<'[ 0.02] ..MP-BIOS bug: 8254 timer not connected to IO-APIC'
expect 0 "$ok" tests/vm/kernel-log <<<'[ 70.1] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [drive:311]'
for line in 'WARNING: CPU: 0 PID: 1 at net/core/sock_map.c:1705' 'BUG: kernel NULL pointer dereference' 'Oops: 0000 [#1]'; do
	expect 1 '0 passed, 1 failed, 0 skipped' tests/vm/kernel-log <<<"[ 9.1] $line"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
