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
    include/thaw/thaw_status.h include/thaw/thaw_plugin.h include/thaw/thaw_ops.h include/thaw/thaw_ext.h \
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

# The SDK, found both ways: what is built with it loads, and what it tells is so.
"$cmake" -S "$source/sdk" -B "$dir/sdk" -DCMAKE_C_COMPILER="$cc" -DPLUGIN_SOURCE="$source/plugin.c" \
    -Dthaw-sdk_DIR="$root/$libdir/cmake/thaw-sdk" >"$dir/log" 2>&1 || { cat "$dir/log"; fail "find_package(thaw-sdk)"; }
"$cmake" --build "$dir/sdk" >"$dir/log" 2>&1 || { cat "$dir/log"; fail "building with find_package(thaw-sdk)"; }
printf '%s\n' "$root/share/thaw/template" "$root/$libdir/thaw" "$root/bin" | diff - "$dir/sdk/told" ||
    fail "the package thaw-sdk names other folders"
eval "set -- $(pkg-config --cflags thaw-sdk)"
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -fvisibility=hidden "$source/plugin.c" "$@" \
    -o "$dir/thaw-author.so" || fail "compiling with pkg-config thaw-sdk"
for plugin in "$dir/sdk/thaw-author.so" "$dir/thaw-author.so"; do
    "$root/bin/thaw" devices -v --plugin "$plugin" 2>&1 | grep -q "plugin author offers no device" ||
        fail "$plugin is not loaded"
done
# pkg-config writes a space in a path as a shell wants it.
eval "template=$(pkg-config --variable=templatedir thaw-sdk)" "plugins=$(pkg-config --variable=plugindir thaw-sdk)"
[ -e "$template/CMakeLists.txt" ] || fail "thaw-sdk.pc: $template holds no template"
[ -e "$plugins/thaw-cpu.so" ] || fail "thaw-sdk.pc: $plugins is not where the plugins are"
abi=$(sed -n 's/^#define THAW_ABI_M[AJINOR]* \([0-9]*\)u.*/\1/p' "$root/include/thaw/thaw_plugin.h" | paste -sd .)
[ "$(pkg-config --modversion thaw-sdk)" = "$abi" ] || fail "thaw-sdk.pc is not of the version of the ABI, $abi"

# By itself the SDK is its headers, packages, template and manual: nothing that computes.
"$cmake" --install "$build" --prefix "$dir/sdk only" --component sdk >"$dir/log" ||
    { cat "$dir/log"; fail "installing the component sdk"; }
for file in include/thaw/thaw_plugin.h include/thaw/thaw_ext.h share/thaw/template/CMakePresets.json \
    "$libdir/pkgconfig/thaw-sdk.pc" "$libdir/cmake/thaw-sdk/thaw-sdkConfig.cmake" \
    "$libdir/cmake/thaw-sdk/thaw-sdkTargets.cmake"; do
    [ -e "$dir/sdk only/$file" ] || fail "the component sdk lacks $file"
done
for page in plugins plugin-abi check tracing benchmarking; do
    find "$dir/sdk only" -name $page.md | grep -q . || fail "the component sdk lacks $page.md"
done
[ -z "$(find "$dir/sdk only" -name '*.so*' -o -name thaw.h)" ] || fail "the component sdk holds more than the SDK"
PKG_CONFIG_PATH="$dir/sdk only/$libdir/pkgconfig"
eval "set -- $(pkg-config --cflags thaw-sdk)"
"$cc" -std=c11 -Werror -fsyntax-only "$source/plugin.c" "$@" || fail "compiling against the SDK alone"
echo "installed, moved and used from $root"
