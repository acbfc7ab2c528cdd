#include "plugins/onednn/library.h"

#include <string.h>

/* The sides of a window as oneDNN wants them. */
typedef struct {
    dnnl_dims_t kernel, stride, before, behind;
} lib_sides;

#if DNNL_VERSION_MAJOR >= 3
#include "plugins/onednn/library_v3.h"
#else
#include "plugins/onednn/library_v2.h"
#endif

#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
/* Of whichever OpenMP library oneDNN has brought along: linking one here could bring a second. */
extern void omp_set_num_threads(int n);
extern int omp_get_max_threads(void);
#pragma weak omp_set_num_threads
#pragma weak omp_get_max_threads

int lib_enter(void)
{
    if (!omp_set_num_threads || !omp_get_max_threads)
        return 0;
    int before = omp_get_max_threads();
    if (before != 1)
        omp_set_num_threads(1);
    return before;
}

void lib_leave(int before)
{
    if (before > 1)
        omp_set_num_threads(before);
}
#else
/* Built without threads: CMakeLists.txt admits no other kind. */
int lib_enter(void)
{
    return 0;
}

void lib_leave(int before)
{
    (void)before;
}
#endif

static lib_sides sides_of(const lib_window *g)
{
    lib_sides s = {
        .kernel = {g->kh, g->kw}, .stride = {g->stride[0], g->stride[1]}, .before = {g->pad[0], g->pad[1]}};
    s.behind[0] = (dnnl_dim_t)(g->oh - 1) * g->stride[0] + g->kh - g->h - g->pad[0];
    s.behind[1] = (dnnl_dim_t)(g->ow - 1) * g->stride[1] + g->kw - g->w - g->pad[1];
    return s;
}

/* Descriptors of a window's tensors; those of weights and bias only for convolutions. */
typedef struct {
    lib_md x, y, w, bias;
    dnnl_primitive_attr_t attr;
} parts;

static void free_parts(parts *p)
{
    md_free(&p->x);
    md_free(&p->y);
    md_free(&p->w);
    md_free(&p->bias);
    if (p->attr)
        dnnl_primitive_attr_destroy(p->attr);
}

/* Of the negative side. With 0 the library takes the maximum with 0, which turns a NaN into 0; with any other
 * slope it multiplies, and a NaN stays one. So small a product is 0 to whatever is added to it, and not so
 * small that it would be a subnormal number, which is slow. */
#define RELU_SLOPE 0x1p-90f

static dnnl_status_t make_attr(bool relu, dnnl_primitive_attr_t *attr)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t st = dnnl_primitive_attr_create(attr);
    if (!st)
        st = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (st || !relu)
        return st;
    st = dnnl_post_ops_create(&ops);
    if (!st)
        st = append_relu(ops, RELU_SLOPE);
    if (!st)
        st = dnnl_primitive_attr_set_post_ops(*attr, ops);
    if (ops)
        dnnl_post_ops_destroy(ops);
    return st;
}

/* Zeroed before: free_parts serves also after an error. */
static dnnl_status_t make_parts(const lib_window *g, bool relu, parts *p)
{
    const dnnl_dims_t x = {g->n, g->c, g->h, g->w}, y = {g->n, g->o, g->oh, g->ow};
    memset(p, 0, sizeof *p);
    dnnl_status_t st = make_attr(relu, &p->attr);
    if (!st)
        st = md_by_tag(&p->x, 4, x, dnnl_nhwc);
    if (!st)
        st = md_by_tag(&p->y, 4, y, dnnl_nhwc);
    return st;
}

static dnnl_status_t make_weights(const lib_window *g, lib_weights weights, lib_md *md)
{
    const dnnl_dims_t dims = {g->o, g->c, g->kh, g->kw};
    return md_by_tag(md, 4, dims, weights == LIB_HWIO ? dnnl_hwio : dnnl_format_tag_any);
}

/* The forward of an adjoint, which oneDNN wants to see. */
static dnnl_status_t make_hint(dnnl_engine_t engine, const lib_window *g, dnnl_primitive_desc_t *hint)
{
    return lib_conv(engine, LIB_FORWARD, g, LIB_BLOCKED, false, false, hint);
}

