/* race.c: one op: which of its algorithms is the fastest that is right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/tune/ops.h"

/* A layer is tried with as many rows as these hold (six copies are made for the comparison). */
#define MAX_CASE_BYTES ((size_t)256 << 20)
#define MAX_CANDIDATES 64u
#define ROUNDS         7u
#define SAMPLE_SECONDS 0.01
#define MAX_TIMES      64u
#define HOPELESS       3.0 /* times the default's time: not measured further */
#define OUT_OF_TIME    "not tried for want of time"
#define WORTH_IT       1.03 /* how much faster than the default the winner is at least */

typedef struct candidate {
    thaw_op_info info; /* for the case that is tried */
    thaw_kernel *kernel;
    double samples[ROUNDS];
    double seconds; /* median */
    bool out;       /* of the race */
} candidate;

/* One op under search. */
typedef struct race {
    const tune_op *op;
    check_case c; /* as large as memory allows */
    check_desc full;
    tune_bench bench;
    candidate *list; /* the default first */
    uint32_t n;
    char rejected[TUNE_REJECTED_MAX];
} race;

/* Whether a status is about one candidate alone. Others end the search. */
static bool of_candidate(thaw_status st)
{
    return st == THAW_E_CHECK || st == THAW_E_UNSUPPORTED;
}

static void reject(race *r, candidate *c, const char *why)
{
    size_t n = strlen(r->rejected);
    snprintf(r->rejected + n, sizeof r->rejected - n, "%s%s: %.120s", n ? "; " : "", c->info.name, why);
    c->out = true;
}

/* ---- candidates ------------------------------------------------------------------------------------ */

/* What the device offers for the op and, under the same name, for the case that stands for it. */
static void add_candidate(tune_search *s, race *r, const thaw_op *tried, const char *name)
{
    candidate *c = &r->list[r->n];
    for (uint32_t i = 0; i < r->n; i++)
        if (strcmp(r->list[i].info.name, name) == 0)
            return;
    if (r->n < MAX_CANDIDATES && thaw_choices_named(s->run.device.dev, tried, name, &c->info))
        r->n++;
}

static thaw_status list_candidates(tune_search *s, race *r, thaw_error *err)
{
    thaw_dev *dev = s->run.device.dev;
    check_desc tried;
    thaw_op_info info;
    thaw_check_describe(&r->op->c, &r->full);
    if (!thaw_check_case_of(&r->full.op, MAX_CASE_BYTES, &r->c))
        return thaw_fail(err, THAW_E_UNSUPPORTED, "it has too many tensors to be tried alone");
    thaw_check_describe(&r->c, &tried);
    thaw_status st = thaw_choices_ask(s->options->disabled, dev, &r->full.op, &info, err);
    if (st != THAW_OK)
        return st;
    uint32_t offered = info.n_algos < THAW_MAX_ALGOS ? info.n_algos : THAW_MAX_ALGOS;
    add_candidate(s, r, &tried.op, info.name);
    if (r->n == 0)
        return thaw_fail(err, THAW_E_UNSUPPORTED,
                         "its default, %s, is not offered for a batch that fits in memory", info.name);
    for (uint32_t algo = 0; algo < offered; algo++) {
        thaw_error ignored;
        info = (thaw_op_info){.struct_size = sizeof info};
        if (dev->ops.op_query(dev->handle, &r->full.op, algo, &info, &ignored) != THAW_OK)
            continue;
        info.name[sizeof info.name - 1] = '\0';
        if (!s->options->disabled || !thaw_choices_disabled(s->options->disabled, r->c.kind, info.name))
            add_candidate(s, r, &tried.op, info.name);
    }
    return THAW_OK;
}

/* ---- the race -------------------------------------------------------------------------------------- */

/* Prepares a candidate, and sees whether it is worth more. The first run does not count: some drivers
 * compile in it. */
static thaw_status enter(race *r, candidate *c, thaw_error *err)
{
    thaw_status st = tune_bench_prepare(&r->bench, &c->info, &c->kernel, err);
    for (uint32_t i = 0; st == THAW_OK && i < 2; i++)
        st = tune_bench_time(&r->bench, c->kernel, 1, &c->seconds, err);
    c->out = c != r->list && c->seconds > HOPELESS * r->list[0].seconds;
    return st;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Rounds in which each candidate has its turn, so that a device that warms up or slows down does so for all.
 */
static thaw_status race_rounds(tune_search *s, race *r, thaw_error *err)
{
    double once = r->list[0].seconds > 1e-9 ? r->list[0].seconds : 1e-9, wanted = SAMPLE_SECONDS / once;
    uint32_t times = wanted < 1 ? 1 : wanted > MAX_TIMES ? MAX_TIMES : (uint32_t)wanted;
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < r->n; i++) {
            candidate *c = &r->list[i];
            if (c->out)
                continue;
            if (tune_stopped(s))
                return tune_fail_stopped(err);
            thaw_status st = tune_bench_time(&r->bench, c->kernel, times, &c->samples[round], err);
            if (st != THAW_OK && (i == 0 || !of_candidate(st)))
                return st;
            if (st != THAW_OK)
                reject(r, c, err->text);
        }
    for (uint32_t i = 0; i < r->n; i++) {
        qsort(r->list[i].samples, ROUNDS, sizeof(double), by_value);
        r->list[i].seconds = r->list[i].samples[ROUNDS / 2];
    }
    return THAW_OK;
}

