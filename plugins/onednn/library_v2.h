/* library_v2.h: descriptors of oneDNN 2, which are plain structs. Included by library.c alone. */
typedef dnnl_memory_desc_t lib_md;

static dnnl_status_t md_by_tag(lib_md *md, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, tag);
}

static dnnl_status_t md_by_strides(lib_md *md, int rank, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, strides);
}

static void md_free(lib_md *md)
{
    (void)md;
}

static const dnnl_memory_desc_t *md_of(const lib_md *md)
{
    return md;
}

#define LIB_MD_REF const dnnl_memory_desc_t *

static dnnl_status_t append_relu(dnnl_post_ops_t ops, float slope)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, slope, 0.0f);
}

/* x, w, bias (may be NULL), y; the adjoints take the forward's descriptor as a hint. */
static dnnl_status_t make_conv(dnnl_engine_t engine, lib_direction direction, const lib_md *x,
                               const lib_md *w, const lib_md *bias, const lib_md *y, const lib_sides *s,
                               dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint,
                               dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t d;
    dnnl_status_t st;
    if (direction == LIB_FORWARD)
        st = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, x, w,
                                                bias, y, s->stride, s->before, s->behind);
    else if (direction == LIB_BWD_DATA)
        st = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, x, w, y, s->stride,
                                                      s->before, s->behind);
    else
        st = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, x, w, NULL, y,
                                                         s->stride, s->before, s->behind);
    return st ? st : dnnl_primitive_desc_create(out, &d, attr, engine, hint);
}

static dnnl_status_t make_pool(dnnl_engine_t engine, lib_direction direction, dnnl_alg_kind_t alg,
                               const lib_md *x, const lib_md *y, const lib_sides *s,
                               dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint,
                               dnnl_primitive_desc_t *out)
{
    dnnl_pooling_desc_t d;
    dnnl_status_t st;
    if (direction == LIB_FORWARD)
        st = dnnl_pooling_forward_desc_init(&d, dnnl_forward_training, alg, x, y, s->stride, s->kernel,
                                            s->before, s->behind);
    else
        st = dnnl_pooling_backward_desc_init(&d, alg, x, y, s->stride, s->kernel, s->before, s->behind);
    return st ? st : dnnl_primitive_desc_create(out, &d, attr, engine, hint);
}
