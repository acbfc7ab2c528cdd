#!/bin/sh
# absent.sh: no OpenCL library, no driver, no device, a library that lacks functions: thaw says so and the CPU goes on.
. "$(dirname "$0")/lib.sh"
works_without() {
    run 0 devices -v
    prints '^cpu:0'
    says "$1"
    ! grep -q '^opencl' "$work/out" || lacks stdout "no opencl device" "$work/out"
    run 0 predict -m "$work/model.safetensors" "$fixture/new" --quiet
    fails_well predict -m "$work/model.safetensors" "$fixture/new" --device opencl:0
    says 'opencl:0'
    says 'cpu:0'
}
model
export THAW_OPENCL_LIBRARY=/nonexistent/libOpenCL.so.1
works_without '/nonexistent/libOpenCL.so.1'
# A library, but not of OpenCL.
THAW_OPENCL_LIBRARY=$(ldd "$thaw" | awk '$1 ~ /^libc\.so/ { print $3 }')
works_without 'clGetPlatformIDs'
export THAW_OPENCL_LIBRARY="$faulty" FAULTY_EMPTY=platforms
works_without 'driver'
export FAULTY_EMPTY=devices
works_without 'device'
finish
