/* check.c: goes through the table of cases and keeps count. */
#include "core/check/check.h"

#include <string.h>
#include <time.h>

#include "core/check/case.h"
#include "core/check/sandbox.h"

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

/* What is said of the plugin as a whole has no random values, so that one round is enough; and the copies of
 * it that such cases open stay mapped. */
static bool is_due(const check_run *run, const thaw_check_options *options, const check_case *c)
{
    return c->type != CHECK_PLUGIN || run->seed == options->seed;
}

static bool selected(const thaw_check_options *options, const check_case *c)
{
    if (options->op && strcmp(options->op, thaw_check_op_name(c->kind)) != 0)
        return false;
    return !options->case_filter || strstr(c->name, options->case_filter);
}

static thaw_status run_case(check_run *run, const check_case *c, thaw_error *err)
{
    switch (c->type) {
    case CHECK_ADJOINT:
        return thaw_check_adjoint(run, c, err);
    case CHECK_BATCH:
        return thaw_check_batch(run, c, err);
    case CHECK_MISUSE:
        return thaw_check_misuse(run, c, err);
    case CHECK_DEVICE:
        return thaw_check_device(run, c, err);
    case CHECK_FRESH:
        return thaw_check_fresh(run, c, err);
    case CHECK_AGAIN:
        return thaw_check_again(run, c, err);
    case CHECK_THREADS:
        return thaw_check_threads(run, c, err);
    case CHECK_STREAMS:
        return thaw_check_streams(run, c, err);
    case CHECK_QUIET:
        return thaw_check_quiet(run, c, err);
    case CHECK_BLOCKING:
        return thaw_check_blocking(run, c, err);
    case CHECK_NO_MEMORY:
        return thaw_check_no_memory(run, c, err);
    case CHECK_SKEW:
        return thaw_check_skew(run, c, err);
    case CHECK_GRADIENT:
        return thaw_check_gradient(run, c, err);
    case CHECK_PLUGIN:
        return thaw_check_plugin(run, c, err);
    default:
        return thaw_check_values(run, c, err);
    }
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

/* Runs one case and reports it. Fails only when nothing can go on. */
static thaw_status do_case(check_run *run, const thaw_check_options *options, const check_case *c,
                           thaw_check_summary *summary, thaw_error *err)
{
    thaw_check_case result = {
        .kind = c->kind, .op = thaw_check_op_name(c->kind), .name = c->name, .seed = run->seed};
    double start = now();
    run->kernels = 0;
    run->worst = 0;
    memset(err, 0, sizeof *err);
    thaw_status st = run_case(run, c, err);
    if (st != THAW_OK && st != THAW_E_CHECK && st != THAW_E_UNSUPPORTED)
        return thaw_fail_within(err, st, "%s", c->name);
    result.result = st == THAW_OK        ? THAW_CHECK_PASSED
                    : st == THAW_E_CHECK ? THAW_CHECK_FAILED
                                         : THAW_CHECK_DECLINED;
    result.text = st == THAW_OK ? "" : err->text;
    result.kernels = run->kernels;
    result.worst = run->worst;
    result.seconds = now() - start;
    count(summary, &result);
    if (st != THAW_OK)
        thaw_log_at(options->log, st == THAW_E_CHECK ? THAW_LOG_WARN : THAW_LOG_DEBUG, "%s (seed %llu): %s",
                    c->name, (unsigned long long)run->seed, err->text);
    if (options->on_case)
        options->on_case(options->on_case_ctx, &result);
    return THAW_OK;
}

static thaw_status do_round(check_run *run, const thaw_check_options *options, thaw_check_summary *summary,
                            thaw_error *err)
{
    check_list list;
    thaw_status st = thaw_check_cases(run->seed, &list, err);
    for (size_t i = 0; st == THAW_OK && i < list.count; i++)
        if (selected(options, &list.items[i]) && is_due(run, options, &list.items[i]))
            st = do_case(run, options, &list.items[i], summary, err);
    thaw_check_list_free(&list);
    return st;
}

/* What the counts mean for the caller. */
static thaw_status verdict(const thaw_check_options *options, const char *device,
                           const thaw_check_summary *summary, thaw_error *err)
{
    if (!summary->cases)
        return thaw_fail(err, THAW_E_CHECK, "no case was selected: op \"%s\", case \"%s\"",
                         options->op ? options->op : "", options->case_filter ? options->case_filter : "");
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
    thaw_status st = thaw_runtime_open(runtime, options->device, &run.device.dev, e);
    if (st == THAW_OK)
        st = thaw_runtime_open(runtime, options->reference ? options->reference : THAW_CHECK_REFERENCE,
                               &run.reference.dev, e);
    if (st == THAW_OK)
        st = thaw_check_run_begin(&run, e);
    if (st != THAW_OK)
        goto cleanup;
    for (uint32_t round = 0; st == THAW_OK && round < (options->repeat ? options->repeat : 1); round++) {
        run.seed = options->seed + round;
        st = do_round(&run, options, summary, e);
    }
    if (st == THAW_OK)
        st = verdict(options, run.device.dev->name, summary, e);
cleanup:
    summary->seconds = now() - start;
    thaw_check_run_end(&run);
    thaw_runtime_close(runtime, run.reference.dev);
    thaw_runtime_close(runtime, run.device.dev);
    return st;
}
