/* library.h: the few things that this backend asks of oneDNN, the same for its versions 2 and 3, whose C
 * interfaces differ in how descriptors are made. Everything here is [thread-safe]. */
#ifndef THAW_ONEDNN_LIBRARY_H
#define THAW_ONEDNN_LIBRARY_H

#include "plugins/onednn/onednn.h"

/* An image x [n,h,w,c] seen through a window gives y [n,oh,ow,o]; for pools o is c. Both dense NHWC. */
typedef struct {
    int32_t n, h, w, c, oh, ow, o;
    int32_t kh, kw, stride[2], pad[2]; /* of height, of width */
} lib_window;

typedef enum { LIB_FORWARD, LIB_BWD_DATA, LIB_BWD_FILTER } lib_direction;

/* How weights lie: as it suits the primitive, or HWIO without gaps. */
typedef enum { LIB_BLOCKED, LIB_HWIO } lib_weights;

/* A convolution of f32, with its scratch memory given by the caller. bias and relu: LIB_FORWARD only. */
dnnl_status_t lib_conv(dnnl_engine_t engine, lib_direction direction, const lib_window *g,
                       lib_weights weights, bool bias, bool relu, dnnl_primitive_desc_t *out);
/* An average pool or its adjoint. */
dnnl_status_t lib_avgpool(dnnl_engine_t engine, lib_direction direction, const lib_window *g,
                          bool include_pad, bool relu, dnnl_primitive_desc_t *out);
/* Copies weights [kh,kw,c,o], `pitch` floats from one input channel to the next, into the form that argument
 * `arg` of a primitive has (to_primitive), or from it. */
dnnl_status_t lib_reorder_weights(dnnl_engine_t engine, const lib_window *g, int64_t pitch,
                                  dnnl_primitive_desc_t pd, int arg, bool to_primitive,
                                  dnnl_primitive_desc_t *out);

/* Bytes of an argument (DNNL_ARG_*); 0: the primitive has none. */
size_t lib_bytes(dnnl_primitive_desc_t pd, int arg);
/* Do two primitives have an argument of the same shape in the same form? */
bool lib_same_form(dnnl_primitive_desc_t a, dnnl_primitive_desc_t b, int arg);
dnnl_status_t lib_memory(dnnl_engine_t engine, dnnl_primitive_desc_t pd, int arg, void *handle,
                         dnnl_memory_t *out);
/* Name of the implementation, such as "brgconv:avx512_core". Lives as long as pd. */
const char *lib_name(dnnl_primitive_desc_t pd);
/* Code that is there to be right, hundreds of times slower than what is meant to be used. */
bool lib_is_slow(dnnl_primitive_desc_t pd);
const char *lib_status_name(dnnl_status_t status);

/* oneDNN has threads of its own, but how it shares out a sum among them decides the sum's bits, and a plugin
 * on the CPU is to use the host's threads alone. So every call of it happens between these two, with one
 * thread on the calling one; enter returns what leave needs to put the thread back as it was. */
int lib_enter(void);
void lib_leave(int before);

#endif
