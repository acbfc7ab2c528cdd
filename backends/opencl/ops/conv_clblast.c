/* conv_clblast.c: convolutions as CLBlast's matrix products: one over the images as they lie where the window
 * is one pixel, else over a matrix that holds each pixel's window (im2col.cl), a chunk of images at a time.
 * For devices that the project's own kernels suit badly: the library allocates and compiles while it runs,
 * so it is never the first choice. */
#include <stdio.h>

#include "backends/opencl/clblast.h"
#include "backends/opencl/ops/conv_tile.h"
#include "backends/opencl/ops/ops.h"

#define MOST_MATRIX_BYTES ((size_t)256 << 20)
#define MOST_CHUNKS       256u /* each is several launches */

/* A convolution's tensors in the forward sense, and how its images are cut. */
typedef struct {
    const thaw_tensor *x, *y, *w; /* y: the first output, forward */
    size_t x_pixels, y_pixels;    /* of one image */
    size_t columns;               /* of the matrix of windows: kh*kw*C */
    size_t chunk;                 /* images at a time */
    bool windows;                 /* a matrix of windows is needed */
} problem;

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* False: an image is too large for the library's 32-bit counts, or for a matrix of windows. */
static bool problem_of(const thaw_device *dev, const backend_op *op, problem *out)
{
    bool data = op->kind == THAW_OP_CONV2D_BWD_DATA, filter = op->kind == THAW_OP_CONV2D_BWD_FILTER;
    const thaw_conv_attr *a = &op->attr.conv;
    problem p = {.x = data ? &op->out[0] : &op->in[0],
                 .y = data     ? &op->in[0]
                      : filter ? &op->in[1]
                               : &op->out[0],
                 .w = filter ? &op->out[0] : &op->in[1]};
    p.x_pixels = (size_t)p.x->h * (size_t)p.x->w;
    p.y_pixels = (size_t)p.y->h * (size_t)p.y->w;
    p.columns = ocl_size_mul((size_t)p.w->n * (size_t)p.w->h, (size_t)p.w->w);
    p.windows = p.w->n != 1 || p.w->h != 1 || a->stride_h != 1 || a->stride_w != 1;
    size_t image = ocl_size_mul(p.x_pixels, (size_t)p.x->pixel_pitch);
    for (uint32_t k = 0; k < (data || filter ? 1 : op->n_out); k++) {
        size_t pitch = (size_t)(data || filter ? p.y : &op->out[k])->pixel_pitch;
        size_t out_image = ocl_size_mul(p.y_pixels, pitch);
        image = image > out_image ? image : out_image;
    }
    size_t matrix = p.windows ? ocl_size_mul(p.y_pixels, p.columns) : 1;
    size_t room = lesser((size_t)(dev->facts->max_alloc_bytes / 4), MOST_MATRIX_BYTES) / sizeof(float);
    if (ocl_size_mul(p.columns, (size_t)p.w->c) > INT32_MAX || image > INT32_MAX || matrix > room)
        return false;
    p.chunk = lesser(INT32_MAX / image, p.windows ? room / matrix : SIZE_MAX);
    p.chunk = lesser(p.chunk, (size_t)p.x->n);
    *out = p;
    return ocl_size_ceil((size_t)p.x->n, p.chunk) <= MOST_CHUNKS;
}

static bool accepts(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why, size_t cap)
{
    const bool *windows = algo->variant;
    problem p;
    if (!ocl_clblast_usable(dev, why, cap))
        return false;
    if (!problem_of(dev, op, &p)) {
        snprintf(why, cap, "images or weights are too large for the library's 32-bit counts");
        return false;
    }
    if (p.windows != *windows) {
        snprintf(why, cap,
                 p.windows ? "the window is more than one pixel" : "the images are matrices already");
        return false;
    }
    snprintf(why, cap, "libclblast's matrix product%s", p.windows ? " over im2col" : "");
    return true;
}

static size_t workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)algo;
    problem p;
    if (!problem_of(dev, op, &p))
        return SIZE_MAX;
    return p.windows ? p.chunk * p.y_pixels * p.columns * sizeof(float) : 0;
}

