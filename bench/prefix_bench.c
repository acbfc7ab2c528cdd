/* prefix_bench.c: the frozen prefix of the recipe as a program, with random weights: images a second, and the
 * share of the FMA peak that its convolutions come to.
 *
 *   prefix_bench [DEVICE [BATCH [REPEATS]]]      cpu:0, 8, 5 unless told
 *
 * Plugins are found as thaw finds them; in a build tree set THAW_PLUGIN_PATH to lib/thaw. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peak.h"
#include "core/base/rng.h"
#include "core/graph/lower.h"
#include "core/runtime/program.h"

static void die(const char *what, const thaw_error *err)
{
    fprintf(stderr, "prefix_bench: %s: %s\n", what, err->text);
    exit(1);
}

/* Scaled so that activations keep their size. */
static float *random_values(size_t n, uint32_t stream, float scale, float shift)
{
    float *v = malloc(n * sizeof *v);
    if (!v)
        exit(1);
    for (size_t i = 0; i < n; i++)
        v[i] = (2.0f * thaw_random_uniform(1, THAW_RNG_TEST, stream, 0, (uint32_t)i) - 1.0f) * scale + shift;
    return v;
}

static void random_weights(const thaw_net *net, thaw_weights_view *view)
{
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++) {
        const thaw_layer *l = &net->layers[i];
        if (l->kind != THAW_LAYER_CONV)
            continue;
        size_t fan_in = (size_t)(l->kh * l->kw * net->layers[l->in[0]].c), c = (size_t)l->c;
        float gain = 2.4f / (float)fan_in;
        view->data[THAW_W_INDEX(l->k, THAW_W_KERNEL)] = random_values(fan_in * c, i, gain, 0.0f);
        view->data[THAW_W_INDEX(l->k, THAW_W_BETA)] = random_values(c, i, 0.1f, 0.0f);
        view->data[THAW_W_INDEX(l->k, THAW_W_MEAN)] = random_values(c, i, 0.1f, 0.0f);
        view->data[THAW_W_INDEX(l->k, THAW_W_VAR)] = random_values(c, i, 0.1f, 1.0f);
    }
}

int main(int argc, char **argv)
{
    static thaw_net net;
    static thaw_weights_view view;
    static thaw_lowered low;
    bool trainable[THAW_N_LAYERS];
    thaw_error err = {0};
    thaw_cut cut;
    int batch = argc > 2 ? atoi(argv[2]) : 8, repeats = argc > 3 ? atoi(argv[3]) : 5;
    thaw_runtime *runtime;
    thaw_runtime_options options = {0};
    thaw_dev *dev;
    thaw_program *program;
    if (thaw_net_inception_v3(THAW_FULL_INPUT_SIZE, &net, &err) != THAW_OK ||
        thaw_net_unfreeze_last(50, trainable, &err) != THAW_OK ||
        thaw_net_cut(&net, trainable, &cut, &err) != THAW_OK ||
        thaw_runtime_create(&options, &runtime, &err) != THAW_OK ||
        thaw_runtime_open(runtime, argc > 1 ? argv[1] : "cpu:0", &dev, &err) != THAW_OK)
        die("setting up", &err);
    random_weights(&net, &view);
    thaw_lower_spec spec = {
        .net = &net, .weights = &view, .batch = batch, .keep = cut.layers, .n_keep = cut.n, .pooled = true};
    thaw_program_options how = {.dev = dev};
    if (thaw_lower(&spec, &low, &err) != THAW_OK ||
        thaw_program_create(&low.graph, NULL, &how, &program, &err) != THAW_OK)
        die("compiling", &err);
    double macs = 0;
    for (size_t i = 0; i < low.graph.n_ops; i++)
        macs += (double)thaw_op_macs(&low.graph, &low.graph.ops[i]);
    float *image = random_values((size_t)batch * 299 * 299 * 3, 1000, 1.0f, 0.0f);
    float *features = malloc((size_t)batch * THAW_N_FEATURES * sizeof *features);
    thaw_binding feed = {low.image, image}, fetch = {low.pooled, features};
    thaw_threads *threads = thaw_runtime_threads(runtime);
    double best = 1e30, peak = bench_peak(threads, bench_widest());
    for (int i = 0; features && i < repeats; i++) {
        double t = bench_now();
        if (thaw_program_run(program, &feed, 1, &fetch, 1, &err) != THAW_OK)
            die("running", &err);
        t = bench_now() - t;
        best = t < best ? t : best;
    }
    double after = bench_peak(threads, bench_widest());
    peak = after > peak ? after : peak;
    const thaw_plan_summary *plan = thaw_program_plan(program);
    printf("%s, batch %d: %.2f images/s, %.1f GFLOP/s, %.1f %% of the FMA peak of %.1f GFLOP/s; %.1f MiB of "
           "activations\n",
           dev->name, batch, batch / best, 2e-9 * macs / best, 200e-9 * macs / best / peak, peak,
           (double)plan->arena_bytes / (1 << 20));
    return 0;
}
