/* library_v3.h: descriptors of oneDNN 3, which are objects. Included by library.c alone. */
typedef dnnl_memory_desc_t lib_md;

static dnnl_status_t md_by_tag(lib_md *md, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(md, rank, dims, dnnl_f32, tag);
}

static dnnl_status_t md_by_strides(lib_md *md, int rank, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(md, rank, dims, dnnl_f32, strides);
}

static void md_free(lib_md *md)
{
    if (*md)
        dnnl_memory_desc_destroy(*md);
}

static const_dnnl_memory_desc_t md_of(const lib_md *md)
{
    return *md;
}

#define LIB_MD_REF const_dnnl_memory_desc_t

static dnnl_status_t append_relu(dnnl_post_ops_t ops, float slope)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, slope, 0.0f);
}

/* x, w, bias (may be NULL), y; the adjoints take the forward's descriptor as a hint. */
static dnnl_status_t make_conv(dnnl_engine_t engine, lib_direction direction, const lib_md *x,
                               const lib_md *w, const lib_md *bias, const lib_md *y, const lib_sides *s,
                               dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint,
                               dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t no_gaps = {0, 0};
    if (direction == LIB_FORWARD)
        return dnnl_convolution_forward_primitive_desc_create(
            out, engine, dnnl_forward_training, dnnl_convolution_direct, *x, *w, bias ? *bias : NULL, *y,
            s->stride, no_gaps, s->before, s->behind, attr);
    if (direction == LIB_BWD_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(out, engine, dnnl_convolution_direct, *x,
                                                                    *w, *y, s->stride, no_gaps, s->before,
                                                                    s->behind, hint, attr);
    return dnnl_convolution_backward_weights_primitive_desc_create(out, engine, dnnl_convolution_direct, *x,
                                                                   *w, NULL, *y, s->stride, no_gaps,
                                                                   s->before, s->behind, hint, attr);
}

static dnnl_status_t make_pool(dnnl_engine_t engine, lib_direction direction, dnnl_alg_kind_t alg,
                               const lib_md *x, const lib_md *y, const lib_sides *s,
                               dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint,
                               dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t no_gaps = {0, 0};
    if (direction == LIB_FORWARD)
        return dnnl_pooling_forward_primitive_desc_create(out, engine, dnnl_forward_training, alg, *x, *y,
                                                          s->stride, s->kernel, no_gaps, s->before, s->behind,
                                                          attr);
    return dnnl_pooling_backward_primitive_desc_create(out, engine, alg, *x, *y, s->stride, s->kernel,
                                                       no_gaps, s->before, s->behind, hint, attr);
}
