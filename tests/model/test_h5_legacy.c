/* Keras' .h5 files of before Keras 3: the two fixtures, and models built from one by links. */
#include <hdf5.h>
#include <unistd.h>

#include "core/model/conv_table.h"
#include "helpers.h"

static char *folder, *path;

static hid_t open_fixture(void)
{
    hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static void put_texts(hid_t f, const char *group, const char *name, const char *const *texts, size_t n)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    assert_true(H5Tset_size(type, H5T_VARIABLE) >= 0);
    hid_t space = H5Screate_simple(1, (hsize_t[]){n}, NULL);
    if (H5Aexists_by_name(f, group, name, H5P_DEFAULT) > 0)
        assert_true(H5Adelete_by_name(f, group, name, H5P_DEFAULT) >= 0);
    hid_t a = H5Acreate_by_name(f, group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Awrite(a, type, texts) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

/* The dense layer `group`/`weight` of n classes below `group`. */
static void put_dense(hid_t f, const char *group, size_t inputs, size_t n)
{
    float *data = calloc(inputs * n, sizeof *data);
    char name[256];
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    assert_true(H5Pset_create_intermediate_group(links, 1) >= 0);
    for (int bias = 0; bias < 2; bias++) {
        hsize_t dims[2] = {bias ? n : inputs, n};
        for (size_t i = 0; i < (bias ? n : inputs * n); i++)
            data[i] = bias ? -(float)i : (float)i;
        snprintf(name, sizeof name, "%s/dense_7/%s:0", group, bias ? "bias" : "kernel");
        hid_t space = H5Screate_simple(bias ? 1 : 2, dims, NULL);
        hid_t set = H5Dcreate2(f, name, H5T_IEEE_F32LE, space, links, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
        H5Dclose(set);
        H5Sclose(space);
    }
    H5Pclose(links);
    free(data);
    put_texts(f, group, "weight_names", (const char *[]){"dense_7/kernel:0", "dense_7/bias:0"}, 2);
}

static void test_fixtures(void **state)
{
    (void)state;
    assert_string_equal(thaw_model_format(path), "Keras legacy HDF5 (weights only)");
    thaw_model *m = load(path);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 0);
    char hash[33];
    memcpy(hash, m->hash, sizeof hash);
    thaw_model_free(m);
    char *k3 = in_folder(folder, "k3.h5");
    put_fixture(folder, "fx_legacy_k3.h5.gz", "k3.h5"); /* texts of variable length, names from zero */
    m = load(k3);
    assert_fixture_values(m);
    assert_string_equal(m->hash, hash);
    thaw_model_free(m);
    assert_int_equal(unlink(k3), 0);
    free(k3);
}

/* The base as one group, as the second network of its process, its weights in any order. */
static void put_nested(hid_t f, const char *base, int first, bool reverse)
{
    static const char *const variables[] = {"beta", "moving_mean", "moving_variance"};
    char *names[THAW_W_HEAD_KERNEL];
    const char *ordered[THAW_W_HEAD_KERNEL];
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    assert_true(H5Pset_create_intermediate_group(links, 1) >= 0);
    for (int i = 0; i < (int)THAW_W_HEAD_KERNEL; i++) {
        const char *stem = i % 4 ? "batch_normalization" : "conv2d";
        const char *var = i % 4 ? variables[i % 4 - 1] : "kernel";
        char old[160], new[256];
        names[i] = malloc(128);
        snprintf(old, sizeof old, "%s_%d/%s_%d/%s:0", stem, i / 4 + 1, stem, i / 4 + 1, var);
        if (i / 4 + first == 0)
            snprintf(names[i], 128, "%s/%s:0", stem, var);
        else
            snprintf(names[i], 128, "%s_%d/%s:0", stem, i / 4 + first, var);
        snprintf(new, sizeof new, "%s/%s", base, names[i]);
        assert_true(H5Lcreate_hard(f, old, f, new, links, H5P_DEFAULT) >= 0);
        ordered[reverse ? (int)THAW_W_HEAD_KERNEL - 1 - i : i] = names[i];
    }
    H5Pclose(links);
    put_texts(f, base, "weight_names", ordered, THAW_W_HEAD_KERNEL);
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++)
        free(names[i]);
}

static void test_whole_model(void **state)
{
    (void)state;
    hid_t f = open_fixture();
    assert_true(H5Arename_by_name(f, "/", "layer_names", "put_away", H5P_DEFAULT) >= 0);
    put_nested(f, "model_weights/inception_v3", 94, true);
    put_dense(f, "model_weights/dense_7", 2048, 3);
    /* Cut in chunks, as Keras does with long lists. */
    put_texts(f, "model_weights", "layer_names0", (const char *[]){"inception_v3"}, 1);
    put_texts(f, "model_weights", "layer_names1", (const char *[]){"dense_7"}, 1);
    H5Fclose(f);
    assert_string_equal(thaw_model_format(path), "Keras legacy HDF5 (whole model)");
    thaw_model *m = load(path);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 3);
    assert_true(m->weights[THAW_W_HEAD_KERNEL].data[6143] == 6143.0f);
    assert_true(m->weights[THAW_W_HEAD_BIAS].data[2] == -2.0f);
    thaw_model_free(m);
    f = open_fixture();
    assert_true(H5Ldelete(f, "model_weights/dense_7", H5P_DEFAULT) >= 0);
    put_dense(f, "model_weights/dense_7", 16, 3);
    H5Fclose(f);
    m = load(path);
    assert_int_equal(m->n_classes, 0);
    assert_non_null(strstr(m->source, "16x3"));
    thaw_model_free(m);
    /* A name that says nothing about the place. */
    f = open_fixture();
    assert_true(H5Ldelete(f, "model_weights", H5P_DEFAULT) >= 0);
    put_nested(f, "model_weights/inception_v3", 0, false);
    put_texts(f, "model_weights", "layer_names", (const char *[]){"inception_v3"}, 1);
    H5Fclose(f);
    m = load(path);
    assert_fixture_values(m);
    thaw_model_free(m);
    f = open_fixture();
    assert_true(H5Ldelete(f, "model_weights", H5P_DEFAULT) >= 0);
    assert_true(H5Arename_by_name(f, "/", "put_away", "layer_names", H5P_DEFAULT) >= 0);
    H5Fclose(f);
}

