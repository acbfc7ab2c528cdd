#include "backends/common/op.h"

#include <string.h>

#define F   THAW_F32
#define ANY BACKEND_ANY_DTYPE

static const backend_op_rule rules[THAW_OP_KIND_END] = {
    [THAW_OP_CONV2D] = {"conv2d",
                        sizeof(thaw_conv_attr),
                        2,
                        3,
                        1,
                        THAW_CONV_MAX_OUT,
                        {"x", "w", "bias"},
                        {"y"},
                        {F, F, F},
                        {F}},
    [THAW_OP_CONV2D_BWD_DATA] =
        {"conv2d_bwd_data", sizeof(thaw_conv_attr), 2, 2, 1, 1, {"dy", "w"}, {"dx"}, {F, F}, {F}},
    [THAW_OP_CONV2D_BWD_FILTER] =
        {"conv2d_bwd_filter", sizeof(thaw_conv_attr), 2, 2, 1, 1, {"x", "dy"}, {"dw"}, {F, F}, {F}},
    [THAW_OP_AFFINE] =
        {"affine", sizeof(thaw_affine_attr), 2, 3, 1, 1, {"x", "scale", "shift"}, {"y"}, {F, F, F}, {F}},
    [THAW_OP_BN_FOLD] = {"bn_fold",
                         sizeof(thaw_bn_attr),
                         3,
                         3,
                         2,
                         2,
                         {"beta", "mean", "var"},
                         {"scale", "shift"},
                         {F, F, F},
                         {F, F}},
    [THAW_OP_BN_TRAIN] = {"bn_train",
                          sizeof(thaw_bn_attr),
                          4,
                          4,
                          5,
                          5,
                          {"x", "beta", "moving_mean", "moving_var"},
                          {"y", "save_mean", "save_inv_std", "new moving_mean", "new moving_var"},
                          {F, F, F, F},
                          {F, F, F, F, F}},
    [THAW_OP_BN_TRAIN_BWD] = {"bn_train_bwd",
                              sizeof(thaw_bn_attr),
                              4,
                              4,
                              2,
                              2,
                              {"g", "x", "save_mean", "save_inv_std"},
                              {"dx", "dbeta"},
                              {F, F, F, F},
                              {F, F}},
    [THAW_OP_MAXPOOL] =
        {"maxpool", sizeof(thaw_pool_attr), 1, 1, 1, 2, {"x"}, {"y", "argmax"}, {F}, {F, THAW_U8}},
    [THAW_OP_MAXPOOL_BWD] =
        {"maxpool_bwd", sizeof(thaw_pool_attr), 2, 2, 1, 1, {"dy", "argmax"}, {"dx"}, {F, THAW_U8}, {F}},
    [THAW_OP_AVGPOOL] = {"avgpool", sizeof(thaw_pool_attr), 1, 2, 1, 1, {"x", "bias"}, {"y"}, {F, F}, {F}},
    [THAW_OP_AVGPOOL_BWD] = {"avgpool_bwd", sizeof(thaw_pool_attr), 1, 1, 1, 1, {"dy"}, {"dx"}, {F}, {F}},
    [THAW_OP_GLOBAL_AVGPOOL] = {"global_avgpool", 0, 1, 1, 1, 1, {"x"}, {"y"}, {F}, {F}},
    [THAW_OP_GLOBAL_AVGPOOL_BWD] = {"global_avgpool_bwd", 0, 1, 1, 1, 1, {"dy"}, {"dx"}, {F}, {F}},
    [THAW_OP_DROPOUT] = {"dropout",
                         sizeof(thaw_dropout_attr),
                         2,
                         2,
                         2,
                         2,
                         {"x", "key"},
                         {"y", "mask"},
                         {F, THAW_U32},
                         {F, THAW_U8}},
    [THAW_OP_DROPOUT_BWD] =
        {"dropout_bwd", sizeof(thaw_dropout_attr), 2, 2, 1, 1, {"dy", "mask"}, {"dx"}, {F, THAW_U8}, {F}},
    [THAW_OP_SOFTMAX_XENT] =
        {"softmax_xent", 0, 2, 2, 2, 2, {"logits", "label"}, {"prob", "loss"}, {F, THAW_I32}, {F, F}},
    [THAW_OP_SOFTMAX_XENT_BWD] = {"softmax_xent_bwd",
                                  sizeof(thaw_xent_attr),
                                  2,
                                  2,
                                  1,
                                  1,
                                  {"prob", "label"},
                                  {"dlogits"},
                                  {F, THAW_I32},
                                  {F}},
    [THAW_OP_METRICS] =
        {"metrics", 0, 3, 3, 1, 1, {"prob", "label", "loss"}, {"metrics"}, {F, THAW_I32, F}, {F}},
    [THAW_OP_RELU_BWD] = {"relu_bwd", 0, 2, 2, 1, 1, {"dy", "y"}, {"dx"}, {F, F}, {F}},
    [THAW_OP_BIAS_GRAD] = {"bias_grad", 0, 1, 1, 1, 1, {"dy"}, {"db"}, {F}, {F}},
    [THAW_OP_ADD] =
        {"add", 0, 2, THAW_ADD_MAX_IN, 1, 1, {"a0", "a1", "a2", "a3 or later"}, {"y"}, {F, F, F, F}, {F}},
    [THAW_OP_CAST] = {"cast", sizeof(thaw_cast_attr), 1, 1, 1, 1, {"x"}, {"y"}, {ANY}, {ANY}},
    [THAW_OP_ADAM] = {"adam",
                      0,
                      5,
                      BACKEND_MAX_TENSORS,
                      3,
                      BACKEND_MAX_TENSORS,
                      {"hyper", "w, g, m or v", "w, g, m or v", "w, g, m or v"},
                      {"new w, m or v", "new w, m or v", "new w, m or v", "new w, m or v", "new w, m or v"},
                      {F, F, F, F},
                      {F, F, F, F, F}},
};

