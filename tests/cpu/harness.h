/* harness.h: opens the plugin with a host of the test's own and runs single ops on it. */
#ifndef THAW_TESTS_CPU_HARNESS_H
#define THAW_TESTS_CPU_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "thaw_ops.h"
#include "thaw_plugin.h"

#define MAX_IN  17
#define MAX_OUT 8

typedef struct {
    void *library;
    const thaw_plugin *plugin;
    thaw_device *dev;
    const thaw_device_ops *ops;
    thaw_stream *stream;
} session;

/* Host with one thread that runs tasks in order; host with three that runs them in a shuffled one. */
extern const thaw_host serial_host, shuffled_host;

/* Loads the plugin; no device is open yet. */
void session_load(session *s, const thaw_host *host);
/* False when the instruction set is not there; fails the test on any other error. */
bool session_open(session *s, const thaw_host *host, const char *options);
void session_close(session *s);

/* One op with its data. Inputs are dense here and get their pitch when they are run. */
typedef struct {
    uint32_t kind, n_in, n_out;
    thaw_tensor in[MAX_IN], out[MAX_OUT];
    void *data[MAX_IN];
    int in_place[MAX_OUT]; /* the input that the output may replace, or -1 */
    union {
        thaw_conv_attr conv;
        thaw_affine_attr affine;
        thaw_bn_attr bn;
        thaw_pool_attr pool;
        thaw_dropout_attr dropout;
        thaw_xent_attr xent;
        thaw_cast_attr cast;
    } attr;
} op_case;

void case_init(op_case *c, uint32_t kind);
void case_free(op_case *c);
/* Values in [-1, 1) for floats, small numbers for integers. `gap` is pixel_pitch - c. Returns the data. */
void *case_in(op_case *c, thaw_dtype dtype, int n, int h, int w, int channels, int gap);
void case_out(op_case *c, thaw_dtype dtype, int n, int h, int w, int channels, int gap);
float *case_in_f32(op_case *c, int n, int h, int w, int channels, int gap);
void case_out_f32(op_case *c, int n, int h, int w, int channels, int gap);

size_t dtype_bytes(thaw_dtype dtype);
size_t elements(const thaw_tensor *t);

/* Descriptor that points into the case; the arrays must outlive it. */
thaw_op case_op(const op_case *c, const thaw_tensor *ins[MAX_IN], const thaw_tensor *outs[MAX_OUT]);

/* Runs a case with outputs poisoned and checks that nothing outside them was written. results[k] is dense
 * and belongs to the caller. */
void case_run(session *s, const op_case *c, bool in_place, void *results[MAX_OUT]);

/* Opens the device, runs, closes. False when the instruction set is not there. */
bool case_run_on(const thaw_host *host, const char *options, const op_case *c, bool in_place,
                 void *results[MAX_OUT]);
void results_free(const op_case *c, void *results[MAX_OUT]);

#endif
