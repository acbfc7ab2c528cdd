/* share.h: how an op that goes along the channels is dealt to work-items, and what the files that list such
 * ops share. kernels/thaw.clh has the other side. */
#ifndef THAW_OPENCL_SHARE_H
#define THAW_OPENCL_SHARE_H

#include "backends/opencl/ops/ops.h"

/* `pixels` times `channels` of them; a work-item has `block` pixels, of each `span` channels. */
typedef struct {
    uint32_t lanes; /* the widest vector that divides the channels: -D LANES of the launch */
    uint32_t wide;  /* vectors that go together: -D WIDE of launches that want it */
    size_t pixels, channels;
    size_t block, span;
    size_t items;
} ocl_share;

/* [thread-safe] work: about how many elements are read for each of the pixels times channels, at least 1. A
 * CPU gets few work-items with much to do, a GPU one vector each. */
ocl_share ocl_share_of(const thaw_device *dev, size_t pixels, size_t channels, size_t work);
/* As above, for an op from element to element: its n tensors, all of t[0]'s shape, are one long row where
 * none has a gap. */
ocl_share ocl_share_flat(const thaw_device *dev, const thaw_tensor *const *t, uint32_t n);

/* The four arguments SHARE. */
void ocl_arg_share(ocl_plan *plan, const ocl_share *share);
/* Ends the launch. */
void ocl_launch_share(ocl_plan *plan, const ocl_share *share);

/* Input i, or output k, and its pitch: three arguments. */
void ocl_arg_in(ocl_plan *plan, uint32_t i, const void *const *const_data);
void ocl_arg_out(ocl_plan *plan, uint32_t k);
/* Output k without a pitch. */
void ocl_arg_out_row(ocl_plan *plan, uint32_t k);

/* Sums over the pixels of a batch are made in parts of `length` pixels, which are then added in their order.
 * Both depend on the number of pixels alone. */
typedef struct {
    size_t length, count;
} ocl_parts;

/* [thread-safe] */
ocl_parts ocl_parts_of(size_t pixels);

/* [thread-safe] `accepts` of every algorithm here: all that indexes fit. */
bool ocl_vector_accepts(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why,
                        size_t cap);

#define OCL_EVERY_CLASS                                                                                      \
    (1u << OCL_CLASS_CPU | 1u << OCL_CLASS_WAVE32 | 1u << OCL_CLASS_WAVE64 | 1u << OCL_CLASS_SIMD)

/* An entry of an op's list. */
#define OCL_VECTOR(op_kind, bytes, function)                                                                 \
    &(const ocl_algo)                                                                                        \
    {                                                                                                        \
        .name = "vector", .kind = (op_kind), .classes = OCL_EVERY_CLASS, .accepts = ocl_vector_accepts,      \
        .workspace = (bytes), .prepare = (function)                                                          \
    }

#endif
