/* product.c: the rate of large matrix products, as 1x1 convolutions: what stands for the peak of a device
 * whose plugin does not measure it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/bench/room.h"

/* images of 32x32 pixels, channels in and out. A size is left out where it would take longer than this. */
#define LONGEST 1.0
static const struct {
    int32_t images, channels;
} sizes[] = {{1, 512}, {4, 1024}, {16, 2048}, {32, 4096}};
#define PIXELS 32

typedef struct product {
    thaw_tensor tensor[4]; /* image, weights, bias; result */
    const thaw_tensor *in[3], *out[1];
    thaw_conv_attr attr;
    thaw_op op;
} product;

static thaw_tensor tensor(thaw_role role, int32_t n, int32_t h, int32_t w, int32_t c)
{
    return (thaw_tensor){sizeof(thaw_tensor), THAW_F32, role, n, h, w, c, c};
}

static void describe(product *p, int32_t images, int32_t c)
{
    p->tensor[0] = tensor(THAW_ROLE_ACTIVATION, images, PIXELS, PIXELS, c);
    p->tensor[1] = tensor(THAW_ROLE_CONST, 1, 1, c, c);
    p->tensor[2] = tensor(THAW_ROLE_CONST, 1, 1, 1, c);
    p->tensor[3] = tensor(THAW_ROLE_ACTIVATION, images, PIXELS, PIXELS, c);
    for (uint32_t i = 0; i < 3; i++)
        p->in[i] = &p->tensor[i];
    p->out[0] = &p->tensor[3];
    p->attr = (thaw_conv_attr){.struct_size = sizeof p->attr, .stride_h = 1, .stride_w = 1};
    p->op = (thaw_op){.struct_size = sizeof p->op,
                      .kind = THAW_OP_CONV2D,
                      .n_in = 3,
                      .n_out = 1,
                      .in = p->in,
                      .out = p->out,
                      .attr = &p->attr,
                      .runs = BENCH_RUNS};
}

/* samples receives rates in GFLOP/s. */
static thaw_status time_size(const bench_run *run, const bench_device *device, const check_side *side,
                             const check_case *c, double gflop, double *samples, uint32_t *n, thaw_error *err)
{
    tune_bench bench;
    thaw_op_info info;
    thaw_kernel *kernel = NULL;
    thaw_error ignored;
    double seconds = 0, spent = 0;
    *n = 0;
    thaw_status st = tune_bench_open(side, c, &bench, err);
    if (st == THAW_OK)
        st = thaw_choices_ask(device->where.choices, side->dev, &bench.desc.op, &info, err);
    if (st == THAW_OK)
        st = tune_bench_prepare(&bench, &info, &kernel, err);
    if (st == THAW_OK)
        st = tune_bench_time(&bench, kernel, 1, &seconds, err);
    while (st == THAW_OK && !bench_stopped(run) &&
           bench_again(run->options, *n, spent, run->options->seconds)) {
        st = tune_bench_time(&bench, kernel, 1, &seconds, err);
        spent += seconds;
        samples[(*n)++] = gflop / (seconds > 1e-9 ? seconds : 1e-9);
    }
    if (st != THAW_OK)
        side->dev->ops.stream_sync(side->stream, &ignored);
    side->dev->ops.kernel_destroy(side->dev->handle, kernel);
    tune_bench_close(&bench);
    return st;
}

static thaw_status try_sizes(const bench_run *run, bench_device *device, const check_side *side,
                             double *samples, bench_stat *out, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const double c = sizes[i].channels, gflop = 2e-9 * sizes[i].images * PIXELS * PIXELS * c * c;
        uint32_t n;
        product p;
        check_case *probe;
        if (out->n > 0 && gflop > LONGEST * out->median)
            break;
        if (bench_stopped(run))
            return bench_fail_stopped(err);
        describe(&p, sizes[i].images, sizes[i].channels);
        probe = thaw_calloc(1, sizeof *probe);
        if (!probe)
            return thaw_fail_memory(err, sizeof *probe, "a case");
        bench_tell(run, device, "peak", 0, BENCH_MEASURING, (uint32_t)i + 1, sizeof sizes / sizeof sizes[0]);
        thaw_check_case_of(&p.op, 0, probe);
        st = time_size(run, device, side, probe, gflop, samples, &n, err);
        free(probe);
        if (st != THAW_OK)
            break;
        bench_stat stat = thaw_bench_stat_of(samples, n);
        if (stat.median > out->median)
            *out = stat;
    }
    /* The largest may not fit; a smaller one was measured then. */
    return out->n > 0 && st != THAW_E_DEVICE_LOST ? THAW_OK : st;
}

thaw_status bench_product(const bench_run *run, bench_device *device, bench_stat *out, thaw_error *err)
{
    check_side side = {.dev = device->where.dev};
    *out = (bench_stat){0};
    double *samples = thaw_calloc(run->options->repeat, sizeof *samples);
    if (!samples)
        return thaw_fail_memory(err, run->options->repeat * sizeof *samples, "samples");
    thaw_status st = thaw_check_stream(&side, &side.stream, err);
    if (st == THAW_OK) {
        st = try_sizes(run, device, &side, samples, out, err);
        side.dev->ops.stream_destroy(side.dev->handle, side.stream);
    }
    free(samples);
    return st;
}
