/* 6 rows of 2 vectors fill 12 of the 16 registers; 2 more hold the weights, one a broadcast. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m256 vec;
#define LANES             ((size_t)8)
#define ROWS              6
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define KERNELS           cpu_conv_kernels_avx2
#define WINO_KERNELS      cpu_wino_kernels_avx2
#define WINO_PRODUCTS     cpu_wino_products_avx2

/* Eight words from part_words + 8 - n on select the first n lanes. */
static const int32_t part_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

#define vec_zero()       _mm256_setzero_ps()
#define vec_set1(f)      _mm256_set1_ps(f)
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vec_add(a, b)    _mm256_add_ps(a, b)
/* The instruction returns its second operand where either is NaN. */
#define vec_floor(z, lo)        _mm256_max_ps(lo, z)
#define vec_load(p)             _mm256_load_ps(p)
#define vec_loadu(p)            _mm256_loadu_ps(p)
#define vec_storeu(p, v)        _mm256_storeu_ps(p, v)
#define part_mask(n)            _mm256_loadu_si256((const __m256i *)(part_words + 8 - (n)))
#define vec_load_part(p, n)     _mm256_maskload_ps(p, part_mask(n))
#define vec_store_part(p, v, n) _mm256_maskstore_ps(p, part_mask(n), v)

#include "kernels_body.h"
#include "wino/body.h"
