#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# docs.sh [ROOT]: man pages render without a warning, and links between the documents lead somewhere.
set -uo pipefail
cd "${1:-.}" || exit 99
command -v rst2man >/dev/null || { echo 'docs: no rst2man (tools/dev/install test)'; exit 1; }
rc=0
for page in docs/man/*.rst; do
	[ -e "$page" ] || continue
	rst2man --report=warning --halt=warning "$page" >/dev/null || { echo "$page: does not render"; rc=1; }
done
for page in *.md docs/*.md; do
	[ -e "$page" ] || continue
	while read -r link; do
		[ -e "$(dirname "$page")/${link%%#*}" ] || { echo "$page: no such file: $link"; rc=1; }
	done < <(grep -oE '\]\([^)#: ]+(#[^)]*)?\)' "$page" | sed 's/^](//; s/)$//')
done
exit $rc
