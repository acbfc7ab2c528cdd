/* What the file computes: run operator by operator in plain C, beside thaw's own features and probabilities.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <unistd.h>

#include "core/model/onnx.h"
#include "helpers.h"
#include "onnx_file.h"
#include "onnx_run.h"
#include "thaw/thaw.h"

/* The smallest image with more than one pixel left at the end: 2 x 2. */
#define SIDE 107u

static char dir[] = "/tmp/thaw-onnx-XXXXXX", model_path[64], onnx_path[64], image_path[64];
static uint8_t *pixels;
static thaw_context *context;

static int setup(void **state)
{
    (void)state;
    thaw_error err = {0};
    pixels = random_pixels(SIDE, 0);
    if (!mkdtemp(dir) || !pixels)
        return 1;
    snprintf(model_path, sizeof model_path, "%s/model.safetensors", dir);
    snprintf(onnx_path, sizeof onnx_path, "%s/model.onnx", dir);
    snprintf(image_path, sizeof image_path, "%s/image.bmp", dir);
    if (write_bmp(image_path, SIDE, pixels, &err) == THAW_OK &&
        thaw_context_create(NULL, &context, &err) == THAW_OK)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}

static int teardown(void **state)
{
    (void)state;
    thaw_context_free(context);
    free(pixels);
    unlink(model_path);
    unlink(onnx_path);
    unlink(image_path);
    return rmdir(dir);
}

static int keep(void *ctx, const thaw_use_image *image)
{
    if (image->error)
        return 1;
    if (image->features)
        memcpy(ctx, image->features, 2048 * sizeof(float));
    else
        memcpy(ctx, image->probabilities, image->n_classes * sizeof(float));
    return 0;
}

/* What thaw computes from the file of its own. */
static void run_thaw(float *features, float *probabilities)
{
    thaw_error err = {0};
    thaw_use_options options;
    const char *paths[] = {image_path};
    thaw_use_options_init(&options, sizeof options);
    options.model = model_path;
    options.device = "cpu:0";
    if (thaw_use_features(context, &options, paths, 1, keep, features, &err) != THAW_OK ||
        thaw_use_predict(context, &options, paths, 1, keep, probabilities, &err) != THAW_OK)
        fail_msg("%s", err.text);
}

/* What the ONNX file computes. */
static void run_file(const thaw_preprocess *pre, float *features, float *probabilities)
{
    onnx_file *file;
    const onnx_wanted wanted[] = {{"features", 2048, features},
                                  {"probabilities", TEST_CLASSES, probabilities}};
    float *input = malloc(sizeof *input * 3 * SIDE * SIDE);
    assert_non_null(input);
    const char *fault = onnx_read(onnx_path, &file);
    for (size_t i = 0; i < (size_t)3 * SIDE * SIDE; i++)
        input[i % 3 * SIDE * SIDE + i / 3] = (float)pixels[i] * pre->scale + pre->shift;
    if (!fault)
        fault = onnx_run(file, input, 2, wanted);
    if (fault)
        fail_msg("%s", fault);
    onnx_free(file);
    free(input);
}

/* |a - b| / |b|, Euclidean. */
static double distance(const float *a, const float *b, size_t n)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += pow((double)a[i] - (double)b[i], 2);
        size += pow((double)b[i], 2);
    }
    return sqrt(difference / size);
}

static void compare(const char *what, const float *own, const float *file, size_t n)
{
    double d = distance(own, file, n), least = 1e30, most = -1e30;
    for (size_t i = 0; i < n; i++) {
        least = fmin(least, (double)file[i]);
        most = fmax(most, (double)file[i]);
    }
    printf("%s: from %g to %g, relative distance %.2g\n", what, least, most, d);
    assert_true(most > 1.5 * least); /* else any two networks would agree */
    assert_true(d < 1e-5);
}

static void test_values(void **state)
{
    (void)state;
    thaw_model *model;
    thaw_error err = {0};
    float features[2][2048], probabilities[2][TEST_CLASSES];
    if (make_random_base(SIDE, &model, &err) != THAW_OK || add_random_head(model, &err) != THAW_OK ||
        thaw_model_save(model, model_path, NULL, &err) != THAW_OK ||
        thaw_convert_file(model_path, onnx_path, NULL, &err) != THAW_OK)
        fail_msg("%s", err.text);
    run_thaw(features[0], probabilities[0]);
    run_file(&model->pre, features[1], probabilities[1]);
    thaw_model_free(model);
    compare("features", features[0], features[1], 2048);
    compare("probabilities", probabilities[0], probabilities[1], TEST_CLASSES);
}

static void test_format(void **state)
{
    (void)state;
    thaw_error err = {0};
    thaw_convert_options options;
    thaw_convert_options_init(&options, sizeof options);
    assert_int_equal(options.format, THAW_CONVERT_AUTO);
    options.format = THAW_CONVERT_ONNX + 1;
    assert_int_equal(thaw_convert_file(model_path, onnx_path, &options, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "THAW_CONVERT_"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_format), cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