/* The search is out of time before this candidate. An op is given up, and tried again another time; but the
 * first one of a search is decided between those that have been prepared, so that each search gets on. */
static thaw_status leave_out(tune_search *s, race *r, candidate *c, thaw_error *err)
{
    if (s->summary->tried > 0) {
        s->summary->finished = false;
        return thaw_fail(err, THAW_E_UNSUPPORTED, "%s", OUT_OF_TIME);
    }
    reject(r, c, OUT_OF_TIME);
    return THAW_OK;
}

static thaw_status time_candidates(tune_search *s, race *r, thaw_error *err)
{
    thaw_status st = tune_bench_open(&s->run.device, &r->c, &r->bench, err);
    for (uint32_t i = 0; st == THAW_OK && i < r->n; i++) {
        if (tune_stopped(s))
            return tune_fail_stopped(err);
        if (i > 0 && tune_out_of_time(s)) {
            st = leave_out(s, r, &r->list[i], err);
            continue;
        }
        st = enter(r, &r->list[i], err);
        if (i > 0 && of_candidate(st)) {
            reject(r, &r->list[i], err->text);
            st = THAW_OK;
        }
    }
    return st == THAW_OK ? race_rounds(s, r, err) : st;
}

static void end_race(tune_search *s, race *r)
{
    thaw_dev *dev = s->run.device.dev;
    thaw_error ignored;
    if (r->bench.side)
        dev->ops.stream_sync(s->run.device.stream, &ignored);
    for (uint32_t i = 0; r->list && i < r->n; i++)
        dev->ops.kernel_destroy(dev->handle, r->list[i].kernel);
    if (r->bench.side)
        tune_bench_close(&r->bench);
    free(r->list);
}

static candidate *fastest(race *r)
{
    candidate *best = NULL;
    for (uint32_t i = 0; i < r->n; i++)
        if (!r->list[i].out && (!best || r->list[i].seconds < best->seconds))
            best = &r->list[i];
    return best;
}

/* The fastest that is worth it and right; else the default, which the self-test looks after. */
static thaw_status pick_winner(tune_search *s, race *r, candidate **out, thaw_error *err)
{
    check_subject subject;
    bool begun = false;
    thaw_status st = THAW_OK;
    *out = NULL;
    while (st == THAW_OK && !*out) {
        candidate *best = fastest(r);
        if (best == r->list || best->seconds * WORTH_IT > r->list[0].seconds) {
            *out = r->list;
            break;
        }
        if (tune_stopped(s)) {
            st = tune_fail_stopped(err);
            break;
        }
        if (!begun)
            st = thaw_check_begin(&s->run, &r->c, &subject, err);
        begun = true;
        if (st != THAW_OK)
            break;
        st = thaw_check_algo(&s->run, &subject, best->info.algo, err);
        if (st == THAW_OK)
            *out = best;
        if (of_candidate(st)) {
            thaw_log_at(s->options->log, THAW_LOG_WARN,
                        "%s: algorithm \"%s\" is fast and wrong, and not used: %s: %s",
                        s->run.device.dev->name, best->info.name, r->op->signature, err->text);
            reject(r, best, err->text);
            st = THAW_OK;
        }
    }
    if (begun)
        thaw_check_end(&subject);
    return st;
}

static uint64_t nanoseconds(double seconds)
{
    return seconds < 1e-9 ? 1 : seconds > 1e5 ? UINT64_C(100000000000000) : (uint64_t)(seconds * 1e9);
}

static thaw_status decide(tune_search *s, race *r, thaw_choice *out, thaw_error *err)
{
    candidate *winner = NULL;
    r->list = thaw_calloc(MAX_CANDIDATES + 1, sizeof *r->list);
    thaw_status st =
        r->list ? THAW_OK : thaw_fail_memory(err, (MAX_CANDIDATES + 1) * sizeof *r->list, "a search");
    if (st == THAW_OK)
        st = list_candidates(s, r, err);
    if (st == THAW_OK)
        st = time_candidates(s, r, err);
    if (st == THAW_OK)
        st = pick_winner(s, r, &winner, err);
    if (st != THAW_OK)
        return st;
    memset(out, 0, sizeof *out);
    memcpy(out->signature, r->op->signature, sizeof out->signature);
    memcpy(out->algo, winner->info.name, sizeof out->algo);
    memcpy(out->default_algo, r->list[0].info.name, sizeof out->default_algo);
    out->nanoseconds = nanoseconds(winner->seconds);
    out->default_nanoseconds = nanoseconds(r->list[0].seconds);
    return THAW_OK;
}

thaw_status tune_race(tune_search *s, const tune_op *op, thaw_choice *out, char rejected[TUNE_REJECTED_MAX],
                      thaw_error *err)
{
    race r = {.op = op};
    thaw_status st = decide(s, &r, out, err);
    end_race(s, &r);
    memcpy(rejected, r.rejected, sizeof r.rejected);
    return st;
}
