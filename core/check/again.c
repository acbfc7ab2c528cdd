/* again.c: the same op made ready again, and on another number of threads.
 *
 * thaw_ops.h: "Sums are deterministic: a fixed order, the same bits each run and for any number of threads."
 * thaw_op_info.deterministic 0 takes an algorithm out of this. */
#include <stdlib.h>
#include <string.h>

#include "core/check/player.h"
#include "core/check/sandbox.h"

/* What two kernels of one algorithm make of the same inputs, each on a device of its own or on the same. */
static thaw_status compare_bits(check_run *run, const check_side *one, const check_side *other,
                                const check_case *c, uint32_t algo, const char *what, thaw_error *err)
{
    check_layout layout;
    thaw_op_info info;
    uint8_t *before = NULL, *first;
    thaw_status st = thaw_check_layout(c, run->align, &layout, err);
    uint8_t *second = st == THAW_OK ? malloc(layout.total) : NULL;
    if (st == THAW_OK && !second)
        st = thaw_fail_memory(err, layout.total, "the tensors of a case");
    if (st == THAW_OK)
        st = thaw_check_query(one, c, algo, &info, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &layout, run->seed, &before, &first, err);
    if (st == THAW_OK)
        st = thaw_check_execute(one, c, &layout, algo, before, (uint8_t *[]){first}, 1, err);
    if (st == THAW_OK)
        st = thaw_check_execute(other, c, &layout, algo, before, (uint8_t *[]){second}, 1, err);
    if (st == THAW_OK) {
        run->kernels++;
        if (info.deterministic && memcmp(first, second, layout.total) != 0)
            st = thaw_fail(err, THAW_E_CHECK, "algorithm %u (%.31s): other bits %s", algo, info.name, what);
    }
    free(second);
    free(before);
    return st;
}

static thaw_status each_algo(check_run *run, const check_side *other, const check_case *c, const char *what,
                             thaw_error *err)
{
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++)
        st = compare_bits(run, &run->device, other, c, algo, what, err);
    return st;
}

thaw_status thaw_check_again(check_run *run, const check_case *c, thaw_error *err)
{
    return each_algo(run, &run->device, c,
                     "from a second kernel of the same op: op_prepare must choose and pack by the op alone",
                     err);
}

thaw_status thaw_check_threads(check_run *run, const check_case *c, thaw_error *err)
{
    check_sandbox *s;
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox(run, &s, err);
    if (st != THAW_OK)
        return st;
    return each_algo(
        run, &s->side, c,
        "with another number of threads: cut the work, and order the sums, by the shapes and never "
        "by thread_count",
        err);
}
