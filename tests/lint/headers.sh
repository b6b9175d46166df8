#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# headers.sh [ROOT]: every header compiles alone, and twice.
set -uo pipefail
cd "${1:-.}" || exit 99
rc=0
while read -r header; do
	# shellcheck disable=SC2086 # CFLAGS is a list
	if ! printf '#include "%s"\n#include "%s"\n' "$PWD/$header" "$PWD/$header" |
		${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Iuserspace -Itools -I. ${CFLAGS:-} -fsyntax-only -x c -; then
		echo "$header: does not compile alone"
		rc=1
	fi
done < <(find bpf userspace tools tests -name '*.h' 2>/dev/null | sort)
exit $rc
