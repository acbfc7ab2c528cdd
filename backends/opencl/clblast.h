/* clblast.h: CLBlast's matrix product, where the library is installed. It is opened at run time. */
#ifndef THAW_OPENCL_CLBLAST_H
#define THAW_OPENCL_CLBLAST_H

#include "backends/opencl/opencl.h"

/* c = op(a)*op(b) + beta*c in row-major order: op(a) is m x k, op(b) k x n. ld: elements from row to row of
 * the matrix as it lies in memory. */
typedef struct {
    size_t m, n, k;
    size_t lda, ldb, ldc;
    bool transpose_a, transpose_b;
    float beta; /* 0: what c holds is not read */
} clblast_gemm;

/* Can the device use the library? Where not, `why` (cap bytes) says what is missing. Opens it at the first
 * call of the process. [thread-safe] */
bool ocl_clblast_usable(const thaw_device *dev, char *why, size_t cap);

/* ocl_host_fn: data is a clblast_gemm, places are a, b, c. The library may compile and allocate in it. Calls
 * wait for each other, since the library does not bear several threads everywhere. [stream]
 * THAW_E_UNSUPPORTED where a matrix begins beyond the library's 32-bit offsets. */
thaw_status ocl_clblast_run(thaw_stream *stream, const void *data, const ocl_place *places, thaw_error *err);

#endif
