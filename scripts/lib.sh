# shellcheck shell=sh disable=SC2034
# Shared by the scripts in this folder; sourced, not run.

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-${HOME:?error: set HOME, below which .cache/thaw is kept}/.cache}/thaw
BUILD=${THAW_BUILD:-$ROOT/build}
JOBS=$(nproc 2>/dev/null || echo 2)

BUILD_PACKAGES="gcc cmake ninja-build pkg-config libc6-dev libhdf5-dev libzip-dev libcjson-dev
    libxxhash-dev libstb-dev libpng-dev libgif-dev libjpeg-dev zlib1g-dev
    opencl-c-headers"
# Two OpenCL implementations for the CPU, a simulator that finds wrong accesses, and a library of kernels.
OPENCL_TEST_PACKAGES="ocl-icd-libopencl1 pocl-opencl-icd oclgrind mesa-opencl-icd libclblast1"
# A library for one more backend, which is built where it is there.
ONEDNN_PACKAGES="libdnnl-dev"
FETCH_PACKAGES="curl ca-certificates"
# For CMake runs inside the tests as well: a machine that has ninja need not have make.
export CMAKE_GENERATOR=Ninja

say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Prints the comment that a script begins with.
usage() { sed -n '2,${/^#/!q;s/^# \{0,1\}//p;}' "$0"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Waits for another apt-get (new machines run one by themselves); asks nothing; gives up on a dead network.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@" </dev/null
}

# Installs those of the named Debian packages that are missing.
apt_install() {
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed ||
            missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "these packages are missing, and there is no apt-get to install them:$missing"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 ||
        die "no sudo here; as root: apt-get install --no-install-recommends$missing"
    note "installing$missing"
    log=$(mktemp)
    # Finishes what an interrupted run has left; does nothing otherwise.
    as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >"$log" 2>&1 </dev/null || :
    # The package lists at hand come first: they are fetched only where they are missing or too old.
    # shellcheck disable=SC2086
    apt_get install --no-install-recommends $missing >"$log" 2>&1 || {
        apt_get update >"$log" 2>&1 || :
        apt_get install --no-install-recommends $missing >>"$log" 2>&1
    } || {
        tail -n 40 "$log" >&2
        rm -f "$log"
        die "apt-get could not install$missing (its own words are above; is there a network, and space?)"
    }
    rm -f "$log"
}

# Installs each of the named packages by itself; goes on without those that cannot be had, and says which.
apt_install_if_there() {
    for package in "$@"; do
        (apt_install "$package") 2>/dev/null ||
            note "$package cannot be had: its tests are skipped"
    done
}

# build DIR OPTION…: configures and builds; says nothing unless something fails.
build() {
    dir=$1
    shift
    mkdir -p "$dir"
    if ! { cmake -S "$ROOT" -B "$dir" "$@" && cmake --build "$dir" -j "$JOBS"; } \
        >"$dir.log" 2>&1; then
        tail -n 40 "$dir.log" >&2
        die "the build failed; all of its output is in $dir.log"
    fi
}

# fetch ADDRESS FILE: one download to a file, whole or not at all. Returns 1 where it cannot be reached.
fetch() {
    # shellcheck disable=SC2086
    command -v curl >/dev/null 2>&1 || apt_install $FETCH_PACKAGES
    if [ -t 2 ]; then show=-#; else show=-s; fi
    status=0
    curl -fSL "$show" --connect-timeout 10 --retry 1 --speed-limit 1000 --speed-time 20 \
        -o "$2.part" "$1" >&2 || status=$?
    if [ "$status" -eq 0 ]; then
        mv -f "$2.part" "$2"
        return 0
    fi
    rm -f "$2.part"
    # curl's 23: it could not write.
    [ "$status" -ne 23 ] || die "cannot write $2: is the disk full?"
    return 1
}

# manifest NAME FIELD: one field of a line of weights/manifest.tsv.
manifest() {
    awk -F '\t' -v name="$1" -v field="$2" '$1 == name { print $field }' "$ROOT/weights/manifest.tsv"
}

# same_sum FILE MD5
same_sum() { [ "$(md5sum "$1" | cut -d ' ' -f 1)" = "$2" ]; }