static bool begin(ocl_plan *plan, problem *p)
{
    bool fits = problem_of(plan->dev, plan->op, p);
    if (!fits)
        ocl_plan_fail(plan, THAW_E_UNSUPPORTED, "clblast: images or weights are too large for the library");
    return fits;
}

/* The arguments that im2col and col2im share. */
static void arg_window(ocl_plan *plan, const problem *p)
{
    const thaw_conv_attr *a = &plan->op->attr.conv;
    ocl_arg_i32(plan, p->x->h);
    ocl_arg_i32(plan, p->x->w);
    ocl_arg_i32(plan, p->x->c);
    ocl_arg_u64(plan, (uint64_t)p->x->pixel_pitch);
    ocl_arg_i32(plan, p->y->h);
    ocl_arg_i32(plan, p->y->w);
    ocl_arg_i32(plan, p->w->n);
    ocl_arg_i32(plan, p->w->h);
    ocl_arg_i32(plan, a->stride_h);
    ocl_arg_i32(plan, a->stride_w);
    ocl_arg_i32(plan, a->pad_top);
    ocl_arg_i32(plan, a->pad_left);
}

static size_t x_element(const problem *p, size_t image)
{
    return image * p->x_pixels * (size_t)p->x->pixel_pitch;
}

static size_t y_element(const problem *p, const thaw_tensor *y, size_t image)
{
    return image * p->y_pixels * (size_t)y->pixel_pitch;
}

static void launch_im2col(ocl_plan *plan, const problem *p, conv_source x, size_t image, size_t images)
{
    size_t rows = images * p->y_pixels;
    ocl_launch_begin(plan, "im2col.cl", "im2col", "%s", "");
    conv_arg_source(plan, x, x_element(p, image));
    ocl_arg_workspace(plan, 0, sizeof(float));
    ocl_arg_i32(plan, (int64_t)rows);
    arg_window(plan, p);
    ocl_launch_items(plan, rows * p->columns);
}

/* The left factor of a product: x itself, or the matrix of its windows. */
static void arg_left(ocl_plan *plan, const problem *p, conv_source x, size_t image)
{
    if (p->windows)
        ocl_arg_workspace(plan, 0, sizeof(float));
    else
        conv_arg_source(plan, x, x_element(p, image));
}

static size_t left_pitch(const problem *p)
{
    return p->windows ? p->columns : (size_t)p->x->pixel_pitch;
}

static void prepare_forward(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    (void)algo;
    problem p;
    if (!begin(plan, &p))
        return;
    bool has_bias = op->n_in == 3;
    conv_source x = conv_source_of(plan, 0, const_data), w = conv_source_of(plan, 1, const_data);
    conv_source bias = has_bias ? conv_source_of(plan, 2, const_data) : x; /* an argument there has to be */
    size_t batch = (size_t)p.x->n;
    for (size_t image = 0; image < batch && plan->status == THAW_OK; image += p.chunk) {
        size_t images = lesser(p.chunk, batch - image), rows = images * p.y_pixels, first = 0;
        if (p.windows)
            launch_im2col(plan, &p, x, image, images);
        for (uint32_t k = 0; k < op->n_out; k++) {
            const thaw_tensor *y = &op->out[k];
            clblast_gemm g = {.m = rows,
                              .n = (size_t)y->c,
                              .k = p.columns,
                              .lda = left_pitch(&p),
                              .ldb = (size_t)p.w->c,
                              .ldc = (size_t)y->pixel_pitch};
            ocl_host_begin(plan, ocl_clblast_run, &g, sizeof g);
            arg_left(plan, &p, x, image);
            conv_arg_source(plan, w, first);
            ocl_arg_tensor_at(plan, op->n_in + k, y_element(&p, y, image));
            ocl_host_end(plan);
            first += (size_t)y->c;
        }
    }
    size_t first = 0;
    for (uint32_t k = 0; k < op->n_out && plan->status == THAW_OK; k++) {
        const thaw_tensor *y = &op->out[k];
        uint32_t relu = op->attr.conv.relu_mask >> k & 1;
        if (has_bias || relu) {
            ocl_launch_begin(plan, "im2col.cl", "bias_relu", "%s", "");
            conv_arg_source(plan, bias, has_bias ? first : 0);
            ocl_arg_tensor(plan, op->n_in + k);
            ocl_arg_u64(plan, backend_pixels(y) * (size_t)y->c);
            ocl_arg_i32(plan, y->c);
            ocl_arg_u64(plan, (uint64_t)y->pixel_pitch);
            ocl_arg_i32(plan, has_bias);
            ocl_arg_i32(plan, relu);
            ocl_launch_items(plan, backend_pixels(y) * (size_t)y->c);
        }
        first += (size_t)y->c;
    }
}

