#include "core/train/head.h"

#include <math.h>
#include <string.h>

#include "core/base/rng.h"

thaw_status thaw_head_new(thaw_model *model, const thaw_dataset *set, uint32_t seed, thaw_error *err)
{
    thaw_status st = thaw_model_set_head(model, set->n_classes, (const char *const *)set->class_names, err);
    if (st != THAW_OK)
        return st;
    thaw_weight *kernel = &model->weights[THAW_W_HEAD_KERNEL];
    float limit = sqrtf(6.0f / (float)(THAW_N_FEATURES + set->n_classes));
    for (size_t i = 0; i < kernel->count; i++)
        kernel->data[i] =
            (2.0f * thaw_random_uniform(seed, THAW_RNG_HEAD_INIT, 0, 0, (uint32_t)i) - 1.0f) * limit;
    return THAW_OK;
}

thaw_status thaw_head_check(const thaw_model *model, const thaw_dataset *set, thaw_error *err)
{
    if (model->n_classes == 0)
        return thaw_fail(err, THAW_E_INVALID,
                         "the model has no head to carry on with: give it as weights (--weights), not as "
                         "--init");
    if (model->n_classes != set->n_classes)
        return thaw_fail(err, THAW_E_INVALID,
                         "the model knows %u classes, and the folder has %u: give the model as weights "
                         "(--weights) to begin with a new head",
                         model->n_classes, set->n_classes);
    for (uint32_t i = 0; model->class_names && i < set->n_classes; i++)
        if (strcmp(model->class_names[i], set->class_names[i]) != 0)
            return thaw_fail(
                err, THAW_E_INVALID,
                "class %u of the model is \"%s\", and of the folder \"%s\": rename the folder, or "
                "give the model as weights (--weights) to begin with a new head",
                i + 1, model->class_names[i], set->class_names[i]);
    return THAW_OK;
}
