/* helpers.h: models and images for the tests of the ONNX file. */
#ifndef TESTS_ONNX_HELPERS_H
#define TESTS_ONNX_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/model.h"

#define TEST_CLASSES 5u

/* A base of random weights with which activations neither vanish nor explode, and every parameter of a batch
 * normalisation counts; for images of `side` pixels. Freed by thaw_model_free. */
thaw_status make_random_base(uint32_t side, thaw_model **out, thaw_error *err);
/* Gives a model a random head of TEST_CLASSES classes, whose probabilities differ. */
thaw_status add_random_head(thaw_model *model, thaw_error *err);

/* Writes side*side*3 pixels as a BMP, which every program reads alike. */
thaw_status write_bmp(const char *path, uint32_t side, const uint8_t *rgb, thaw_error *err);
/* side*side*3 pixels of noise with large shapes in it; freed by free(), NULL without memory. */
uint8_t *random_pixels(uint32_t side, uint32_t number);

#endif
