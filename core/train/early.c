#include "core/train/early.h"

#include <math.h>

bool thaw_improves(double current, double best, double min_delta)
{
    return current < best - min_delta;
}

void thaw_early_begin(thaw_early *early, uint32_t patience, double min_delta)
{
    *early = (thaw_early){.patience = patience, .min_delta = min_delta, .best = INFINITY};
}

bool thaw_early_epoch(thaw_early *early, uint32_t epoch, double val_loss)
{
    early->wait++;
    if (thaw_improves(val_loss, early->best, early->min_delta)) {
        early->best = val_loss;
        early->wait = 0;
        return false;
    }
    return early->patience > 0 && early->wait >= early->patience && epoch > 0;
}
