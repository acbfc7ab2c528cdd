/* fresh.c: weights that change between two runs of one kernel.
 *
 * thaw_plugin.h, THAW_ROLE_MUTABLE: "never keep a copy of it". The same kernel runs twice on the same
 * buffers; in between the MUTABLE inputs change, on the device itself (copy), as an optimizer's step changes
 * them: no upload tells the plugin of it. The second run must give what the reference gives for the new
 * weights. */
#include <stdlib.h>
#include <string.h>

#include "core/check/case.h"

static bool changes(const check_case *c, uint32_t i)
{
    return c->arg[i].role == THAW_ROLE_MUTABLE;
}

/* The old weights: those of another seed; all else as in `image`. */
static void make_old(const check_subject *s, uint64_t seed, uint8_t *old)
{
    const check_case *c = s->c;
    const check_layout *l = &s->layout;
    thaw_check_draw(c, l, seed + UINT64_C(0x10000), old);
    for (uint32_t i = 0; i < c->n_in; i++)
        if (!changes(c, i))
            thaw_check_copy(l, old, i, 0, l, s->images.before, i, 0, l->pixels[i], (size_t)c->arg[i].c);
}

/* Copies one input's new contents over the old ones by way of a buffer of its own. */
static thaw_status change_input(const check_memory *m, uint32_t i, const uint8_t *image,
                                thaw_buffer **staging, thaw_error *err)
{
    const check_layout *l = m->layout;
    const thaw_device_ops *ops = &m->side->dev->ops;
    size_t bytes = ((l->pixels[i] - 1) * l->pitch[i] + (size_t)m->c->arg[i].c) * l->bytes_per[i];
    thaw_status st = thaw_check_buffer(m->side, bytes, staging, err);
    if (st != THAW_OK)
        return st;
    const thaw_slice from = {*staging, 0};
    st = thaw_check_fault(err, ops->upload(m->side->stream, from, image + l->first[i], bytes, err), "upload");
    if (st == THAW_OK)
        st = thaw_check_fault(err, ops->copy(m->side->stream, m->slice[i], from, bytes, err), "copy");
    return st;
}

static thaw_status run_twice(const check_run *run, const check_subject *s, const check_memory *m,
                             const check_kernel *k, thaw_error *err)
{
    const check_case *c = s->c;
    thaw_buffer *staging[CHECK_MAX_ARGS] = {NULL};
    uint8_t *old = s->images.second;
    make_old(s, run->seed, old);
    thaw_status st = thaw_check_compute(m, k->handle, old, s->images.first, false, err);
    if (st == THAW_OK)
        st = thaw_check_memory_write(m, old, true, err);
    for (uint32_t i = 0; st == THAW_OK && i < c->n_in; i++)
        if (changes(c, i))
            st = change_input(m, i, s->images.before, &staging[i], err);
    for (uint32_t step = 0; st == THAW_OK && step < c->steps; step++)
        st = thaw_check_enqueue(m, k->handle, err);
    if (st == THAW_OK)
        st = thaw_check_memory_read(m, s->images.first, err);
    thaw_error ignored;
    m->side->dev->ops.stream_sync(m->side->stream, &ignored);
    for (uint32_t i = 0; i < c->n_in; i++)
        m->side->dev->ops.buffer_destroy(m->side->dev->handle, staging[i]);
    return st;
}

static thaw_status check_algo(check_run *run, const check_subject *s, uint32_t algo, thaw_error *err)
{
    check_kernel k;
    check_memory m = {0};
    thaw_status st =
        thaw_check_kernel_create(&run->device, s->c, &s->layout, algo, s->images.before, &k, err);
    if (st == THAW_OK)
        st =
            thaw_check_memory_create(&run->device, s->c, &s->layout, (size_t)k.info.workspace_bytes, &m, err);
    if (st == THAW_OK)
        st = run_twice(run, s, &m, &k, err);
    if (st == THAW_OK) {
        run->kernels++;
        st = thaw_check_compare(run, s, err);
        if (st == THAW_E_CHECK)
            thaw_fail_within(
                err, st,
                "after its MUTABLE inputs changed between two runs: a kernel reads them at each run "
                "and keeps no copy");
    }
    thaw_check_memory_free(&m);
    if (st == THAW_E_CHECK)
        thaw_fail_within(err, st, "algorithm %u (%.31s)", algo, k.info.name);
    thaw_check_kernel_destroy(&k);
    return st;
}

thaw_status thaw_check_fresh(check_run *run, const check_case *c, thaw_error *err)
{
    thaw_op_info info;
    check_subject s;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st != THAW_OK)
        return st;
    st = thaw_check_begin(run, c, &s, err);
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++)
        st = check_algo(run, &s, algo, err);
    thaw_check_end(&s);
    return st;
}
