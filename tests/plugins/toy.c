#include "toy.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/common/op.h"

#define N_DEVICES   7u
#define MAX_PENDING 512u

typedef enum { COPY_IN, COPY_OUT, COPY, FILL, KERNEL, MARK, WAIT } command_kind;

typedef struct command {
    command_kind kind;
    thaw_slice dst, src;
    const void *host_src;
    void *host_dst;
    uint64_t bytes;
    uint32_t pattern;
    thaw_kernel *kernel;
    thaw_event *event;
    thaw_slice args[2 * TOY_MAX_ARGS];
} command;

struct thaw_stream {
    bool eager; /* works at once while nothing waits in it */
    command pending[MAX_PENDING];
    size_t n, next; /* the first that has not been done */
};

struct thaw_event {
    thaw_stream *stream; /* whose mark it is; NULL: never recorded */
    bool passed;
};

static const thaw_host *the_host; /* between init and shutdown */

static thaw_status fail(thaw_error *err, thaw_status status, const char *text)
{
    if (err) {
        err->status = status;
        err->native = 0;
        snprintf(err->text, sizeof err->text, "%s", text);
    }
    return status;
}

static void close_device(thaw_device *dev)
{
    free(dev);
}

/* Fresh memory holds NaN, so that what nobody wrote shows. */
static thaw_status buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    if (dev->index == 2 && bytes > 4096)
        return fail(err, THAW_E_DEVICE_MEMORY, "more than 4096 bytes");
    thaw_buffer *b = malloc(sizeof *b);
    unsigned char *memory = malloc(bytes);
    if (!b || !memory) {
        free(b);
        free(memory);
        return fail(err, THAW_E_DEVICE_MEMORY, "malloc failed");
    }
    memset(memory, 0xff, bytes);
    *b = (thaw_buffer){bytes, memory};
    *out = b;
    return THAW_OK;
}

static void buffer_destroy(thaw_device *dev, thaw_buffer *buf)
{
    (void)dev;
    if (buf)
        free(buf->memory);
    free(buf);
}

static thaw_status stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out)
        (*out)->eager = dev->index == 3;
    return *out ? THAW_OK : fail(err, THAW_E_NO_MEMORY, "calloc failed");
}

static void stream_destroy(thaw_device *dev, thaw_stream *stream)
{
    (void)dev;
    free(stream);
}

static void *pointer(thaw_slice s, uint64_t bytes)
{
    return s.buffer && s.offset <= s.buffer->bytes && bytes <= s.buffer->bytes - s.offset
               ? s.buffer->memory + s.offset
               : NULL;
}

static uint64_t extent(const thaw_tensor *t)
{
    uint64_t pixels = (uint64_t)t->n * (uint64_t)t->h * (uint64_t)t->w;
    return ((pixels - 1) * (uint64_t)t->pixel_pitch + (uint64_t)t->c) * sizeof(float);
}

static void run_kernel(const command *c)
{
    const thaw_kernel *k = c->kernel;
    float *args[2 * TOY_MAX_ARGS];
    for (uint32_t i = 0; i < k->n_in + k->n_out; i++) {
        const thaw_tensor *t = i < k->n_in ? &k->in[i] : &k->out[i - k->n_in];
        args[i] = t->role == THAW_ROLE_CONST ? k->constants[i] : pointer(c->args[i], extent(t));
    }
    if (k->kind == THAW_OP_CONV2D)
        memset(pointer(c->dst, TOY_WORKSPACE), 0xff, TOY_WORKSPACE);
    toy_compute(k, args);
}

static void run_copy(const command *c)
{
    unsigned char *dst = c->kind == COPY_OUT ? c->host_dst : pointer(c->dst, c->bytes);
    const void *src = c->kind == COPY_IN ? c->host_src : c->kind == FILL ? dst : pointer(c->src, c->bytes);
    if (c->kind != FILL)
        memcpy(dst, src, c->bytes);
    for (uint64_t i = 0; c->kind == FILL && i < c->bytes; i += 4)
        memcpy(dst + i, &c->pattern, 4);
}

static bool kernel_stays_inside(const command *c)
{
    const thaw_kernel *k = c->kernel;
    for (uint32_t i = 0; i < k->n_in + k->n_out; i++) {
        const thaw_tensor *t = i < k->n_in ? &k->in[i] : &k->out[i - k->n_in];
        if (t->role != THAW_ROLE_CONST && !pointer(c->args[i], extent(t)))
            return false;
    }
    return k->kind != THAW_OP_CONV2D || pointer(c->dst, TOY_WORKSPACE);
}

