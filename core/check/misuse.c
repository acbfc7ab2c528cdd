/* misuse.c: an op that contradicts thaw_ops.h is refused, with a text, and nothing worse happens. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/case.h"

/* Spoils a sound op; false where that cannot be done to it. */
typedef bool (*spoil_fn)(check_desc *d);

static bool unknown_kind(check_desc *d)
{
    d->op.kind = THAW_OP_KIND_END + 1000;
    return true;
}

static bool kind_zero(check_desc *d)
{
    d->op.kind = 0;
    return true;
}

static bool no_inputs(check_desc *d)
{
    d->op.n_in = 0;
    return true;
}

static bool no_outputs(check_desc *d)
{
    d->op.n_out = 0;
    return true;
}

/* As many inputs as no op has. The outputs' pointers move away for them. */
static bool many_inputs(check_desc *d)
{
    const thaw_tensor **out = d->pointer + CHECK_MAX_ARGS - 1;
    d->pointer[CHECK_MAX_ARGS - 1] = d->op.out[0];
    for (uint32_t i = d->op.n_in; i + 1 < CHECK_MAX_ARGS; i++)
        d->pointer[i] = d->pointer[0];
    d->op.n_in = CHECK_MAX_ARGS - 2;
    d->op.n_out = 1;
    d->op.out = out;
    return true;
}

static bool another_channel(check_desc *d)
{
    thaw_tensor *y = &d->tensor[d->op.n_in];
    y->c++;
    y->pixel_pitch++;
    return true;
}

/* Not for a filter's gradient: its first size is the kernel's height, which nothing else fixes. */
static bool another_image(check_desc *d)
{
    d->tensor[d->op.n_in].n++;
    return d->op.kind != THAW_OP_CONV2D_BWD_FILTER;
}

static bool negative_size(check_desc *d)
{
    d->tensor[0].n = -1;
    return true;
}

static bool zero_channels(check_desc *d)
{
    d->tensor[0].c = 0;
    return true;
}

static bool narrow_pitch(check_desc *d)
{
    d->tensor[0].pixel_pitch = d->tensor[0].c - 1;
    return true;
}

static bool zero_output_pitch(check_desc *d)
{
    d->tensor[d->op.n_in].pixel_pitch = 0;
    return true;
}

static bool huge_sizes(check_desc *d)
{
    d->tensor[0].n = d->tensor[0].h = d->tensor[0].w = d->tensor[0].c = INT32_MAX;
    d->tensor[0].pixel_pitch = INT64_MAX;
    return true;
}

static bool is_conv(const check_desc *d)
{
    return d->op.kind >= THAW_OP_CONV2D && d->op.kind <= THAW_OP_CONV2D_BWD_FILTER;
}

static bool is_pool(const check_desc *d)
{
    return d->op.kind >= THAW_OP_MAXPOOL && d->op.kind <= THAW_OP_AVGPOOL_BWD;
}

/* Sizes that fit each other and the attributes; it is only that no memory has so many bytes. */
static bool overflowing_sizes(check_desc *d)
{
    const thaw_tensor first = d->tensor[0];
    uint32_t n = d->op.n_in + d->op.n_out, alike = 0;
    if (is_conv(d) || is_pool(d))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        thaw_tensor *t = &d->tensor[i];
        if (t->n != first.n || t->h != first.h || t->w != first.w || t->c != first.c)
            continue;
        t->n = t->h = t->w = INT32_MAX;
        alike += i >= d->op.n_in;
    }
    /* A vector of ones is what other ops' parameters look like. */
    return alike > 0 && (first.n > 1 || first.h > 1 || first.w > 1);
}

/* A filter's gradient and that of a mean have sizes that nothing else in the op fixes. */
static bool output_is_free(const check_desc *d)
{
    return d->op.kind == THAW_OP_CONV2D_BWD_FILTER || d->op.kind == THAW_OP_GLOBAL_AVGPOOL_BWD;
}

/* The padding of the sides that attributes do not name follows from the shapes, but is never negative. */
static bool short_output(check_desc *d)
{
    thaw_tensor *y = &d->tensor[d->op.n_in];
    bool any = y->h > 1 && !output_is_free(d);
    y->h = 1;
    return any;
}

