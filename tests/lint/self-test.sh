#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# self-test.sh: plants one violation at a time in an empty tree and checks that the lint named with it complains.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0 failed=0
spdx='SPDX-License-Identifier: GPL-2.0-or-later'
bash_head='#!/bin/bash'

clean_tree() {
	rm -rf "${root:?}"/*
	mkdir -p "$root"/{userspace/{base,core,io,proto},tools/dev,tests/unit,docs/man}
	printf '// %s\n// Adds.\n#include "base/a.h"\nint add(int a)\n{\n\treturn a + 1;\n}\n' "$spdx" >"$root/userspace/base/a.c"
	printf '/* %s */\n/* Adds. */\n#ifndef A\n#define A\nint add(int a);\n#endif\n' "$spdx" >"$root/userspace/base/a.h"
	printf '#!/bin/bash\n# %s\n# Says hello.\necho hello\n' "$spdx" >"$root/tools/dev/hello"
	printf '====\npage\n====\n\nText.\n' >"$root/docs/man/page.8.rst"
	printf '[page](docs/man/page.8.rst)\n' >"$root/README.md"
}

# expect STATUS LINT WHAT: the lint must end with STATUS (0 clean, 1 complains) on the tree.
expect() {
	local rc=0
	"$here/$2" "$root" >"$root.out" 2>&1 || rc=$?
	if [ $((rc != 0)) = "$1" ]; then
		passed=$((passed + 1))
	else
		echo "self-test: $2: $3: exit $rc"
		cat "$root.out"
		failed=$((failed + 1))
	fi
	rm -f "$root.out"
}

# plant LINT FILE TEXT: adds the text, in printf's notation, to the file of a clean tree.
plant() {
	clean_tree
	# shellcheck disable=SC2059 # the text is a format on purpose
	printf "$3" >>"$root/$2"
	expect 1 "$1" "$2 with ${3:0:60}"
}

for lint in layers headers sizes words scripts docs; do
	clean_tree
	expect 0 $lint.sh 'a clean tree'
done
head="// $spdx\n// Owns something.\n"
plant layers.sh userspace/base/b.c "$head#include \"io/dial.h\"\n"
plant layers.sh userspace/io/b.c "$head#include \"wire/wire.h\"\n"
plant layers.sh userspace/core/b.h "$head#include <sys/socket.h>\n"
plant layers.sh userspace/proto/b.c "$head#include <openssl/evp.h>\n"
plant layers.sh userspace/io/b.c "$head#include \"dial.h\"\n"
plant headers.sh userspace/base/b.h "$head#ifndef BB\n#define BB\nsize_t b(void);\n#endif\n"
plant headers.sh userspace/base/b.h "${head}struct twice { int a; };\n"
plant sizes.sh userspace/base/b.c '// Owns something.\nint a;\n'
plant sizes.sh userspace/base/b.c "// $spdx\n#include <stdio.h>\n"
plant sizes.sh userspace/base/a.c "$(yes 'extern int a;\n' | head -n 501 | tr -d '\n')"
plant sizes.sh userspace/base/a.c "int b(void)\n{\n$(yes '\t;\n' | head -n 81 | tr -d '\n')}\n"
plant words.sh userspace/base/a.c "/* TO""DO: more */\n"
plant words.sh docs/a.md "see /ho""me/somebody/notes\n"
plant words.sh tools/dev/hello "<<<<""<<< mine\n"
plant words.sh tools/dev/hello 'echo a \n'
plant scripts.sh tools/dev/b "$bash_head\n# $spdx\nrm \$1/*\n"
plant scripts.sh tools/dev/b "$bash_head\necho b\n"
plant scripts.sh tools/dev/b.py "# $spdx\ndef f(:\n"
plant docs.sh docs/man/b.8.rst '====\nb\n===\n\n*open\n'
plant docs.sh README.md '[gone](docs/gone.md)\n'
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