/* Asked when work is given, because what is refused must not fail later. */
static bool stays_inside(const command *c)
{
    switch (c->kind) {
    case KERNEL:
        return kernel_stays_inside(c);
    case COPY_IN:
    case FILL:
        return pointer(c->dst, c->bytes);
    case COPY_OUT:
        return pointer(c->src, c->bytes);
    case COPY:
        return pointer(c->dst, c->bytes) && pointer(c->src, c->bytes);
    default:
        return true;
    }
}

/* Up to the event's mark, or to the end if event is NULL. */
static thaw_status run_stream(thaw_stream *stream, const thaw_event *event, thaw_error *err)
{
    thaw_status st = THAW_OK;
    while (st == THAW_OK && stream->next < stream->n && !(event && event->passed)) {
        const command *c = &stream->pending[stream->next++];
        if (c->kind == KERNEL)
            run_kernel(c);
        else if (c->kind == MARK)
            c->event->passed = true;
        else if (c->kind == WAIT)
            st = c->event->stream ? run_stream(c->event->stream, c->event, err) : THAW_OK;
        else
            run_copy(c);
    }
    if (st != THAW_OK || stream->next == stream->n)
        stream->n = stream->next = 0;
    return st;
}

static thaw_status stream_sync(thaw_stream *stream, thaw_error *err)
{
    return run_stream(stream, NULL, err);
}

static thaw_status push(thaw_stream *stream, command c, thaw_error *err)
{
    if (stream->n == MAX_PENDING)
        return fail(err, THAW_E_INTERNAL, "too much work in one go for a toy");
    if (!stays_inside(&c))
        return fail(err, THAW_E_INVALID, "something lies outside its buffer");
    stream->pending[stream->n++] = c;
    return stream->eager && stream->n == 1 && c.kind != WAIT ? run_stream(stream, NULL, err) : THAW_OK;
}

static thaw_status upload(thaw_stream *s, thaw_slice dst, const void *src, uint64_t bytes, thaw_error *err)
{
    return push(s, (command){.kind = COPY_IN, .dst = dst, .host_src = src, .bytes = bytes}, err);
}

static thaw_status download(thaw_stream *s, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    return push(s, (command){.kind = COPY_OUT, .src = src, .host_dst = dst, .bytes = bytes}, err);
}

static thaw_status copy(thaw_stream *s, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    return push(s, (command){.kind = COPY, .dst = dst, .src = src, .bytes = bytes}, err);
}

static thaw_status fill(thaw_stream *s, thaw_slice dst, uint32_t pattern, uint64_t bytes, thaw_error *err)
{
    return push(s, (command){.kind = FILL, .dst = dst, .pattern = pattern, .bytes = bytes}, err);
}

static thaw_status event_create(thaw_device *dev, thaw_event **out, thaw_error *err)
{
    (void)dev;
    *out = calloc(1, sizeof **out);
    return *out ? THAW_OK : fail(err, THAW_E_NO_MEMORY, "calloc failed");
}

static void event_destroy(thaw_device *dev, thaw_event *event)
{
    (void)dev;
    free(event);
}

static thaw_status event_record(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    *event = (thaw_event){.stream = stream};
    return push(stream, (command){.kind = MARK, .event = event}, err);
}

static thaw_status stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    return push(stream, (command){.kind = WAIT, .event = event}, err);
}

static thaw_status op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                            thaw_error *err)
{
    backend_op *own;
    thaw_status st = backend_op_read(the_host, op, &own, err);
    if (st != THAW_OK)
        return st;
    backend_op_free(the_host, own);
    const char *refusal = toy_refusal(dev->index, op);
    if (refusal)
        return fail(err, THAW_E_UNSUPPORTED, refusal);
    if (algo != 0 && algo != THAW_ALGO_DEFAULT)
        return fail(err, THAW_E_UNSUPPORTED, "there is one algorithm");
    const thaw_op_info full = {.n_algos = 1,
                               .deterministic = 1,
                               .workspace_bytes = op->kind == THAW_OP_CONV2D ? TOY_WORKSPACE : 0,
                               .name = "loops",
                               .reason = "there is no other"};
    return backend_op_info_write(&full, info, err);
}

