/* faulty.c: the CPU plugin with one fault, which the device's option names: faulty:0,fault=NAME.
 *
 * It forwards to a copy of the CPU plugin (a copy, so that the one that the host has loaded is another
 * library with a state of its own); THAW_FAULTY_INNER in the environment says where that lies. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thaw_ops.h"
#include "thaw_plugin.h"

/* Added to what the CPU needs, so that every op has a workspace behind which to write. */
#define EXTRA_WORKSPACE 64u

typedef enum {
    FAULT_NONE,
    FAULT_VALUE,     /* one element of output 0 is wrong */
    FAULT_BEHIND,    /* one element behind the last of output 0 is written */
    FAULT_GAP,       /* one element between c and pixel_pitch of output 0 is written */
    FAULT_NAN,       /* the last element of output 0 is left as it was */
    FAULT_FLICKER,   /* every other run has another lowest bit */
    FAULT_INPUT,     /* the first input is changed */
    FAULT_WORKSPACE, /* four bytes behind the workspace are written */
    FAULT_BATCH,     /* a batch of several has another lowest bit than a row alone */
    FAULT_LENIENT,   /* op_query accepts everything */
    FAULT_ENQUEUE,   /* op_enqueue accepts any number of arguments */
    FAULT_SILENT,    /* op_query declines without a reason */
    FAULT_DECLINE,   /* op_query declines everything */
    FAULT_FILL,      /* fill writes four bytes too many */
    FAULT_WAIT,      /* stream_wait fails on events that were never recorded */
    FAULT_OVERRUN,   /* op_query writes beyond the struct_size that it was given */
    FAULT_NOTHING    /* op_prepare reports success and hands out no kernel */
} fault_kind;

static const char *const fault_names[] = {[FAULT_NONE] = "none",       [FAULT_VALUE] = "value",
                                          [FAULT_BEHIND] = "behind",   [FAULT_GAP] = "gap",
                                          [FAULT_NAN] = "nan",         [FAULT_FLICKER] = "flicker",
                                          [FAULT_INPUT] = "input",     [FAULT_WORKSPACE] = "workspace",
                                          [FAULT_BATCH] = "batch",     [FAULT_LENIENT] = "lenient",
                                          [FAULT_ENQUEUE] = "enqueue", [FAULT_SILENT] = "silent",
                                          [FAULT_DECLINE] = "decline", [FAULT_FILL] = "fill",
                                          [FAULT_WAIT] = "wait",       [FAULT_OVERRUN] = "overrun",
                                          [FAULT_NOTHING] = "nothing"};

/* One fault at a time: the tests open one faulty device at a time. */
static fault_kind fault;
static const thaw_plugin *inner;
static const thaw_device_ops *inner_ops;
static thaw_device_ops outer_ops;

struct thaw_kernel {
    thaw_kernel *inner;
    thaw_tensor in, out; /* the first of each */
    uint32_t n_in, n_args;
    uint64_t workspace_bytes;
    unsigned runs;
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
    if (fault == FAULT_SILENT)
        return THAW_E_UNSUPPORTED;
    if (fault == FAULT_DECLINE)
        return refuse(err, THAW_E_UNSUPPORTED, "this device computes nothing at all");
    thaw_status st = inner_ops->op_query(dev, op, algo, info, err);
    if (st != THAW_OK && fault == FAULT_LENIENT) {
        info->n_algos = 1;
        snprintf(info->name, sizeof info->name, "any");
        return THAW_OK;
    }
    if (st == THAW_OK && fault == FAULT_OVERRUN)
        memset((char *)info + info->struct_size, 0, 4);
    if (st == THAW_OK && fault == FAULT_WORKSPACE)
        info->workspace_bytes += EXTRA_WORKSPACE;
    return st;
}

static thaw_status op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    thaw_op_info info = {.struct_size = sizeof info};
    if (fault == FAULT_NOTHING)
        return THAW_OK;
    thaw_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return refuse(err, THAW_E_NO_MEMORY, "no memory");
    thaw_status st = inner_ops->op_query(dev, op, algo, &info, err);
    if (st == THAW_OK)
        st = inner_ops->op_prepare(dev, op, algo, const_data, &k->inner, err);
    if (st != THAW_OK) {
        free(k);
        return st;
    }
    k->in = *op->in[0];
    k->out = *op->out[0];
    k->n_in = op->n_in;
    k->n_args = op->n_in + op->n_out;
    k->workspace_bytes = info.workspace_bytes + EXTRA_WORKSPACE;
    *out = k;
    return THAW_OK;
}

static void kernel_destroy(thaw_device *dev, thaw_kernel *k)
{
    if (k)
        inner_ops->kernel_destroy(dev, k->inner);
    free(k);
}

static uint64_t element_bytes(const thaw_tensor *t)
{
    return t->dtype == THAW_U8 ? 1 : t->dtype == THAW_F16 || t->dtype == THAW_BF16 ? 2 : 4;
}

static uint64_t last_pixel(const thaw_tensor *t)
{
    return (uint64_t)t->n * (uint64_t)t->h * (uint64_t)t->w - 1;
}

