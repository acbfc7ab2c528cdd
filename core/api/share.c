/* share.c: how much of a training step a device takes. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"

#define STEP      "finetune: training step"
#define N_CLASSES 5u
#define MAX_OPS   (sizeof((thaw_share *)0)->ops / sizeof((thaw_share *)0)->ops[0])

static thaw_share_op *entry_of(thaw_share *share, const char *op)
{
    for (uint32_t i = 0; i < share->n_ops; i++)
        if (strcmp(share->ops[i].op, op) == 0)
            return &share->ops[i];
    if (share->n_ops == MAX_OPS)
        return NULL;
    share->ops[share->n_ops].op = op;
    return &share->ops[share->n_ops++];
}

static void add_row(thaw_share *share, const thaw_plan_row *row, bool taken)
{
    thaw_share_op *op = entry_of(share, row->op);
    if (!op)
        return;
    op->places++;
    op->macs += row->macs;
    share->places++;
    share->macs += row->macs;
    if (!taken)
        return;
    op->taken++;
    op->taken_macs += row->macs;
    share->taken++;
    share->taken_macs += row->macs;
}

static void add_up(const thaw_run_plan *plan, const char *device, thaw_share *share)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->items[i].name, STEP) != 0)
            continue;
        const thaw_plan_summary *step = thaw_program_plan(plan->items[i].program);
        share->batch = (uint32_t)plan->items[i].batch;
        for (size_t r = 0; r < step->n_rows; r++)
            add_row(share, &step->rows[r], strcmp(step->rows[r].device, device) == 0);
    }
}

/* Whether the step fits is another question than what runs where. */
static thaw_dev *without_limits(thaw_dev *dry)
{
    dry->max_alloc = UINT64_MAX;
    dry->info.max_alloc_bytes = 0;
    dry->info.memory_bytes = 0;
    return dry;
}

/* Devices that answer as the real ones do and prepare nothing: the search for algorithms has them. */
static thaw_status plan_dry(const thaw_session *session, thaw_share *share, thaw_error *err)
{
    thaw_train_options options;
    thaw_model *model = NULL;
    thaw_run_plan plan = {0};
    thaw_tune_ops *ops = NULL, *fallback = NULL;
    thaw_where where = session->where;
    thaw_train_defaults(&options);
    options.weights = "zeros";
    where.fallback = THAW_FALLBACK_ALLOW;
    thaw_status st = thaw_tune_ops_create(session->dev, &ops, err);
    if (st == THAW_OK && session->fallback_dev)
        st = thaw_tune_ops_create(session->fallback_dev, &fallback, err);
    if (st == THAW_OK)
        st = thaw_blank_model(&model, err);
    if (st != THAW_OK)
        goto cleanup;
    where.dev = without_limits(thaw_tune_ops_dev(ops));
    where.fallback_dev = fallback ? without_limits(thaw_tune_ops_dev(fallback)) : NULL;
    st = thaw_plan_run(&options, model, N_CLASSES, &where, &plan, err);
    if (st == THAW_OK)
        add_up(&plan, session->dev->name, share);
cleanup:
    thaw_run_plan_free(&plan);
    thaw_model_free(model);
    thaw_tune_ops_free(fallback);
    thaw_tune_ops_free(ops);
    return st;
}

thaw_status thaw_device_share(thaw_context *context, const char *device, thaw_share *out, size_t struct_size,
                              thaw_error *err)
{
    thaw_session session = {.runtime = context->runtime};
    thaw_share share = {0};
    thaw_status st = thaw_session_open_plain(context, device, THAW_ON_DECLINE_ALLOW, &session, err);
    if (st == THAW_OK)
        st = plan_dry(&session, &share, err);
    thaw_session_close(&session);
    thaw_write_struct(out, struct_size, &share, sizeof share);
    return st;
}
