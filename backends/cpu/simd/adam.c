/* One parallel region for all tensors: a task is a piece of one of them. */
#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"

typedef struct {
    const float *w, *g, *m, *v;
    float *new_w, *new_m, *new_v;
} pointers;

static void update(pointers p, const float *hyper, size_t count)
{
    float alpha = hyper[0], to_mean = hyper[1], to_square = hyper[2], epsilon = hyper[3];
    CPU_INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float g = p.g[i];
        float m = p.m[i] + (g - p.m[i]) * to_mean;
        float v = p.v[i] + (g * g - p.v[i]) * to_square;
        p.new_w[i] = p.w[i] - m * alpha / (sqrtf(v) + epsilon);
        p.new_m[i] = m;
        p.new_v[i] = v;
    }
}

static bool is_dense(const backend_op *op, uint32_t t)
{
    for (uint32_t i = 0; i < 4; i++) {
        const thaw_tensor *in = &op->in[1 + 4 * t + i];
        const thaw_tensor *out = &op->out[3 * t + (i < 3 ? i : 0)];
        if (in->pixel_pitch != in->c || out->pixel_pitch != out->c)
            return false;
    }
    return true;
}

/* Items of tensor t: elements where all of it is dense, else pixels; and how many make a task. */
static size_t items_of(const backend_op *op, uint32_t t, size_t *grain)
{
    const thaw_tensor *w = &op->in[1 + 4 * t];
    bool dense = is_dense(op, t);
    *grain = dense ? CPU_TASK_ELEMENTS : cpu_grain((size_t)w->c);
    return backend_pixels(w) * (dense ? (size_t)w->c : 1);
}

static void piece(const cpu_call *call, uint32_t t, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_tensor *in = &op->in[1 + 4 * t], *out = &op->out[3 * t];
    bool dense = is_dense(op, t);
    size_t runs = dense ? 1 : last - first, count = dense ? last - first : (size_t)in->c;
    for (size_t r = 0; r < runs; r++) {
        size_t p = dense ? 0 : first + r, e = dense ? first : 0;
        pointers at = {
            .w = cpu_in(call, 1 + 4 * t) + cpu_at(&in[0], p) + e,
            .g = cpu_in(call, 2 + 4 * t) + cpu_at(&in[1], p) + e,
            .m = cpu_in(call, 3 + 4 * t) + cpu_at(&in[2], p) + e,
            .v = cpu_in(call, 4 + 4 * t) + cpu_at(&in[3], p) + e,
            .new_w = cpu_out(call, 3 * t) + cpu_at(&out[0], p) + e,
            .new_m = cpu_out(call, 3 * t + 1) + cpu_at(&out[1], p) + e,
            .new_v = cpu_out(call, 3 * t + 2) + cpu_at(&out[2], p) + e,
        };
        update(at, cpu_in(call, 0), count);
    }
}

static void tasks(const cpu_call *call, size_t first, size_t last)
{
    size_t before = 0; /* tasks of the tensors before this one */
    for (uint32_t t = 0; t < call->op->n_out / 3 && before < last; t++) {
        size_t grain, items = items_of(call->op, t, &grain), n = (items - 1) / grain + 1;
        for (size_t k = first > before ? first - before : 0; k < n && before + k < last; k++)
            piece(call, t, k * grain, items - k * grain < grain ? items : (k + 1) * grain);
        before += n;
    }
}

void CPU_NAME(cpu_simd_adam)(const cpu_call *call)
{
    size_t n_tasks = 0;
    for (uint32_t t = 0; t < call->op->n_out / 3; t++) {
        size_t grain, items = items_of(call->op, t, &grain);
        n_tasks += (items - 1) / grain + 1;
    }
    cpu_parallel(call, n_tasks, 1, tasks);
}
