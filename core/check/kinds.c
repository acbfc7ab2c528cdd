/* kinds.c: see kinds.h. */
#include "core/check/kinds.h"

#include <stdio.h>

#include "core/check/check.h"

static const struct {
    const char *name;
    thaw_status (*run)(check_run *run, const check_case *c, thaw_error *err);
} kinds[] = {
    [CHECK_VALUES] = {"values", thaw_check_values},
    [CHECK_ADJOINT] = {"adjoint", thaw_check_adjoint},
    [CHECK_GRADIENT] = {"gradient", thaw_check_gradient},
    [CHECK_BATCH] = {"batch", thaw_check_batch},
    [CHECK_MISUSE] = {"misuse", thaw_check_misuse},
    [CHECK_DEVICE] = {"device", thaw_check_device},
    [CHECK_FRESH] = {"fresh", thaw_check_fresh},
    [CHECK_AGAIN] = {"again", thaw_check_again},
    [CHECK_THREADS] = {"threads", thaw_check_threads},
    [CHECK_STREAMS] = {"streams", thaw_check_streams},
    [CHECK_QUIET] = {"quiet", thaw_check_quiet},
    [CHECK_BLOCKING] = {"blocking", thaw_check_blocking},
    [CHECK_NO_MEMORY] = {"no-memory", thaw_check_no_memory},
    [CHECK_SKEW] = {"skew", thaw_check_skew},
    [CHECK_PLUGIN] = {"plugin", thaw_check_plugin},
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])
_Static_assert(N_KINDS <= THAW_CHECK_MAX_KINDS, "the matrix has a column for each");

const char *thaw_check_kind_name(uint32_t i)
{
    return i < N_KINDS ? kinds[i].name : NULL;
}

thaw_status thaw_check_dispatch(check_run *run, const check_case *c, thaw_error *err)
{
    if ((size_t)c->type >= N_KINDS)
        return thaw_fail(err, THAW_E_INTERNAL, "check type %d has no line in kinds.c", (int)c->type);
    return kinds[c->type].run(run, c, err);
}

static const char *dtype_name(thaw_dtype dtype)
{
    static const char *const names[] = {[THAW_F32] = "f32", [THAW_F16] = "f16", [THAW_BF16] = "bf16",
                                        [THAW_U8] = "u8",   [THAW_I32] = "i32", [THAW_U32] = "u32"};
    return dtype >= 0 && (size_t)dtype < sizeof names / sizeof *names ? names[dtype] : "?";
}

static const char *precision_name(thaw_precision precision)
{
    static const char *const names[] = {[THAW_PREC_F32] = "f32",
                                        [THAW_PREC_TF32] = "tf32",
                                        [THAW_PREC_BF16] = "bf16",
                                        [THAW_PREC_F16] = "f16"};
    return precision >= 0 && (size_t)precision < sizeof names / sizeof *names ? names[precision] : "?";
}

void thaw_check_data_name(const check_case *c, char out[THAW_CHECK_DATA_MAX])
{
    if (c->n_in == 0 || c->n_out == 0) {
        out[0] = '\0';
        return;
    }
    thaw_dtype in = c->arg[0].dtype, result = c->arg[c->n_in].dtype;
    if (c->precision != THAW_PREC_F32)
        snprintf(out, THAW_CHECK_DATA_MAX, "%s", precision_name(c->precision));
    else if (in != result || c->kind == THAW_OP_CAST)
        snprintf(out, THAW_CHECK_DATA_MAX, "%s→%s", dtype_name(in), dtype_name(result));
    else
        snprintf(out, THAW_CHECK_DATA_MAX, "%s", dtype_name(in));
}
