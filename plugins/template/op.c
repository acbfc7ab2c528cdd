/* op.c: reading the description of an op, and refusing what makes no sense. */
#include <string.h>

#include "plugin.h"

/* Larger sizes than this are a mistake, and coordinates stay within 32 bits. */
#define MAX_SIZE (1 << 30)

/* The most that thaw_ops.h allows a window's size and stride. */
#define MAX_WINDOW 4096

size_t dtype_bytes(thaw_dtype dtype)
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

static bool multiply(uint64_t *value, uint64_t by)
{
    if (by != 0 && *value > PTRDIFF_MAX / by)
        return false;
    *value *= by;
    return true;
}

bool tensor_bytes(const thaw_tensor *t, size_t *bytes)
{
    uint64_t b = dtype_bytes(t->dtype);
    if (!multiply(&b, (uint64_t)t->n) || !multiply(&b, (uint64_t)t->h) || !multiply(&b, (uint64_t)t->w) ||
        !multiply(&b, (uint64_t)t->pixel_pitch))
        return false;
    /* The last pixel has no gap behind it. */
    *bytes = (size_t)b - (size_t)(t->pixel_pitch - t->c) * dtype_bytes(t->dtype);
    return true;
}

/* What is wrong with a tensor by itself; NULL when nothing is. */
static const char *tensor_fault(const thaw_tensor *t)
{
    size_t bytes;
    if (dtype_bytes(t->dtype) == 0)
        return "its type does not exist";
    if (t->role < THAW_ROLE_ACTIVATION || t->role > THAW_ROLE_SAVED)
        return "its role does not exist";
    if (t->n < 1 || t->h < 1 || t->w < 1 || t->c < 1)
        return "n, h, w and c must each be at least 1";
    if (t->n > MAX_SIZE || t->h > MAX_SIZE || t->w > MAX_SIZE || t->c > MAX_SIZE)
        return "n, h, w and c must each be at most 2^30";
    if (t->pixel_pitch < t->c)
        return "its pixel_pitch is smaller than c";
    return tensor_bytes(t, &bytes) ? NULL : "its size overflows";
}

/* Copies n tensors; of one that has grown since ABI 1.0, the fields that are known here. */
static bool read_tensors(const char *what, const thaw_tensor *const *from, uint32_t n, thaw_tensor *to,
                         thaw_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = from[i] ? from[i]->struct_size : 0;
        const char *fault = "its struct_size is too small";
        if (size >= THAW_TENSOR_V1_SIZE) {
            memcpy(&to[i], from[i], size < sizeof to[i] ? size : sizeof to[i]);
            fault = tensor_fault(&to[i]);
        }
        if (fault) {
            fail(err, THAW_E_INVALID, "%s %u: %s", what, i, fault);
            return false;
        }
    }
    return true;
}

static bool read_attr(const op_kind *kind, const void *attr, op_copy *to, thaw_error *err)
{
    uint32_t size = 0;
    if (kind->attr_bytes == 0)
        return true;
    if (attr)
        memcpy(&size, attr, sizeof size);
    if (size < kind->attr_bytes) {
        fail(err, THAW_E_INVALID, "%s: attr has %u bytes, must have at least %u", kind->name, size,
             (unsigned)kind->attr_bytes);
        return false;
    }
    memcpy(&to->attr, attr, kind->attr_bytes);
    return true;
}

thaw_status op_read(const thaw_op *from, op_copy *to, const op_kind **kind, thaw_error *err)
{
    if (from->struct_size < THAW_OP_V1_SIZE)
        return fail(err, THAW_E_INVALID, "thaw_op has %u bytes, must have at least %u", from->struct_size,
                    THAW_OP_V1_SIZE);
    const op_kind *k = op_kind_of(from->kind);
    if (!k)
        return fail(err, THAW_E_UNSUPPORTED, PLUGIN_ID " does not have this op yet");
    if (from->n_in < k->min_in || from->n_out < k->min_out)
        return fail(err, THAW_E_INVALID, "%s: %u inputs and %u outputs, must be at least %u and %u", k->name,
                    from->n_in, from->n_out, k->min_in, k->min_out);
    /* What has more of them may be sound, and is then taken apart or computed elsewhere. The text counts
     * nothing, so that `thaw check` lists it once. */
    if (from->n_in > k->max_in || from->n_out > k->max_out)
        return fail(err, THAW_E_UNSUPPORTED, "%s with more than %u inputs or %u outputs is not here yet",
                    k->name, k->max_in, k->max_out);
    if (from->flags & ~(uint32_t)THAW_OP_EXACT)
        return fail(err, THAW_E_UNSUPPORTED, "%s has orders that this plugin does not know yet", k->name);
    if (!from->in || !from->out)
        return fail(err, THAW_E_INVALID, "%s: a list of tensors is NULL", k->name);
    memset(to, 0, sizeof *to);
    to->kind = from->kind;
    to->n_in = from->n_in;
    to->n_out = from->n_out;
    *kind = k;
    bool sound = read_attr(k, from->attr, to, err) &&
                 read_tensors("input", from->in, to->n_in, to->in, err) &&
                 read_tensors("output", from->out, to->n_out, to->out, err) && k->check(to, err);
    if (!sound)
        return THAW_E_INVALID;
    const char *why = k->decline ? k->decline(to) : NULL;
    return why ? fail(err, THAW_E_UNSUPPORTED, "%s", why) : THAW_OK;
}

bool expect_shape(const char *name, const thaw_tensor *t, thaw_dtype dtype, int32_t n, int32_t h, int32_t w,
                  int32_t c, thaw_error *err)
{
    if (t->dtype == dtype && t->n == n && t->h == h && t->w == w && t->c == c)
        return true;
    fail(err, THAW_E_INVALID, "%s is [%d,%d,%d,%d] of type %d, must be [%d,%d,%d,%d] of type %d", name, t->n,
         t->h, t->w, t->c, t->dtype, n, h, w, c, dtype);
    return false;
}

bool expect_like(const char *name, const thaw_tensor *t, const thaw_tensor *like, thaw_error *err)
{
    return expect_shape(name, t, THAW_F32, like->n, like->h, like->w, like->c, err);
}

bool expect_vector(const char *name, const thaw_tensor *t, int32_t c, thaw_error *err)
{
    return expect_shape(name, t, THAW_F32, 1, 1, 1, c, err);
}

bool expect_window(const char *name, int64_t size, int64_t places, int64_t k, int64_t stride, int64_t pad,
                   thaw_error *err)
{
    if (k >= 1 && k <= MAX_WINDOW && stride >= 1 && stride <= MAX_WINDOW && pad >= 0 && pad < k &&
        (places - 1) * stride - pad < size && (size + pad < k || places > (size + pad - k) / stride))
        return true;
    fail(err, THAW_E_INVALID,
         "%s: %lld places for a window of %lld cells, every %lld, padded by %lld, over %lld cells", name,
         (long long)places, (long long)k, (long long)stride, (long long)pad, (long long)size);
    return false;
}
