/* bench_report.h: what is behind a thaw_bench_report. */
#ifndef THAW_API_BENCH_REPORT_H
#define THAW_API_BENCH_REPORT_H

#include "core/api/api.h"
#include "core/bench/bench.h"

/* A device's report with what its pointers need. */
typedef struct held_bench_device {
    thaw_bench_device report;
    thaw_bench_section *sections;
    const thaw_bench_section **section_pointers;
    thaw_bench_op *ops;
    const thaw_bench_op **op_pointers;
    const char **notes;
} held_bench_device;

typedef struct held_bench {
    thaw_bench_report report; /* first: it is what the caller has */
    uint32_t *batches, *steps;
    size_t n_batches, n_steps;
    const char *sections[BENCH_N_KINDS];
    bench_host host;
    /* Of each device. */
    size_t n;
    thaw_session *sessions;
    bench_device *devices;
    const thaw_device_entry **entries;
    char **names;
    double *open_seconds;
    held_bench_device *held;
    const thaw_bench_device **pointers;
} held_bench;

/* From what was measured to what the caller sees; sessions are open. */
thaw_status thaw_bench_write_report(held_bench *held, thaw_error *err);

#endif