static void kernel_destroy(thaw_device *dev, thaw_kernel *k)
{
    (void)dev;
    for (uint32_t i = 0; k && i < k->n_in; i++)
        free(k->constants[i]);
    free(k);
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static thaw_status prepare_slowly(int32_t channels, thaw_error *err)
{
    wait_ms(channels == TOY_SLOW ? 600 : channels == TOY_FAILS_LATE ? 20 : 0);
    if (channels == TOY_FAILS_SOON || channels == TOY_FAILS_LATE)
        return fail(err, THAW_E_UNSUPPORTED, "does not compile");
    return THAW_OK;
}

static thaw_status op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    thaw_status st = op_query(dev, op, algo, NULL, err);
    if (st == THAW_OK && dev->index == 5)
        return fail(err, THAW_E_DEVICE_MEMORY, "no room for the kernel");
    if (st == THAW_OK && dev->index == 6)
        st = prepare_slowly(op->out[0]->c, err);
    if (st != THAW_OK)
        return st;
    if (op->n_in > TOY_MAX_ARGS || op->n_out > TOY_MAX_ARGS)
        return fail(err, THAW_E_INVALID, "too many tensors");
    thaw_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return fail(err, THAW_E_NO_MEMORY, "calloc failed");
    k->kind = op->kind;
    k->n_in = op->n_in;
    k->n_out = op->n_out;
    for (uint32_t i = 0; i < op->n_out; i++)
        k->out[i] = *op->out[i];
    for (uint32_t i = 0; i < op->n_in; i++) {
        k->in[i] = *op->in[i];
        if (op->in[i]->role != THAW_ROLE_CONST)
            continue;
        k->constants[i] = malloc(extent(op->in[i]));
        if (!k->constants[i] || !const_data[i]) {
            kernel_destroy(dev, k);
            return fail(err, THAW_E_INVALID, "a constant without data");
        }
        memcpy(k->constants[i], const_data[i], extent(op->in[i]));
    }
    if (op->attr) {
        uint32_t given = *(const uint32_t *)op->attr;
        memcpy(&k->attr, op->attr, given < sizeof k->attr ? given : sizeof k->attr);
    }
    *out = k;
    return THAW_OK;
}

static thaw_status op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                              uint32_t n_args, thaw_slice workspace, thaw_error *err)
{
    command c = {.kind = KERNEL, .kernel = kernel, .dst = workspace};
    if (n_args != kernel->n_in + kernel->n_out)
        return fail(err, THAW_E_INVALID, "a wrong number of arguments");
    for (uint32_t i = kernel->n_in; i < n_args; i++)
        if (!args[i].buffer)
            return fail(err, THAW_E_INVALID, "an output without a buffer");
    memcpy(c.args, args, n_args * sizeof *args);
    return push(stream, c, err);
}

static const thaw_device_ops ops = {
    .struct_size = sizeof(thaw_device_ops),
    .close = close_device,
    .buffer_create = buffer_create,
    .buffer_destroy = buffer_destroy,
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_sync = stream_sync,
    .upload = upload,
    .download = download,
    .copy = copy,
    .fill = fill,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .stream_wait = stream_wait,
    .op_query = op_query,
    .op_prepare = op_prepare,
    .kernel_destroy = kernel_destroy,
    .op_enqueue = op_enqueue,
};

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    if (host->struct_size < THAW_HOST_V1_SIZE)
        return fail(err, THAW_E_ABI, "the host's table is smaller than in ABI 1.0");
    void *p = host->alloc(host->ctx, 100, 4096);
    if (!p || (size_t)p % 4096 != 0 || host->thread_count(host->ctx) == 0)
        return fail(err, THAW_E_INTERNAL, "the host's table does not work");
    host->free(host->ctx, p);
    host->log(host->ctx, THAW_LOG_DEBUG, "the toy is ready");
    the_host = host;
    return THAW_OK;
}

static void shutdown(void)
{
}

static thaw_status device_count(uint32_t *out, thaw_error *err)
{
    (void)err;
    *out = N_DEVICES;
    return THAW_OK;
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    if (index >= N_DEVICES)
        return fail(err, THAW_E_NOT_FOUND, "no such toy");
    if (info->struct_size < THAW_DEVICE_INFO_V1_SIZE)
        return fail(err, THAW_E_INVALID, "thaw_device_info is smaller than in ABI 1.0");
    info->type = index == 3 ? THAW_DEVICE_GPU : THAW_DEVICE_CPU;
    snprintf(info->name, sizeof info->name, "toy number %u", index);
    info->memory_bytes = 1u << 20;
    info->max_alloc_bytes = index == 2 ? 4096 : 0;
    return THAW_OK;
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **table, thaw_error *err)
{
    if (options && strcmp(options, "speed=slow") != 0)
        return fail(err, THAW_E_INVALID, "unknown option; there is: speed=slow");
    thaw_device *dev = malloc(sizeof *dev);
    if (!dev)
        return fail(err, THAW_E_NO_MEMORY, "malloc failed");
    dev->index = index;
    *out = dev;
    *table = &ops;
    return THAW_OK;
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

static const thaw_plugin plugin = {
    .struct_size = sizeof(thaw_plugin),
    .abi_major = THAW_ABI_MAJOR,
    .abi_minor = THAW_ABI_MINOR,
    .id = "toy",
    .version = "1",
    .init = init,
    .shutdown = shutdown,
    .device_count = device_count,
    .device_describe = device_describe,
    .device_open = device_open,
    .get_extension = get_extension,
};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_major;
    (void)host_abi_minor;
    return &plugin;
}