dnnl_status_t lib_conv(dnnl_engine_t engine, lib_direction direction, const lib_window *g,
                       lib_weights weights, bool bias, bool relu, dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t vector = {g->o};
    lib_sides sides = sides_of(g);
    dnnl_primitive_desc_t hint = NULL;
    parts p;
    dnnl_status_t st = make_parts(g, relu, &p);
    if (!st)
        st = make_weights(g, weights, &p.w);
    if (!st && bias)
        st = md_by_tag(&p.bias, 1, vector, dnnl_a);
    if (!st && direction != LIB_FORWARD)
        st = make_hint(engine, g, &hint);
    if (!st)
        st = make_conv(engine, direction, &p.x, &p.w, bias ? &p.bias : NULL, &p.y, &sides, p.attr, hint, out);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    free_parts(&p);
    return st;
}

dnnl_status_t lib_avgpool(dnnl_engine_t engine, lib_direction direction, const lib_window *g,
                          bool include_pad, bool relu, dnnl_primitive_desc_t *out)
{
    const dnnl_alg_kind_t alg =
        include_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
    lib_sides sides = sides_of(g);
    dnnl_primitive_desc_t hint = NULL;
    parts p;
    dnnl_status_t st = make_parts(g, relu, &p);
    if (!st && direction != LIB_FORWARD)
        st = lib_avgpool(engine, LIB_FORWARD, g, include_pad, false, &hint);
    if (!st)
        st = make_pool(engine, direction, alg, &p.x, &p.y, &sides, p.attr, hint, out);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    free_parts(&p);
    return st;
}

static LIB_MD_REF arg_md(dnnl_primitive_desc_t pd, int arg)
{
    return dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, arg);
}

dnnl_status_t lib_reorder_weights(dnnl_engine_t engine, const lib_window *g, int64_t pitch,
                                  dnnl_primitive_desc_t pd, int arg, bool to_primitive,
                                  dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t dims = {g->o, g->c, g->kh, g->kw};
    const dnnl_dims_t strides = {1, pitch, pitch * g->c * g->kw, pitch * g->c};
    LIB_MD_REF inner = arg_md(pd, arg);
    parts p;
    memset(&p, 0, sizeof p);
    dnnl_status_t st = make_attr(false, &p.attr);
    if (!st)
        st = md_by_strides(&p.w, 4, dims, strides);
    if (!st)
        st = dnnl_reorder_primitive_desc_create(out, to_primitive ? md_of(&p.w) : inner, engine,
                                                to_primitive ? inner : md_of(&p.w), engine, p.attr);
    free_parts(&p);
    return st;
}

size_t lib_bytes(dnnl_primitive_desc_t pd, int arg)
{
    LIB_MD_REF md = arg_md(pd, arg);
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

bool lib_same_form(dnnl_primitive_desc_t a, dnnl_primitive_desc_t b, int arg)
{
    return dnnl_memory_desc_equal(arg_md(a, arg), arg_md(b, arg)) != 0;
}

dnnl_status_t lib_memory(dnnl_engine_t engine, dnnl_primitive_desc_t pd, int arg, void *handle,
                         dnnl_memory_t *out)
{
    return dnnl_memory_create(out, arg_md(pd, arg), engine, handle);
}

const char *lib_name(dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    dnnl_status_t st = dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name);
    return st || !name ? "unnamed" : name;
}

bool lib_is_slow(dnnl_primitive_desc_t pd)
{
    const char *name = lib_name(pd);
    return strncmp(name, "ref", 3) == 0 || strncmp(name, "simple", 6) == 0;
}

const char *lib_status_name(dnnl_status_t status)
{
    switch (status) {
    case dnnl_out_of_memory:
        return "out of memory";
    case dnnl_invalid_arguments:
        return "invalid arguments";
    case dnnl_unimplemented:
        return "not implemented";
    case dnnl_runtime_error:
        return "runtime error";
    default:
        return "an unexpected status";
    }
}
