# lib.sh: run the program and look at what it did. Sourced with $1: the program, $2: the fixture's folder.
set -u
thaw=$1
fixture=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
unset THAW_WEIGHTS THAW_PLUGIN_PATH XDG_CACHE_HOME || true
HOME=$work
export HOME

# run CODE ARGUMENTS…: expects that exit code; leaves stdout in $work/out and stderr in $work/err.
run() {
    expected=$1
    shift
    what="thaw $*"
    "$thaw" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    if [ "$code" -ne "$expected" ]; then
        echo "FAILED: $what: exit code $code, expected $expected"
        sed 's/^/    /' "$work/err"
        failures=$((failures + 1))
    fi
}

# says PATTERN / prints PATTERN: stderr or stdout of the last run has a line like that.
says() {
    grep -qe "$1" "$work/err" || lacks "stderr" "$1" "$work/err"
}
prints() {
    grep -qe "$1" "$work/out" || lacks "stdout" "$1" "$work/out"
}
lacks() {
    echo "FAILED: $what: $1 has no \"$2\" in:"
    sed 's/^/    /' "$3"
    failures=$((failures + 1))
}
silent() {
    [ -s "$work/err" ] || return 0
    echo "FAILED: $what: unexpected on stderr:"
    sed 's/^/    /' "$work/err"
    failures=$((failures + 1))
}
# The output is one JSON document.
is_json() {
    command -v python3 >/dev/null 2>&1 || return 0
    python3 -m json.tool "$work/out" >/dev/null 2>"$work/why" ||
        lacks "stdout" "JSON: $(cat "$work/why")" "$work/out"
}
# count_is WHAT FOUND EXPECTED
count_is() {
    [ "$2" -eq "$3" ] || { echo "FAILED: $what: $1: $2, expected $3"; failures=$((failures + 1)); }
}
exists() {
    [ -s "$1" ] || { echo "FAILED: $what: did not write $1"; failures=$((failures + 1)); }
}
missing() {
    [ ! -e "$1" ] || { echo "FAILED: $what: left $1 behind"; failures=$((failures + 1)); }
}
same() {
    cmp -s "$1" "$2" || { echo "FAILED: $what: $1 and $2 differ"; failures=$((failures + 1)); }
}
finish() {
    [ "$failures" -eq 0 ] && echo "all as expected"
    [ "$failures" -eq 0 ]
    exit
}
