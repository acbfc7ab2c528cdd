/* bench_file.c: see bench_file.h. */
#include "bench_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT       "thaw-bench/1"
#define MAX_DEVICES  64
#define MAX_SECTIONS 500
#define MAX_OPS      20000
#define MAX_NOTES    100
#define MAX_BATCH    1e6
/* In a file of several. */
#define MAX_MEASUREMENTS 64

/* Zeroed, for at least one item, so that NULL means that there is no memory. */
static void *items(const bench_node *array, size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        cli_tree_fail(array, NULL, "does not fit into memory");
    return memory;
}

static bench_stat read_stat(const bench_node *parent, const char *key)
{
    bench_node node = cli_tree_object(parent, key);
    bench_stat s = {cli_tree_number(&node, "median"), cli_tree_number(&node, "min"),
                    cli_tree_number(&node, "max"), cli_tree_count(&node, "n")};
    if (s.median < s.min || s.median > s.max)
        cli_tree_fail(parent, key, "has a median that is not between its min and its max");
    return s;
}

static double read_batch(const bench_node *parent)
{
    double batch = cli_tree_count(parent, "batch");
    if (!(batch >= 1 && batch <= MAX_BATCH) && parent->item)
        cli_tree_fail(parent, "batch", "is not a whole number from 1 to 1,000,000");
    return batch;
}

static void read_section(const bench_node *n, bench_section *s)
{
    s->name = cli_tree_name(n, "name");
    s->batch = read_batch(n);
    s->seconds = read_stat(n, "seconds");
    s->images_per_second = cli_tree_number(n, "images_per_second");
    s->macs_per_image = cli_tree_number(n, "macs_per_image");
    s->gflops = cli_tree_number(n, "gflops");
    s->share_of_peak = cli_tree_number(n, "share_of_peak");
    s->prepare_seconds = cli_tree_number(n, "prepare_seconds");
    s->device_bytes = cli_tree_number(n, "device_bytes");
    s->variable_bytes = cli_tree_number(n, "variable_bytes");
    s->fallback_ops = cli_tree_number(n, "fallback_ops");
    s->fallback_bytes = cli_tree_number(n, "fallback_bytes");
    s->error = cli_tree_text(n, "error");
}

static void read_op(const bench_node *n, bench_op *op)
{
    op->program = cli_tree_text(n, "program");
    op->op = cli_tree_name(n, "op");
    op->label = cli_tree_text(n, "label");
    op->shape = cli_tree_text(n, "shape");
    op->algorithm = cli_tree_text(n, "algorithm");
    op->signature = cli_tree_text(n, "signature");
    op->error = cli_tree_text(n, "error");
    op->batch = read_batch(n);
    op->places = cli_tree_number(n, "places");
    op->seconds = read_stat(n, "seconds");
    op->macs = cli_tree_number(n, "macs");
    op->gflops = cli_tree_number(n, "gflops");
    op->bytes = cli_tree_number(n, "bytes");
    op->gb_per_s = cli_tree_number(n, "gb_per_s");
    op->share_of_peak = cli_tree_number(n, "share_of_peak");
    op->share_of_program = cli_tree_number(n, "share_of_program");
}

static void read_sections(const bench_node *device, bench_device *d)
{
    size_t count;
    bench_node array = cli_tree_array(device, "sections", MAX_SECTIONS, &count);
    d->sections = items(&array, count, sizeof *d->sections);
    for (bench_node n = cli_tree_item(&array, NULL); n.item && d->sections; n = cli_tree_item(&array, &n))
        read_section(&n, &d->sections[d->n_sections++]);
}

static void read_ops(const bench_node *device, bench_device *d)
{
    size_t count;
    bench_node array = cli_tree_array(device, "ops", MAX_OPS, &count);
    d->ops = items(&array, count, sizeof *d->ops);
    for (bench_node n = cli_tree_item(&array, NULL); n.item && d->ops; n = cli_tree_item(&array, &n))
        read_op(&n, &d->ops[d->n_ops++]);
}

static void read_device(const bench_node *n, bench_device *d)
{
    d->name = cli_tree_name(n, "name");
    d->title = cli_tree_text(n, "title");
    d->type = cli_tree_text(n, "type");
    d->vendor = cli_tree_text(n, "vendor");
    d->driver = cli_tree_text(n, "driver");
    d->detail = cli_tree_text(n, "detail");
    d->plugin = cli_tree_text(n, "plugin");
    d->plugin_version = cli_tree_text(n, "plugin_version");
    d->memory_bytes = cli_tree_number(n, "memory_bytes");
    d->cores = cli_tree_number(n, "cores");
    d->tuned = cli_tree_flag(n, "tuned");
    d->self_test = cli_tree_text(n, "self_test");
    d->open_seconds = cli_tree_number(n, "open_seconds");
    bench_node peak = cli_tree_object(n, "peak");
    d->peak_gflops = read_stat(&peak, "gflops");
    d->copy_gb_per_s = read_stat(&peak, "copy_gb_per_s");
    d->peak_source = cli_tree_text(&peak, "source");
    read_sections(n, d);
    read_ops(n, d);
    d->notes = cli_tree_texts(n, "notes", MAX_NOTES, &d->n_notes);
}

