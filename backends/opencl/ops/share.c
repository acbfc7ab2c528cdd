#include "backends/opencl/ops/share.h"

#include <stdio.h>

/* Elements that a work-item of a CPU reads: some microseconds, much more than it costs to start one. */
#define ITEM ((size_t)8192)

/* Vectors that go together on a CPU: enough chains of sums to hide an addition's latency. */
#define CPU_WIDE 4u

#define GPU_LANES 4u

/* The largest power of two up to `most` that divides n. */
static uint32_t divisor(size_t n, uint32_t most)
{
    while (n % most != 0)
        most /= 2;
    return most;
}

ocl_share ocl_share_of(const thaw_device *dev, size_t pixels, size_t channels, size_t work)
{
    bool cpu = dev->class_of == OCL_CLASS_CPU;
    ocl_share s = {.pixels = pixels, .channels = channels};
    s.lanes = divisor(channels, cpu ? dev->lanes : GPU_LANES);
    s.wide = divisor(channels / s.lanes, cpu ? CPU_WIDE : 1);
    size_t unit = s.lanes * s.wide, elements = cpu ? ITEM / work : 0;
    s.span = elements > unit ? elements / unit * unit : unit;
    s.span = s.span < channels ? s.span : channels;
    s.block = s.span == channels && elements > channels ? elements / channels : 1;
    s.block = s.block < pixels ? s.block : pixels;
    s.items = ((pixels - 1) / s.block + 1) * ((channels - 1) / s.span + 1);
    return s;
}

ocl_share ocl_share_flat(const thaw_device *dev, const thaw_tensor *const *t, uint32_t n)
{
    size_t pixels = backend_pixels(t[0]), channels = (size_t)t[0]->c;
    bool dense = true;
    for (uint32_t i = 0; i < n; i++)
        dense = dense && t[i]->pixel_pitch == t[i]->c;
    return dense ? ocl_share_of(dev, 1, pixels * channels, 1) : ocl_share_of(dev, pixels, channels, 1);
}

void ocl_arg_share(ocl_plan *plan, const ocl_share *share)
{
    ocl_arg_i32(plan, (int64_t)share->pixels);
    ocl_arg_i32(plan, (int64_t)share->channels);
    ocl_arg_i32(plan, (int64_t)share->block);
    ocl_arg_i32(plan, (int64_t)share->span);
}

void ocl_launch_share(ocl_plan *plan, const ocl_share *share)
{
    ocl_launch_items(plan, share->items);
}

void ocl_arg_in(ocl_plan *plan, uint32_t i, const void *const *const_data)
{
    ocl_arg_input(plan, i, const_data);
    ocl_arg_u64(plan, (uint64_t)plan->op->in[i].pixel_pitch);
}

void ocl_arg_out(ocl_plan *plan, uint32_t k)
{
    ocl_arg_out_row(plan, k);
    ocl_arg_u64(plan, (uint64_t)plan->op->out[k].pixel_pitch);
}

void ocl_arg_out_row(ocl_plan *plan, uint32_t k)
{
    ocl_arg_tensor(plan, plan->op->n_in + k);
}

/* As many parts as pixels in each, so that neither stage is long; and not too short for its start to pay. */
ocl_parts ocl_parts_of(size_t pixels)
{
    ocl_parts parts = {.length = 32};
    while (parts.length * parts.length < pixels)
        parts.length += 32;
    parts.count = (pixels - 1) / parts.length + 1;
    return parts;
}

static bool fits(const thaw_tensor *t)
{
    return backend_pixels(t) <= (size_t)INT32_MAX / (size_t)t->c;
}

bool ocl_vector_accepts(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why,
                        size_t cap)
{
    (void)algo;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        if (!fits(i < op->n_in ? &op->in[i] : &op->out[i - op->n_in])) {
            snprintf(why, cap, "%s %u has 2^31 elements or more; use a smaller batch",
                     i < op->n_in ? "input" : "output", i < op->n_in ? i : i - op->n_in);
            return false;
        }
    }
    snprintf(why, cap, "vectors of up to %u floats along the channels",
             dev->class_of == OCL_CLASS_CPU ? dev->lanes : GPU_LANES);
    return true;
}
