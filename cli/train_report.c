/* train_report.c: see train_report.h. */
#include "train_report.h"

#include <math.h>
#include <stdlib.h>

#include "cli.h"
#include "table.h"

#define HEAD_TENSORS 2u /* kernel and bias */

void train_report_init(train_report *report, bool as_json, bool quiet)
{
    *report = (train_report){.as_json = as_json, .quiet = quiet, .started = cli_now()};
    report->json.stream = stdout;
    cli_progress_init(&report->progress, quiet);
}

void train_report_free(train_report *report)
{
    free(report->table);
}

/* ---- the header ------------------------------------------------------------------------------------ */

static void print_data(const thaw_run_header *h)
{
    printf("  photos      %zu to train on, %zu to validate with (%s, seed %u)\n", h->n_train, h->n_val,
           h->dir, (unsigned)h->seed);
    printf("  classes     %u:", (unsigned)h->n_classes);
    for (uint32_t i = 0; i < h->n_classes; i++)
        printf(" %s %zu+%zu%s", h->class_names[i], h->train_counts[i], h->val_counts[i],
               i + 1 == h->n_classes ? "\n" : ",");
    printf("  images      decoded by %s, resized to %ux%u\n", h->decoder, (unsigned)h->input_size,
           (unsigned)h->input_size);
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static void print_trained(const thaw_run_header *h)
{
    char head[32], both[32];
    cli_format_count(h->head_parameters, head);
    cli_format_count(h->base_parameters + h->head_parameters, both);
    if (h->epochs[0] > 0)
        printf("  phase 1     %u epoch%s, learning rate %g: the head alone, base frozen; %s trainable "
               "parameters\n",
               (unsigned)h->epochs[0], plural(h->epochs[0]), h->lr[0], head);
    if (h->epochs[1] == 0 || h->layers == 0)
        return;
    printf("  phase 2     %u epoch%s, learning rate %g: the head and %u of the base's 311 layers, from %s "
           "on%s;\n",
           (unsigned)h->epochs[1], plural(h->epochs[1]), h->lr[1], (unsigned)h->layers,
           h->first_layer ? h->first_layer : "?", h->mid_block ? " (within a block)" : "");
    printf("              %s trainable parameters in %u tensors\n", both,
           (unsigned)h->tensors + HEAD_TENSORS);
    printf("  batch norm  %s\n", h->bn == THAW_RECIPE_BN_BATCH
                                     ? "batch: trainable layers normalise by each batch (training=True)"
                                     : "frozen: moving statistics of the pretraining (training=False)");
}

static void print_memory(const thaw_run_header *h)
{
    char cache[24], prefix[24], macs[24];
    cli_format_bytes((double)h->cache_bytes, cache);
    cli_format_bytes((double)h->prefix_bytes, prefix);
    cli_format_macs(h->prefix_macs, macs);
    if (h->cache_bytes > 0)
        printf("  cache       %s of %s in %s: each photo passes the frozen part once\n", cache,
               h->cache_type == THAW_RECIPE_CACHE_F16 ? "f16" : "f32", h->cache_place);
    else
        printf("  cache       off: each photo passes the frozen part again every epoch\n");
    printf("  frozen part %s a photo; %u at a time, in %s of device memory\n", macs,
           (unsigned)h->prefix_batch, prefix);
}

static void print_header(const thaw_run_header *h)
{
    printf("thaw %s on %s (%s)\n", thaw_version(), h->device, h->device_title);
    printf("  weights     %s\n", h->weights);
    print_data(h);
    print_trained(h);
    printf("  steps       batches of %u, dropout %g, convolutions in %s%s\n", (unsigned)h->batch_size,
           h->dropout, cli_precision_name(h->precision), h->exact ? ", exact" : "");
    print_memory(h);
    if (h->resumed)
        printf("  resumed     in phase %u, epoch %u, after step %u\n", (unsigned)h->resume_phase,
               (unsigned)h->resume_epoch, (unsigned)h->resume_step);
}

static void json_header(cli_json *json, const thaw_run_header *h)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "thaw", thaw_version());
    cli_json_text(json, "device", h->device);
    cli_json_text(json, "device_title", h->device_title);
    cli_json_text(json, "weights", h->weights);
    cli_json_text(json, "dir", h->dir);
    cli_json_array(json, "classes");
    for (uint32_t i = 0; i < h->n_classes; i++) {
        cli_json_object(json, NULL);
        cli_json_text(json, "name", h->class_names[i]);
        cli_json_count(json, "train", h->train_counts[i]);
        cli_json_count(json, "validation", h->val_counts[i]);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_count(json, "train_images", h->n_train);
    cli_json_count(json, "validation_images", h->n_val);
    cli_json_count(json, "seed", h->seed);
    cli_json_count(json, "input_size", h->input_size);
    cli_json_count(json, "batch_size", h->batch_size);
    cli_json_real(json, "dropout", h->dropout);
    cli_json_text(json, "precision", cli_precision_name(h->precision));
    cli_json_bool(json, "exact", h->exact);
    cli_json_text(json, "bn", h->bn == THAW_RECIPE_BN_BATCH ? "batch" : "frozen");
    cli_json_count(json, "trained_layers", h->layers);
    cli_json_count(json, "trained_tensors", h->tensors);
    cli_json_text(json, "first_trained_layer", h->first_layer);
    cli_json_count(json, "base_parameters", h->base_parameters);
    cli_json_count(json, "head_parameters", h->head_parameters);
    cli_json_count(json, "cache_bytes", h->cache_bytes);
    cli_json_text(json, "cache_place", h->cache_place);
    cli_json_count(json, "prefix_batch", h->prefix_batch);
    cli_json_count(json, "prefix_macs", h->prefix_macs);
    cli_json_count(json, "prefix_bytes", h->prefix_bytes);
    cli_json_bool(json, "resumed", h->resumed != 0);
    cli_json_array(json, "epochs");
}

