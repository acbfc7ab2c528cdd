#include "harness.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define GUARD  64 /* bytes before and behind a tensor */
#define POISON 0xff

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    (void)ctx;
    return aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static void host_log(void *ctx, int32_t level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

static uint32_t one_thread(void *ctx)
{
    (void)ctx;
    return 1;
}

static uint32_t three_threads(void *ctx)
{
    (void)ctx;
    return 3;
}

static void in_order(void *ctx, uint32_t n, thaw_task_fn fn, void *arg)
{
    (void)ctx;
    for (uint32_t i = 0; i < n; i++)
        fn(arg, i, 0);
}

static void shuffled(void *ctx, uint32_t n, thaw_task_fn fn, void *arg)
{
    (void)ctx;
    uint32_t step = n > 2 ? 2 * (n / 3) + 1 : 1; /* made prime to n below */
    for (uint32_t a = n, b = step; b != 0;) {
        uint32_t r = a % b;
        a = b;
        b = r;
        if (b == 0 && a != 1) {
            step++;
            a = n;
            b = step;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        fn(arg, (uint32_t)(((uint64_t)(n - 1 - i) * step) % n), i % 3);
}

static const void *no_extension(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return NULL;
}

const thaw_host serial_host = {
    sizeof(thaw_host), THAW_ABI_MINOR, NULL,     host_log,     host_alloc,
    host_free,         one_thread,     in_order, no_extension,
};
const thaw_host shuffled_host = {
    sizeof(thaw_host), THAW_ABI_MINOR, NULL,     host_log,     host_alloc,
    host_free,         three_threads,  shuffled, no_extension,
};

void session_load(session *s, const thaw_host *host)
{
    thaw_plugin_entry_fn entry;
    thaw_error err = {0};
    memset(s, 0, sizeof *s);
    s->library = dlopen(CPU_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (!s->library)
        fail_msg("%s", dlerror());
    *(void **)&entry = dlsym(s->library, "thaw_plugin_entry");
    assert_non_null(entry);
    s->plugin = entry(THAW_ABI_MAJOR, THAW_ABI_MINOR);
    assert_non_null(s->plugin);
    assert_int_equal(s->plugin->init(host, &err), THAW_OK);
}

bool session_open(session *s, const thaw_host *host, const char *options)
{
    thaw_error err = {0};
    session_load(s, host);
    thaw_status status = s->plugin->device_open(0, options, &s->dev, &s->ops, &err);
    if (status == THAW_E_UNSUPPORTED) {
        session_close(s);
        return false;
    }
    if (status != THAW_OK)
        fail_msg("%s", err.text);
    assert_int_equal(s->ops->stream_create(s->dev, &s->stream, &err), THAW_OK);
    return true;
}

void session_close(session *s)
{
    if (s->dev) {
        s->ops->stream_destroy(s->dev, s->stream);
        s->ops->close(s->dev);
    }
    s->plugin->shutdown();
    dlclose(s->library);
    memset(s, 0, sizeof *s);
}

size_t dtype_bytes(thaw_dtype dtype)
{
    return dtype == THAW_U8 ? 1 : dtype == THAW_F16 || dtype == THAW_BF16 ? 2 : 4;
}

static size_t pixels(const thaw_tensor *t)
{
    return (size_t)t->n * (size_t)t->h * (size_t)t->w;
}

size_t elements(const thaw_tensor *t)
{
    return pixels(t) * (size_t)t->c;
}

void case_init(op_case *c, uint32_t kind)
{
    memset(c, 0, sizeof *c);
    c->kind = kind;
    for (int k = 0; k < MAX_OUT; k++)
        c->in_place[k] = -1;
}

void case_free(op_case *c)
{
    for (uint32_t i = 0; i < c->n_in; i++)
        free(c->data[i]);
}

static thaw_tensor tensor(thaw_dtype dtype, int n, int h, int w, int channels, int gap)
{
    return (thaw_tensor){sizeof(thaw_tensor), dtype, THAW_ROLE_ACTIVATION, n, h, w, channels, channels + gap};
}

void *case_in(op_case *c, thaw_dtype dtype, int n, int h, int w, int channels, int gap)
{
    thaw_tensor *t = &c->in[c->n_in];
    *t = tensor(dtype, n, h, w, channels, gap);
    uint32_t seed = c->kind * 100 + c->n_in;
    char *data = malloc(elements(t) * dtype_bytes(dtype));
    assert_non_null(data);
    for (size_t i = 0; i < elements(t); i++) {
        seed = seed * 1664525u + 1013904223u;
        float f = (float)(seed >> 8) / 8388608.0f - 1.0f;
        uint32_t u = seed >> 24;
        uint16_t half = (uint16_t)(seed >> 16 & 0xbbff); /* finite as f16 and as bf16 */
        const void *from = dtype == THAW_F32         ? (const void *)&f
                           : dtype_bytes(dtype) == 2 ? (void *)&half
                                                     : &u;
        memcpy(data + i * dtype_bytes(dtype), from, dtype_bytes(dtype));
    }
    c->data[c->n_in++] = data;
    return data;
}

void case_out(op_case *c, thaw_dtype dtype, int n, int h, int w, int channels, int gap)
{
    c->out[c->n_out++] = tensor(dtype, n, h, w, channels, gap);
}

float *case_in_f32(op_case *c, int n, int h, int w, int channels, int gap)
{
    return case_in(c, THAW_F32, n, h, w, channels, gap);
}

void case_out_f32(op_case *c, int n, int h, int w, int channels, int gap)
{
    case_out(c, THAW_F32, n, h, w, channels, gap);
}

thaw_op case_op(const op_case *c, const thaw_tensor *ins[MAX_IN], const thaw_tensor *outs[MAX_OUT])
{
    for (uint32_t i = 0; i < c->n_in; i++)
        ins[i] = &c->in[i];
    for (uint32_t k = 0; k < c->n_out; k++)
        outs[k] = &c->out[k];
    return (thaw_op){.struct_size = sizeof(thaw_op),
                     .kind = c->kind,
                     .n_in = c->n_in,
                     .n_out = c->n_out,
                     .in = ins,
                     .out = outs,
                     .attr = &c->attr};
}

/* ---- running ------------------------------------------------------------------------------------ */

static size_t extent(const thaw_tensor *t)
{
    return ((pixels(t) - 1) * (size_t)t->pixel_pitch + (size_t)t->c) * dtype_bytes(t->dtype);
}

/* Copies rows of c elements between a dense and a pitched image of a tensor. */
static void repack(const thaw_tensor *t, char *to, size_t to_pitch, const char *from, size_t from_pitch)
{
    size_t size = dtype_bytes(t->dtype);
    for (size_t p = 0; p < pixels(t); p++)
        memcpy(to + p * to_pitch * size, from + p * from_pitch * size, (size_t)t->c * size);
}

static thaw_slice place(session *s, const thaw_tensor *t, const void *data)
{
    size_t bytes = extent(t) + 2 * GUARD;
    thaw_slice slice = {NULL, 0};
    char *image = malloc(bytes);
    assert_non_null(image);
    memset(image, POISON, bytes);
    if (data)
        repack(t, image + GUARD, (size_t)t->pixel_pitch, data, (size_t)t->c);
    assert_int_equal(s->ops->buffer_create(s->dev, bytes, &slice.buffer, NULL), THAW_OK);
    assert_int_equal(s->ops->upload(s->stream, slice, image, bytes, NULL), THAW_OK);
    slice.offset = GUARD;
    free(image);
    return slice;
}

static void *fetch(session *s, const thaw_tensor *t, thaw_slice slice)
{
    size_t bytes = extent(t) + 2 * GUARD, size = dtype_bytes(t->dtype);
    char *image = malloc(bytes), *dense = malloc(elements(t) * size), *expected = malloc(bytes);
    assert_true(image && dense && expected);
    slice.offset = 0;
    assert_int_equal(s->ops->download(s->stream, image, slice, bytes, NULL), THAW_OK);
    repack(t, dense, (size_t)t->c, image + GUARD, (size_t)t->pixel_pitch);
    /* The image must be the result on a background of poison. */
    memset(expected, POISON, bytes);
    repack(t, expected + GUARD, (size_t)t->pixel_pitch, dense, (size_t)t->c);
    assert_memory_equal(image, expected, bytes);
    free(image);
    free(expected);
    return dense;
}

void case_run(session *s, const op_case *c, bool in_place, void *results[MAX_OUT])
{
    const thaw_tensor *ins[MAX_IN], *outs[MAX_OUT];
    thaw_op op = case_op(c, ins, outs);
    thaw_op_info info = {.struct_size = sizeof info};
    thaw_error err = {0};
    thaw_kernel *kernel = NULL;
    thaw_slice args[MAX_IN + MAX_OUT], workspace = {NULL, 0};
    const void *consts[MAX_IN];
    if (s->ops->op_query(s->dev, &op, THAW_ALGO_DEFAULT, &info, &err) != THAW_OK)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < c->n_in; i++)
        consts[i] = c->in[i].role == THAW_ROLE_CONST ? c->data[i] : NULL;
    if (s->ops->op_prepare(s->dev, &op, THAW_ALGO_DEFAULT, consts, &kernel, &err) != THAW_OK)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < c->n_in; i++)
        args[i] = consts[i] ? (thaw_slice){NULL, 0} : place(s, &c->in[i], c->data[i]);
    for (uint32_t k = 0; k < c->n_out; k++)
        args[c->n_in + k] =
            in_place && c->in_place[k] >= 0 ? args[c->in_place[k]] : place(s, &c->out[k], NULL);
    if (info.workspace_bytes > 0)
        assert_int_equal(s->ops->buffer_create(s->dev, info.workspace_bytes, &workspace.buffer, NULL),
                         THAW_OK);
    if (workspace.buffer)
        assert_int_equal(s->ops->fill(s->stream, workspace, 0xffffffffu, info.workspace_bytes & ~3ull, NULL),
                         THAW_OK);
    if (s->ops->op_enqueue(s->stream, kernel, args, c->n_in + c->n_out, workspace, &err) != THAW_OK)
        fail_msg("%s", err.text);
    assert_int_equal(s->ops->stream_sync(s->stream, &err), THAW_OK);
    for (uint32_t k = 0; k < c->n_out; k++) {
        results[k] = fetch(s, &c->out[k], args[c->n_in + k]);
        if (!(in_place && c->in_place[k] >= 0))
            s->ops->buffer_destroy(s->dev, args[c->n_in + k].buffer);
    }
    for (uint32_t i = 0; i < c->n_in; i++)
        s->ops->buffer_destroy(s->dev, args[i].buffer);
    s->ops->buffer_destroy(s->dev, workspace.buffer);
    s->ops->kernel_destroy(s->dev, kernel);
}

bool case_run_on(const thaw_host *host, const char *options, const op_case *c, bool in_place,
                 void *results[MAX_OUT])
{
    session s;
    if (!session_open(&s, host, options))
        return false;
    case_run(&s, c, in_place, results);
    session_close(&s);
    return true;
}

void results_free(const op_case *c, void *results[MAX_OUT])
{
    for (uint32_t k = 0; k < c->n_out; k++)
        free(results[k]);
}
