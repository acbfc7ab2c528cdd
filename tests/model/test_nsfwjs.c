/* The real thing: package/dist/models/inception_v3 of the npm package nsfwjs 4.4.0. */
#include "helpers.h"

/* Of the dequantised tensors as NumPy computes them from the shards (q.astype(float32)*scale + min). */
#define HASH "54ffed68b4af7e346ef382ca947244dd"

static void test_package(void **state)
{
    (void)state;
    const char *dir = getenv("THAW_NSFWJS_DIR");
    if (!dir || !dir[0]) {
        print_message("THAW_NSFWJS_DIR is not set: unpack `npm pack nsfwjs@4.4.0` and set it to its "
                      "package/dist/models/inception_v3\n");
        skip();
    }
    thaw_model *m = load(dir);
    assert_string_equal(m->hash, HASH);
    assert_int_equal(m->n_classes, 0);
    assert_true(m->weights[THAW_W_INDEX(5, THAW_W_KERNEL)].data[0] == 0.0394412875f);
    assert_true(m->weights[THAW_W_INDEX(93, THAW_W_VAR)].data[191] == 1.73739362f);
    assert_true(m->pre.divide && m->pre.shift == -1.0f);
    thaw_model_free(m);
    char *file = in_folder(dir, "model.min.js");
    thaw_import_options unit = {true, 1.0f / 255.0f, 0.0f};
    assert_int_equal(thaw_model_load(file, &unit, &m, NULL), THAW_OK);
    assert_string_equal(m->hash, HASH);
    assert_true(!m->pre.divide && m->pre.scale == 1.0f / 255.0f && m->pre.shift == 0.0f);
    thaw_model_free(m);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_package)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
