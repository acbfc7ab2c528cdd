#!/bin/sh
# includes.sh ROOT: every #include "…" of the project goes along an arrow of docs/architecture.md.
set -u
root=$1
bad=0
seen=0

# What a room of core may include from core, apart from itself.
allowed() {
    case $1 in
    base) echo "" ;;
    graph) echo "base" ;;
    runtime) echo "base graph" ;;
    check) echo "base graph runtime" ;;
    tune) echo "base graph runtime check" ;;
    data) echo "base graph runtime model/model.h" ;;
    model) echo "base graph runtime" ;;
    train) echo "base graph runtime data model" ;;
    bench) echo "base graph runtime check tune data model train" ;;
    api) echo "base graph runtime check tune data model train bench" ;;
    *) echo "unknown" ;;
    esac
}

complain() {
    echo "$1: includes \"$2\": $3"
    bad=1
}

# Files below a folder, if there is one.
sources() {
    [ -d "$1" ] && find "$1" -name '*.[ch]' -o -name '*.def' -path "$1/*" | sort
}

includes_of() {
    sed -n 's/^[ 	]*#[ 	]*include[ 	]*["<]\([^">]*\)[">].*/\1/p' "$1"
}

# is_local FILE HEADER: the header lies beside the file.
is_local() {
    [ -f "$(dirname "$1")/$2" ]
}

check_core() {
    room=$(echo "${1#"$root"/core/}" | cut -d/ -f1)
    may=$(allowed "$room")
    case $2 in
    core/"$room"/*) return ;;
    core/*)
        for other in $may; do
            case ${2#core/} in
            "$other" | "$other"/*) return ;;
            esac
        done
        complain "$1" "$2" "core/$room may include only itself and: $may"
        ;;
    backends/* | */backends/* | cli/* | *../*) complain "$1" "$2" "core knows no backend and no program" ;;
    thaw/*) [ "$room" = api ] || complain "$1" "$2" "only core/api implements include/thaw" ;;
    cpu.h | opencl.h) complain "$1" "$2" "core knows no backend" ;;
    esac
}

check_sdk() {
    case $2 in
    thaw/thaw_status.h | thaw/thaw_plugin.h | thaw/thaw_ops.h | thaw/thaw_ext.h) ;; # as they are installed
    core/* | thaw/* | cli/* | */core/*) complain "$1" "$2" "a backend stands on plugins/sdk alone" ;;
    esac
}

check_backend() {
    own=$(echo "${1#"$root"/backends/}" | cut -d/ -f1)
    case $2 in
    backends/"$own"/* | backends/common/*) ;;
    backends/*) complain "$1" "$2" "a backend may include only itself and backends/common" ;;
    *) check_sdk "$1" "$2" ;;
    esac
}

# Those of our own plugins that link backends/common; the others stand on the SDK as a stranger's would.
check_plugin() {
    own=$(echo "${1#"$root"/plugins/}" | cut -d/ -f1)
    case $own:$2 in
    *:plugins/"$own"/* | onednn:backends/common/*) ;;
    *:plugins/* | *:backends/*) complain "$1" "$2" "plugins/$own may include only itself and plugins/sdk" ;;
    *) check_sdk "$1" "$2" ;;
    esac
}

check_cli() {
    case $2 in
    thaw/thaw.h) ;;
    core/* | backends/* | thaw_plugin.h | thaw_ops.h | thaw_ext.h | thaw/* | ../*)
        complain "$1" "$2" "the program stands on include/thaw/thaw.h alone"
        ;;
    esac
}

check_public() {
    case $2 in
    thaw_status.h | thaw_plugin.h | thaw_ops.h | thaw_ext.h | stdint.h | stddef.h | signal.h) ;;
    *) complain "$1" "$2" "a public header includes plugins/sdk and the standard library alone" ;;
    esac
}

scan() {
    for file in $(sources "$root/$1"); do
        seen=$((seen + 1))
        for header in $(includes_of "$file"); do
            is_local "$file" "$header" || "$2" "$file" "$header"
        done
    done
}

scan core check_core
scan backends check_backend
scan plugins check_plugin
scan cli check_cli
scan include check_public
scan plugins/sdk check_public

if [ "$seen" -eq 0 ]; then
    echo "$root: no source found"
    exit 1
fi
[ "$bad" -eq 0 ] && echo "$seen files: every include goes along an arrow"
exit "$bad"
