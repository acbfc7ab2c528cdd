#!/bin/sh
# can_fail.sh NM CC: the scans of objects and libraries find what they are there to find.
set -u
nm=$1
cc=$2
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

globals() { # EXPECTED CODE
    echo "$2" >"$dir/one.c"
    "$cc" -fPIC -O1 -c "$dir/one.c" -o "$dir/one.o" || exit 1
    echo "$dir/one.o" >"$dir/list"
    if sh "$here/globals.sh" "$nm" "$dir/list" >/dev/null; then got=pass; else got=fail; fi
    [ "$got" = "$1" ] || { echo "globals.sh: expected $1 for: $2"; bad=1; }
}
globals fail 'int counter;'
globals fail 'int counter = 3;'
globals fail 'int next(void) { static int n; return ++n; }'
globals fail '_Thread_local int mine;'
globals pass 'extern int other; const char *const names[] = {"a", "b"}; int *const p = &other;'

exports() { # EXPECTED LIBRARY-CODE PLUGIN-CODE
    echo "$2" >"$dir/lib.c"
    echo "$3" >"$dir/plugin.c"
    "$cc" -fPIC -shared "$dir/lib.c" -o "$dir/lib.so" || exit 1
    "$cc" -fPIC -shared "$dir/plugin.c" -o "$dir/plugin.so" || exit 1
    if sh "$here/exports.sh" "$nm" "$dir/lib.so" "$dir/thaw.h" "$dir/plugin.so" >/dev/null; then
        got=pass
    else
        got=fail
    fi
    [ "$got" = "$1" ] || { echo "exports.sh: expected $1 for: $2 / $3"; bad=1; }
}
cat >"$dir/thaw.h" <<'H'
#define THAW_API __attribute__((visibility("default")))
THAW_API int thaw_one(int a,
                      int b);
THAW_API const char *thaw_two(void);
H
both='int thaw_one(int a, int b) { return a + b; } const char *thaw_two(void) { return ""; }'
entry='int thaw_plugin_entry(void) { return 0; }'
exports pass "$both" "$entry"
exports fail "$both int thaw_three(void) { return 3; }" "$entry"
exports fail "int thaw_one(int a, int b) { return a + b; }" "$entry"
exports fail "$both" "$entry int helper(void) { return 0; }"
exports fail "$both" "int helper(void) { return 0; }"
exit "$bad"