/* So many rows of windows that the last one lies outside the image. */
static bool long_output(check_desc *d)
{
    thaw_tensor *y = &d->tensor[d->op.n_in];
    y->h += 4 * d->tensor[0].h;
    return !output_is_free(d);
}

static bool integer_input(check_desc *d)
{
    d->tensor[0].dtype = THAW_I32;
    return true;
}

static bool unknown_type(check_desc *d)
{
    d->tensor[d->op.n_in].dtype = 99;
    return true;
}

static bool no_attributes(check_desc *d)
{
    d->op.attr = NULL;
    return d->attr.struct_size != 0;
}

static bool short_attributes(check_desc *d)
{
    bool any = d->attr.struct_size != 0;
    d->attr.struct_size = 1;
    return any;
}

static bool zero_stride(check_desc *d)
{
    if (is_conv(d))
        d->attr.conv.stride_h = 0;
    else
        d->attr.pool.stride_h = 0;
    return is_conv(d) || is_pool(d);
}

static bool negative_stride(check_desc *d)
{
    if (is_conv(d))
        d->attr.conv.stride_w = -1;
    else
        d->attr.pool.stride_w = -1;
    return is_conv(d) || is_pool(d);
}

static bool zero_window(check_desc *d)
{
    d->attr.pool.kh = 0;
    return is_pool(d);
}

static bool drops_everything(check_desc *d)
{
    d->attr.dropout.rate = 1.0f;
    return d->op.kind == THAW_OP_DROPOUT || d->op.kind == THAW_OP_DROPOUT_BWD;
}

static bool rate_not_a_number(check_desc *d)
{
    d->attr.dropout.rate = NAN;
    return d->op.kind == THAW_OP_DROPOUT || d->op.kind == THAW_OP_DROPOUT_BWD;
}

static const struct {
    const char *name;
    spoil_fn spoil;
} spoils[] = {{"an unknown kind", unknown_kind},
              {"kind 0", kind_zero},
              {"no inputs", no_inputs},
              {"no outputs", no_outputs},
              {"30 inputs", many_inputs},
              {"one channel too many in output 0", another_channel},
              {"one image too many in output 0", another_image},
              {"n = -1 in input 0", negative_size},
              {"c = 0 in input 0", zero_channels},
              {"pixel_pitch < c in input 0", narrow_pitch},
              {"pixel_pitch 0 in output 0", zero_output_pitch},
              {"sizes of 2147483647 in input 0", huge_sizes},
              {"sizes whose product overflows", overflowing_sizes},
              {"an output 0 that is too low for the stride and padding", short_output},
              {"an output 0 that is too high for the stride and padding", long_output},
              {"input 0 of type i32", integer_input},
              {"output 0 of an unknown type", unknown_type},
              {"attr NULL", no_attributes},
              {"attr of one byte", short_attributes},
              {"stride_h 0", zero_stride},
              {"stride_w -1", negative_stride},
              {"a window of height 0", zero_window},
              {"rate 1", drops_everything},
              {"rate NaN", rate_not_a_number}};

static thaw_status must_refuse(const check_side *side, const thaw_op *op, uint32_t algo, const char *what,
                               thaw_error *err)
{
    thaw_op_info info = {.struct_size = sizeof info};
    memset(err, 0, sizeof *err);
    thaw_status st = side->dev->ops.op_query(side->dev->handle, op, algo, &info, err);
    if (st == THAW_OK)
        return thaw_fail(err, THAW_E_CHECK, "op_query accepts %s", what);
    if (st != THAW_E_INVALID && st != THAW_E_UNSUPPORTED)
        return thaw_fail(err, THAW_E_CHECK, "op_query answers %s with status %d (%s)", what, (int)st,
                         thaw_status_name(st));
    if (!err->text[0])
        return thaw_fail(err, THAW_E_CHECK, "op_query refuses %s and does not say why", what);
    return THAW_OK;
}

/* One sound call with wrong arguments at a time; memory is there for all of them, so that a device that
 * looks at too many of them finds something. */
