#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# layers.sh [ROOT]: who may include whom, and which system headers the pure layers do without.
set -uo pipefail
cd "${1:-.}" || exit 99

# Every project include is written "folder/file.h", so the folder is the layer.
shopt -s nullglob globstar
files=({userspace,tools}/**/*.[ch])
# shellcheck disable=SC2016 # awk's dollars
[ ${#files[@]} = 0 ] || awk '
BEGIN {
	layers = "base proto core ev wire io datapath net app"
	may["base"] = "base"
	may["proto"] = "proto base"
	may["core"] = "core proto base"
	may["ev"] = "ev base"
	may["wire"] = "wire ev base"
	may["io"] = "io ev base"
	may["net"] = "net ev base bpf"
	may["datapath"] = "datapath wire ev proto base bpf"
	may["app"] = layers " bpf"
}
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
FNR == 1 { split(FILENAME, part, "/"); layer = part[2] }
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	split(quoted[2], to, "/")
	if (quoted[2] !~ /\//)
		complain("include \"" quoted[2] "\" has no folder")
	else if (part[1] == "tools")
		next
	else if (!(layer in may))
		complain("folder " layer " is no layer")
	else if (!index(" " may[layer] " ", " " to[1] " "))
		complain(layer " may not include " quoted[2])
}
part[1] == "userspace" && (layer == "proto" || layer == "core") &&
/^[ \t]*#[ \t]*include[ \t]*<(sys\/socket\.h|sys\/epoll\.h|unistd\.h|openssl\/)/ {
	complain(layer " is pure: no " $NF)
}
END { exit bad }' "${files[@]}"
