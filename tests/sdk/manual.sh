#!/bin/sh
# manual.sh ROOT: docs/plugin-abi.md is what the headers say, and the script refuses what is not regular.
set -u
root=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

sh "$root/scripts/plugin-manual" >"$dir/manual" || { echo "scripts/plugin-manual failed"; exit 1; }
if ! diff "$root/docs/plugin-abi.md" "$dir/manual"; then
    echo "docs/plugin-abi.md is not what the headers say: run scripts/plugin-manual > docs/plugin-abi.md"
    bad=1
fi

# refused WHAT HEADER SED-SCRIPT: with that change of a header, the script fails and says something of it.
refused() {
    rm -rf "$dir/sdk"
    cp -r "$root/plugins/sdk" "$dir/sdk"
    sed "$3" "$root/plugins/sdk/$2" >"$dir/sdk/$2"
    cmp -s "$root/plugins/sdk/$2" "$dir/sdk/$2" && { echo "$1: the header has not changed"; bad=1; }
    if sh "$root/scripts/plugin-manual" "$dir/sdk" >"$dir/out" 2>"$dir/err"; then
        echo "$1: not noticed"
        bad=1
    elif ! grep -q '^plugin-manual: ' "$dir/err"; then
        echo "$1: the script failed without a word of its own"
        bad=1
    fi
}
refused "an op without a formula" thaw_ops.h 's/^     \* =      dx = y > 0.*/     * edge:  none/'
refused "an op with a field that is unknown" thaw_ops.h 's/^     \* place: y of x$/     * where: y of x/'
refused "a function without a tag" thaw_plugin.h 's/\[init\] Closes the device/Closes the device/'
refused "a type of which no chapter knows" thaw_status.h 's/^typedef int32_t thaw_status;/&\
typedef int32_t thaw_other;/'
exit "$bad"
