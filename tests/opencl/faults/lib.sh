# lib.sh: sourced with $1 program, $2 folder to keep things in, $3 the command line tests' fixture, $4 the faulty
# library.
tests=$(dirname "$0")/../..
. "$tests/opencl/lib.sh"
fixture=$3
faulty=$4
platform pocl.icd pocl-opencl-icd
export THAW_OPENCL_LIBRARY="$faulty"
model() {
    run 0 train "$fixture/photos" -o "$work/model.safetensors" --weights "$fixture/base.safetensors" --epochs 1,1 \
        --batch-size 8 --device cpu:0 --quiet
}
# count FUNCTION: of the last run with FAULTY_COUNT=$work/count.
count() { awk -v name="$1" '$1 == name { print $2 }' "$work/count"; }
# Everything that was created has been released.
released() {
    for pair in clCreateContext:clReleaseContext clCreateCommandQueue:clReleaseCommandQueue \
        clCreateKernel:clReleaseKernel; do
        count_is "$pair" "$(count "${pair%:*}")" "$(count "${pair#*:}")"
    done
}
# fails_well ARGUMENTS…: an error of the program, no signal, with words on stderr.
fails_well() {
    what="thaw $*"
    "$thaw" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    if [ "$code" -eq 0 ] || [ "$code" -ge 126 ] || [ ! -s "$work/err" ]; then
        echo "FAILED: $what: exit code $code"
        sed 's/^/    /' "$work/err"
        failures=$((failures + 1))
    fi
}
