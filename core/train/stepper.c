#include "core/train/stepper.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/prefix.h"

thaw_status thaw_stepper_lower(const thaw_lower_spec *spec, const thaw_where *where, thaw_stepper *out,
                               thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_status st = thaw_lower(spec, &out->lowered, err);
    if (st != THAW_OK)
        return st;
    if (where)
        thaw_permit_trained(&out->lowered.graph, where);
    out->rows = spec->batch;
    out->n_cut = spec->from->n;
    out->macs = thaw_graph_macs(&out->lowered.graph) / (uint64_t)spec->batch;
    return THAW_OK;
}

thaw_status thaw_stepper_prepare(thaw_stepper *stepper, thaw_vars *vars, const thaw_program_options *options,
                                 thaw_error *err)
{
    thaw_status st = thaw_program_create(&stepper->lowered.graph, vars, options, &stepper->program, err);
    thaw_graph_free(&stepper->lowered.graph);
    return st;
}

thaw_status thaw_stepper_stage(thaw_stepper *stepper, thaw_step_io *io, thaw_error *err)
{
    const thaw_lowered *l = &stepper->lowered;
    thaw_binding feeds[THAW_MAX_FEATURES + 3];
    size_t n = 0;
    for (size_t i = 0; i < stepper->n_cut; i++)
        feeds[n++] = (thaw_binding){.tensor = l->cut[i], .rows = io->rows[i]};
    if (stepper->n_cut == 0)
        feeds[n++] = (thaw_binding){.tensor = l->pooled_in, .rows = io->rows[0]};
    if (l->label != THAW_NO_TENSOR)
        feeds[n++] = (thaw_binding){.tensor = l->label, .data = io->label};
    if (l->dropout_key != THAW_NO_TENSOR)
        feeds[n++] = (thaw_binding){.tensor = l->dropout_key, .data = io->key};
    if (l->hyper != THAW_NO_TENSOR)
        feeds[n++] = (thaw_binding){.tensor = l->hyper, .data = io->hyper};
    return thaw_program_stage(stepper->program, feeds, n, err);
}

thaw_status thaw_stepper_begin(thaw_stepper *stepper, thaw_step_io *io, thaw_error *err)
{
    const thaw_lowered *l = &stepper->lowered;
    thaw_binding fetches[2];
    size_t n = 0;
    if (l->metrics != THAW_NO_TENSOR)
        fetches[n++] = (thaw_binding){.tensor = l->metrics, .data = io->metrics};
    if (io->probs)
        fetches[n++] = (thaw_binding){.tensor = l->probs, .data = io->probs};
    return thaw_program_begin(stepper->program, fetches, n, err);
}

thaw_status thaw_stepper_wait(thaw_stepper *stepper, thaw_error *err)
{
    return thaw_program_wait(stepper->program, err);
}

thaw_status thaw_stepper_run(thaw_stepper *stepper, thaw_step_io *io, thaw_error *err)
{
    thaw_status st = thaw_stepper_stage(stepper, io, err);
    if (st == THAW_OK)
        st = thaw_stepper_begin(stepper, io, err);
    return st == THAW_OK ? thaw_stepper_wait(stepper, err) : st;
}

void thaw_stepper_free(thaw_stepper *stepper)
{
    thaw_program_free(stepper->program);
    thaw_lowered_free(&stepper->lowered);
    stepper->program = NULL;
}

/* row_bytes 0: without room. */
static thaw_status make_rows(thaw_step_io *io, size_t i, uint32_t batch, size_t row_bytes, thaw_error *err)
{
    io->rows[i] = thaw_calloc(batch, sizeof *io->rows[i]);
    if (io->rows[i] && row_bytes > 0)
        io->room[i] = thaw_calloc(batch, row_bytes);
    if (!io->rows[i] || (row_bytes > 0 && !io->room[i]))
        return thaw_fail_memory(err, (unsigned long long)batch * row_bytes, "a mini-batch");
    for (uint32_t r = 0; row_bytes > 0 && r < batch; r++)
        io->rows[i][r] = (char *)io->room[i] + r * row_bytes;
    return THAW_OK;
}

thaw_status thaw_step_io_create(uint32_t batch, size_t n, const size_t *row_bytes, thaw_step_io *out,
                                thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < n; i++)
        st = make_rows(out, i, batch, row_bytes ? row_bytes[i] : 0, err);
    if (st != THAW_OK)
        return st;
    out->label = thaw_calloc(batch, sizeof *out->label);
    out->key = thaw_calloc(batch, 2 * sizeof *out->key);
    return out->label && out->key ? THAW_OK : thaw_fail_memory(err, (unsigned long long)batch * 12, "labels");
}

void thaw_step_io_free(thaw_step_io *io)
{
    for (size_t i = 0; i < THAW_MAX_FEATURES; i++) {
        free(io->rows[i]);
        free(io->room[i]);
    }
    free(io->label);
    free(io->key);
    memset(io, 0, sizeof *io);
}