static void prepare_data(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    (void)algo;
    problem p;
    if (!begin(plan, &p))
        return;
    conv_source dy = conv_source_of(plan, 0, const_data), w = conv_source_of(plan, 1, const_data);
    size_t batch = (size_t)p.x->n, dx = plan->op->n_in;
    for (size_t image = 0; image < batch && plan->status == THAW_OK; image += p.chunk) {
        size_t images = lesser(p.chunk, batch - image), count = images * p.x_pixels * (size_t)p.x->c;
        clblast_gemm g = {.m = images * p.y_pixels,
                          .n = p.columns,
                          .k = (size_t)p.y->c,
                          .lda = (size_t)p.y->pixel_pitch,
                          .ldb = (size_t)p.w->c,
                          .ldc = left_pitch(&p),
                          .transpose_b = true};
        ocl_host_begin(plan, ocl_clblast_run, &g, sizeof g);
        conv_arg_source(plan, dy, y_element(&p, p.y, image));
        conv_arg_source(plan, w, 0);
        if (p.windows)
            ocl_arg_workspace(plan, 0, sizeof(float));
        else
            ocl_arg_tensor_at(plan, (uint32_t)dx, x_element(&p, image));
        ocl_host_end(plan);
        if (p.windows) {
            ocl_launch_begin(plan, "im2col.cl", "col2im", "%s", "");
            ocl_arg_workspace(plan, 0, sizeof(float));
            ocl_arg_tensor_at(plan, (uint32_t)dx, x_element(&p, image));
            ocl_arg_u64(plan, count);
            arg_window(plan, &p);
            ocl_launch_items(plan, count);
        }
    }
}

static void prepare_filter(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    (void)algo;
    problem p;
    if (!begin(plan, &p))
        return;
    conv_source x = conv_source_of(plan, 0, const_data), dy = conv_source_of(plan, 1, const_data);
    size_t batch = (size_t)p.x->n;
    for (size_t image = 0; image < batch && plan->status == THAW_OK; image += p.chunk) {
        size_t images = lesser(p.chunk, batch - image);
        if (p.windows)
            launch_im2col(plan, &p, x, image, images);
        clblast_gemm g = {.m = p.columns,
                          .n = (size_t)p.y->c,
                          .k = images * p.y_pixels,
                          .lda = left_pitch(&p),
                          .ldb = (size_t)p.y->pixel_pitch,
                          .ldc = (size_t)p.w->c,
                          .transpose_a = true,
                          .beta = image > 0 ? 1.0f : 0.0f};
        ocl_host_begin(plan, ocl_clblast_run, &g, sizeof g);
        arg_left(plan, &p, x, image);
        conv_arg_source(plan, dy, y_element(&p, p.y, image));
        ocl_arg_tensor(plan, plan->op->n_in);
        ocl_host_end(plan);
    }
}

#define EVERY_CLASS                                                                                          \
    (1u << OCL_CLASS_CPU | 1u << OCL_CLASS_WAVE32 | 1u << OCL_CLASS_WAVE64 | 1u << OCL_CLASS_SIMD)
#define BOTH(kind, prepare)                                                                                  \
    {"clblast", kind, EVERY_CLASS, &(const bool){false}, accepts, workspace, prepare},                       \
    {                                                                                                        \
        "clblast im2col", kind, EVERY_CLASS, &(const bool){true}, accepts, workspace, prepare                \
    }

static const ocl_algo algos[] = {BOTH(THAW_OP_CONV2D, prepare_forward),
                                 BOTH(THAW_OP_CONV2D_BWD_DATA, prepare_data),
                                 BOTH(THAW_OP_CONV2D_BWD_FILTER, prepare_filter)};

const ocl_algo *const ocl_conv_clblast[] = {&algos[0], &algos[1], &algos[2], &algos[3],
                                            &algos[4], &algos[5], NULL};
