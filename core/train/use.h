/* use.h: the pass of a list of images through a model. */
#ifndef THAW_TRAIN_USE_H
#define THAW_TRAIN_USE_H

#include "core/train/stepper.h"

typedef struct thaw_used {
    thaw_answer answer;
    double loss; /* of a labelled image that could be read */
    bool hit;
} thaw_used;

typedef struct thaw_use_spec {
    thaw_use use;
    bool labelled;       /* every label is a class: loss and hit are wanted */
    uint32_t batch_size; /* images at a time; 0: as where says */
    thaw_status (*fn)(void *ctx, const thaw_used *used, thaw_error *err);
    void *ctx;
} thaw_use_spec;

/* Calls spec->fn for every image of set, in order. */
thaw_status thaw_use_model(const thaw_model *model, const thaw_dataset *set, const thaw_use_spec *spec,
                           const thaw_where *where, const thaw_listener *listener, thaw_error *err);

#endif
