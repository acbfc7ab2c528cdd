# lib.sh: a test of the OpenCL backend. Sourced with $1: the program, $2: a folder of the build tree that is kept.
# A test whose platform is not installed says so and leaves with 77, which CTest counts as skipped.
. "${tests:-$(dirname "$0")/..}/cli/lib.sh"
keep=$2
# What is compiled stays, so that a second run of the suite does not wait for the compilers again.
mkdir -p "$keep/cache" "$keep/pocl"
export THAW_CACHE_DIR="$keep/cache" POCL_CACHE_DIR="$keep/pocl" XDG_CONFIG_HOME="$work/config"

skip() {
    echo "skipped: $*"
    exit 77
}

# platform FILE.icd PACKAGE: the one OpenCL platform of this test. A folder of its own serves every loader, those
# that read OCL_ICD_VENDORS as a folder only included.
platform() {
    [ -r "/etc/OpenCL/vendors/$1" ] || skip "there is no /etc/OpenCL/vendors/$1 (Debian: $2)"
    mkdir -p "$work/vendors"
    cp "/etc/OpenCL/vendors/$1" "$work/vendors/"
    export OCL_ICD_VENDORS="$work/vendors"
    "$thaw" devices 2>"$work/err" | grep -q '^opencl:0' ||
        skip "$1 offers no device: $("$thaw" devices -v 2>&1 | grep -i opencl | head -n 1)"
}

# proves ARGUMENTS…: `thaw check` finds cases, and none of them fails or is declined. What it said is kept in $work/said.
proves() {
    run 0 check -v "$@"
    cat "$work/err" >>"$work/said"
    prints "^[^ ]*: [1-9][0-9]* cases: [1-9][0-9]* passed, 0 failed, 0 declined"
    grep '^FAILED\|^[^ ]*: [0-9]* cases' "$work/out"
}
