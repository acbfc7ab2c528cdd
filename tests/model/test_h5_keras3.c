/* Keras 3's .weights.h5: the fixture written by Keras, and what can be wrong with one. */
#include <hdf5.h>
#include <math.h>
#include <unistd.h>

#include "helpers.h"

#define BASE "layers/functional/layers/"

static char *folder, *path;

static hid_t open_fixture(void)
{
    hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static void put_away(hid_t f, const char *name)
{
    assert_true(H5Lmove(f, name, f, "away", H5P_DEFAULT, H5P_DEFAULT) >= 0);
}

static void put_back(const char *name)
{
    hid_t f = open_fixture();
    if (H5Lexists(f, name, H5P_DEFAULT) > 0)
        assert_true(H5Ldelete(f, name, H5P_DEFAULT) >= 0);
    assert_true(H5Lmove(f, "away", f, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
}

static void make_dataset(hid_t f, const char *name, hid_t type, int rank, const hsize_t *dims,
                         const float *data)
{
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t set = H5Dcreate2(f, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(set >= 0);
    if (data)
        assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void test_fixture(void **state)
{
    (void)state;
    assert_string_equal(thaw_model_format(path), "Keras 3 weights HDF5");
    thaw_model *m = load(path);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 5);
    assert_null(m->class_names);
    assert_int_equal(strlen(m->hash), 32);
    assert_non_null(strstr(m->source, "k3.weights.h5"));
    thaw_model_free(m);
}

static void test_other_containers(void **state)
{
    (void)state;
    /* Deeper, and under the name of Keras 2.13. */
    hid_t f = open_fixture();
    hid_t g = H5Gcreate2(f, "layers/sequential", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Lmove(f, "layers/functional", g, "container", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lmove(f, "layers", f, "_layer_checkpoint_dependencies", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Gclose(g);
    H5Fclose(f);
    thaw_model *m = load(path);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 5);
    thaw_model_free(m);
    f = open_fixture();
    assert_true(H5Lmove(f, "_layer_checkpoint_dependencies", f, "layers", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lmove(f, "layers/sequential/container", f, "layers/functional", H5P_DEFAULT, H5P_DEFAULT) >=
                0);
    assert_true(H5Ldelete(f, "layers/sequential", H5P_DEFAULT) >= 0);
    /* Flat: the base is the whole model. */
    assert_true(H5Lmove(f, "layers", f, "old", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lmove(f, "old/functional/layers", f, "layers", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lmove(f, "old", f, "optimizer", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
    m = load(path);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 0);
    thaw_model_free(m);
    f = open_fixture();
    assert_true(H5Lmove(f, "layers", f, "optimizer/functional/layers", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lmove(f, "optimizer", f, "layers", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
}

/* conv2d_5 in the file is k = 8, [1, 1, 192, 64]. */
static void test_wrong_kernel(void **state)
{
    (void)state;
    const char *name = BASE "conv2d_5/vars/0";
    hid_t f = open_fixture();
    put_away(f, name);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "conv2d_5/vars/0", "no dataset");
    f = open_fixture();
    make_dataset(f, name, H5T_IEEE_F32LE, 4, (hsize_t[]){1, 1, 64, 192}, (float[12288]){0});
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "[1, 1, 64, 192]", "[1, 1, 192, 64] (as conv2d_8/kernel)");
    put_back(name);
}

static void test_wrong_values(void **state)
{
    (void)state;
    const char *name = BASE "batch_normalization_5/vars/2";
    float values[64] = {0};
    values[63] = -1.0f;
    hid_t f = open_fixture();
    put_away(f, name);
    make_dataset(f, name, H5T_IEEE_F32LE, 1, (hsize_t[]){64}, values);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "batch_normalization_8/moving_variance", "negative variance");
    values[63] = NAN;
    f = open_fixture();
    assert_true(H5Ldelete(f, name, H5P_DEFAULT) >= 0);
    make_dataset(f, name, H5T_IEEE_F64LE, 1, (hsize_t[]){64}, values);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "batch_normalization_8/moving_variance", "NaN at position 63");
    f = open_fixture();
    assert_true(H5Ldelete(f, name, H5P_DEFAULT) >= 0);
    make_dataset(f, name, H5T_STD_I32LE, 1, (hsize_t[]){64}, (float[64]){0});
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "batch_normalization_5/vars/2", "not floating-point");
    f = open_fixture();
    assert_true(H5Ldelete(f, name, H5P_DEFAULT) >= 0);
    make_dataset(f, name, H5T_IEEE_F32LE, 1, (hsize_t[]){64}, NULL);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "batch_normalization_5/vars/2", "no data");
    put_back(name);
}

static void test_links(void **state)
{
    (void)state;
    const char *name = BASE "conv2d_7/vars/0";
    hid_t f = open_fixture();
    put_away(f, name);
    assert_true(H5Lcreate_soft("/away", f, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "conv2d_7/vars/0", "no dataset");
    f = open_fixture();
    assert_true(H5Ldelete(f, name, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_external("/etc/passwd", "/away", f, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "conv2d_7/vars/0", "no dataset");
    put_back(name);
    /* A group that contains itself must end. */
    f = open_fixture();
    assert_true(H5Lcreate_hard(f, "layers", f, "layers/loop", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "groups within groups", "");
    f = open_fixture();
    assert_true(H5Ldelete(f, "layers/loop", H5P_DEFAULT) >= 0);
    H5Fclose(f);
}

static void test_external_storage(void **state)
{
    (void)state;
    const char *name = BASE "batch_normalization/vars/0";
    hid_t f = open_fixture();
    put_away(f, name);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_external(properties, "/etc/passwd", 0, 128) >= 0);
    hid_t space = H5Screate_simple(1, (hsize_t[]){32}, NULL);
    hid_t set = H5Dcreate2(f, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(properties);
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "batch_normalization/vars/0", "another file");
    put_back(name);
}

static void test_other_networks(void **state)
{
    (void)state;
    hid_t f = open_fixture();
    make_dataset(f, BASE "batch_normalization_3/vars/3", H5T_IEEE_F32LE, 1, (hsize_t[]){80}, (float[80]){0});
    H5Fclose(f);
    assert_refused(path, THAW_E_UNSUPPORTED, "gamma", "batch_normalization_3");
    f = open_fixture();
    assert_true(H5Ldelete(f, BASE "batch_normalization_3/vars/3", H5P_DEFAULT) >= 0);
    H5Gclose(H5Gcreate2(f, BASE "conv2d_94", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(f);
    assert_refused(path, THAW_E_FORMAT, "94 convolutions", "has 95");
    f = open_fixture();
    assert_true(H5Ldelete(f, BASE "conv2d_94", H5P_DEFAULT) >= 0);
    /* Two Dense layers are no head of thaw's: the base is taken without. */
    assert_true(H5Lcreate_hard(f, "layers/dense", f, "layers/dense_1", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
    thaw_model *m = load(path);
    assert_int_equal(m->n_classes, 0);
    assert_non_null(strstr(m->source, "without its head: 2 Dense"));
    thaw_model_free(m);
    f = open_fixture();
    assert_true(H5Ldelete(f, "layers/dense_1", H5P_DEFAULT) >= 0);
    H5Fclose(f);
    /* HDF5, but nothing of Keras. */
    char *other = in_folder(folder, "other.h5");
    f = H5Fcreate(other, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    make_dataset(f, "x", H5T_IEEE_F32LE, 1, (hsize_t[]){64}, (float[64]){0});
    H5Fclose(f);
    assert_refused(other, THAW_E_FORMAT, "none of the layouts", other);
    assert_null(thaw_model_format(other));
    free(other);
}

/* Last: it destroys the file. */
static void test_cuts(void **state)
{
    (void)state;
    for (off_t size = 88000000; size > 100; size /= 3) {
        thaw_model *m = NULL;
        thaw_error err = {0};
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(thaw_model_load(path, NULL, &m, &err), THAW_E_FORMAT);
        assert_non_null(strstr(err.text, path));
    }
}

static int set_up(void **state)
{
    (void)state;
    folder = temporary_folder();
    path = in_folder(folder, "k3.weights.h5");
    put_fixture(folder, "fx_k3.weights.h5.gz", "k3.weights.h5");
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
        cmocka_unit_test(test_fixture),        cmocka_unit_test(test_other_containers),
        cmocka_unit_test(test_wrong_kernel),   cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_links),          cmocka_unit_test(test_external_storage),
        cmocka_unit_test(test_other_networks), cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
