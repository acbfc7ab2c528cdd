/* helpers.h: a small world to train in. */
#ifndef THAW_TESTS_TRAIN_HELPERS_H
#define THAW_TESTS_TRAIN_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/train/train.h"

#define N_CLASSES 3

/* A temporary folder with weights.safetensors (random, 75 pixels) and photos/<class>/<n>.bmp. */
typedef struct world {
    char dir[64];
    thaw_runtime *runtime;
    thaw_where where;
} world;

/* threads of the pool; per_class images. */
void world_create(world *w, uint32_t threads, int per_class);
void world_free(world *w);
/* Another pool, the same files. */
void world_reopen(world *w, uint32_t threads);
/* dir/name, in a buffer of the world's that the next 63 calls leave alone. */
const char *at(const world *w, const char *name);

/* One epoch a phase, batches of 10, the last 50 layers, output and no checkpoints. */
void small_options(const world *w, const char *output, thaw_train_options *o);

void write_bmp(const char *path, int size, const uint8_t *rgb);
void write_text(const char *path, const char *text);

/* status must be the expected one; prints err otherwise. */
void expect(thaw_status expected, thaw_status st, const thaw_error *err);
void expect_text(const thaw_error *err, const char *part);
/* Trains and fails the test if that does. */
void train(const world *w, const thaw_train_options *o, const thaw_listener *listener,
           thaw_train_result *out);
/* All tensors bit for bit, and the history. */
void expect_same_model(const thaw_model *a, const thaw_model *b);
bool same_tensors(const thaw_model *a, const thaw_model *b);
bool same_weight(const thaw_model *a, const thaw_model *b, size_t index);

#endif
