/* 14 rows of 2 vectors fill 28 of the 32 registers; 2 more hold the weights. */
#include <immintrin.h>
#include <stddef.h>

typedef __m512 vec;
#define LANES             ((size_t)16)
#define ROWS              14
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define KERNELS           cpu_conv_kernels_avx512
#define WINO_KERNELS      cpu_wino_kernels_avx512
#define WINO_PRODUCTS     cpu_wino_products_avx512

#define vec_zero()       _mm512_setzero_ps()
#define vec_set1(f)      _mm512_set1_ps(f)
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vec_add(a, b)    _mm512_add_ps(a, b)
/* The instruction returns its second operand where either is NaN. */
#define vec_floor(z, lo)        _mm512_max_ps(lo, z)
#define vec_load(p)             _mm512_load_ps(p)
#define vec_loadu(p)            _mm512_loadu_ps(p)
#define vec_storeu(p, v)        _mm512_storeu_ps(p, v)
#define part_mask(n)            ((__mmask16)((1u << (n)) - 1u))
#define vec_load_part(p, n)     _mm512_maskz_loadu_ps(part_mask(n), p)
#define vec_store_part(p, v, n) _mm512_mask_storeu_ps(p, part_mask(n), v)

#include "kernels_body.h"
#include "wino/body.h"
