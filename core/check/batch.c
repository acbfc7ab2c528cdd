/* batch.c: a row of the batch has the same bits whatever else is in the batch. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"

/* Does an argument have one row for each of the batch's? Weights do not, whatever their first size is. */
static bool has_rows(const check_case *c, uint32_t i)
{
    const check_arg *arg = &c->arg[i];
    return arg->n == c->arg[0].n && arg->role != THAW_ROLE_CONST && arg->role != THAW_ROLE_MUTABLE;
}

static thaw_status run_row(check_run *run, const check_case *c, const check_layout *l, const uint8_t *before,
                           const uint8_t *after, int32_t row, thaw_error *err)
{
    check_case one = *c;
    check_layout ol;
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++)
        one.arg[i].n = has_rows(c, i) ? 1 : c->arg[i].n;
    thaw_status st = thaw_check_layout(&one, run->align, &ol, err);
    if (st != THAW_OK)
        return st;
    uint8_t *memory = thaw_calloc(3, ol.total);
    if (!memory)
        return thaw_fail_memory(err, 3 * (unsigned long long)ol.total, "the tensors of a case");
    uint8_t *image = memory, *expected = memory + ol.total, *const alone[1] = {memory + 2 * ol.total};
    thaw_check_draw(&one, &ol, run->seed, image);
    for (uint32_t i = 0; i < c->n_in; i++)
        thaw_check_copy(&ol, image, i, 0, l, before, i, has_rows(c, i) ? (size_t)row * ol.pixels[i] : 0,
                        ol.pixels[i], (size_t)c->arg[i].c);
    st = thaw_check_execute(&run->device, &one, &ol, THAW_ALGO_DEFAULT, image, alone, 1, err);
    if (st == THAW_OK)
        memcpy(expected, alone[0], ol.total);
    for (uint32_t i = c->n_in; st == THAW_OK && i < c->n_in + c->n_out; i++) {
        thaw_check_copy(&ol, expected, i, 0, l, after, i, (size_t)row * ol.pixels[i], ol.pixels[i],
                        (size_t)c->arg[i].c);
        if (memcmp(expected, alone[0], ol.total) != 0)
            st = thaw_fail(err, THAW_E_CHECK,
                           "%s: row %d of a batch of %d has other bits than the same row alone",
                           c->arg[i].label, row, c->arg[0].n);
    }
    free(memory);
    return st;
}

thaw_status thaw_check_batch(check_run *run, const check_case *c, thaw_error *err)
{
    check_layout layout;
    thaw_status st = thaw_check_layout(c, run->align, &layout, err);
    if (st != THAW_OK)
        return st;
    uint8_t *before = thaw_calloc(2, layout.total);
    if (!before)
        return thaw_fail_memory(err, 2 * (unsigned long long)layout.total, "the tensors of a case");
    uint8_t *const after[1] = {before + layout.total};
    thaw_check_draw(c, &layout, run->seed, before);
    st = thaw_check_execute(&run->device, c, &layout, THAW_ALGO_DEFAULT, before, after, 1, err);
    if (st == THAW_OK)
        run->kernels++;
    for (int32_t row = 0; st == THAW_OK && row < c->arg[0].n; row++)
        st = run_row(run, c, &layout, before, after[0], row, err);
    free(before);
    return st;
}
