/* toy.h: a plugin whose streams do nothing before they are synchronised.
 *
 * toy:0 takes all of its ops; toy:1 only ADD and BIAS_GRAD; toy:2 is toy:0 with a largest allocation of 4096
 * bytes; toy:3 takes only plain ops (one output, no bias, no relu) and AFFINE; toy:4 is toy:3 without AFFINE;
 * toy:5 is out of memory when it prepares; toy:6 takes its time to prepare, and fails to, by the number of
 * channels of an op's first output. toy:3 is a GPU, the others are CPUs; its streams work at once until they
 * have to wait for another. */
#ifndef THAW_TEST_TOY_H
#define THAW_TEST_TOY_H

#include "thaw_ops.h"
#include "thaw_plugin.h"

#define TOY_MAX_ARGS 16u

struct thaw_device {
    uint32_t index;
};

struct thaw_buffer {
    uint64_t bytes;
    unsigned char *memory;
};

struct thaw_kernel {
    uint32_t kind, n_in, n_out;
    thaw_tensor in[TOY_MAX_ARGS], out[TOY_MAX_ARGS];
    float *constants[TOY_MAX_ARGS]; /* copies of CONST inputs */
    union {
        thaw_conv_attr conv;
        thaw_affine_attr affine;
        thaw_pool_attr pool;
    } attr;
};

#define TOY_WORKSPACE 256u

/* Channels, on toy:6. */
enum { TOY_GOOD = 2, TOY_FAILS_SOON = 3, TOY_FAILS_LATE = 4, TOY_SLOW = 5 };

/* NULL if the device of that number takes the op, else why not. */
const char *toy_refusal(uint32_t index, const thaw_op *op);
/* args: inputs, then outputs. */
void toy_compute(const thaw_kernel *k, float *const *args);

#endif
