/* tune.h: finding the fastest algorithm for each op of a program on one device, and keeping what was found.
 *
 * A search prepares every algorithm that the device offers for an op, times it on random data beside the
 * device's default, and compares the fastest with the reference before it may win. What it found lies in one
 * text file for each device and driver, to which it appends after each op, so that a search can be stopped
 * at any time and goes on where it was. */
#ifndef THAW_TUNE_TUNE_H
#define THAW_TUNE_TUNE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/runtime/choices.h"
#include "core/runtime/runtime.h"

/* ---- the ops to search for (gather.c) --------------------------------------------------------------- */

/* The distinct ops that programs ask a device for. */
typedef struct thaw_tune_ops thaw_tune_ops;

/* dev outlives it. Freed by thaw_tune_ops_free. */
thaw_status thaw_tune_ops_create(thaw_dev *dev, thaw_tune_ops **out, thaw_error *err);
/* NULL does nothing. */
void thaw_tune_ops_free(thaw_tune_ops *ops);
/* A device that answers op_query as the real one does, notes the op, and computes nothing: making the
 * programs of a run for it costs neither its memory nor its compiler. One thread at a time asks. Lives as
 * long as ops. */
thaw_dev *thaw_tune_ops_dev(thaw_tune_ops *ops);

/* ---- what was found (file.c) ------------------------------------------------------------------------ */

/* What a file of choices holds for. Texts of any origin. */
typedef struct thaw_tune_id {
    const char *device, *vendor, *driver, *plugin, *plugin_version;
} thaw_tune_id;

/* Where it lies: a file in the folder "tune" of the user's configuration. NULL without a home, or when memory
 * is exhausted. Freed by free(). */
char *thaw_tune_path(const thaw_tune_id *id);
/* Adds what the file has to choices. THAW_E_NOT_FOUND: there is no such file. THAW_E_FORMAT: it is no such
 * file, or of another device, driver or plugin; err says which. Lines that make no sense are left out, with
 * one warning. */
thaw_status thaw_tune_load(const char *path, const thaw_tune_id *id, const thaw_log *log,
                           thaw_choices *choices, thaw_error *err);
/* Writes a file without choices, atomically; creates its folder. */
thaw_status thaw_tune_begin(const char *path, const thaw_tune_id *id, thaw_error *err);
/* Appends one choice, and syncs. rejected: what was faster and wrong, for people; may be empty. */
thaw_status thaw_tune_append(const char *path, const thaw_choice *choice, const char *rejected,
                             thaw_error *err);

/* ---- the search (tune.c) ---------------------------------------------------------------------------- */

/* What became of one op. Pointers live during the call. */
typedef struct thaw_tune_report {
    size_t index, total;
    const char *signature;
    const thaw_choice *choice; /* NULL: note says why nothing was found */
    bool known;                /* it was in the file already */
    const char *rejected;      /* "name: why; …" of algorithms that were wrong or could not be prepared */
    const char *note;          /* "" if there is nothing to say */
} thaw_tune_report;

typedef struct thaw_tune_options {
    const char *path; /* of the file */
    thaw_tune_id id;
    double seconds;                      /* no op is begun later than that; 0: only what is known */
    bool again;                          /* forget what the file has */
    const thaw_choices *disabled;        /* algorithms that are no candidates; NULL: none */
    const volatile sig_atomic_t *cancel; /* may be NULL; not 0: THAW_E_CANCELLED at the next safe point */
    const thaw_log *log;
    void (*on_op)(void *ctx, const thaw_tune_report *report); /* may be NULL */
    void *ctx;
} thaw_tune_options;

typedef struct thaw_tune_summary {
    size_t ops;     /* with more than one algorithm */
    size_t known;   /* of them in the file before */
    size_t tried;   /* now, with a result */
    size_t skipped; /* now, without one */
    size_t faster;  /* of known and tried: not the default */
    bool finished;  /* the time sufficed */
    double seconds;
    /* Of one run of each op of known and tried, times the number of its places in the programs. */
    double default_seconds, tuned_seconds;
} thaw_tune_summary;

/* Goes through ops, the costliest first. reference: computes what is right, at a speed that suits whole
 * layers. Both devices are open and not in use by anybody else. *out is filled also after an error. */
thaw_status thaw_tune_run(thaw_dev *dev, thaw_dev *reference, thaw_tune_ops *ops,
                          const thaw_tune_options *options, thaw_tune_summary *out, thaw_error *err);

#endif
