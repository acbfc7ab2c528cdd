#!/bin/sh
# install.sh CMAKE BUILD SOURCE CC LIBDIR: installs, moves the tree, and uses it from there.
set -eu
cmake=$1
build=$2
source=$3
cc=$4
libdir=$5
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset THAW_PLUGIN_PATH LD_LIBRARY_PATH || true

fail() {
    echo "FAILED: $*"
    exit 1
}

"$cmake" --install "$build" --prefix "$dir/first" >"$dir/log" || { cat "$dir/log"; fail "install"; }
mkdir "$dir/another place"
mv "$dir/first" "$dir/another place/thaw"
root="$dir/another place/thaw"

for file in bin/thaw "$libdir/libthaw.so.0" "$libdir/thaw/thaw-cpu.so" include/thaw/thaw.h \
    include/thaw/thaw_status.h include/thaw/thaw_plugin.h include/thaw/thaw_ops.h \
    "$libdir/pkgconfig/thaw.pc" "$libdir/cmake/thaw/thawConfig.cmake"; do
    [ -e "$root/$file" ] || fail "$file is not installed"
done
find "$root" -name LICENSE | grep -q . || fail "the licence is not installed"
if grep -rIl "$build" "$root"; then
    fail "installed files name the build folder"
fi

"$root/bin/thaw" devices | grep -q '^cpu:0 ' || fail "the moved program finds no cpu:0"
"$root/bin/thaw" devices --json | grep -q "\"plugin_path\": \"$root/$libdir/thaw/thaw-cpu.so\"" ||
    fail "the moved program does not use the plugin beside it"

# pkg-config
PKG_CONFIG_PATH="$root/$libdir/pkgconfig"
export PKG_CONFIG_PATH
version=$(pkg-config --modversion thaw)
[ "$("$root/bin/thaw" --version)" = "thaw $version" ] || fail "thaw.pc and the program differ in version"
eval "set -- $(pkg-config --cflags --libs thaw)"
"$cc" -std=c11 -Wall -Wextra -Werror "$source/user.c" "$@" -o "$dir/user" || fail "compiling with pkg-config"
LD_LIBRARY_PATH="$root/$libdir" "$dir/user" || fail "the pkg-config program: code $?"

# find_package
"$cmake" -S "$source/package" -B "$dir/package" -DCMAKE_C_COMPILER="$cc" -DUSER_SOURCE="$source/user.c" \
    -Dthaw_DIR="$root/$libdir/cmake/thaw" >"$dir/log" 2>&1 || { cat "$dir/log"; fail "find_package"; }
"$cmake" --build "$dir/package" >"$dir/log" 2>&1 || { cat "$dir/log"; fail "building with find_package"; }
"$dir/package/user" || fail "the find_package program: code $?"

# A plugin is written against the installed headers alone.
for header in thaw_plugin.h thaw_ops.h; do
    echo "#include <thaw/$header>" |
        "$cc" -std=c11 -Wpedantic -Werror -fsyntax-only -I"$root/include" -x c - ||
        fail "$header does not compile from the installed tree"
done
echo "installed, moved and used from $root"
