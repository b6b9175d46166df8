#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# sizes.sh [ROOT]: files and functions that outgrew one idea, and the two lines at the head of every file.
set -uo pipefail
cd "${1:-.}" || exit 99

# A function begins and ends with a brace in the first column, as .clang-format lays it out.
shopt -s nullglob globstar
files=({userspace,bpf,tools,tests}/**/*.[ch])
# shellcheck disable=SC2016 # awk's dollars
[ ${#files[@]} = 0 ] || awk '
function say(text, fatal) { printf "%s: %s%s\n", place, fatal ? "" : "warning: ", text; bad = bad || fatal }
function size(what, n, warn, limit) {
	if (n > warn)
		say(what " has " n " lines (over " (n > limit ? limit : warn) ")", n > limit)
}
# Tests are long tables, and split no better than what they test.
function file_end() {
	place = file
	if (file ~ /^tests\//)
		size("file", lines, 600, 900)
	else if (file != "")
		size("file", lines, 300, 500)
}
FNR == 1 {
	file_end()
	file = FILENAME; start = 0; head = ""; place = file ":1"
	if ($0 !~ /SPDX-License-Identifier: GPL-2\.0-or-later/)
		say("no SPDX line", 1)
}
FNR == 2 && $0 !~ /^\/[\/*]/ { place = file ":2"; say("no sentence that says what the file owns", 1) }
# The comment from the second line on: // lines up to the first other one, or all of /* */.
FNR >= 2 && !closed[file] {
	if (FNR == 2 || block || $0 ~ /^\/\//)
		head = head $0
	if (FNR == 2)
		block = ($0 ~ /^\/\*/)
	if (block ? $0 ~ /\*\// : $0 !~ /^\/\//) {
		closed[file] = 1
		place = file ":2"
		if (head !~ /[.:)]/)
			say("the second line is no sentence", 1)
	}
}
/^\{/ { start = FNR }
/^\}/ && start { place = file ":" start; size("function", FNR - start - 1, 60, 80); start = 0 }
{ lines = FNR }
END { file_end(); exit bad }' "${files[@]}"
