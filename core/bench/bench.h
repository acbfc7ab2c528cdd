/* bench.h: how fast devices are at what training and inference consist of, measured the same way on each.
 *
 * What is measured is what runs: the programs of the recipe, through the same interface, with the algorithms
 * that a run would use. Weights and images are made up, so that it needs no file. docs/benchmarking.md says
 * how, and why that is fair. */
#ifndef THAW_BENCH_BENCH_H
#define THAW_BENCH_BENCH_H

#include "core/runtime/choices.h"
#include "core/train/train.h"
#include "thaw_ext.h"

/* Of n samples; n 0: nothing is known. */
typedef struct bench_stat {
    double median, min, max;
    uint32_t n;
} bench_stat;

/* Sorts the samples. The median of an even number is the mean of the two in the middle. */
bench_stat thaw_bench_stat_of(double *samples, uint32_t n);

/* ---- what can be measured --------------------------------------------------------------------------- */

typedef enum {
    BENCH_PREFIX = 0, /* images through the frozen part: what is cached of each photo */
    BENCH_HEAD,       /* training step on pooled features */
    BENCH_FINETUNE,   /* training step of the last 50 layers, from the tensors of the cut */
    BENCH_FORWARD,    /* images through the whole network to probabilities */
    BENCH_TRAIN,      /* training step of every layer, from the images */
    BENCH_N_KINDS
} bench_kind;

/* "prefix", "head", "finetune", "forward", "train". NULL behind the last. */
const char *thaw_bench_kind_name(uint32_t kind);

/* ---- what came out ---------------------------------------------------------------------------------- */

/* A program at one batch size on one device. */
typedef struct bench_section {
    bench_kind kind;
    uint32_t batch;
    bench_stat seconds; /* of one run, its feeds' upload and its results' download included */
    uint64_t macs;      /* of one image */
    double prepare_seconds;
    uint64_t device_bytes;   /* feeds, activations and workspace */
    uint64_t variable_bytes; /* trained weights and the optimizer's state */
    uint64_t fallback_ops, fallback_bytes;
    thaw_error error; /* status THAW_OK: none */
} bench_section;

/* An op of a program, alone on the device, its arguments resident. */
typedef struct bench_op {
    bench_kind program;
    uint32_t batch;
    const char *op;
    char label[64]; /* of its first place */
    char shape[64]; /* of its first output */
    char algorithm[32];
    char signature[THAW_SIGNATURE_MAX];
    size_t places;        /* in the program; one that is run on some rows at a time counts each time */
    bench_stat seconds;   /* of one run */
    uint64_t macs, bytes; /* of one run; bytes: every input and output once */
    double share;         /* of the time of all ops of the program */
    char error[256];
} bench_op;

typedef struct bench_note {
    char text[256];
} bench_note;

/* A device under test. The first part is the caller's; the rest is filled, and freed by
 * thaw_bench_device_free. */
typedef struct bench_device {
    const char *name;                /* as it was asked for */
    thaw_where where;                /* open */
    const thaw_peak *peak_extension; /* NULL: none */

    bool lost;       /* it answers no more: nothing further is asked of it */
    bench_stat peak; /* GFLOP/s */
    const char *peak_source;
    bench_stat copy; /* GB/s, read and written */
    bench_section *sections;
    size_t n_sections;
    bench_op *ops;
    size_t n_ops, op_capacity;
    bench_note *notes;
    size_t n_notes, note_capacity;
} bench_device;

void thaw_bench_device_free(bench_device *device);

/* ---- measuring -------------------------------------------------------------------------------------- */

typedef enum { BENCH_PREPARING = 0, BENCH_WARMING, BENCH_MEASURING } bench_doing;

/* What is about to be done. */
typedef struct bench_progress {
    const char *device, *what; /* what: "peak", "copy", a section's name, or "ops of prefix" */
    uint32_t batch;            /* 0: not of a batch */
    bench_doing doing;
    uint32_t repetition, repetitions; /* from 1; MEASURING alone */
    size_t done, total;               /* pieces of the whole run */
} bench_progress;

#define BENCH_MAX_REPEAT 1000u

typedef struct bench_options {
    uint32_t input_size, n_classes;
    uint32_t kinds;                  /* bit 1 << kind */
    const uint32_t *batches, *steps; /* ascending; steps: those of training steps */
    size_t n_batches, n_steps;
    bool ops;          /* tables of ops, each at the section's largest batch */
    uint32_t op_kinds; /* of which sections */
    uint32_t repeat;
    uint64_t copy_bytes; /* at most, for the copy of a device with large caches */
    double seconds;      /* of one measurement, after which no further repetition begins; three there are */
    double op_seconds;   /* likewise, of one op */
    double peak_seconds; /* of one repetition of the peak */
    const volatile sig_atomic_t *cancel; /* may be NULL; not 0: stop at the next safe point */
    void (*progress)(void *ctx, const bench_progress *progress); /* may be NULL */
    void *ctx;
} bench_options;

/* Repetition r of every device comes before repetition r + 1 of any, so that a machine that warms up or is
 * disturbed is so for all. A device's failure is noted with it and is none of the whole. THAW_E_CANCELLED:
 * stopped, and what was measured is there. */
thaw_status thaw_bench_measure(bench_device *devices, size_t n, const bench_options *options,
                               thaw_error *err);

/* ---- the machine (host.c) ---------------------------------------------------------------------------- */

typedef struct bench_host {
    char cpu[128], os[192];
    uint32_t cores; /* that this process may use */
    uint64_t memory_bytes;
    double os_clock_ghz; /* that the system tells; 0: it does not */
    char governor[32];   /* of the clock; "" where there is none */
} bench_host;

void thaw_bench_host(bench_host *out);
/* Measured: a chain of additions, each of which waits for the one before, takes a cycle for each. 0 where no
 * such chain is known for the processor. */
double thaw_bench_clock_ghz(void);
/* The most memory that the process has had in use since its copies (copy.c) were measured. */
uint64_t thaw_bench_peak_rss(void);

#endif