#undef F
#undef ANY

const backend_op_rule *backend_op_rule_of(uint32_t kind)
{
    return kind > 0 && kind < THAW_OP_KIND_END ? &rules[kind] : NULL;
}

size_t backend_dtype_bytes(thaw_dtype dtype)
{
    switch (dtype) {
    case THAW_F32:
    case THAW_I32:
    case THAW_U32:
        return 4;
    case THAW_F16:
    case THAW_BF16:
        return 2;
    case THAW_U8:
        return 1;
    default:
        return 0;
    }
}

size_t backend_tensor_bytes(const thaw_tensor *t)
{
    return ((backend_pixels(t) - 1) * (size_t)t->pixel_pitch + (size_t)t->c) * backend_dtype_bytes(t->dtype);
}

/* What is wrong with a tensor by itself; NULL when nothing is. */
static const char *tensor_fault(const thaw_tensor *t)
{
    const int32_t limit = 1 << 30; /* keeps coordinates plus padding within 32 bits */
    if (backend_dtype_bytes(t->dtype) == 0)
        return "its dtype does not exist";
    if (t->role < THAW_ROLE_ACTIVATION || t->role > THAW_ROLE_SAVED)
        return "its role does not exist";
    if (t->n < 1 || t->h < 1 || t->w < 1 || t->c < 1)
        return "n, h, w and c must each be at least 1";
    if (t->n > limit || t->h > limit || t->w > limit || t->c > limit)
        return "n, h, w and c must each be at most 2^30";
    if (t->pixel_pitch < t->c)
        return "its pixel_pitch is smaller than c";
    size_t pixels, elements, bytes;
    if (__builtin_mul_overflow((size_t)t->n * (size_t)t->h, (size_t)t->w, &pixels) ||
        __builtin_mul_overflow(pixels, (size_t)t->pixel_pitch, &elements) ||
        __builtin_mul_overflow(elements, backend_dtype_bytes(t->dtype), &bytes) || bytes > PTRDIFF_MAX)
        return "its size overflows the address space";
    return NULL;
}

static const char *rule_name(const char *const *names, uint32_t n_names, uint32_t i)
{
    while (n_names > 1 && !names[n_names - 1])
        n_names--;
    return names[i < n_names ? i : n_names - 1];
}

