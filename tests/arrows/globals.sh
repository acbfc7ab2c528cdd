#!/bin/sh
# globals.sh NM LIST: none of core's objects has a variable that can change: no data, bss or common symbol.
# Tables of pointers are constant once the loader has relocated them; those lie in .data.rel.ro.
set -u
nm=$1
list=$2
bad=0
count=0
while read -r object; do
    [ -n "$object" ] || continue
    count=$((count + 1))
    # In System V format the section stands in the last column.
    found=$("$nm" -f sysv "$object" | awk -F'|' '
        function trimmed(text) { gsub(/ /, "", text); return text }
        trimmed($3) == "C" { print trimmed($1) }
        trimmed($7) ~ /^\.data\.rel\.ro/ { next }
        trimmed($7) ~ /^\.(bss|tbss|tdata|data)($|\.)/ { print trimmed($1) }')
    if [ -n "$found" ]; then
        echo "$object: variables that can change: $found"
        bad=1
    fi
done <"$list"
if [ "$count" -eq 0 ]; then
    echo "$list: no objects"
    exit 1
fi
[ "$bad" -eq 0 ] && echo "$count objects without a variable that can change"
exit "$bad"