static void on_header(train_report *report, const thaw_run_header *h)
{
    report->epochs[0] = h->epochs[0];
    report->epochs[1] = h->epochs[1];
    if (report->as_json)
        json_header(&report->json, h);
    else if (!report->quiet)
        print_header(h);
}

/* ---- on the way ------------------------------------------------------------------------------------ */

static void on_phase(const thaw_run_phase *p)
{
    char programs[24], variables[24], parameters[32], macs[24];
    cli_format_bytes((double)p->step_bytes, programs);
    cli_format_bytes((double)p->variable_bytes, variables);
    cli_format_count(p->parameters, parameters);
    cli_format_macs(p->macs, macs);
    printf(
        "phase %u (%s): %s trainable parameters, %zu step%s an epoch, %s a photo; %s of device memory, and "
        "%s for weights and optimizer\n",
        (unsigned)p->phase, p->name, parameters, p->steps, plural(p->steps == 1 ? 1 : 2), macs, programs,
        variables);
}

static void on_progress(train_report *report, const thaw_run_progress *p)
{
    char label[64], note[64] = "";
    switch (p->stage) {
    case THAW_STAGE_CHECK:
        snprintf(label, sizeof label, "checking photos");
        break;
    case THAW_STAGE_PREFIX:
        snprintf(label, sizeof label, "frozen part");
        break;
    case THAW_STAGE_PREPARE:
        snprintf(label, sizeof label, "preparing kernels");
        break;
    default:
        snprintf(label, sizeof label, "phase %u epoch %u/%u%s", (unsigned)p->phase, (unsigned)p->epoch,
                 (unsigned)p->epochs, p->stage == THAW_STAGE_TRAIN ? "" : " validation");
        if (p->stage == THAW_STAGE_TRAIN && p->done > 0)
            snprintf(note, sizeof note, "loss %.4f  accuracy %.1f %%", p->loss, 100 * p->accuracy);
    }
    cli_progress_show(&report->progress, label, p->done, p->total, p->images_per_second, p->seconds_left,
                      note);
}

static void print_epoch(const train_report *report, const thaw_run_epoch *e)
{
    char seconds[24];
    cli_format_seconds(e->seconds, seconds);
    printf("phase %u epoch %u/%u  loss %.4f  accuracy %.1f %%", (unsigned)e->phase, (unsigned)e->epoch,
           (unsigned)report->epochs[e->phase - 1], e->loss, 100 * e->accuracy);
    if (!isnan(e->val_loss))
        printf("  validation loss %.4f  accuracy %.1f %%", e->val_loss, 100 * e->val_accuracy);
    printf("  %s%s\n", seconds, e->best ? "  best so far" : "");
}

static void json_epoch(cli_json *json, const thaw_run_epoch *e)
{
    cli_json_object(json, NULL);
    cli_json_count(json, "phase", e->phase);
    cli_json_count(json, "epoch", e->epoch);
    cli_json_real(json, "lr", e->lr);
    cli_json_real(json, "loss", e->loss);
    cli_json_real(json, "accuracy", e->accuracy);
    cli_json_real(json, "val_loss", e->val_loss);
    cli_json_real(json, "val_accuracy", e->val_accuracy);
    cli_json_real(json, "seconds", e->seconds);
    cli_json_bool(json, "best", e->best != 0);
    cli_json_end(json, '}');
}

