#!/bin/sh
# layout.sh ROOT: the ABI is laid out as layout.c has it, in C and in C++.
set -u
root=$1
here=$(dirname "$0")
bad=0
. "$here/../arrows/compilers.sh"

# compiles LANGUAGE COMPILER FILE
compiles() {
    if [ "$1" = c ]; then standard=c11; else standard=c++17; fi
    "$2" -x "$1" -std="$standard" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$root/plugins/sdk" "$3"
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# What a wrong pin looks like: this must not compile.
{
    cat "$here/layout.c"
    echo 'AT(thaw_op, runs, 40);'
} >"$dir/wrong.c"

try() { # LANGUAGE COMPILER
    compiles "$1" "$2" "$here/layout.c" || { echo "$2: the layout is another one"; bad=1; }
    compiles "$1" "$2" "$dir/wrong.c" 2>/dev/null && { echo "$2: a wrong pin is not noticed"; bad=1; }
    echo "tried with $2"
}
if echo 'typedef int pointers_have_64_bits[sizeof(void *) == 8 ? 1 : -1];' |
    ${CC:-cc} -x c -fsyntax-only - 2>/dev/null; then
    each_compiler try || bad=1
else
    echo "skipped: pointers do not have 64 bits here"
    exit 77
fi
exit "$bad"
