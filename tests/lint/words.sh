#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# words.sh [ROOT]: what must not be left in a file: marks of unfinished work, home folders, merge conflicts.
set -uo pipefail
cd "${1:-.}" || exit 99

# The words are put together here, so that this file does not find itself.
marks="\\b(TO""DO|FIX""ME|XX""X|HA""CK|W""IP)\\b"
places="(^|[^[:alnum:]_.\$}])/(wo""rk|ho""me|ro""ot|Use""rs)/"
conflict="^(<<<<""<<<|>>>>"">>>) "
hosts="(proxy\\.go""lang\\.org|pypi\\.o""rg|deb\\.deb""ian\\.org)"
rc=0
while IFS= read -r -d '' file; do
	if grep -InHE "$marks|$places|$conflict|$hosts" "$file"; then
		rc=1
	fi
	case $file in
	*.md | *.rst | *.sum | ./LICENSE | *.svg) ;;
	*) if grep -InHE '[[:blank:]]+$' "$file"; then rc=1; fi ;;
	esac
done < <(find . \( -name .git -o -path './build*' -o -name corpus -o -name .cache -o -name __pycache__ \
	-o -name .pytest_cache \) -prune -o -type f -print0)
[ $rc = 0 ] || echo 'words: see above'
exit $rc
