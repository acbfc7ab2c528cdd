/* early.h: when a phase has nothing more to gain. */
#ifndef THAW_TRAIN_EARLY_H
#define THAW_TRAIN_EARLY_H

#include <stdbool.h>
#include <stdint.h>

/* keras.callbacks.EarlyStopping on val_loss. */
typedef struct thaw_early {
    uint32_t patience; /* 0: never stops */
    double min_delta;
    double best; /* INFINITY before the first epoch */
    uint32_t wait;
} thaw_early;

/* current < best - min_delta; a NaN never improves, and every number improves on INFINITY. */
bool thaw_improves(double current, double best, double min_delta);
void thaw_early_begin(thaw_early *early, uint32_t patience, double min_delta);
/* After epoch `epoch` (from 0) of the phase: true if it is the last. */
bool thaw_early_epoch(thaw_early *early, uint32_t epoch, double val_loss);

#endif
