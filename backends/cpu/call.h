/* call.h: how an algorithm reads its arguments, and the geometry of windows that pools share. */
#ifndef THAW_CPU_CALL_H
#define THAW_CPU_CALL_H

#include "backends/cpu/conv/space.h"
#include "backends/cpu/cpu.h"

static inline const float *cpu_in(const cpu_call *call, uint32_t i)
{
    return call->args[i];
}

static inline float *cpu_out(const cpu_call *call, uint32_t k)
{
    return call->args[call->op->n_in + k];
}

/* Bytes of a line of the caches, as much as one prefetch draws. */
#define CPU_LINE ((size_t)64)

/* The first of a worker's own tasks, of a run of n_tasks: the host gives each a run of them that follow each
 * other, of about the same length. That it takes others too, when it is done, is not known here: for
 * prefetches alone. */
static inline size_t cpu_first_task(const struct thaw_device *dev, size_t n_tasks, uint32_t worker)
{
    return space_cut(n_tasks, dev->threads, worker);
}

/* Where the worker will begin to read in the op behind this one: in its last own task, and NULL in all
 * others. */
static inline const char *cpu_next_weights(const cpu_call *call, size_t n_tasks, uint32_t task,
                                           uint32_t worker)
{
    if (!call->next.first || task + (size_t)1 != cpu_first_task(call->dev, n_tasks, worker + 1))
        return NULL;
    return call->next.first + worker * call->next.share;
}

/* Element index of channel 0 of a pixel. */
static inline size_t cpu_at(const thaw_tensor *t, size_t pixel)
{
    return pixel * (size_t)t->pixel_pitch;
}

/* max(z, 0) that lets NaN through, so that a broken weight shows. */
static inline float cpu_relu(float z)
{
    return z < 0.0f ? 0.0f : z;
}

/* A kept element is multiplied by the factor; it is kept when its word is at least the limit. */
static inline float cpu_dropout_factor(const thaw_dropout_attr *a)
{
    return (float)(1.0 / (1.0 - (double)a->rate));
}

static inline uint32_t cpu_dropout_limit(const thaw_dropout_attr *a)
{
    return (uint32_t)((double)a->rate * 4294967296.0);
}

/* The part of a window that lies inside the image: rows y0 … y1 - 1 and columns x0 … x1 - 1 of it; cell
 * (y, x) is cell (y - top, x - left) of the window. */
typedef struct {
    int32_t top, left;
    int32_t y0, y1, x0, x1;
} cpu_window;

static inline cpu_window cpu_window_at(const thaw_pool_attr *a, const thaw_tensor *x, int32_t oy, int32_t ox)
{
    cpu_window v = {.top = oy * a->stride_h - a->pad_top, .left = ox * a->stride_w - a->pad_left};
    v.y0 = v.top < 0 ? 0 : v.top;
    v.x0 = v.left < 0 ? 0 : v.left;
    v.y1 = a->kh < x->h - v.top ? v.top + a->kh : x->h;
    v.x1 = a->kw < x->w - v.left ? v.left + a->kw : x->w;
    return v;
}

/* Divisor of a mean over the window. */
static inline int32_t cpu_window_count(const thaw_pool_attr *a, cpu_window v)
{
    return a->include_pad ? a->kh * a->kw : (v.y1 - v.y0) * (v.x1 - v.x0);
}

/* Which output reads input coordinate y at window coordinate i? False when none does. */
static inline bool cpu_output_of(int32_t y, int32_t i, int32_t stride, int32_t pad, int32_t n_out, int32_t *o)
{
    int64_t t = (int64_t)y + pad - i;
    if (t < 0 || t % stride != 0 || t / stride >= n_out)
        return false;
    *o = (int32_t)(t / stride);
    return true;
}

#endif
