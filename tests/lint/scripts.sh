#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scripts.sh [ROOT]: shell scripts pass shellcheck, Python files compile, and each says what it is.
set -uo pipefail
cd "${1:-.}" || exit 99
command -v shellcheck >/dev/null || { echo 'scripts: no shellcheck (tools/dev/install test)'; exit 1; }
shell=() python=()
rc=0

while IFS= read -r -d '' file; do
	case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
	'#!'*bash* | '#!/bin/sh'*) shell+=("$file") ;;
	'#!'*python*) python+=("$file") ;;
	*) case $file in
		*.sh) shell+=("$file") ;;
		*.py) python+=("$file") ;;
		esac ;;
	esac
done < <(find . \( -name .git -o -path './build*' -o -name corpus -o -name .cache -o -name __pycache__ \) -prune \
	-o -type f -size -200k -print0)

for file in "${shell[@]}" "${python[@]}"; do
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || { echo "$file: no SPDX line"; rc=1; }
done
[ "${#shell[@]}" = 0 ] || shellcheck -x -s bash -S info "${shell[@]}" || rc=1
[ "${#python[@]}" = 0 ] || "${PYTHON:-/usr/bin/python3}" - "${python[@]}" <<'PY' || rc=1
import pathlib, sys, warnings
warnings.simplefilter("error")
bad = 0
for name in sys.argv[1:]:
    try:
        compile(pathlib.Path(name).read_text(encoding="utf-8"), name, "exec")
    except (SyntaxError, ValueError, Warning) as e:
        print(f"{name}: {e}")
        bad = 1
sys.exit(bad)
PY
if [ "${#python[@]}" != 0 ] && command -v pyflakes3 >/dev/null; then
	pyflakes3 "${python[@]}" || rc=1
fi
exit $rc
