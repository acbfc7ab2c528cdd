/* conv_table.h: the 94 convolutions of InceptionV3. */
#ifndef THAW_MODEL_CONV_TABLE_H
#define THAW_MODEL_CONV_TABLE_H

#include <stdint.h>

#include "core/model/model.h"

typedef struct thaw_conv_spec {
    uint16_t kh, kw, cin, cout;
    uint8_t place; /* number among the Conv2D layers of Keras' model.layers, which is not that of creation;
                    * the batch normalisation behind it has the same number among its own kind */
} thaw_conv_spec;

/* By k, the order of creation. */
extern const thaw_conv_spec thaw_conv_table[THAW_N_CONVS];

/* The k of the convolution at a place of model.layers; THAW_N_CONVS if there is none. */
uint32_t thaw_conv_at_place(uint32_t place);

#endif
