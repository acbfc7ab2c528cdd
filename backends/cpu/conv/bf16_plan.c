#include "bf16_plan.h"

#include "space.h"

/* Tasks for each thread, so that a slow core does not hold up the others; and as many as make it a matter of
 * indifference that their number is not a multiple of the threads'. */
#define TASKS_PER_THREAD ((size_t)4)
#define MANY_TASKS       ((size_t)8)

/* Cuts the work into tasks: pixels first, and panels too where the pixels are few. */
static void cut_tasks(bf16_plan *p, const struct thaw_device *dev)
{
    const size_t threads = dev->threads, wanted = threads > 1 ? threads * TASKS_PER_THREAD : 1;
    size_t groups = space_ceil(wanted, p->rows.chunks);
    while (p->rows.chunks * groups < threads * MANY_TASKS && p->rows.chunks * groups % threads != 0)
        groups++;
    groups = space_min(space_min(groups, p->n_panels), UINT32_MAX / p->rows.chunks);
    p->groups = space_max(groups, 1);
    p->streams = p->rows.chunks <= wanted;
}

static void reserve_state(bf16_plan *p)
{
    space_take(&p->state_bytes, 1, sizeof(bf16_state));
    p->panels_at = space_take(&p->state_bytes, p->n_panels, sizeof(conv_panel));
    p->state_weights_at =
        space_take(&p->state_bytes, p->const_weights ? p->weight_elements : 0, p->weight_bytes);
    p->state_bias_at =
        space_take(&p->state_bytes, p->const_bias ? p->n_panels * 2 * BF16_LANES : 0, sizeof(float));
    p->taps_at = space_take(&p->state_bytes, p->rows.taps, sizeof(size_t));
}

static void reserve_workspace(bf16_plan *p, size_t workers)
{
    p->weights_at =
        space_take(&p->workspace_bytes, p->const_weights ? 0 : p->weight_elements, p->weight_bytes);
    p->bias_at =
        space_take(&p->workspace_bytes, p->const_bias ? 0 : p->n_panels * 2 * BF16_LANES, sizeof(float));
    space_take(&p->worker_bytes, p->rows.elements, sizeof(uint16_t));
    p->own_at = space_take(&p->worker_bytes, 1, sizeof(bf16_worker));
    p->pixels_at = space_take(&p->worker_bytes, p->rows.rows, sizeof(size_t));
    p->work_at = space_take(&p->worker_bytes, 1, p->kernels->work_bytes);
    p->worker_at = space_take(&p->workspace_bytes, workers, p->worker_bytes);
}

bf16_plan cpu_conv_bf16_plan(const struct thaw_device *dev, const backend_op *op,
                             const conv_bf16_kernels *kernels)
{
    bf16_plan p = {.kernels = kernels, .rows = cpu_conv_bf16_rows(op, kernels->parts, dev->l2_bytes)};
    const bool has_bias = op->kind == THAW_OP_CONV2D && op->n_in > 2;
    p.const_weights = op->in[1].role == THAW_ROLE_CONST;
    p.const_bias = !has_bias || op->in[2].role == THAW_ROLE_CONST;
    p.weight_bytes = kernels->parts == 1 ? sizeof(uint16_t) : sizeof(float);
    p.n_panels = cpu_conv_panel_count(op->out, op->n_out, BF16_LANES);
    p.weight_elements =
        cpu_conv_panel_layout(op->out, op->n_out, BF16_LANES, space_mul(p.rows.taps, p.rows.k), NULL);
    cut_tasks(&p, dev);
    reserve_state(&p);
    reserve_workspace(&p, dev->threads);
    return p;
}
