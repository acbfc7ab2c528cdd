#!/bin/sh
# exports.sh NM LIBTHAW THAW_H PLUGIN…: the library exports what its header declares, each plugin its one
# entry point.
set -u
nm=$1
library=$2
header=$3
shift 3
bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

exports() {
    "$nm" -D --defined-only "$1" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u
}

exports "$library" >"$dir/found"
# A declaration runs from THAW_API to its '('; the name stands before it.
grep -v '^#' "$header" | tr '\n' ' ' | grep -o 'THAW_API [^(;]*(' |
    sed 's/ *($//; s/.*[ *]//' | sort -u >"$dir/declared"
if [ ! -s "$dir/declared" ]; then
    echo "$header: no THAW_API declaration found"
    exit 1
fi
if ! diff "$dir/declared" "$dir/found" >"$dir/difference"; then
    echo "$library: < declared in thaw.h, not exported; > exported, not declared"
    cat "$dir/difference"
    bad=1
fi
if grep -v '^thaw_' "$dir/found"; then
    echo "$library: exports names without thaw_"
    bad=1
fi
for plugin in "$@"; do
    found=$(exports "$plugin" | tr '\n' ' ')
    if [ "$found" != "thaw_plugin_entry " ]; then
        echo "$plugin: exports \"$found\", expected thaw_plugin_entry alone"
        bad=1
    fi
done
[ "$bad" -eq 0 ] && echo "$(wc -l <"$dir/found") names of libthaw and $# plugin(s) are as declared"
exit "$bad"
