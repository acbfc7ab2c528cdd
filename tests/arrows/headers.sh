#!/bin/sh
# headers.sh ROOT CC: each public header compiles alone, as C99, C11 and C++17, without a warning.
set -u
root=$1
cc=$2
bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

try() { # LANGUAGE STANDARD HEADER
    echo "#include \"$3\"" >"$dir/one.$1"
    if ! "$cc" -x "$4" -std="$2" -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
        -I"$root/include" -I"$root/plugins/sdk" "$dir/one.$1"; then
        echo "$3 does not compile alone as $2"
        bad=1
    fi
}

for header in thaw/thaw.h thaw_status.h thaw_plugin.h thaw_ops.h thaw_ext.h; do
    try c c99 "$header" c
    try c c11 "$header" c
    if command -v c++ >/dev/null 2>&1; then
        try cc c++17 "$header" c++
    else
        echo "no C++ compiler: $header not tried as C++17"
    fi
done
exit "$bad"