static void on_epoch(train_report *report, const thaw_run_epoch *e)
{
    thaw_run_epoch *table = realloc(report->table, (report->n_table + 1) * sizeof *table);
    if (table) {
        report->table = table;
        table[report->n_table++] = *e;
    }
    if (report->as_json)
        json_epoch(&report->json, e);
    else if (!report->quiet)
        print_epoch(report, e);
}

void train_report_event(void *ctx, const thaw_run_event *event)
{
    train_report *report = ctx;
    bool words = !report->as_json && !report->quiet;
    if (event->kind == THAW_RUN_PROGRESS) {
        on_progress(report, event->progress);
        return;
    }
    cli_progress_clear(&report->progress);
    switch (event->kind) {
    case THAW_RUN_HEADER:
        on_header(report, event->header);
        break;
    case THAW_RUN_PHASE:
        if (words)
            on_phase(event->phase);
        break;
    case THAW_RUN_EPOCH:
        on_epoch(report, event->epoch);
        break;
    case THAW_RUN_EARLY_STOP:
        if (words)
            printf("phase %u stops early, after epoch %u: no better validation loss\n",
                   (unsigned)event->epoch->phase, (unsigned)event->epoch->epoch);
        break;
    case THAW_RUN_CHECKED:
        if (words)
            printf("step 1 on %s: loss differs by %.1g, gradients by %.1g\n", event->check->device,
                   event->check->loss, event->check->gradients);
        break;
    case THAW_RUN_BAD_IMAGE:
        report->n_bad++;
        fprintf(stderr, "thaw: cannot use %s\n", event->text);
        break;
    default:
        break;
    }
    fflush(stdout);
}

/* ---- the end --------------------------------------------------------------------------------------- */

static const thaw_run_epoch *best_epoch(const train_report *report)
{
    const thaw_run_epoch *best = NULL;
    for (size_t i = 0; i < report->n_table; i++) {
        if (report->table[i].best)
            best = &report->table[i];
    }
    return best;
}

static void value_cell(cli_table *table, const char *format, double x)
{
    if (isnan(x))
        cli_table_cell(table, "-");
    else
        cli_table_cell(table, format, x);
}

static void print_table(const train_report *report)
{
    static const char *const heads[] = {"phase",    "epoch",        "rate", "loss", "accuracy",
                                        "val loss", "val accuracy", "time", "best"};
    cli_table table;
    char seconds[24];
    const thaw_run_epoch *best = best_epoch(report);
    cli_table_begin(&table, "rrrrrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        cli_table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < report->n_table; i++) {
        const thaw_run_epoch *e = &report->table[i];
        cli_format_seconds(e->seconds, seconds);
        cli_table_cell(&table, "%u", (unsigned)e->phase);
        cli_table_cell(&table, "%u", (unsigned)e->epoch);
        cli_table_cell(&table, "%g", e->lr);
        cli_table_cell(&table, "%.4f", e->loss);
        cli_table_cell(&table, "%.1f %%", 100 * e->accuracy);
        value_cell(&table, "%.4f", e->val_loss);
        value_cell(&table, "%.1f %%", 100 * e->val_accuracy);
        cli_table_cell(&table, "%s", seconds);
        cli_table_cell(&table, "%s", e == best ? "*" : "");
    }
    printf("\n");
    cli_table_end(&table, stdout, "");
}

static void json_end(train_report *report, const char *output, const thaw_error *err)
{
    cli_json *json = &report->json;
    if (json->depth == 0)
        cli_json_object(json, NULL); /* it failed before the header */
    else
        cli_json_end(json, ']');
    const thaw_run_epoch *best = best_epoch(report);
    cli_json_count(json, "best_phase", best ? best->phase : 0);
    cli_json_count(json, "best_epoch", best ? best->epoch : 0);
    cli_json_count(json, "left_out", report->n_bad);
    cli_json_real(json, "seconds", cli_now() - report->started);
    cli_json_text(json, "output", err->status == THAW_OK ? output : NULL);
    cli_json_text(json, "error", err->status == THAW_OK ? NULL : err->text);
    cli_json_end(json, '}');
}

void train_report_end(train_report *report, const char *output, const thaw_error *err)
{
    char seconds[24];
    cli_progress_clear(&report->progress);
    if (report->as_json) {
        json_end(report, output, err);
        return;
    }
    if (report->n_table > 0 && !report->quiet)
        print_table(report);
    fflush(stdout); /* before the message of an error */
    if (err->status != THAW_OK)
        return;
    if (report->n_bad > 0)
        printf("%zu photo%s could not be used and %s left out\n", report->n_bad,
               report->n_bad == 1 ? "" : "s", report->n_bad == 1 ? "was" : "were");
    cli_format_seconds(cli_now() - report->started, seconds);
    printf("saved %s after %s\n", output, seconds);
    if (!report->quiet)
        printf("next: thaw predict -m %s photo.jpg\n", output);
}
