/* copy.c: how fast a device's memory is: a copy from one place of it to another. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/bench/room.h"

#define MIB          ((uint64_t)1 << 20)
#define LEAST        (64 * MIB)
#define CACHES       8 /* so many times the last cache: what is left of it in there does not count */
#define MEMORY_SHARE 8 /* the two together take at most 2/8 of the memory */
#define BLOCK        ((size_t)MIB)
#define SAMPLE       0.01

typedef struct copier {
    check_side side;
    thaw_buffer *from, *to;
    uint64_t bytes;
    uint32_t times; /* of a sample */
    double *samples;
    uint32_t n;
    double spent;
    bool alive;
} copier;

static uint64_t size_for(const thaw_dev *dev, uint64_t most)
{
    uint64_t bytes = CACHES * dev->info.cache_bytes;
    bytes = bytes < LEAST ? LEAST : bytes > most ? most : bytes;
    if (dev->info.memory_bytes > 0 && bytes > dev->info.memory_bytes / MEMORY_SHARE)
        bytes = dev->info.memory_bytes / MEMORY_SHARE;
    if (bytes > dev->max_alloc)
        bytes = dev->max_alloc;
    return bytes / BLOCK * BLOCK;
}

/* Random contents, because memory that is all the same may be compressed on its way. */
static thaw_status fill(const copier *c, thaw_error *err)
{
    const thaw_device_ops *ops = &c->side.dev->ops;
    uint32_t *block = malloc(BLOCK), state = BENCH_SEED;
    if (!block)
        return thaw_fail_memory(err, BLOCK, "a block to copy");
    for (size_t i = 0; i < BLOCK / sizeof *block; i++) {
        /* Marsaglia, "Xorshift RNGs", 2003. */
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        block[i] = state;
    }
    thaw_status st = THAW_OK;
    for (uint64_t at = 0; st == THAW_OK && at < c->bytes; at += BLOCK)
        st = ops->upload(c->side.stream, (thaw_slice){c->from, at}, block, BLOCK, err);
    thaw_status end = ops->stream_sync(c->side.stream, st == THAW_OK ? err : NULL);
    free(block);
    return st == THAW_OK ? end : st;
}

static thaw_status copy(const copier *c, uint32_t times, double *seconds, thaw_error *err)
{
    const thaw_device_ops *ops = &c->side.dev->ops;
    thaw_status st = THAW_OK;
    double start = tune_now();
    for (uint32_t i = 0; st == THAW_OK && i < times; i++)
        st = ops->copy(c->side.stream, (thaw_slice){c->to, 0}, (thaw_slice){c->from, 0}, c->bytes, err);
    thaw_status end = ops->stream_sync(c->side.stream, st == THAW_OK ? err : NULL);
    *seconds = (tune_now() - start) / times;
    return st == THAW_OK ? end : st;
}

static void settle(bench_device *device, copier *c, thaw_status st, thaw_error *why)
{
    c->alive = st == THAW_OK;
    if (st == THAW_OK)
        return;
    why->text[sizeof why->text - 1] = '\0';
    bench_note_down(device, "the bandwidth of its memory is not known: %s", why->text);
    bench_look_after(device, st);
}

static void prepare(bench_run *run, bench_device *device, copier *c)
{
    thaw_error why = {0};
    double once = 0;
    c->side.dev = device->where.dev;
    c->bytes = size_for(c->side.dev, run->options->copy_bytes);
    bench_tell(run, device, "copy", 0, BENCH_PREPARING, 0, 0);
    c->samples = thaw_calloc(run->options->repeat, sizeof *c->samples);
    thaw_status st = c->samples ? THAW_OK : thaw_fail_memory(&why, run->options->repeat, "samples");
    if (st == THAW_OK && c->bytes == 0)
        st = thaw_fail(&why, THAW_E_UNSUPPORTED, "it has too little of it");
    if (st == THAW_OK)
        st = thaw_check_stream(&c->side, &c->side.stream, &why);
    if (st == THAW_OK)
        st = thaw_check_buffer(&c->side, c->bytes, &c->from, &why);
    if (st == THAW_OK)
        st = thaw_check_buffer(&c->side, c->bytes, &c->to, &why);
    if (st == THAW_OK)
        st = fill(c, &why);
    /* The first touches the pages of the destination. */
    for (int i = 0; st == THAW_OK && i < 2; i++)
        st = copy(c, 1, &once, &why);
    c->times = once > SAMPLE ? 1 : 1 + (uint32_t)(SAMPLE / (once > 1e-6 ? once : 1e-6));
    settle(device, c, st, &why);
}

static void take_sample(bench_run *run, bench_device *device, copier *c)
{
    thaw_error why = {0};
    double seconds;
    bench_tell(run, device, "copy", 0, BENCH_MEASURING, c->n + 1, run->options->repeat);
    thaw_status st = copy(c, c->times, &seconds, &why);
    settle(device, c, st, &why);
    if (st != THAW_OK)
        return;
    c->samples[c->n++] = 2e-9 * (double)c->bytes / (seconds > 1e-9 ? seconds : 1e-9);
    c->spent += seconds * c->times;
}

static void finish(bench_device *device, copier *c)
{
    const thaw_device_ops *ops = &device->where.dev->ops;
    device->copy = thaw_bench_stat_of(c->samples, c->n);
    ops->buffer_destroy(device->where.dev->handle, c->from);
    ops->buffer_destroy(device->where.dev->handle, c->to);
    ops->stream_destroy(device->where.dev->handle, c->side.stream);
    free(c->samples);
}

thaw_status bench_copies(bench_run *run, thaw_error *err)
{
    copier *copiers = thaw_calloc(run->n, sizeof *copiers);
    if (!copiers)
        return thaw_fail_memory(err, run->n * sizeof *copiers, "copies");
    for (size_t i = 0; i < run->n && !bench_stopped(run); i++)
        if (!run->devices[i].lost)
            prepare(run, &run->devices[i], &copiers[i]);
    for (uint32_t r = 0; r < run->options->repeat; r++)
        for (size_t i = 0; i < run->n && !bench_stopped(run); i++)
            if (copiers[i].alive && bench_again(run->options, r, copiers[i].spent, run->options->seconds))
                take_sample(run, &run->devices[i], &copiers[i]);
    for (size_t i = 0; i < run->n; i++)
        finish(&run->devices[i], &copiers[i]);
    free(copiers);
    /* The copied memory has nothing to do with what training needs. */
    bench_forget_peak_rss();
    run->done += run->n;
    return bench_stopped(run) ? bench_fail_stopped(err) : THAW_OK;
}
