/* A real folder against Keras: the split lists and two of its input tensors; and the scaling of pixels. */
#include <math.h>

#include "helpers.h"

#define SIDE   299u
#define FLOATS ((size_t)SIDE * SIDE * 3)

static const thaw_preprocess keras_scaling = {
    .input_size = SIDE, .scale = 1.0f / 127.5f, .shift = -1.0f, .divide = true};

/* tests/data_files/clipA.tar.gz unpacked; NULL where tar is missing. */
static char *unpack_clip_art(void)
{
    char *dir = temporary_folder(), command[1024];
    snprintf(command, sizeof command, "tar -xzf '%s/clipA.tar.gz' -C '%s'", THAW_TEST_FILES, dir);
    if (system(command) == 0)
        return dir;
    temporary_remove(dir);
    return NULL;
}

static int set_up(void **state)
{
    *state = unpack_clip_art();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    temporary_remove(*state);
    return 0;
}

/* clipA_split.txt: lines "train PATH" and then "val PATH", as image_dataset_from_directory(validation_split=
 * 0.2, seed=123) of Keras 3.15.1 orders them. */
static void test_split_of_keras(void **state)
{
    char *dir = thaw_path_join(*state, "clipA");
    thaw_dataset *all = NULL, *train = NULL, *val = NULL;
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, NULL, &all, NULL), THAW_OK);
    assert_int_equal(all->n, 200);
    assert_int_equal(all->n_classes, 5);
    assert_int_equal(thaw_dataset_split(all, 0.2, 123, &train, &val, NULL), THAW_OK);
    assert_int_equal(train->n, 160);
    size_t size = 0, i = 0;
    char *lists = (char *)read_fixture("data/clipA_split.txt", &size), *rest = NULL;
    for (char *line = strtok_r(lists, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), i++) {
        const thaw_dataset *part = strncmp(line, "train ", 6) == 0 ? train : val;
        size_t k = part == train ? i : i - train->n;
        assert_true(k < part->n);
        const char *path = strchr(line, ' ') + 1;
        assert_string_equal(part->paths[k], path);
        const char *class_name = part->class_names[part->labels[k]];
        assert_int_equal(strncmp(path, class_name, strlen(class_name)), 0);
    }
    assert_int_equal(i, 200);
    free(lists);
    thaw_dataset_free(train);
    thaw_dataset_free(val);
    thaw_dataset_free(all);
    free(dir);
}

/* The first two training images as TensorFlow prepared them: the first two pixels of each, and the mean over
 * the first. */
static void test_inputs_of_keras(void **state)
{
    static const char *const names[] = {"clipA/food/010.png", "clipA/tools/007.png"};
    const double want_mean = -0.5561023376536247;
    double sum = 0;
    float *out = malloc(FLOATS * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < 2; i++) {
        char *path = thaw_path_join(*state, names[i]), hash[33];
        assert_int_equal(thaw_image_prepare(path, &keras_scaling, out, hash, NULL), THAW_OK);
        assert_int_equal(strlen(hash), 32);
        for (size_t k = 0; k < 6; k++)
            assert_true(out[k] == -1.0f);
        for (size_t k = 0; i == 0 && k < FLOATS; k++)
            sum += out[k];
        free(path);
    }
    free(out);
    double mean = sum / (double)FLOATS;
    if (fabs(mean - want_mean) > 1e-12)
        fail_msg("mean of the input is %.10f, not %.10f", mean, want_mean);
}

static void test_scaling(void **state)
{
    (void)state;
    char *dir = temporary_folder(), *path = thaw_path_join(dir, "a.bmp");
    size_t size = 0;
    uint8_t *bmp = make_bmp(16, 16, 3, &size);
    put_file(dir, "a.bmp", bmp, size);
    thaw_image image;
    assert_int_equal(thaw_image_decode(bmp, size, "a", &image, NULL), THAW_OK);
    float out[16 * 16 * 3];
    char hash[33], want_hash[33];
    thaw_preprocess pre = keras_scaling;
    pre.input_size = 16;
    assert_int_equal(thaw_image_prepare(path, &pre, out, hash, NULL), THAW_OK);
    thaw_hash_hex(bmp, size, want_hash);
    assert_string_equal(hash, want_hash);
    for (size_t i = 0; i < 16 * 16 * 3; i++)
        assert_true(out[i] == (float)image.rgb[i] / 127.5f - 1.0f);
    pre = (thaw_preprocess){.input_size = 16, .scale = 1.0f / 255.0f, .divide = true};
    assert_int_equal(thaw_image_prepare(path, &pre, out, NULL, NULL), THAW_OK);
    for (size_t i = 0; i < 16 * 16 * 3; i++)
        assert_true(out[i] == (float)image.rgb[i] / 255.0f);
    pre = (thaw_preprocess){.input_size = 16, .scale = 1.0f / 255.0f, .shift = 0.25f};
    assert_int_equal(thaw_image_prepare(path, &pre, out, NULL, NULL), THAW_OK);
    for (size_t i = 0; i < 16 * 16 * 3; i++) {
        float product = (float)image.rgb[i] * (1.0f / 255.0f);
        assert_true(out[i] == product + 0.25f);
    }
    thaw_image_free(&image);
    free(bmp);
    free(path);
    temporary_remove(dir);
}

static void test_errors(void **state)
{
    (void)state;
    float out[3];
    thaw_preprocess pre = {.input_size = 1, .scale = 1.0f};
    thaw_error err = {0};
    assert_int_equal(thaw_image_prepare("/no/such/image.png", &pre, out, NULL, &err), THAW_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "/no/such/image.png"));
    assert_int_equal(thaw_image_prepare("/", &pre, out, NULL, &err), THAW_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_of_keras),
        cmocka_unit_test(test_inputs_of_keras),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
