/* head.h: the classifier's weights before the first step. */
#ifndef THAW_TRAIN_HEAD_H
#define THAW_TRAIN_HEAD_H

#include "core/data/data.h"
#include "core/model/model.h"

/* Gives the model a new head for the classes of set: kernel uniform in +-sqrt(6/(2048 + classes)) ("Glorot
 * uniform", Keras' default) from stream THAW_RNG_HEAD_INIT of the seed, bias 0. */
thaw_status thaw_head_new(thaw_model *model, const thaw_dataset *set, uint32_t seed, thaw_error *err);
/* THAW_OK if the model's head has the classes of set in their order; else THAW_E_INVALID says how they
 * differ. */
thaw_status thaw_head_check(const thaw_model *model, const thaw_dataset *set, thaw_error *err);

#endif
