/* picky.c: the CPU plugin with one algorithm for each op, but for RELU_BWD two, "first" (the default) and
 * "second", whose manners the options name: picky:0,first=wrong,second=slow.
 *
 *   fine    right and fast
 *   slow    right, and takes a fraction of a millisecond longer
 *   wrong   the first value is wrong
 *   broken  cannot be prepared
 *
 * It forwards to a copy of the CPU plugin (a copy, so that the one that the host has loaded is another
 * library with a state of its own); THAW_PICKY_INNER in the environment says where that lies. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "thaw_ops.h"
#include "thaw_plugin.h"

typedef enum { FINE, SLOW, WRONG, BROKEN, N_MANNERS } manners;

static const char *const manner_names[N_MANNERS] = {"fine", "slow", "wrong", "broken"};
static const char *const algo_names[2] = {"first", "second"};

static const thaw_plugin *inner;
static const thaw_device_ops *inner_ops;
static thaw_device_ops outer_ops;
static manners manner_of[2]; /* of the device that was opened last */

struct thaw_kernel {
    thaw_kernel *inner;
    uint32_t n_in;
    manners manner;
};

static thaw_status refuse(thaw_error *err, thaw_status status, const char *text)
{
    if (err) {
        err->status = status;
        snprintf(err->text, sizeof err->text, "%s", text);
    }
    return status;
}

static thaw_status op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                            thaw_error *err)
{
    if (op->kind != THAW_OP_RELU_BWD) {
        thaw_status other = inner_ops->op_query(dev, op, algo, info, err);
        info->n_algos = other == THAW_OK ? 1 : info->n_algos;
        return other;
    }
    if (algo != THAW_ALGO_DEFAULT && algo > 1)
        return refuse(err, THAW_E_UNSUPPORTED, "there are two algorithms");
    thaw_status st = inner_ops->op_query(dev, op, THAW_ALGO_DEFAULT, info, err);
    if (st != THAW_OK)
        return st;
    info->n_algos = 2;
    info->algo = algo == 1;
    snprintf(info->name, sizeof info->name, "%s", algo_names[info->algo]);
    return THAW_OK;
}

static thaw_status op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    int picky = op->kind == THAW_OP_RELU_BWD;
    manners manner = picky ? manner_of[algo == 1] : FINE;
    if (manner == BROKEN)
        return refuse(err, THAW_E_UNSUPPORTED, "this one does not compile");
    thaw_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return refuse(err, THAW_E_NO_MEMORY, "no memory");
    thaw_status st =
        inner_ops->op_prepare(dev, op, picky ? THAW_ALGO_DEFAULT : algo, const_data, &k->inner, err);
    if (st != THAW_OK) {
        free(k);
        return st;
    }
    k->n_in = op->n_in;
    k->manner = manner;
    *out = k;
    return THAW_OK;
}

static void kernel_destroy(thaw_device *dev, thaw_kernel *k)
{
    if (k)
        inner_ops->kernel_destroy(dev, k->inner);
    free(k);
}

static thaw_status op_enqueue(thaw_stream *stream, thaw_kernel *k, const thaw_slice *args, uint32_t n_args,
                              thaw_slice workspace, thaw_error *err)
{
    thaw_status st = inner_ops->op_enqueue(stream, k->inner, args, n_args, workspace, err);
    if (st == THAW_OK && k->manner == SLOW)
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    if (st == THAW_OK && k->manner == WRONG)
        st = inner_ops->fill(stream, args[k->n_in], 0x42280000u, 4, err);
    return st;
}

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    const char *path = getenv("THAW_PICKY_INNER");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    thaw_plugin_entry_fn entry = NULL;
    if (library)
        *(void **)&entry = dlsym(library, "thaw_plugin_entry");
    inner = entry ? entry(THAW_ABI_MAJOR, THAW_ABI_MINOR) : NULL;
    if (!inner)
        return refuse(err, THAW_E_NOT_FOUND, "THAW_PICKY_INNER names no copy of the CPU plugin");
    return inner->init(host, err);
}

static void shut_down(void)
{
    inner->shutdown();
}

static thaw_status device_count(uint32_t *out, thaw_error *err)
{
    return inner->device_count(out, err);
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    thaw_status st = inner->device_describe(index, info, err);
    if (st != THAW_OK)
        return st;
    info->type = THAW_DEVICE_OTHER;
    snprintf(info->name, sizeof info->name, "a picky device");
    snprintf(info->driver, sizeof info->driver, "1.0");
    return THAW_OK;
}

/* "first=" or "second=" and a word of manner_names, up to a comma. */
static int read_option(const char **at)
{
    for (int algo = 0; algo < 2; algo++)
        for (int m = 0; m < N_MANNERS; m++) {
            char option[32];
            int n = snprintf(option, sizeof option, "%s=%s", algo_names[algo], manner_names[m]);
            if (strncmp(*at, option, (size_t)n) != 0 || ((*at)[n] && (*at)[n] != ','))
                continue;
            manner_of[algo] = (manners)m;
            *at += n + ((*at)[n] == ',');
            return 1;
        }
    return 0;
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    manner_of[0] = manner_of[1] = FINE;
    while (options && *options)
        if (!read_option(&options))
            return refuse(err, THAW_E_INVALID, "the options are first=… and second=…");
    thaw_status st = inner->device_open(index, NULL, out, &inner_ops, err);
    if (st != THAW_OK)
        return st;
    outer_ops = *inner_ops;
    outer_ops.struct_size = sizeof outer_ops;
    outer_ops.op_query = op_query;
    outer_ops.op_prepare = op_prepare;
    outer_ops.kernel_destroy = kernel_destroy;
    outer_ops.op_enqueue = op_enqueue;
    *ops = &outer_ops;
    return THAW_OK;
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    static const thaw_plugin plugin = {.struct_size = sizeof plugin,
                                       .abi_major = THAW_ABI_MAJOR,
                                       .abi_minor = THAW_ABI_MINOR,
                                       .id = "picky",
                                       .version = "1",
                                       .init = init,
                                       .shutdown = shut_down,
                                       .device_count = device_count,
                                       .device_describe = device_describe,
                                       .device_open = device_open,
                                       .get_extension = get_extension};
    (void)host_abi_minor;
    return host_abi_major == THAW_ABI_MAJOR ? &plugin : NULL;
}
