#!/bin/sh
# peers.sh SOURCE HERE: what bench/peers/run says, that its Python parses, and the arithmetic of its table.
set -u
peers=$1/bench/peers
here=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
HOME=$work
export HOME
unset XDG_CACHE_HOME || true
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

"$peers/run" --help >"$work/out" 2>&1 || fail "--help: exit code $?"
for option in --quick --only --rounds --threads --json --thaw --venv --no-install --lock; do
    grep -qe "^  $option " "$work/out" || fail "--help does not tell of $option"
done

# refuses PATTERN ARGUMENTS…
refuses() {
    pattern=$1
    shift
    if "$peers/run" "$@" >"$work/out" 2>&1; then
        fail "run $*: expected a failure"
    fi
    grep -qe "$pattern" "$work/out" || fail "run $*: does not say $pattern: $(cat "$work/out")"
}
refuses "no option --fast" --fast
refuses "no option forward" --only forward forward
refuses "only needs a value" --quick --only
refuses "no Python in $work/none" --no-install --venv "$work/none"
[ ! -e "$work/.cache" ] || fail "a refused command left $work/.cache behind"

if command -v shellcheck >/dev/null 2>&1; then
    shellcheck -x "$peers/run" "$here/peers.sh" || fail "shellcheck"
else
    echo "no shellcheck here: not run"
fi

if command -v python3 >/dev/null 2>&1; then
    for file in "$peers"/*.py; do
        # Without a cache of compiled files in the source.
        python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$file" || fail "$file"
    done
    python3 -B "$peers/table.py" "$here/canned.json" >"$work/table" || fail "table.py: exit code $?"
    diff "$here/canned.txt" "$work/table" || fail "the table of canned.json"
    python3 -B "$here/units.py" "$peers" || fail "units.py"
else
    echo "no python3 here: the Python files are not looked at"
fi
[ "$failures" -eq 0 ] && echo "all as expected"
[ "$failures" -eq 0 ]
