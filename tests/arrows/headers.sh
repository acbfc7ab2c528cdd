#!/bin/sh
# headers.sh ROOT: each public header compiles alone, as C99, C11 and C++17, with gcc and clang, without a warning.
set -u
root=$1
bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
. "$(dirname "$0")/compilers.sh"

try() { # LANGUAGE COMPILER STANDARD HEADER
    echo "#include \"$4\"" >"$dir/one"
    if ! "$2" -x "$1" -std="$3" -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
        -I"$root/include" -I"$root/plugins/sdk" "$dir/one"; then
        echo "$4 does not compile alone as $3 with $2"
        bad=1
    fi
}

try_all() { # LANGUAGE COMPILER
    for header in thaw/thaw.h thaw_status.h thaw_plugin.h thaw_ops.h thaw_ext.h; do
        if [ "$1" = c ]; then
            try c "$2" c99 "$header"
            try c "$2" c11 "$header"
        else
            try c++ "$2" c++17 "$header"
        fi
    done
    echo "tried with $2"
}
each_compiler try_all || bad=1
exit "$bad"