static void read_layer_names(hid_t f, char names[320][32], size_t *n)
{
    hid_t a = H5Aopen(f, "layer_names", H5P_DEFAULT), type = H5Tcopy(H5T_C_S1), space = H5Aget_space(a);
    *n = (size_t)H5Sget_simple_extent_npoints(space);
    assert_true(*n < 320 && H5Tset_size(type, 32) >= 0 && H5Aread(a, type, names) >= 0);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(a);
}

static void test_with_top(void **state)
{
    (void)state;
    static char names[320][32];
    const char *list[320];
    size_t n = 0;
    hid_t f = open_fixture();
    read_layer_names(f, names, &n);
    for (size_t i = 0; i < n; i++)
        list[i] = names[i];
    list[n++] = "predictions";
    assert_true(H5Arename_by_name(f, "/", "layer_names", "put_away", H5P_DEFAULT) >= 0);
    put_texts(f, "/", "layer_names", list, n);
    put_dense(f, "predictions", 2048, 1000);
    H5Fclose(f);
    thaw_model *m = load(path);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 1000);
    assert_null(m->class_names);
    thaw_model_free(m);
    /* A flat list without one of its layers, and one with a layer twice. */
    f = open_fixture();
    put_texts(f, "/", "layer_names", list + 2, n - 2);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "93 convolutions", path);
    f = open_fixture();
    list[n++] = "batch_normalization_1";
    put_texts(f, "/", "layer_names", list, n);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "batch_normalization_1/beta", "one layer more");
    f = open_fixture();
    list[n - 1] = "no_such_layer";
    put_texts(f, "/", "layer_names", list, n);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "no_such_layer", "weight_names");
    f = open_fixture();
    assert_true(H5Adelete(f, "layer_names") >= 0);
    assert_true(H5Ldelete(f, "predictions", H5P_DEFAULT) >= 0);
    assert_true(H5Arename_by_name(f, "/", "put_away", "layer_names", H5P_DEFAULT) >= 0);
    H5Fclose(f);
}

static void test_keras_1(void **state)
{
    (void)state;
    char *old = in_folder(folder, "old.h5");
    hid_t f = H5Fcreate(old, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(f, "batchnormalization_1", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    put_texts(f, "/", "layer_names", (const char *[]){"batchnormalization_1"}, 1);
    put_texts(f, "batchnormalization_1", "weight_names", (const char *[]){"batchnormalization_1_gamma:0"}, 1);
    H5Fclose(f);
    assert_refused(old, THAW_E_UNSUPPORTED, "Keras 1", "batchnormalization_1_gamma");
    free(old);
}

/* Names that lead out of their group, or on forever. */
static void test_hostile_names(void **state)
{
    (void)state;
    char *bad = in_folder(folder, "bad.h5");
    char endless[700];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const char *names[] = {"../x/kernel:0", "/", "", endless, "x/kernel:0/kernel:0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hid_t f = H5Fcreate(bad, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(H5Gcreate2(f, "x", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        put_texts(f, "/", "layer_names", (const char *[]){"x"}, 1);
        put_texts(f, "x", "weight_names", &names[i], 1);
        H5Fclose(f);
        assert_refused(bad, THAW_E_FORMAT, bad, "");
    }
    free(bad);
}

static int set_up(void **state)
{
    (void)state;
    folder = temporary_folder();
    path = in_folder(folder, "k2.h5");
    put_fixture(folder, "fx_legacy_k2.h5.gz", "k2.h5");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temporary_remove(folder);
    free(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),      cmocka_unit_test(test_whole_model),
        cmocka_unit_test(test_with_top),      cmocka_unit_test(test_keras_1),
        cmocka_unit_test(test_hostile_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