static void read_devices(const bench_node *root, bench_file *file)
{
    size_t count;
    bench_node array = cli_tree_array(root, "devices", MAX_DEVICES, &count);
    if (count == 0)
        cli_tree_fail(root, "devices", "names no device: there is nothing to compare");
    file->devices = items(&array, count, sizeof *file->devices);
    for (bench_node n = cli_tree_item(&array, NULL); n.item && file->devices; n = cli_tree_item(&array, &n))
        read_device(&n, &file->devices[file->n_devices++]);
}

static void read_options(const bench_node *root, bench_options *o)
{
    bench_node n = cli_tree_object(root, "options");
    cli_tree_list(&n, "batch_sizes", o->batch_sizes, sizeof o->batch_sizes);
    cli_tree_list(&n, "step_batch_sizes", o->step_batch_sizes, sizeof o->step_batch_sizes);
    cli_tree_list(&n, "sections", o->sections, sizeof o->sections);
    o->repeat = cli_tree_number(&n, "repeat");
    o->seconds = cli_tree_number(&n, "seconds");
    o->threads = cli_tree_number(&n, "threads");
    o->input_size = cli_tree_number(&n, "input_size");
    o->classes = cli_tree_number(&n, "classes");
    o->precision = cli_tree_text(&n, "precision");
    o->exact = cli_tree_flag(&n, "exact");
    o->quick = cli_tree_flag(&n, "quick");
    o->interleaved = cli_tree_flag(&n, "interleaved");
}

static void read_host(const bench_node *root, bench_host *h)
{
    bench_node n = cli_tree_object(root, "host");
    h->cpu = cli_tree_text(&n, "cpu");
    h->os = cli_tree_text(&n, "os");
    h->governor = cli_tree_text(&n, "governor");
    h->cores = cli_tree_number(&n, "cores");
    h->memory_bytes = cli_tree_number(&n, "memory_bytes");
    h->clock_ghz_start = cli_tree_number(&n, "clock_ghz_start");
    h->clock_ghz_end = cli_tree_number(&n, "clock_ghz_end");
    h->clock_ghz_os = cli_tree_number(&n, "clock_ghz_os");
    h->peak_rss_bytes = cli_tree_number(&n, "peak_rss_bytes");
}

/* The format's name decides before anything else is looked at. */
static void check_format(const bench_node *root)
{
    if (!cJSON_IsObject(root->item)) {
        fprintf(stderr, "thaw: %s: is not a JSON object: `thaw bench` did not write it\n", root->tree->file);
        root->tree->failed = true;
        return;
    }
    const char *format = cli_tree_text(root, "format");
    if (strcmp(format, FORMAT) == 0)
        return;
    if (strncmp(format, "thaw-bench/", 11) == 0)
        cli_tree_fail(root, "format",
                      "is of another version of thaw; this one reads \"" FORMAT
                      "\": measure again with it, or "
                      "compare with the thaw that wrote the file");
    else
        cli_tree_fail(root, "format", "is not \"" FORMAT "\": `thaw bench` did not write the file");
}

static bool read_measurement(bench_file *file)
{
    bench_node root = cli_tree_root(&file->tree);
    check_format(&root);
    file->complete = cli_tree_flag(&root, "complete");
    file->thaw = cli_tree_text(&root, "thaw");
    file->time_utc = cli_tree_text(&root, "time_utc");
    read_options(&root, &file->options);
    read_host(&root, &file->host);
    read_devices(&root, file);
    return !file->tree.failed;
}

/* ---- files ------------------------------------------------------------------------------------------- */

static bool no_memory(const char *path)
{
    fprintf(stderr, "thaw: out of memory while reading %s\n", path);
    return false;
}

/* One more, whose document is root. Takes root over. */
static bool add(bench_files *files, cJSON *root, const char *path, const char *place)
{
    bench_file *file, *larger = realloc(files->items, (files->count + 1) * sizeof *larger);
    char *name = NULL;
    if (larger)
        files->items = larger;
    if (!larger || asprintf(&name, "%s%s", path, place) < 0) {
        cJSON_Delete(root);
        return no_memory(path);
    }
    file = &files->items[files->count++];
    *file = (bench_file){.path = name, .tree = {.file = name, .root = root}};
    return read_measurement(file);
}

static bool add_all(bench_files *files, cJSON *array, const char *path)
{
    char place[32];
    size_t n = (size_t)cJSON_GetArraySize(array);
    if (n == 0 || n > MAX_MEASUREMENTS) {
        fprintf(stderr, "thaw: %s: is an array of %zu measurements: 1 to %d\n", path, n, MAX_MEASUREMENTS);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(place, sizeof place, "[%zu]", i);
        if (!add(files, cJSON_DetachItemFromArray(array, 0), path, place))
            return false;
    }
    return true;
}

bool cli_bench_files_read(const char *path, bench_files *files)
{
    bench_tree tree;
    bool ok = cli_tree_read(path, &tree);
    if (ok && cJSON_IsArray(tree.root)) {
        ok = add_all(files, tree.root, path);
    } else if (ok) {
        ok = add(files, tree.root, path, "");
        tree.root = NULL;
    }
    cli_tree_free(&tree);
    return ok;
}

static void file_free(bench_file *file)
{
    for (size_t i = 0; i < file->n_devices; i++) {
        free(file->devices[i].sections);
        free(file->devices[i].ops);
        free(file->devices[i].notes);
    }
    free(file->devices);
    free(file->path);
    cli_tree_free(&file->tree);
}

void cli_bench_files_free(bench_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        file_free(&files->items[i]);
    free(files->items);
    *files = (bench_files){0};
}
