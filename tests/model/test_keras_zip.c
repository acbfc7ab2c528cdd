/* .keras archives, built from the fixture. */
#include <unistd.h>
#include <zip.h>

#include "helpers.h"

static void add(zip_t *z, const char *name, zip_source_t *source, zip_int32_t method)
{
    assert_non_null(source);
    zip_int64_t i = zip_file_add(z, name, source, ZIP_FL_OVERWRITE);
    assert_true(i >= 0);
    assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)i, method, 1), 0);
}

static void put_archive(const char *archive, const char *weights, zip_int32_t method)
{
    int code = 0;
    zip_t *z = zip_open(archive, ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(z);
    add(z, "metadata.json", zip_source_buffer(z, "{}", 2, 0), ZIP_CM_STORE);
    if (weights)
        add(z, "model.weights.h5", zip_source_file(z, weights, 0, -1), method);
    assert_int_equal(zip_close(z), 0);
}

static void flip(const char *path, long offset)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    fputc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

static void test_archives(void **state)
{
    char *dir = *state, *weights = in_folder(dir, "w.h5"), *archive = in_folder(dir, "m.keras");
    put_fixture(dir, "fx_k3.weights.h5.gz", "w.h5");
    put_archive(archive, weights, ZIP_CM_DEFLATE);
    thaw_model *m = load(archive);
    assert_fixture_values(m);
    thaw_model_free(m);
    put_archive(archive, weights, ZIP_CM_STORE);
    assert_int_equal(unlink(weights), 0);
    assert_string_equal(thaw_model_format(archive), "Keras archive");
    m = load(archive);
    assert_fixture_values(m);
    assert_int_equal(m->n_classes, 5);
    assert_non_null(strstr(m->source, "m.keras"));
    thaw_model_free(m);
    /* One bit within the weights: only the checksum can tell. */
    flip(archive, 44000000);
    assert_refused(archive, THAW_E_FORMAT, "damaged", archive);
    flip(archive, 44000000);
    for (off_t size = 88000000; size > 4; size /= 7) {
        assert_int_equal(truncate(archive, size), 0);
        assert_refused(archive, THAW_E_FORMAT, archive, "archive");
    }
    free(weights);
    free(archive);
}

/* Makes the archive's directory and the member's own header claim another unpacked size. */
static void announce(const char *archive, uint32_t size)
{
    uint8_t *bytes = NULL;
    size_t n = 0, patched = 0;
    assert_int_equal(thaw_read_file(archive, 1 << 20, &bytes, &n, NULL), THAW_OK);
    for (size_t i = 0; i + 46 < n; i++) {
        size_t name = memcmp(bytes + i, "PK\x01\x02", 4) == 0   ? 46
                      : memcmp(bytes + i, "PK\x03\x04", 4) == 0 ? 30
                                                                : 0;
        if (name && memcmp(bytes + i + name, "model.weights.h5", 16) == 0) {
            memcpy(bytes + i + name - 22 + (name == 30 ? 14 : 0), &size, 4);
            patched++;
        }
    }
    assert_int_equal(patched, 2);
    FILE *f = fopen(archive, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(bytes);
}

static void test_other_archives(void **state)
{
    char *archive = in_folder(*state, "m.keras"), *weights = in_folder(*state, "w.h5");
    put_archive(archive, NULL, ZIP_CM_STORE);
    assert_refused(archive, THAW_E_FORMAT, "without model.weights.h5", archive);
    put_file(*state, "w.h5", "no HDF5", 7);
    put_archive(archive, weights, ZIP_CM_STORE);
    assert_refused(archive, THAW_E_FORMAT, "HDF5", archive);
    put_file(*state, "w.h5", "", 0);
    put_archive(archive, weights, ZIP_CM_STORE);
    assert_refused(archive, THAW_E_UNSUPPORTED, "0 bytes", archive);
    put_file(*state, "w.h5", "no HDF5", 7);
    put_archive(archive, weights, ZIP_CM_DEFLATE);
    announce(archive, (uint32_t)3 << 30);
    assert_refused(archive, THAW_E_UNSUPPORTED, "3221225472 bytes", archive);
    announce(archive, (uint32_t)1 << 20);
    assert_refused(archive, THAW_E_FORMAT, "model.weights.h5", archive);
    free(archive);
    free(weights);
}

static int set_up(void **state)
{
    *state = temporary_folder();
    return 0;
}

static int tear_down(void **state)
{
    temporary_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_archives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_archives, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
