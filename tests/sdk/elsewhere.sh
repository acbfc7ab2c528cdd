#!/bin/sh
# elsewhere.sh CMAKE BUILD CC LIBDIR FIXTURE: what the author of a plugin does: thaw is installed somewhere, the
# template is copied out of it and built with the one command that its README names; then it is listed, checked,
# and trains.
set -u
cmake=$1
build=$2
cc=$3
libdir=$4
fixture=$5
dir=$(mktemp -d)
root=$dir/moved/thaw
set -- "$root/bin/thaw" "$fixture"
. "$(dirname "$0")/../cli/lib.sh"
trap 'rm -rf "$dir" "$work"' EXIT
unset LD_LIBRARY_PATH CMAKE_PREFIX_PATH PKG_CONFIG_PATH || true

give_up() {
    echo "FAILED: $1"
    sed 's/^/    /' "$work/log"
    exit 1
}

"$cmake" --install "$build" --prefix "$dir/first" >"$work/log" 2>&1 || give_up "installing thaw"
mkdir "$dir/moved" && mv "$dir/first" "$root"
PATH=$root/bin:$PATH
PKG_CONFIG_PATH=$root/$libdir/pkgconfig
export PATH PKG_CONFIG_PATH

cp -r "$(pkg-config --variable=templatedir thaw-sdk)" "$dir/mine" 2>"$work/log" || give_up "copying the template"
cd "$dir/mine" || exit 1
export CC="$cc"
command=$(sed -n 's/^    \(cmake --workflow .*\)/\1/p' README.md)
minor=$("$cmake" --version | sed -n 's/^cmake version 3\.\([0-9]*\).*/\1/p')
if [ "${minor:-25}" -lt 25 ]; then
    echo "this CMake knows no workflows: the template is built with the commands for older ones"
    command='cmake -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build && ctest --test-dir build'
fi
PATH=$(dirname "$cmake"):$PATH
sh -c "$command" >"$work/log" 2>&1 || give_up "$command"
grep -q "100% tests passed, 0 tests failed out of 1" "$work/log" || give_up "the template's own test has not run"
grep -i "warning" "$work/log" && give_up "warnings"
plugin=$dir/mine/build/thaw-template.so
[ -e "$plugin" ] || give_up "there is no $plugin"

run 0 devices --plugin "$plugin"
prints '^template:0 '
for op in device relu_bwd affine bias_grad; do
    run 0 check "$plugin" --op "$op"
    prints "^template:0: [1-9][0-9]* cases: [1-9][0-9]* passed, 0 failed, 0 declined"
done
run 0 plan --plugin "$plugin" --device template:0 --weights "$fixture/base.safetensors" --phase finetune
prints '^relu_bwd .* template:0 '
prints '^conv2d .* cpu:0 .*template does not have this op yet'

# The ops that plugins.md adds, in its own words: functions and a line of the table each.
said() { # NUMBER: that block of C
    awk -v wanted="$1" '/^```c$/ { n++; on = 1; next } /^```/ { on = 0 } on && n == wanted' \
        "$root"/share/doc/*/plugins.md
}
add_op() { # FUNCTIONS ROW
    said "$1" >"$work/op.c"
    said "$2" >"$work/row.c"
    sed -i -e "/^\/\* ---- all of them/r $work/op.c" -e "/^static const op_kind kinds/r $work/row.c" ops.c
}
add_op 1 2
add_op 3 4
sed -i 's/^\( *\)thaw_affine_attr affine;/&\n\1thaw_conv_attr conv;/' plugin.h
"$cmake" --build build >"$work/log" 2>&1 || give_up "building with the ops of plugins.md"
grep -i "warning" "$work/log" && give_up "warnings in the ops of plugins.md"
run 0 check "$plugin" --op global_avgpool,conv2d
prints "^template:0: [1-9][0-9]* cases: [1-9][0-9]* passed, 0 failed, "
prints "conv2d with more than 2 inputs or 1 outputs is not here yet"
prints "conv2d here has no relu"

# A plugin that is installed beside thaw's own is found without a word.
"$cmake" --install build >"$work/log" 2>&1 || give_up "installing the plugin"
[ -e "$root/$libdir/thaw/thaw-template.so" ] || give_up "the plugin is not where thaw looks for plugins"
run 0 devices
prints '^template:0 '

# The recipe with the template's ops on the template is the recipe on the CPU: each of its numbers has the same
# formula, and what differs is the order of sums in double, so that most losses agree in all digits that are printed.
losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$1"; }
recipe="--weights $fixture/base.safetensors --epochs 2,2 --lr 1e-2,1e-4 --batch-size 7 --unfreeze-last 20 --quiet"
for device in cpu:0 template:0; do
    # shellcheck disable=SC2086
    run 0 train "$fixture/photos" -o "$work/$device.safetensors" $recipe --device $device --fallback allow \
        --log-steps "$work/$device.jsonl"
    losses "$work/$device.jsonl" >"$work/$device.losses"
done
count_is "steps" "$(wc -l <"$work/cpu:0.losses")" "$(wc -l <"$work/template:0.losses")"
paste "$work/cpu:0.losses" "$work/template:0.losses" | awk '
    {
        d = $1 - $2; if (d < 0) d = -d
        if (d > worst) worst = d
        if (!(d <= 1e-5 * $1)) bad = bad "\n    step " NR ": " $0
    }
    END {
        printf "%d steps, worst difference of a loss %.2g\n", NR, worst
        if (NR < 8 || bad) { print "FAILED: losses that differ by more than 1e-5 of themselves:" bad; exit 1 }
    }' || failures=$((failures + 1))
# shellcheck disable=SC2086
run 0 train "$fixture/photos" -o "$work/again.safetensors" $recipe --device template:0 --fallback allow --threads 1
same "$work/template:0.safetensors" "$work/again.safetensors"
finish
