#!/bin/sh
# errors.sh THAW FIXTURE: what is wrong is said on stderr, where and what to do; nothing is left behind.
. "$(dirname "$0")/lib.sh"
base=$fixture/base.safetensors
photos=$fixture/photos

run 0 devices
prints "^cpu:0 "
silent
run 0 devices --json
is_json
prints '"name": "cpu:0"'

# Output that cannot be written is an error, however little it is.
if [ -w /dev/full ]; then
    "$thaw" devices >/dev/full 2>"$work/err"
    [ $? -eq 1 ] || { echo "FAILED: a full stdout goes unnoticed"; failures=$((failures + 1)); }
    what="thaw devices >/dev/full"
    says "standard output"
fi
"$thaw" --version >&- 2>"$work/err"
[ $? -eq 1 ] || { echo "FAILED: a closed stdout goes unnoticed"; failures=$((failures + 1)); }

# Plugins.
echo "no plugin at all" >"$work/thaw-text.so"
run 1 devices --plugin "$work/thaw-text.so"
says "thaw-text.so"
run 1 devices --plugin "$work/absent.so"
says "absent.so"
run 1 check "$work/thaw-text.so"
says "thaw-text.so"
mkdir "$work/plugins"
cp "$work/thaw-text.so" "$work/plugins/"
THAW_PLUGIN_PATH=$work/plugins
export THAW_PLUGIN_PATH
run 0 devices -v
says "thaw-text.so"
prints "^cpu:0 "
unset THAW_PLUGIN_PATH

# Checks.
run 0 check --op relu_bwd --threads 1
prints "^relu_bwd "
run 0 check --op relu_bwd --json
is_json
run 2 check --op no_such_op
run 1 check --device nothing:0 --op relu_bwd
says "cpu:0"
run 0 check --list ops
prints "^conv2d$"

# Files that are no models.
echo "garbage" >"$work/garbage.safetensors"
head -c 5000 "$base" >"$work/cut.safetensors"
: >"$work/empty.safetensors"
for file in garbage cut empty absent; do
    run 1 info "$work/$file.safetensors"
    says "$file.safetensors"
    run 1 convert "$work/$file.safetensors" -o "$work/out.safetensors"
    missing "$work/out.safetensors"
    run 1 predict -m "$work/$file.safetensors" "$fixture/new"
    says "$file.safetensors"
done
run 1 predict -m "$base" "$fixture/new"
says "no head"
run 1 convert "$base" -o "$work/no/such/folder/out.safetensors"
says "no/such/folder"

# Photos.
run 1 train "$work/absent" -o "$work/m" --weights "$base"
says "absent"
mkdir -p "$work/empty" "$work/one/only" "$work/none/a" "$work/none/b"
cp "$photos"/red/*.bmp "$work/one/only/"
run 1 train "$work/empty" -o "$work/m" --weights "$base"
says "empty"
run 1 train "$work/one" -o "$work/m" --weights "$base"
says "class"
run 1 train "$work/none" -o "$work/m" --weights "$base"
says "none/a has no image"
cp "$photos"/red/*.bmp "$work/none/b/"
run 1 train "$work/none" -o "$work/m" --weights "$base"
says "none/a has no image"
missing "$work/m"

# A class whose name no model file can hold is named.
mkdir -p "$work/latin/a" "$work/latin/caf$(printf '\351')"
for folder in "$work"/latin/*; do
    cp "$photos"/red/*.bmp "$folder/"
done
run 1 train "$work/latin" -o "$work/m" --weights "$base"
says "not UTF-8: \"caf"

# Where to write is looked at before the work.
mkdir "$work/folder"
run 1 train "$photos" -o "$work/folder" --weights "$base"
says "names a folder"
mkfifo "$work/pipe"
run 1 train "$photos" -o "$work/pipe" --weights "$base"
says "not a regular file"
run 1 convert "$base" -o "$work/absent/m"
says "its folder does not exist"

# Weights and devices.
run 1 train "$photos" -o "$work/m"
says "get-weights"
says "weights FILE"
THAW_WEIGHTS=$work/garbage.safetensors
export THAW_WEIGHTS
run 1 train "$photos" -o "$work/m"
says "garbage.safetensors"
THAW_WEIGHTS=$work/absent.safetensors
run 1 train "$photos" -o "$work/m"
says "THAW_WEIGHTS names $work/absent.safetensors"
unset THAW_WEIGHTS
run 1 train "$photos" -o "$work/m" --weights "$base" --device opencl:9
says "opencl:9"
run 1 train "$photos" -o "$work/m" --weights "$base" --device cpu:0,isa=abacus
says "isa"
run 1 train "$photos" -o "$work/m" --weights "$base" --unfreeze mixed99
says "mixed99"
missing "$work/m"
run 1 train "$photos" -o "$work/no/such/folder/m" --weights "$base" --epochs 1,0
says "no/such/folder"
run 1 features "$base" "$work/absent.jpg" -o "$work/f.npy"
says "absent.jpg"
missing "$work/f.npy"
run 1 features "$base" "$fixture/new" -o "$work/no/such/f.npy"
says "its folder does not exist"
finish
