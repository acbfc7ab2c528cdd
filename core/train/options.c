#include <math.h>
#include <string.h>

#include "core/train/train.h"

/* Shuffles, the cache and the optimizer's bias correction count in 32 bits. */
#define MAX_EPOCHS 100000u
#define MAX_BATCH  4096u

const char *thaw_phase_name(uint32_t phase)
{
    return phase == THAW_PHASE_HEAD ? "head" : "finetune";
}

void thaw_train_defaults(thaw_train_options *options)
{
    *options = (thaw_train_options){
        .val_split = 0.2,
        .seed = 123,
        .batch_size = 32,
        .dropout = 0.2f,
        .epochs = {5, 5},
        .lr = {1e-3, 1e-5},
        .unfreeze_last = 50,
        .restore_best = true,
    };
}

static thaw_status check_numbers(const thaw_train_options *o, thaw_error *err)
{
    if (o->batch_size < 1 || o->batch_size > MAX_BATCH)
        return thaw_fail(err, THAW_E_INVALID, "batch size %u: 1 to %u", o->batch_size, MAX_BATCH);
    if (!(o->dropout >= 0.0f && o->dropout < 1.0f))
        return thaw_fail(err, THAW_E_INVALID, "dropout %g: 0 <= dropout < 1", (double)o->dropout);
    for (uint32_t p = 0; p < THAW_N_PHASES; p++) {
        if (o->epochs[p] > MAX_EPOCHS)
            return thaw_fail(err, THAW_E_INVALID, "%u epochs of phase %s: at most %u", o->epochs[p],
                             thaw_phase_name(p), MAX_EPOCHS);
        if (!(o->lr[p] >= 0.0 && isfinite(o->lr[p])))
            return thaw_fail(err, THAW_E_INVALID,
                             "learning rate %g of phase %s: a number that is not negative", o->lr[p],
                             thaw_phase_name(p));
    }
    if (!o->unfreeze_from && o->unfreeze_last > THAW_N_LAYERS)
        return thaw_fail(err, THAW_E_INVALID, "the last %u layers cannot be unfrozen: there are %u",
                         o->unfreeze_last, THAW_N_LAYERS);
    if (o->input_size && (o->input_size < THAW_MIN_INPUT_SIZE || o->input_size > 4096))
        return thaw_fail(err, THAW_E_INVALID, "input size %u: %d to 4096", o->input_size,
                         THAW_MIN_INPUT_SIZE);
    if (!(o->min_delta >= 0.0 && isfinite(o->min_delta)))
        return thaw_fail(err, THAW_E_INVALID, "min-delta %g: a number that is not negative", o->min_delta);
    return THAW_OK;
}

static thaw_status check_validation(const thaw_train_options *o, thaw_error *err)
{
    if (!(o->val_split >= 0.0 && o->val_split < 1.0))
        return thaw_fail(err, THAW_E_INVALID, "validation split %g: 0 <= split < 1", o->val_split);
    bool none = !o->val_dir && o->val_split == 0.0;
    if (none && o->patience > 0)
        return thaw_fail(err, THAW_E_INVALID,
                         "early stopping watches the validation loss, and there is no validation: set a "
                         "validation split or folder, or leave early stopping out");
    return THAW_OK;
}

thaw_status thaw_train_check(const thaw_train_options *o, thaw_error *err)
{
    if (!o->weights == !o->init)
        return thaw_fail(err, THAW_E_INVALID,
                         "exactly one is needed: weights (a base to start from) or init (a trained model to "
                         "carry on with)");
    thaw_status st = check_numbers(o, err);
    if (st == THAW_OK)
        st = check_validation(o, err);
    if (st != THAW_OK)
        return st;
    if (o->cache_dtype != THAW_F32 && o->cache_dtype != THAW_F16)
        return thaw_fail(err, THAW_E_INVALID, "the cache holds f32 or f16");
    if (o->cache_keep && (!o->cache_dir || o->cache == THAW_CACHE_OFF))
        return thaw_fail(err, THAW_E_INVALID,
                         "to keep the cache, name a cache folder and leave the cache on");
    if (o->resume && !o->checkpoint_dir)
        return thaw_fail(err, THAW_E_INVALID, "to resume, name the checkpoint folder of the stopped run");
    bool second = o->epochs[1] > 0 && (o->unfreeze_from || o->unfreeze_last > 0);
    if (o->epochs[0] == 0 && !second)
        return thaw_fail(err, THAW_E_INVALID,
                         "nothing to do: both phases have 0 epochs, or the second has nothing to train; give "
                         "more epochs, or "
                         "unfreeze more than 0 layers");
    return THAW_OK;
}
