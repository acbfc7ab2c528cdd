/* selftest.h: a short check of what a device is about to be used for, so that a kernel that a driver compiles
 * wrong is found before it computes anything that matters.
 *
 * Some cases of each op, with the algorithm that would run and with every one that a search prefers. One that
 * is wrong, or cannot be prepared, is disabled, and the next one of that op is tested in its place. */
#ifndef THAW_CHECK_SELFTEST_H
#define THAW_CHECK_SELFTEST_H

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/runtime/choices.h"
#include "core/runtime/runtime.h"

typedef enum {
    THAW_SELFTEST_UNTRIED = 0, /* preferred, but for shapes that no case has */
    THAW_SELFTEST_RIGHT = 1,
    THAW_SELFTEST_WRONG = 2
} thaw_selftest_verdict;

typedef struct thaw_selftest_algo {
    uint32_t kind; /* THAW_OP_* */
    char name[THAW_ALGO_NAME_MAX];
    thaw_selftest_verdict verdict;
    char why[320]; /* it is wrong; else "" */
} thaw_selftest_algo;

typedef struct thaw_selftest {
    thaw_selftest_algo *algos; /* owned */
    size_t n, capacity;
    double seconds; /* that it took */
} thaw_selftest;

/* Contents only; harmless on a zeroed struct. */
void thaw_selftest_free(thaw_selftest *test);

/* preferred: what a search found, may be NULL. Each wrong algorithm is logged once, as a warning. THAW_OK
 * also if there are wrong ones. Another status: the test could not go on (memory of host or device, a device
 * that stopped answering). *out is filled as far as it came and freed by thaw_selftest_free, also after an
 * error. Both devices are open; one thread at a time for them. */
thaw_status thaw_selftest_run(thaw_dev *dev, thaw_dev *reference, const thaw_choices *preferred,
                              const thaw_log *log, thaw_selftest *out, thaw_error *err);

/* Disables what was found wrong. */
thaw_status thaw_selftest_apply(const thaw_selftest *test, thaw_choices *choices, thaw_error *err);
/* Whether everything that is preferred was looked at. */
bool thaw_selftest_covers(const thaw_selftest *test, const thaw_choices *preferred);
size_t thaw_selftest_count(const thaw_selftest *test, thaw_selftest_verdict verdict);
/* Ops with at least one right algorithm. */
size_t thaw_selftest_ops(const thaw_selftest *test);

/* ---- kept in a file (selftest_file.c) --------------------------------------------------------------- */

/* key: one line that names everything the result depends on. THAW_E_NOT_FOUND: no such file, or it is of
 * another key. THAW_E_FORMAT: damaged. *out as for thaw_selftest_run. */
thaw_status thaw_selftest_load(const char *path, const char *key, thaw_selftest *out, thaw_error *err);
/* Atomically; creates the folder if it is missing. */
thaw_status thaw_selftest_store(const char *path, const char *key, const thaw_selftest *test,
                                thaw_error *err);

#endif
