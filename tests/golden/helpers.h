/* helpers.h: the weights, the images and the numbers that Keras computed from them. */
#ifndef TESTS_GOLDEN_HELPERS_H
#define TESTS_GOLDEN_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cJSON.h>
#include <cmocka.h>

#include "core/graph/lower.h"
#include "core/model/model.h"
#include "core/runtime/program.h"

#define GOLDEN_SIZE    299
#define GOLDEN_PIXELS  ((size_t)GOLDEN_SIZE * GOLDEN_SIZE * 3)
#define GOLDEN_CLASSES 5

typedef struct golden {
    thaw_runtime *runtime;
    thaw_dev *dev;
    thaw_model *model; /* with the head of the goldens */
    thaw_net net;
    thaw_weights_view view;
} golden;

/* NULL, after printing why, if the weights are not there; any other trouble fails the test. */
golden *golden_open(void);
void golden_close(golden *g);

/* Freed by cJSON_Delete. */
cJSON *golden_json(const char *name);
double golden_number(const cJSON *object, const char *key);
/* A list of numbers. */
double golden_at(const cJSON *list, int i);

/* n images by their paths in a list of strings, from number first on, scaled to [-1,1]; freed by free(). */
float *golden_images(const cJSON *paths, int first, int n);
/* Class of an image by its folder. */
int golden_label(const cJSON *classes, const char *path);

/* Runs a lowered graph without variables from images to its outputs. */
thaw_program *golden_program(golden *g, const thaw_lowered *low, thaw_vars *vars);
void golden_run(thaw_program *program, const thaw_binding *feeds, size_t n_feeds, const thaw_binding *fetches,
                size_t n_fetches);

/* |a - b| / |b|, Euclidean. */
double golden_distance(const float *a, const float *b, size_t n);

#endif
