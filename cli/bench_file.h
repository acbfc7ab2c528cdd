/* bench_file.h: what `thaw bench` wrote, "thaw-bench/1". Every number is NAN where the file has none, every
 * text "". */
#ifndef CLI_BENCH_FILE_H
#define CLI_BENCH_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench_tree.h"

/* Of n repetitions. */
typedef struct bench_stat {
    double median, min, max, n;
} bench_stat;

/* A program at one batch size. GFLOPs count a multiply-add as two operations, MACs as one. */
typedef struct bench_section {
    const char *name; /* "prefix", "train", …; never "" */
    double batch;     /* always known */
    bench_stat seconds;
    double images_per_second, macs_per_image, gflops, share_of_peak;
    double prepare_seconds, device_bytes, variable_bytes;
    double fallback_ops, fallback_bytes; /* what ran on the CPU device instead, and what was copied for it */
    const char *error;                   /* "" if it ran */
} bench_section;

/* One kind of op in a program; it occurs at several places. */
typedef struct bench_op {
    const char *program, *op, *label, *shape, *algorithm, *signature, *error; /* op: never "" */
    double batch, places;
    bench_stat seconds; /* of one place */
    double macs, gflops, bytes, gb_per_s, share_of_peak, share_of_program;
} bench_op;

typedef struct bench_device {
    const char *name, *title, *type, *vendor, *driver, *detail, *plugin, *plugin_version; /* name: never "" */
    double memory_bytes, cores;
    bool tuned;
    const char *self_test;
    double open_seconds;
    bench_stat peak_gflops, copy_gb_per_s;
    const char *peak_source;
    bench_section *sections;
    size_t n_sections;
    bench_op *ops;
    size_t n_ops;
    const char **notes;
    size_t n_notes;
} bench_device;

typedef struct bench_options {
    char batch_sizes[128], step_batch_sizes[128], sections[128]; /* "1, 8, 32" */
    double repeat, seconds, threads, input_size, classes;
    const char *precision;
    bool exact;
    bool quick, interleaved;
} bench_options;

typedef struct bench_host {
    const char *cpu, *os, *governor; /* governor: of the processor's clock */
    double cores, memory_bytes, clock_ghz_start, clock_ghz_end, clock_ghz_os, peak_rss_bytes;
} bench_host;

typedef struct bench_file {
    bench_tree tree; /* the texts are its own */
    char *path;      /* owned; "page.json[1]" of a file with several */
    const char *thaw, *time_utc;
    bool complete;
    bench_options options;
    bench_host host;
    bench_device *devices; /* at least one */
    size_t n_devices;
} bench_file;

/* Starts zeroed. */
typedef struct bench_files {
    bench_file *items;
    size_t count;
} bench_files;

/* Adds the measurement in a file, or all of them where it is an array, as a page's "Save as JSON" gives it.
 * False after a message that names the file and the place in it. Fields that are not known are ignored. What
 * points into items lasts until the next call. Freed by cli_bench_files_free either way. */
bool cli_bench_files_read(const char *path, bench_files *files);
void cli_bench_files_free(bench_files *files);

#endif
