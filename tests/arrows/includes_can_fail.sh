#!/bin/sh
# includes_can_fail.sh SCRIPT: the scan finds each kind of wrong include.
set -u
script=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

# expect WORD FILE HEADER: with that one include in that file, the scan passes or fails.
expect() {
    rm -rf "$dir/tree"
    mkdir -p "$dir/tree/$(dirname "$2")"
    echo "#include \"$3\"" >"$dir/tree/$2"
    if sh "$script" "$dir/tree" >/dev/null 2>&1; then got=pass; else got=fail; fi
    if [ "$got" != "$1" ]; then
        echo "$2 with \"$3\": expected $1, got $got"
        bad=1
    fi
}

expect pass core/graph/a.c core/base/file.h
expect pass core/data/a.c core/model/model.h
expect pass core/api/a.c thaw/thaw.h
expect pass cli/a.c thaw/thaw.h
expect pass backends/cpu/a.c thaw_plugin.h
expect fail core/base/a.c core/graph/graph.h
expect fail core/model/a.c core/data/data.h
expect fail core/data/a.c core/model/other.h
expect fail core/graph/a.c backends/cpu/cpu.h
expect fail core/train/a.c thaw/thaw.h
expect fail core/runtime/a.c core/train/train.h
expect pass core/bench/a.c core/tune/timing.h
expect fail core/bench/a.c core/api/api.h
expect fail backends/cpu/a.c core/base/file.h
expect pass backends/cpu/a.c backends/common/op.h
expect pass backends/opencl/ops/a.c backends/opencl/opencl.h
expect fail backends/opencl/a.c backends/cpu/cpu.h
expect fail backends/opencl/ops/a.c backends/cpu/cpu.h
expect fail backends/common/a.c backends/opencl/opencl.h
expect pass plugins/template/a.c thaw/thaw_plugin.h
expect fail plugins/template/a.c thaw/thaw.h
expect fail plugins/template/a.c core/base/file.h
expect fail plugins/trace/a.c core/base/file.h
expect pass plugins/trace/a.c thaw_ext.h
expect pass plugins/onednn/ops/a.c plugins/onednn/image.h
expect pass plugins/onednn/a.c backends/common/op.h
expect fail plugins/onednn/a.c backends/cpu/cpu.h
expect fail plugins/onednn/a.c plugins/other/a.h
expect fail plugins/onednn/a.c core/base/file.h
expect fail plugins/other/a.c backends/common/op.h
expect fail cli/a.c core/base/file.h
expect fail cli/a.c thaw_plugin.h
expect fail include/thaw/a.h core/base/file.h
exit "$bad"
