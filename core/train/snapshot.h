/* snapshot.h: values of variables, held in host memory. */
#ifndef THAW_TRAIN_SNAPSHOT_H
#define THAW_TRAIN_SNAPSHOT_H

#include "core/model/model.h"
#include "core/runtime/program.h"

typedef struct thaw_snapshot {
    thaw_weight *items; /* owned, with their data */
    size_t n;
} thaw_snapshot;

void thaw_snapshot_free(thaw_snapshot *snapshot); /* contents only */

/* Downloads the variables that are weights, or those that are the optimizer's ("adam/…"). A snapshot of the
 * same variables is overwritten, another one replaced. */
thaw_status thaw_snapshot_take(thaw_vars *vars, bool optimizer, thaw_snapshot *out, thaw_error *err);
/* Overwrites the model's weights with those of the snapshot. */
thaw_status thaw_snapshot_apply(const thaw_snapshot *snapshot, thaw_model *model, thaw_error *err);
/* *view becomes the model with the snapshot's weights in place of its own; it owns nothing. */
thaw_status thaw_snapshot_overlay(const thaw_snapshot *snapshot, const thaw_model *model, thaw_model *view,
                                  thaw_error *err);
/* Copies the weights in which model, which was loaded, differs from base. */
thaw_status thaw_snapshot_difference(const thaw_model *model, const thaw_model *base, thaw_snapshot *out,
                                     thaw_error *err);

#endif
