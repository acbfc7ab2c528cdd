#include "core/train/adam.h"

#include <math.h>
#include <string.h>

#define BETA1   0.9
#define BETA2   0.999
#define EPSILON 1e-7

void thaw_adam_hyper(double lr, uint64_t t, float hyper[8])
{
    float power1 = powf((float)BETA1, (float)t), power2 = powf((float)BETA2, (float)t);
    memset(hyper, 0, 8 * sizeof *hyper);
    hyper[0] = (float)lr * sqrtf(1.0f - power2) / (1.0f - power1);
    hyper[1] = (float)(1.0 - BETA1);
    hyper[2] = (float)(1.0 - BETA2);
    hyper[3] = (float)EPSILON;
}
