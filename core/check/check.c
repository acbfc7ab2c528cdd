/* check.c: goes through the table of cases and keeps count. */
#include "core/check/check.h"

#include <string.h>
#include <time.h>

#include "core/check/case.h"
#include "core/check/kinds.h"
#include "core/check/matrix.h"
#include "core/check/sandbox.h"
#include "core/check/select.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

thaw_status thaw_check_run_begin(check_run *run, thaw_error *err)
{
    const thaw_dev *device = run->device.dev, *reference = run->reference.dev;
    run->align = device->align > reference->align ? device->align : reference->align;
    thaw_status st = thaw_check_stream(&run->device, &run->device.stream, err);
    return st == THAW_OK ? thaw_check_stream(&run->reference, &run->reference.stream, err) : st;
}

static void end_side(check_side *side)
{
    if (side->stream)
        side->dev->ops.stream_destroy(side->dev->handle, side->stream);
    side->stream = NULL;
}

void thaw_check_run_end(check_run *run)
{
    thaw_check_sandbox_close(run->sandbox);
    run->sandbox = NULL;
    end_side(&run->device);
    end_side(&run->reference);
}

/* "isa=avx2" of "cpu:0,isa=avx2"; NULL: none. */
static const char *options_of(const char *device)
{
    const char *comma = device ? strchr(device, ',') : NULL;
    return comma && comma[1] ? comma + 1 : NULL;
}

static void count(thaw_check_summary *summary, const thaw_check_case *result)
{
    thaw_check_op_summary *op = &summary->ops[result->kind];
    summary->cases++;
    op->cases++;
    summary->executed += result->kernels > 0;
    if (result->worst > op->worst)
        op->worst = result->worst;
    switch (result->result) {
    case THAW_CHECK_PASSED:
        summary->passed++;
        op->passed++;
        break;
    case THAW_CHECK_FAILED:
        summary->failed++;
        op->failed++;
        break;
    case THAW_CHECK_DECLINED:
        summary->declined++;
        op->declined++;
        break;
    }
}

/* The case as callbacks see it before it runs. */
static thaw_check_case introduce(const check_case *c, uint64_t seed, char data[THAW_CHECK_DATA_MAX])
{
    thaw_check_data_name(c, data);
    return (thaw_check_case){.kind = c->kind,
                             .op = thaw_check_op_name(c->kind),
                             .name = c->name,
                             .seed = seed,
                             .text = "",
                             .check = thaw_check_kind_name((uint32_t)c->type),
                             .data = data};
}

static void log_result(const thaw_check_options *options, const thaw_check_case *result)
{
    /* Whoever is told of each case need not read of it once more. */
    bool loud = result->result == THAW_CHECK_FAILED && !options->on_case;
    if (result->result != THAW_CHECK_PASSED)
        thaw_log_at(options->log, loud ? THAW_LOG_WARN : THAW_LOG_DEBUG, "%s (seed %llu): %s", result->name,
                    (unsigned long long)result->seed, result->text);
}

/* Runs one case and reports it. Fails only when nothing can go on. */
static thaw_status do_case(check_run *run, const thaw_check_options *options, const check_case *c,
                           thaw_check_case *result, thaw_check_summary *summary, thaw_error *err)
{
    double start = now();
    run->kernels = 0;
    run->worst = 0;
    memset(err, 0, sizeof *err);
    if (options->on_begin)
        options->on_begin(options->on_case_ctx, result);
    thaw_runtime_span_begin(run->runtime, "%s", c->name);
    thaw_status st = thaw_check_dispatch(run, c, err);
    thaw_runtime_span_end(run->runtime);
    if (st != THAW_OK && st != THAW_E_CHECK && st != THAW_E_UNSUPPORTED)
        return thaw_fail_within(err, st, "%s", c->name);
    result->result = st == THAW_OK        ? THAW_CHECK_PASSED
                     : st == THAW_E_CHECK ? THAW_CHECK_FAILED
                                          : THAW_CHECK_DECLINED;
    result->text = st == THAW_OK ? "" : err->text;
    result->kernels = run->kernels;
    result->worst = run->worst;
    result->seconds = now() - start;
    count(summary, result);
    log_result(options, result);
    if (options->on_case)
        options->on_case(options->on_case_ctx, result);
    return options->matrix ? thaw_check_matrix_add(options->matrix, result, (uint32_t)c->type, err) : THAW_OK;
}