/* Xors one byte of an element of an argument. */
static void spoil(thaw_stream *stream, const thaw_tensor *t, thaw_slice at, uint64_t element, uint64_t byte,
                  uint8_t mask)
{
    uint8_t value = 0;
    at.offset += element * element_bytes(t) + byte % element_bytes(t);
    if (!at.buffer)
        return;
    inner_ops->download(stream, &value, at, 1, NULL);
    inner_ops->stream_sync(stream, NULL);
    value ^= mask;
    inner_ops->upload(stream, at, &value, 1, NULL);
    inner_ops->stream_sync(stream, NULL);
}

static void commit_fault(thaw_stream *stream, thaw_kernel *k, const thaw_slice *args, thaw_slice workspace,
                         const uint8_t *old)
{
    const thaw_tensor *y = &k->out;
    thaw_slice out = args[k->n_in];
    uint64_t pitch = (uint64_t)y->pixel_pitch, end = last_pixel(y) * pitch + (uint64_t)y->c;
    switch (fault) {
    case FAULT_VALUE:
        spoil(stream, y, out, end - 1, 3, 0x40);
        break;
    case FAULT_BEHIND:
        spoil(stream, y, out, end, 0, 1);
        break;
    case FAULT_GAP:
        if (pitch > (uint64_t)y->c)
            spoil(stream, y, out, (uint64_t)y->c, 0, 1);
        break;
    case FAULT_NAN:
        out.offset += (end - 1) * element_bytes(y);
        inner_ops->upload(stream, out, old, element_bytes(y), NULL);
        inner_ops->stream_sync(stream, NULL);
        break;
    case FAULT_FLICKER:
        if (k->runs++ % 2)
            spoil(stream, y, out, 0, 0, 1);
        break;
    case FAULT_INPUT:
        spoil(stream, &k->in, args[0], 0, 0, 1);
        break;
    case FAULT_WORKSPACE:
        workspace.offset += k->workspace_bytes;
        spoil(stream, y, workspace, 0, 0, 1);
        break;
    case FAULT_BATCH:
        if (y->n > 1)
            spoil(stream, y, out, 0, 0, 1);
        break;
    default:
        break;
    }
}

static thaw_status op_enqueue(thaw_stream *stream, thaw_kernel *k, const thaw_slice *args, uint32_t n_args,
                              thaw_slice workspace, thaw_error *err)
{
    uint8_t old[4] = {0};
    if (fault == FAULT_ENQUEUE && n_args != k->n_args)
        return THAW_OK;
    if (fault == FAULT_NAN && n_args == k->n_args && args[k->n_in].buffer) {
        thaw_slice last = args[k->n_in];
        last.offset += (last_pixel(&k->out) * (uint64_t)k->out.pixel_pitch + (uint64_t)k->out.c - 1) *
                       element_bytes(&k->out);
        inner_ops->download(stream, old, last, element_bytes(&k->out), NULL);
        inner_ops->stream_sync(stream, NULL);
    }
    thaw_status st = inner_ops->op_enqueue(stream, k->inner, args, n_args, workspace, err);
    if (st == THAW_OK)
        commit_fault(stream, k, args, workspace, old);
    return st;
}

static thaw_status fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                        thaw_error *err)
{
    bool room = dst.offset + bytes < 2048;
    return inner_ops->fill(stream, dst, pattern, fault == FAULT_FILL && room ? bytes + 4 : bytes, err);
}

static thaw_status stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    if (fault == FAULT_WAIT)
        return refuse(err, THAW_E_INVALID, "this event was never recorded");
    return inner_ops->stream_wait(stream, event, err);
}

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    const char *path = getenv("THAW_FAULTY_INNER");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    thaw_plugin_entry_fn entry = NULL;
    if (library)
        *(void **)&entry = dlsym(library, "thaw_plugin_entry");
    inner = entry ? entry(THAW_ABI_MAJOR, THAW_ABI_MINOR) : NULL;
    if (!inner)
        return refuse(err, THAW_E_NOT_FOUND, "THAW_FAULTY_INNER names no copy of the CPU plugin");
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
    return inner->device_describe(index, info, err);
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    static const char key[] = "fault=";
    size_t i = 0, n = sizeof fault_names / sizeof *fault_names;
    if (!options || strncmp(options, key, sizeof key - 1) != 0)
        return refuse(err, THAW_E_INVALID, "the one option is fault=NAME");
    while (i < n && strcmp(options + sizeof key - 1, fault_names[i]) != 0)
        i++;
    if (i == n)
        return refuse(err, THAW_E_INVALID, "there is no such fault");
    fault = (fault_kind)i;
    thaw_status st = inner->device_open(index, NULL, out, &inner_ops, err);
    if (st != THAW_OK)
        return st;
    outer_ops = *inner_ops;
    outer_ops.struct_size = sizeof outer_ops;
    outer_ops.op_query = op_query;
    outer_ops.op_prepare = op_prepare;
    outer_ops.kernel_destroy = kernel_destroy;
    outer_ops.op_enqueue = op_enqueue;
    outer_ops.fill = fill;
    outer_ops.stream_wait = stream_wait;
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
                                       .id = "faulty",
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
