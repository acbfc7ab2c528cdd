# Shared by the scripts in this folder; sourced, not run.

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/thaw
BUILD=${THAW_BUILD:-$ROOT/build}
JOBS=$(nproc 2>/dev/null || echo 2)

say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "'$*' needs root: run this as root, or install sudo"
    fi
}

# Installs those of the named Debian packages that are missing.
apt_install() {
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "these packages are missing, and there is no apt-get to install them:$missing"
    note "installing$missing"
    as_root apt-get update -qq || note "apt-get update failed; going on with the lists at hand"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
        >"${TMPDIR:-/tmp}/thaw-apt.$$" 2>&1 || {
        tail -n 20 "${TMPDIR:-/tmp}/thaw-apt.$$" >&2
        rm -f "${TMPDIR:-/tmp}/thaw-apt.$$"
        die "apt-get could not install$missing"
    }
    rm -f "${TMPDIR:-/tmp}/thaw-apt.$$"
}

BUILD_PACKAGES="gcc cmake ninja-build pkg-config libc6-dev libhdf5-dev libzip-dev libcjson-dev
    libxxhash-dev libstb-dev libpng-dev libgif-dev libjpeg62-turbo-dev zlib1g-dev"

# build DIR OPTION…: configures and builds; says nothing unless something fails.
build() {
    dir=$1
    shift
    cmake -S "$ROOT" -B "$dir" -G Ninja "$@" >"$dir.log" 2>&1 &&
        cmake --build "$dir" -j "$JOBS" >>"$dir.log" 2>&1 || {
        tail -n 40 "$dir.log" >&2
        die "the build failed; all of its output is in $dir.log"
    }
}

# fetch ADDRESS FILE: one download to a file, whole or not at all. Fails quietly where it cannot be reached.
fetch() {
    command -v curl >/dev/null 2>&1 || apt_install curl ca-certificates
    curl -fsSL --connect-timeout 10 --retry 1 --speed-limit 1000 --speed-time 20 -o "$2.part" "$1" 2>/dev/null &&
        mv -f "$2.part" "$2" || {
        rm -f "$2.part"
        return 1
    }
}
