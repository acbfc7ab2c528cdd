#!/bin/sh
# support.sh THAW FIXTURE PAGE: docs/support.md has a row for each op and type of data that `thaw check` knows, and
# no other. Its numbers are not looked at: they are the devices'.
. "$(dirname "$0")/lib.sh"
page=$3

run 0 check --list
awk 'NR > 2 && !seen[$1 " " $2]++ { print $1, $2 }' "$work/out" >"$work/known"
# Of the first table: the sections of devices behind it have the same rows.
awk '/^## / { table++ } table == 1 && /^\| [a-z]/ && $2 != "op" { print $2, $4 }' "$page" >"$work/listed"
sort "$work/known" >"$work/known.sorted"
sort "$work/listed" >"$work/listed.sorted"
if ! diff "$work/listed.sorted" "$work/known.sorted" >"$work/diff"; then
    echo "FAILED: docs/support.md is not of this thaw; scripts/support-matrix makes it anew (< listed, > known):"
    sed 's/^/    /' "$work/diff"
    failures=$((failures + 1))
fi
[ -s "$work/known" ] || { echo "FAILED: no rows at all"; failures=$((failures + 1)); }
finish