static thaw_status read_tensors(const backend_op_rule *rule, bool output, const thaw_tensor *const *from,
                                uint32_t n, thaw_tensor *to, thaw_error *err)
{
    const char *way = output ? "output" : "input";
    for (uint32_t i = 0; i < n; i++) {
        const char *name = output ? rule_name(rule->out, 5, i) : rule_name(rule->in, 4, i);
        thaw_dtype dtype = output ? rule->out_dtype[i < 5 ? i : 4] : rule->in_dtype[i < 4 ? i : 3];
        if (!from[i])
            return backend_fail(err, THAW_E_INVALID, "%s: %s %u (%s) is a NULL pointer", rule->name, way, i,
                                name);
        uint32_t size = from[i]->struct_size;
        if (size < THAW_TENSOR_V1_SIZE)
            return backend_fail(err, THAW_E_INVALID, "%s: %s %u (%s): struct_size is %u, must be at least %u",
                                rule->name, way, i, name, size, THAW_TENSOR_V1_SIZE);
        memcpy(&to[i], from[i], size < sizeof to[i] ? size : sizeof to[i]);
        const char *fault = tensor_fault(&to[i]);
        if (!fault && output && to[i].role == THAW_ROLE_CONST)
            fault = "an output cannot have the role CONST";
        if (fault)
            return backend_fail(err, THAW_E_INVALID, "%s: %s %u (%s) [%d,%d,%d,%d] pitch %lld: %s",
                                rule->name, way, i, name, to[i].n, to[i].h, to[i].w, to[i].c,
                                (long long)to[i].pixel_pitch, fault);
        /* An op with more outputs than rules has f32 ones only. */
        if (output && i > 0 && rule->out_max > 5)
            dtype = THAW_F32;
        if (dtype != BACKEND_ANY_DTYPE && to[i].dtype != dtype)
            return backend_fail(err, THAW_E_INVALID, "%s: %s %u (%s) has dtype %d, must be %d", rule->name,
                                way, i, name, to[i].dtype, dtype);
    }
    return THAW_OK;
}

static thaw_status read_attr(const backend_op_rule *rule, const void *attr, backend_op *op, thaw_error *err)
{
    uint32_t size;
    if (rule->attr_size == 0)
        return THAW_OK;
    if (!attr)
        return backend_fail(err, THAW_E_INVALID, "%s: attr is NULL; this op needs its attributes",
                            rule->name);
    memcpy(&size, attr, sizeof size);
    if (size < rule->attr_size)
        return backend_fail(err, THAW_E_INVALID, "%s: struct_size of attr is %u, must be at least %u",
                            rule->name, size, rule->attr_size);
    memcpy(&op->attr, attr, rule->attr_size);
    return THAW_OK;
}

static thaw_status check_count(const backend_op_rule *rule, const char *what, uint32_t n, uint32_t min,
                               uint32_t max, thaw_error *err)
{
    if (n >= min && n <= max)
        return THAW_OK;
    return backend_fail(err, THAW_E_INVALID, "%s: %u %s, must be %u to %u", rule->name, n, what, min, max);
}

static thaw_status check_head(const thaw_op *op, const backend_op_rule *rule, thaw_error *err)
{
    if (op->kind == THAW_OP_ADAM && (op->n_in > BACKEND_MAX_TENSORS || op->n_out > BACKEND_MAX_TENSORS ||
                                     op->n_in + op->n_out > BACKEND_MAX_TENSORS))
        return backend_fail(err, THAW_E_UNSUPPORTED,
                            "adam: %u inputs and %u outputs are more than %u tensors; split the op", op->n_in,
                            op->n_out, BACKEND_MAX_TENSORS);
    thaw_status s = check_count(rule, "inputs", op->n_in, rule->in_min, rule->in_max, err);
    if (s == THAW_OK)
        s = check_count(rule, "outputs", op->n_out, rule->out_min, rule->out_max, err);
    if (s != THAW_OK)
        return s;
    if (!op->in || !op->out)
        return backend_fail(err, THAW_E_INVALID, "%s: the list of %s is a NULL pointer", rule->name,
                            op->in ? "outputs" : "inputs");
    if (op->precision < THAW_PREC_F32 || op->precision > THAW_PREC_F16)
        return backend_fail(err, THAW_E_INVALID, "%s: precision %d does not exist", rule->name,
                            op->precision);
    if (op->flags & ~(uint32_t)THAW_OP_EXACT)
        return backend_fail(err, THAW_E_UNSUPPORTED,
                            "%s: flags are 0x%x, and this plugin knows 0x%x: it is older than the host, so "
                            "update it",
                            rule->name, op->flags, (unsigned)THAW_OP_EXACT);
    return THAW_OK;
}