/* A way through the cases of all rounds; to list them, there is neither a run nor a summary. */
typedef struct pass {
    const thaw_check_options *options;
    check_run *run;
    thaw_check_summary *summary;
    size_t index, total;
} pass;

static bool ended(const pass *p)
{
    return p->options->fail_fast && p->summary && p->summary->failed > 0;
}

static thaw_status step(pass *p, const check_case *c, uint64_t seed, thaw_error *err)
{
    const thaw_check_options *options = p->options;
    char data[THAW_CHECK_DATA_MAX];
    thaw_check_case result = introduce(c, seed, data);
    result.index = p->index++;
    result.total = p->total > p->index ? p->total : p->index;
    if (options->cancel && *options->cancel)
        return thaw_fail(err, THAW_E_CANCELLED, "stopped after %zu of %zu cases", result.index, result.total);
    if (p->run)
        return do_case(p->run, options, c, &result, p->summary, err);
    options->on_begin(options->on_case_ctx, &result);
    return THAW_OK;
}

static thaw_status go_through(pass *p, thaw_error *err)
{
    const thaw_check_options *options = p->options;
    const uint32_t rounds = options->repeat ? options->repeat : 1;
    thaw_status st = THAW_OK;
    for (uint32_t round = 0; st == THAW_OK && round < rounds && !ended(p); round++) {
        check_list list;
        uint64_t seed = options->seed + round;
        if (p->run)
            p->run->seed = seed;
        st = thaw_check_cases(seed, &list, err);
        if (st == THAW_OK && round == 0)
            p->total = thaw_check_count(options, &list, rounds);
        for (size_t i = 0; st == THAW_OK && i < list.count && !ended(p); i++)
            if (thaw_check_selected(options, &list.items[i], round))
                st = step(p, &list.items[i], seed, err);
        thaw_check_list_free(&list);
    }
    return st;
}

thaw_status thaw_check_enumerate(const thaw_check_options *options, thaw_error *err)
{
    pass p = {.options = options};
    thaw_status st = thaw_check_filter(options, err);
    return st == THAW_OK ? go_through(&p, err) : st;
}

/* What the counts mean for the caller. */
static thaw_status verdict(const thaw_check_options *options, const char *device,
                           const thaw_check_summary *summary, thaw_error *err)
{
    if (!summary->cases)
        return thaw_fail(err, THAW_E_CHECK, "no case is named \"%.100s\" with seed %llu%s%.100s%s%.100s",
                         options->case_filter ? options->case_filter : "", (unsigned long long)options->seed,
                         options->op ? ", op " : "", options->op ? options->op : "",
                         options->check ? ", kind " : "", options->check ? options->check : "");
    if (summary->failed)
        return thaw_fail(err, THAW_E_CHECK, "%zu of %zu cases failed on %s (seed %llu)", summary->failed,
                         summary->cases, device, (unsigned long long)summary->seed);
    if (!summary->executed && summary->declined)
        return thaw_fail(err, THAW_E_CHECK, "%s ran no kernel: it declined %zu of %zu cases", device,
                         summary->declined, summary->cases);
    return THAW_OK;
}

thaw_status thaw_check_run(thaw_runtime *runtime, const thaw_check_options *options,
                           thaw_check_summary *summary, thaw_error *err)
{
    thaw_error local;
    thaw_error *e = err ? err : &local;
    check_run run = {.runtime = runtime, .options = options_of(options->device), .seed = options->seed};
    double start = now();
    memset(summary, 0, sizeof *summary);
    summary->seed = options->seed;
    for (uint32_t kind = 0; kind < THAW_OP_KIND_END; kind++)
        summary->ops[kind].op = thaw_check_op_name(kind);
    thaw_status st = thaw_check_filter(options, e);
    if (st == THAW_OK)
        st = thaw_runtime_open(runtime, options->device, &run.device.dev, e);
    if (st == THAW_OK)
        st = thaw_runtime_open(runtime, options->reference ? options->reference : THAW_CHECK_REFERENCE,
                               &run.reference.dev, e);
    if (st == THAW_OK)
        st = thaw_check_run_begin(&run, e);
    if (st != THAW_OK)
        goto cleanup;
    pass p = {.options = options, .run = &run, .summary = summary};
    st = go_through(&p, e);
    if (st == THAW_OK)
        st = verdict(options, run.device.dev->name, summary, e);
cleanup:
    summary->seconds = now() - start;
    thaw_check_run_end(&run);
    thaw_runtime_close(runtime, run.reference.dev);
    thaw_runtime_close(runtime, run.device.dev);
    return st;
}
