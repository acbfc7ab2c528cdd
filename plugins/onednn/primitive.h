/* primitive.h: a primitive of oneDNN with what running it needs, made once. A memory object holds the address
 * that a run is to use, so each of the host's workers has its own: kernels that run on several streams at
 * once never share one, because no two tasks have the same worker at the same time. */
#ifndef THAW_ONEDNN_PRIMITIVE_H
#define THAW_ONEDNN_PRIMITIVE_H

#include <stdatomic.h>

#include "plugins/onednn/library.h"

#define PRIMITIVE_MAX_ARGS 6u

typedef struct {
    dnnl_primitive_t primitive;
    uint32_t n_args;
    int arg[PRIMITIVE_MAX_ARGS];
    dnnl_memory_t *memory; /* workers * n_args */
} primitive;

/* [thread-safe] fixed[i]: the address that argument arg[i] always has, or NULL. Arguments that the primitive
 * does not have (lib_bytes is 0) are left out. Released by primitive_free, also after an error. */
thaw_status primitive_make(const struct thaw_device *dev, dnnl_primitive_desc_t pd, uint32_t n,
                           const int *arg, void *const *fixed, primitive *out, thaw_error *err);
void primitive_free(const struct thaw_device *dev, primitive *p);

/* From a task. address[arg's place in primitive_make]; NULL where it is fixed or left out. */
typedef struct {
    int arg;
    void *address;
} primitive_arg;
dnnl_status_t primitive_run(const struct thaw_device *dev, const primitive *p, uint32_t worker, uint32_t n,
                            const primitive_arg *args);

/* Tells what tasks have met; *failed is the first status that was not success. */
thaw_status primitive_status(dnnl_status_t st, const char *doing, const backend_op *op, thaw_error *err);

/* Keeps the first failure of several tasks. */
static inline void primitive_keep(atomic_int *failed, dnnl_status_t st)
{
    int none = dnnl_success;
    if (st != dnnl_success)
        atomic_compare_exchange_strong(failed, &none, (int)st);
}

#endif
