/* Vectors of four through the compilers' vector extension: SSE2 on x86-64, NEON on Arm. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef float vec __attribute__((vector_size(16)));
#define LANES             ((size_t)4)
#define ROWS              6
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define KERNELS           cpu_conv_kernels_generic
#define WINO_KERNELS      cpu_wino_kernels_generic
#define WINO_PRODUCTS     cpu_wino_products_generic

static inline vec vec_loadu(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void vec_storeu(float *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

static inline vec vec_load_part(const float *p, size_t n)
{
    vec v = {0};
    memcpy(&v, p, n * sizeof *p);
    return v;
}

static inline void vec_store_part(float *p, vec v, size_t n)
{
    memcpy(p, &v, n * sizeof *p);
}

static inline vec vec_floor(vec z, vec lo)
{
    typedef int32_t mask __attribute__((vector_size(16)));
    mask below = z < lo;
    return (vec)(((mask)lo & below) | ((mask)z & ~below));
}

static inline vec vec_fma(vec a, vec b, vec c)
{
#if defined(__aarch64__)
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

#define vec_zero()    ((vec){0})
#define vec_set1(f)   ((vec){(f), (f), (f), (f)})
#define vec_add(a, b) ((a) + (b))
#define vec_load(p)   vec_loadu(p)

#include "kernels_body.h"
#include "wino/body.h"
