#include "backends/opencl/choose.h"

#include <stdio.h>
#include <string.h>

/* Whether the user has struck the algorithm from the list: without=NAME+NAME. */
static bool is_struck(const ocl_options *options, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = options->without; *at;) {
        const size_t n = strcspn(at, "+");
        if (n == length && memcmp(at, name, n) == 0)
            return true;
        at += n + (at[n] == '+');
    }
    return false;
}

static bool is_meant_for(const ocl_algo *algo, ocl_class c)
{
    return (algo->classes & (1u << c)) != 0;
}

static bool offers(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why, size_t cap)
{
    if (!is_struck(&dev->options, algo->name))
        return algo->accepts(dev, op, algo, why, cap);
    snprintf(why, cap, "left out by without=");
    return false;
}

/* Goes through the algorithms of the device's own class, or through the others, counting what takes the op.
 * `declined` keeps the first reason against. */
static void go_through(const thaw_device *dev, const backend_op *op, bool own_class, ocl_choice *out,
                       char *declined, size_t cap)
{
    const ocl_algo *algo;
    for (size_t i = 0; (algo = ocl_algo_at(i)) != NULL; i++) {
        char why[sizeof out->why] = "";
        if (algo->kind != op->kind || is_meant_for(algo, dev->class_of) != own_class)
            continue;
        if (!offers(dev, op, algo, why, sizeof why)) {
            if (!*declined)
                snprintf(declined, cap, "%s: %s", algo->name, why);
        } else if (out->count++ == out->index) {
            out->algo = algo;
            memcpy(out->why, why, sizeof why);
        }
    }
}

thaw_status ocl_choose(const thaw_device *dev, const backend_op *op, uint32_t wanted, ocl_choice *out,
                       thaw_error *err)
{
    const char *name = backend_op_rule_of(op->kind)->name;
    char declined[192] = "";
    *out = (ocl_choice){.index = wanted == THAW_ALGO_DEFAULT ? 0 : wanted};
    go_through(dev, op, true, out, declined, sizeof declined);
    if (dev->options.every_algo)
        go_through(dev, op, false, out, declined, sizeof declined);
    if (out->count == 0)
        return backend_fail(
            err, THAW_E_UNSUPPORTED, "%s: no algorithm for devices of class %s takes it%s%s%s", name,
            ocl_class_name(dev->class_of), *declined ? " (" : "", declined, *declined ? ")" : "");
    if (!out->algo)
        return backend_fail(err, THAW_E_UNSUPPORTED, "%s: algorithm %u does not exist; there are %u", name,
                            out->index, out->count);
    out->workspace = out->algo->workspace ? out->algo->workspace(dev, op, out->algo) : 0;
    if (out->workspace == SIZE_MAX)
        return backend_fail(err, THAW_E_UNSUPPORTED,
                            "%s: the workspace of %s overflows the address space; a smaller batch needs less",
                            name, out->algo->name);
    return THAW_OK;
}
