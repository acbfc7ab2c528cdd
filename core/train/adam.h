/* adam.h: the host's share of the optimizer. */
#ifndef THAW_TRAIN_ADAM_H
#define THAW_TRAIN_ADAM_H

#include <stdint.h>

/* hyper of THAW_OP_ADAM for step t (from 1), with beta1 0.9, beta2 0.999 and epsilon 1e-7, the defaults of
 * keras.optimizers.Adam. alpha = lr*sqrt(1 - beta2^t)/(1 - beta1^t) in float32 as Keras computes it; 1 - beta
 * in double and then rounded. */
void thaw_adam_hyper(double lr, uint64_t t, float hyper[8]);

#endif
