/* stage_bench.c: the frozen part of InceptionV3 with stages of one's own choice.
 *
 *   stage_bench DEVICE REPEATS STAGES...
 *
 * STAGES is "auto:N", what thaw would choose for a batch of N, or "N:A,B,C,D": sub-batches above 35 pixels,
 * at 35, at 17, and below; 0 is the whole batch. They take turns, REPEATS times; printed are the best and the
 * median of images a second, and the memory of activations and workspace. Weights are random. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/graph/lower.h"
#include "core/graph/stages.h"
#include "core/runtime/program.h"

#define MOST_CHANNELS  448
#define LARGEST_KERNEL (3 * 3 * 448 * 384 + 2048 * 448)
#define TOP_LAYERS     50u /* that the recipe trains */
#define MAX_CONFIGS    32

typedef struct config {
    const char *text;
    uint32_t batch, rows[4];
    bool automatic;
    thaw_lowered low;
    thaw_program *program;
    thaw_binding feed, fetches[THAW_MAX_CUT + 1];
    size_t n_fetches;
    double *seconds;
} config;

static void stop(const char *what, const thaw_error *err)
{
    fprintf(stderr, "stage_bench: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(1);
}

static void *need(size_t n)
{
    void *p = calloc(n, 1);
    if (!p)
        stop("no memory", NULL);
    return p;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool read_config(const char *text, config *c)
{
    c->text = text;
    if (sscanf(text, "auto:%u", &c->batch) == 1)
        return c->automatic = true;
    return sscanf(text, "%u:%u,%u,%u,%u", &c->batch, &c->rows[0], &c->rows[1], &c->rows[2], &c->rows[3]) == 5;
}

static void set_rows(config *c)
{
    thaw_graph *g = &c->low.graph;
    g->batch = c->batch;
    for (size_t i = 0; i < g->n_ops; i++) {
        int32_t h = g->tensors[g->ops[i].out[0]].h;
        g->ops[i].rows = c->rows[h > 35 ? 0 : h > 17 ? 1 : h > 8 ? 2 : 3];
    }
}

static void make(config *c, const thaw_net *net, const thaw_weights_view *weights, const thaw_cut *cut,
                 thaw_dev *dev)
{
    thaw_error err = {0};
    thaw_lower_spec spec = {.net = net,
                            .weights = weights,
                            .batch = (int32_t)c->batch,
                            .keep = cut->layers,
                            .n_keep = cut->n,
                            .pooled = true};
    thaw_program_options options = {.dev = dev, .runs = 1000 / c->batch};
    if (thaw_lower(&spec, &c->low, &err) != THAW_OK)
        stop(c->text, &err);
    thaw_stage_memory memory = thaw_program_stage_memory(&options);
    if (!c->automatic)
        set_rows(c);
    else if (thaw_stages_choose(&c->low.graph, &memory, &err) != THAW_OK)
        stop(c->text, &err);
    if (thaw_program_create(&c->low.graph, NULL, &options, &c->program, &err) != THAW_OK)
        stop(c->text, &err);
    size_t bytes = thaw_graph_bytes(&c->low.graph, c->low.image);
    float *image = need(bytes);
    for (size_t i = 0; i < bytes / sizeof *image; i++)
        image[i] = (float)(i * 2654435761u % 1000) / 500.0f - 1.0f;
    c->feed = (thaw_binding){.tensor = c->low.image, .data = image};
    for (uint32_t t = 0; t < c->low.graph.n_tensors; t++)
        if (c->low.graph.tensors[t].output)
            c->fetches[c->n_fetches++] =
                (thaw_binding){.tensor = t, .data = need(thaw_graph_bytes(&c->low.graph, t))};
}

static void run(config *c, size_t i)
{
    thaw_error err = {0};
    double start = now();
    if (thaw_program_run(c->program, &c->feed, 1, c->fetches, c->n_fetches, &err) != THAW_OK)
        stop(c->text, &err);
    c->seconds[i] = now() - start;
}

static int rising(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
    static config configs[MAX_CONFIGS];
    static thaw_weights_view weights;
    static bool trainable[THAW_N_LAYERS];
    static thaw_net net;
    thaw_cut cut;
    thaw_runtime *runtime;
    thaw_dev *dev;
    thaw_error err = {0};
    const int n = argc - 3, repeats = argc > 3 ? atoi(argv[2]) : 0;
    if (n < 1 || n > MAX_CONFIGS || repeats < 1)
        stop("stage_bench DEVICE REPEATS STAGES...", NULL);
    float *values = need(LARGEST_KERNEL * sizeof *values);
    for (size_t i = 0; i < LARGEST_KERNEL; i++)
        values[i] = (float)(i * 2246822519u % 2000) / 30000.0f - 0.03f;
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        weights.data[i] = values;
    /* As large as the sums are: what is not finite would be timed on a way of its own. */
    static float variances[MOST_CHANNELS];
    for (size_t i = 0; i < MOST_CHANNELS; i++)
        variances[i] = 0.3f;
    for (size_t i = 0; i < THAW_N_CONVS; i++)
        weights.data[THAW_W_INDEX(i, THAW_W_VAR)] = variances;
    if (thaw_net_inception_v3(299, &net, &err) != THAW_OK ||
        thaw_net_unfreeze_last(TOP_LAYERS, trainable, &err) != THAW_OK ||
        thaw_net_cut(&net, trainable, &cut, &err) != THAW_OK ||
        thaw_runtime_create(&(thaw_runtime_options){0}, &runtime, &err) != THAW_OK ||
        thaw_runtime_open(runtime, argv[1], &dev, &err) != THAW_OK)
        stop(argv[1], &err);
    for (int i = 0; i < n; i++) {
        configs[i].seconds = need((size_t)repeats * sizeof(double));
        if (!read_config(argv[i + 3], &configs[i]))
            stop(argv[i + 3], NULL);
        make(&configs[i], &net, &weights, &cut, dev);
        run(&configs[i], 0);
    }
    for (int r = 0; r < repeats; r++)
        for (int i = 0; i < n; i++)
            run(&configs[i], (size_t)r);
    printf("%-20s %8s %8s %8s\n", "stages", "best", "median", "MiB");
    for (int i = 0; i < n; i++) {
        config *c = &configs[i];
        qsort(c->seconds, (size_t)repeats, sizeof *c->seconds, rising);
        printf("%-20s %8.2f %8.2f %8.1f\n", c->text, c->batch / c->seconds[0],
               c->batch / c->seconds[repeats / 2],
               (double)thaw_program_plan(c->program)->arena_bytes / (1 << 20));
    }
    return 0;
}