thaw_status backend_op_read(const thaw_host *host, const thaw_op *from, backend_op **out, thaw_error *err)
{
    if (!from)
        return backend_fail(err, THAW_E_INVALID, "the op is a NULL pointer");
    if (from->struct_size < THAW_OP_V1_SIZE)
        return backend_fail(err, THAW_E_INVALID, "struct_size of the op is %u, must be at least %u",
                            from->struct_size, THAW_OP_V1_SIZE);
    thaw_op own = {0};
    memcpy(&own, from, from->struct_size < sizeof own ? from->struct_size : sizeof own);
    const backend_op_rule *rule = backend_op_rule_of(own.kind);
    if (!rule)
        return backend_fail(err, THAW_E_UNSUPPORTED,
                            "op kind %u is not known to this plugin; it knows 1 to %d", own.kind,
                            THAW_OP_KIND_END - 1);
    thaw_status s = check_head(&own, rule, err);
    if (s != THAW_OK)
        return s;

    size_t tensors = (size_t)own.n_in + own.n_out;
    size_t bytes = sizeof(backend_op) + tensors * sizeof(thaw_tensor);
    backend_op *op = host->alloc(host->ctx, bytes, 64);
    if (!op)
        return backend_fail(err, THAW_E_NO_MEMORY, "%s: no memory for a descriptor of %zu bytes", rule->name,
                            bytes);
    memset(op, 0, bytes);
    op->kind = own.kind;
    op->n_in = own.n_in;
    op->n_out = own.n_out;
    op->in = (thaw_tensor *)(op + 1);
    op->out = op->in + own.n_in;
    op->precision = own.precision;
    op->flags = own.flags;
    op->runs = own.runs;
    s = read_attr(rule, own.attr, op, err);
    if (s == THAW_OK)
        s = read_tensors(rule, false, own.in, own.n_in, op->in, err);
    if (s == THAW_OK)
        s = read_tensors(rule, true, own.out, own.n_out, op->out, err);
    if (s == THAW_OK)
        s = backend_op_check_shapes(op, rule, err);
    if (s != THAW_OK) {
        backend_op_free(host, op);
        return s;
    }
    *out = op;
    return THAW_OK;
}

void backend_op_free(const thaw_host *host, backend_op *op)
{
    host->free(host->ctx, op);
}

thaw_status backend_op_check_consts(const backend_op *op, const void *const *data, thaw_error *err)
{
    for (uint32_t i = 0; i < op->n_in; i++) {
        if (op->in[i].role == THAW_ROLE_CONST && (!data || !data[i]))
            return backend_fail(err, THAW_E_INVALID,
                                "%s: input %u is CONST, but const_data has nothing for it",
                                backend_op_rule_of(op->kind)->name, i);
    }
    return THAW_OK;
}

thaw_status backend_op_info_write(const thaw_op_info *full, thaw_op_info *info, thaw_error *err)
{
    if (!info)
        return THAW_OK;
    uint32_t size = info->struct_size;
    if (size < THAW_OP_INFO_V1_SIZE)
        return backend_fail(err, THAW_E_INVALID, "struct_size of thaw_op_info is %u, must be at least %u",
                            size, THAW_OP_INFO_V1_SIZE);
    memcpy(info, full, size < sizeof *full ? size : sizeof *full);
    info->struct_size = size;
    return THAW_OK;
}