static thaw_status enqueue_wrong(const check_side *side, const check_case *c, const check_layout *l,
                                 thaw_kernel *kernel, thaw_buffer *buffer, uint64_t workspace,
                                 thaw_error *err)
{
    static const char *const names[] = {"one argument too few", "one argument too many",
                                        "no buffer for an output", "an output that leaves its buffer",
                                        "an input that leaves its buffer"};
    const uint64_t outside = (l->total + workspace + 4095) & ~UINT64_C(4095);
    uint32_t n = c->n_in + c->n_out;
    for (size_t wrong = 0; wrong < sizeof names / sizeof *names; wrong++) {
        thaw_slice args[CHECK_MAX_ARGS + 1];
        for (uint32_t i = 0; i <= n; i++)
            args[i] = (thaw_slice){buffer, l->first[i < n ? i : 0]};
        for (uint32_t i = 0; i < c->n_in; i++)
            if (c->arg[i].role == THAW_ROLE_CONST)
                args[i].buffer = NULL;
        if (wrong == 2)
            args[n - 1] = (thaw_slice){NULL, 0};
        if (wrong == 3)
            args[n - 1].offset = outside;
        if (wrong == 4)
            args[0].offset = outside;
        uint32_t given = wrong == 0 ? n - 1 : wrong == 1 ? n + 1 : n;
        thaw_slice scratch = {workspace ? buffer : NULL, workspace ? l->total : 0};
        memset(err, 0, sizeof *err);
        thaw_status st = side->dev->ops.op_enqueue(side->stream, kernel, args, given, scratch, err);
        if (st == THAW_OK)
            return thaw_fail(err, THAW_E_CHECK, "op_enqueue accepts %s", names[wrong]);
        if (!err->text[0])
            return thaw_fail(err, THAW_E_CHECK, "op_enqueue refuses %s and does not say why", names[wrong]);
    }
    return THAW_OK;
}

static thaw_status check_enqueue(const check_run *run, const check_case *given, const thaw_op_info *info,
                                 thaw_error *err)
{
    const check_side *side = &run->device;
    const thaw_device_ops *ops = &side->dev->ops;
    check_case changing = *given, *c = &changing;
    check_layout l;
    thaw_kernel *kernel = NULL;
    thaw_buffer *buffer = NULL;
    const void *no_data[CHECK_MAX_ARGS] = {NULL};
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->arg[i].role == THAW_ROLE_CONST)
            c->arg[i].role = THAW_ROLE_MUTABLE;
    thaw_op_info changing_info;
    thaw_status st = thaw_check_query(side, c, THAW_ALGO_DEFAULT, &changing_info, err);
    if (st == THAW_E_UNSUPPORTED)
        return THAW_OK; /* takes constants only: nothing to enqueue without preparing them */
    uint64_t workspace = changing_info.workspace_bytes > info->workspace_bytes ? changing_info.workspace_bytes
                                                                               : info->workspace_bytes;
    if (st == THAW_OK)
        st = thaw_check_layout(c, run->align, &l, err);
    check_desc desc;
    thaw_check_describe(c, &desc);
    if (st == THAW_OK)
        st = thaw_check_prepare(side, &desc.op, THAW_ALGO_DEFAULT, no_data, &kernel, err);
    if (st == THAW_OK)
        st = thaw_check_buffer(side, l.total + workspace, &buffer, err);
    if (st == THAW_OK)
        st = enqueue_wrong(side, c, &l, kernel, buffer, workspace, err);
    thaw_error ignored;
    ops->stream_sync(side->stream, &ignored);
    ops->kernel_destroy(side->dev->handle, kernel);
    ops->buffer_destroy(side->dev->handle, buffer);
    return st;
}

thaw_status thaw_check_misuse(check_run *run, const check_case *c, thaw_error *err)
{
    thaw_op_info info;
    check_desc desc;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st != THAW_OK)
        return st;
    for (size_t i = 0; st == THAW_OK && i < sizeof spoils / sizeof *spoils; i++) {
        thaw_check_describe(c, &desc);
        if (spoils[i].spoil(&desc))
            st = must_refuse(&run->device, &desc.op, THAW_ALGO_DEFAULT, spoils[i].name, err);
    }
    thaw_check_describe(c, &desc);
    if (st == THAW_OK)
        st = must_refuse(&run->device, &desc.op, info.n_algos + 7, "an algorithm that it does not have", err);
    return st == THAW_OK ? check_enqueue(run, c, &info, err) : st;
}
