/* thaw's own model file, and the model in memory. */
#include <cJSON.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/conv_table.h"
#include "core/model/safetensors.h"
#include "helpers.h"

static void test_table(void **state)
{
    (void)state;
    thaw_model *m = NULL;
    size_t kernels = 0;
    assert_int_equal(thaw_model_create(&m, NULL), THAW_OK);
    for (uint32_t k = 0; k < THAW_N_CONVS; k++) {
        kernels += m->weights[THAW_W_INDEX(k, THAW_W_KERNEL)].count;
        assert_int_equal(thaw_conv_at_place(thaw_conv_table[k].place), k);
    }
    assert_int_equal(kernels, 21751136);
    assert_int_equal(thaw_conv_at_place(94), THAW_N_CONVS);
    assert_int_equal(thaw_model_find(m, "batch_normalization_12/moving_mean"), THAW_W_INDEX(12, THAW_W_MEAN));
    assert_int_equal(thaw_model_find(m, "predictions/bias"), THAW_W_HEAD_BIAS);
    assert_int_equal(thaw_model_find(m, "conv2d_94/kernel"), THAW_N_WEIGHTS);
    assert_true(m->pre.divide && m->pre.scale == 1.0f / 127.5f && m->pre.shift == -1.0f);
    thaw_error err;
    assert_int_equal(thaw_model_complete(m, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "conv2d_0/kernel"));
    thaw_model_free(m);
    thaw_model_free(NULL);
}

static void test_head(void **state)
{
    (void)state;
    thaw_model *m = NULL;
    assert_int_equal(thaw_model_create(&m, NULL), THAW_OK);
    assert_int_equal(thaw_model_set_head(m, 0, NULL, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_model_set_head(m, UINT32_MAX, NULL, NULL), THAW_E_INVALID);
    const char *latin[] = {"a", "caf\xe9"}, *empty[] = {"a", ""}, *good[] = {"a", "café", "x"};
    thaw_error err;
    assert_int_equal(thaw_model_set_head(m, 2, latin, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "class 1"));
    assert_int_equal(thaw_model_set_head(m, 2, empty, NULL), THAW_E_INVALID);
    assert_int_equal(m->n_classes, 0);
    assert_int_equal(thaw_model_set_head(m, 3, good, NULL), THAW_OK);
    assert_string_equal(m->class_names[1], "café");
    assert_int_equal(thaw_model_set_head(m, 2, NULL, NULL), THAW_OK);
    assert_null(m->class_names);
    assert_int_equal(m->weights[THAW_W_HEAD_KERNEL].count, 4096);
    assert_true(m->weights[THAW_W_HEAD_KERNEL].data[4095] == 0.0f);
    thaw_model_free(m);
}

static void test_round_trip(void **state)
{
    char *path = in_folder(*state, "model.safetensors");
    thaw_model *m = make_base();
    const char *names[] = {"cats, \"big\"", "犬", "\\n\n"};
    assert_int_equal(thaw_model_set_head(m, 3, names, NULL), THAW_OK);
    for (size_t i = 0; i < 6144; i++)
        m->weights[THAW_W_HEAD_KERNEL].data[i] = (float)i * 0.1f;
    m->weights[THAW_W_HEAD_BIAS].data[2] = -0.0f;
    m->pre = (thaw_preprocess){150, nextafterf(0.1f, 1.0f), 1e-38f, false, true};
    m->bn = THAW_BN_BATCH;
    m->source = strdup("somewhere");
    m->trainable = strdup("[\"conv2d_93/kernel\"]");
    m->history = strdup("[{\"loss\":1.5}]");
    assert_int_equal(thaw_model_hash(m, m->hash, NULL), THAW_OK);
    float values[4] = {1, 2, NAN, 4};
    thaw_weight more[2] = {{"adam/m/batch_normalization_93/moving_variance", 2, {2, 2}, 4, values},
                           {"adam/step", 0, {0}, 1, values}};
    thaw_model_extra extra = {2, more, "{\"epoch\":3}"};
    thaw_error err = {0};
    if (thaw_model_save(m, path, &extra, &err) != THAW_OK)
        fail_msg("%s", err.text);
    thaw_model *back = NULL;
    thaw_loaded_extra loaded;
    if (thaw_model_load_checkpoint(path, &back, &loaded, &err) != THAW_OK)
        fail_msg("%s", err.text);
    assert_fixture_values(back);
    assert_int_equal(back->n_classes, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(back->class_names[i], names[i]);
    for (size_t i = THAW_W_HEAD_KERNEL; i <= THAW_W_HEAD_BIAS; i++)
        assert_memory_equal(back->weights[i].data, m->weights[i].data, m->weights[i].count * 4);
    assert_memory_equal(&back->pre.scale, &m->pre.scale, 8);
    assert_int_equal(back->pre.input_size, 150);
    assert_true(!back->pre.divide && back->pre.pool_include_pad && back->bn == THAW_BN_BATCH);
    assert_string_equal(back->source, "somewhere");
    assert_string_equal(back->trainable, m->trainable);
    assert_string_equal(back->history, m->history);
    assert_string_equal(back->hash, m->hash);
    assert_int_equal(loaded.n_tensors, 2);
    assert_string_equal(loaded.metadata, "{\"epoch\":3}");
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(loaded.tensors[i].name, more[i].name);
        assert_int_equal(loaded.tensors[i].rank, more[i].rank);
        assert_memory_equal(loaded.tensors[i].data, values, more[i].count * 4);
    }
    thaw_extra_free(&loaded);
    thaw_extra_free(&loaded);
    thaw_model_free(back);
    assert_string_equal(thaw_model_format(path), "thaw safetensors");
    back = load(path); /* a checkpoint is a model, too */
    thaw_model_free(back);
    thaw_model_free(m);
    free(path);
}

static void test_refuses_to_save(void **state)
{
    char *path = in_folder(*state, "never");
    thaw_model *m = make_base();
    float value = 0;
    thaw_weight clash = {"conv2d_5/kernel", 1, {1}, 1, &value};
    thaw_model_extra extra = {1, &clash, NULL};
    assert_int_equal(thaw_model_save(m, path, &extra, NULL), THAW_E_INVALID);
    thaw_model_extra not_json = {0, NULL, "epoch 3"};
    assert_int_equal(thaw_model_save(m, path, &not_json, NULL), THAW_E_INVALID);
    m->pre.scale = NAN;
    assert_int_equal(thaw_model_save(m, path, NULL, NULL), THAW_E_INVALID);
    m->pre.scale = 1;
    free(m->weights[7].data);
    m->weights[7].data = NULL;
    thaw_error err;
    assert_int_equal(thaw_model_save(m, path, NULL, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "batch_normalization_1/moving_variance"));
    assert_false(thaw_path_exists(path));
    thaw_model_free(m);
    free(path);
}

/* Kernels stay in the file: their values are those of a loaded model, and are checked when they are read. */
static void test_opened(void **state)
{
    char *path = in_folder(*state, "opened.safetensors");
    const size_t good = THAW_W_INDEX(7, THAW_W_KERNEL), bad = THAW_W_INDEX(9, THAW_W_KERNEL);
    thaw_model *m = make_base(), *opened = NULL, *loaded = NULL;
    const size_t count = m->weights[good].count;
    float *values = malloc((count > m->weights[bad].count ? count : m->weights[bad].count) * sizeof *values);
    thaw_error err = {0};
    for (size_t i = 0; i < count; i++)
        m->weights[good].data[i] = (float)i * 0.25f;
    m->weights[bad].data[5] = -INFINITY;
    assert_int_equal(thaw_model_save(m, path, NULL, NULL), THAW_OK);
    assert_int_equal(thaw_model_load(path, NULL, &loaded, &err), THAW_E_FORMAT);
    assert_int_equal(thaw_model_open(path, NULL, &opened, NULL), THAW_OK);
    assert_int_equal(thaw_model_complete(opened, NULL), THAW_OK);
    assert_null(opened->weights[good].data);
    assert_non_null(opened->weights[good + 1].data);
    /* Another file in its place, and none: the one that was opened counts. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(thaw_model_read(opened, good, values, NULL), THAW_OK);
    assert_memory_equal(values, m->weights[good].data, count * sizeof *values);
    assert_int_equal(thaw_model_read(opened, good + 1, values, NULL), THAW_OK);
    assert_memory_equal(values, m->weights[good + 1].data, m->weights[good + 1].count * sizeof *values);
    assert_int_equal(thaw_model_read(opened, bad, values, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "infinity at position 5"));
    assert_non_null(strstr(err.text, m->weights[bad].name));
    assert_int_equal(thaw_model_read(opened, THAW_W_HEAD_KERNEL, values, NULL), THAW_E_INVALID);
    char hash[33];
    assert_int_not_equal(thaw_model_hash(opened, hash, NULL), THAW_OK);
    assert_int_not_equal(thaw_model_save(opened, path, NULL, NULL), THAW_OK);
    thaw_model_free(opened);
    thaw_model_free(m);
    free(values);
    free(path);
}

static thaw_model *saved_base(const char *path)
{
    thaw_model *m = make_base();
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        for (size_t j = 0; j < m->weights[i].count; j++)
            m->weights[i].data[j] = (float)(i + 1) + (float)(j % 251) * 0.125f;
    assert_int_equal(thaw_model_hash(m, m->hash, NULL), THAW_OK);
    assert_int_equal(thaw_model_save(m, path, NULL, NULL), THAW_OK);
    return m;
}

/* Over the very file that it reads, with one kernel that has changed. */
static void test_opened_is_saved(void **state)
{
    char *path = in_folder(*state, "own.safetensors"), hash[33];
    const size_t changed = THAW_W_INDEX(20, THAW_W_KERNEL), kept = THAW_W_INDEX(21, THAW_W_KERNEL);
    thaw_model *m = saved_base(path), *opened = NULL, *again = NULL;
    assert_int_equal(thaw_model_open(path, NULL, &opened, NULL), THAW_OK);
    assert_int_equal(thaw_model_hash(opened, hash, NULL), THAW_OK);
    assert_string_equal(hash, m->hash);
    assert_null(opened->weights[kept].data);
    assert_int_equal(thaw_model_alloc_weight(opened, changed, NULL), THAW_OK);
    assert_int_equal(thaw_model_save(opened, path, NULL, NULL), THAW_OK);
    assert_int_equal(thaw_model_load(path, NULL, &again, NULL), THAW_OK);
    memset(m->weights[changed].data, 0, m->weights[changed].count * sizeof(float));
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++)
        assert_memory_equal(again->weights[i].data, m->weights[i].data, m->weights[i].count * sizeof(float));
    thaw_model_free(again);
    thaw_model_free(opened);
    thaw_model_free(m);
    free(path);
}

/* Somebody writes into the file itself: what was hashed cannot be had any more, and nothing else is taken for
 * it. */
static void test_opened_and_overwritten(void **state)
{
    char *path = in_folder(*state, "ours.safetensors"), *other = in_folder(*state, "other.safetensors");
    const size_t index = THAW_W_INDEX(93, THAW_W_KERNEL);
    char hash[33];
    thaw_model *m = saved_base(path), *opened = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_model_open(path, NULL, &opened, NULL), THAW_OK);
    assert_int_equal(thaw_model_hash(opened, hash, NULL), THAW_OK);
    assert_int_equal(thaw_model_read(opened, index, m->weights[index].data, &err), THAW_OK);
    struct stat sb;
    assert_int_equal(stat(path, &sb), 0);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)sb.st_size / 2, SEEK_SET), 0);
    for (long i = sb.st_size / 2; i < (long)sb.st_size; i++)
        fputc(0, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(thaw_model_read(opened, index, m->weights[index].data, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "not what it was when the file was opened"));
    assert_int_equal(thaw_model_save(opened, other, NULL, &err), THAW_E_FORMAT);
    assert_false(thaw_path_exists(other));
    thaw_model_free(opened);
    thaw_model_free(m);
    free(other);
    free(path);
}

/* The file shrinks after it was opened: an error, and no signal. */
static void test_opened_and_cut(void **state)
{
    char *path = in_folder(*state, "shrinks.safetensors");
    const size_t index = THAW_W_INDEX(93, THAW_W_KERNEL);
    thaw_model *m = make_base(), *opened = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_model_save(m, path, NULL, NULL), THAW_OK);
    assert_int_equal(thaw_model_open(path, NULL, &opened, NULL), THAW_OK);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(thaw_model_read(opened, index, m->weights[index].data, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "cut short since it was opened"));
    thaw_model_free(opened);
    thaw_model_free(m);
    free(path);
}

/* One file, cut shorter and shorter: within the data, at its borders, in the header and its length. */
static void test_cuts(void **state)
{
    char *path = in_folder(*state, "cut.safetensors");
    thaw_model *m = make_base();
    assert_int_equal(thaw_model_save(m, path, NULL, NULL), THAW_OK);
    thaw_model_free(m);
    thaw_st_file f;
    assert_int_equal(thaw_st_open(path, &f, NULL), THAW_OK);
    size_t start = (size_t)f.data_start, end = start + (size_t)f.entries[f.n_entries - 1].end;
    thaw_st_close(&f);
    for (size_t n = end - 1; n > start; n = n - start > 64 ? start + (n - start) / 3 : n - 1) {
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_refused(path, THAW_E_FORMAT, path, "cut short");
    }
    for (size_t n = start; n >= 9; n = n > 900 ? n - 811 : n - 1) {
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_refused(path, THAW_E_FORMAT, path, "cut short");
    }
    for (size_t n = 9; n-- > 0;) {
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_refused(path, THAW_E_FORMAT, path, "no model");
    }
    free(path);
}

/* A file of thaw's with one metadata key changed or removed (value NULL) and a small tensor. */
static void put_with_metadata(const char *path, const char *key, const char *value)
{
    static const char *const usual[][2] = {
        {"format", "thaw"},      {"format_version", "1.7"}, {"input_size", "299"},
        {"scale", "0.5"},        {"shift", "-1"},           {"divide", "false"},
        {"pool", "exclude_pad"}, {"batch_norm", "frozen"},  {"new_key", "?"}};
    cJSON *meta = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i][0], key) != 0)
            cJSON_AddStringToObject(meta, usual[i][0], usual[i][1]);
    if (value)
        cJSON_AddStringToObject(meta, key, value);
    float data[4096] = {0};
    thaw_weight w[2] = {{"predictions/kernel", 2, {2048, 2}, 4096, data},
                        {"predictions/bias", 1, {2}, 2, data}};
    const thaw_weight *list[2] = {&w[0], &w[1]};
    assert_int_equal(thaw_st_write(path, meta, list, 2, NULL, NULL), THAW_OK);
    cJSON_Delete(meta);
}

static void test_metadata(void **state)
{
    static const struct {
        const char *key, *value, *text;
        thaw_status status;
    } cases[] = {
        {"other", "?", "conv2d_0/kernel", THAW_E_FORMAT}, /* the metadata pass, the base is missing */
        {"class_names", "[\"a\",\"b\"]", "conv2d_0/kernel", THAW_E_FORMAT},
        {"class_names", "[\"a\"]", "2 names", THAW_E_FORMAT},
        {"class_names", "[\"a\",2]", "class name 1", THAW_E_FORMAT},
        {"class_names", "[\"a\",\"\"]", "empty", THAW_E_INVALID},
        {"class_names", "{}", "2 names", THAW_E_FORMAT},
        {"class_names", "nonsense", "2 names", THAW_E_FORMAT},
        {"format", NULL, "not one of thaw's", THAW_E_UNSUPPORTED},
        {"format", "pt", "not one of thaw's", THAW_E_UNSUPPORTED},
        {"format_version", "2.0", "newer thaw", THAW_E_UNSUPPORTED},
        {"format_version", "99999999999999999999", "newer thaw", THAW_E_UNSUPPORTED},
        {"format_version", NULL, "format_version", THAW_E_FORMAT},
        {"format_version", "one", "format_version", THAW_E_FORMAT},
        {"input_size", "0", "input_size", THAW_E_FORMAT},
        {"input_size", "1e9", "input_size", THAW_E_FORMAT},
        {"input_size", "299.5", "input_size", THAW_E_FORMAT},
        {"scale", "0", "scale", THAW_E_FORMAT},
        {"scale", "1e60", "scale", THAW_E_FORMAT},
        {"scale", "NaN", "scale", THAW_E_FORMAT},
        {"shift", NULL, "shift is missing", THAW_E_FORMAT},
        {"divide", "maybe", "divide", THAW_E_FORMAT},
        {"pool", "", "pool", THAW_E_FORMAT},
        {"batch_norm", NULL, "batch_norm", THAW_E_FORMAT},
        {"history", "{}", "history", THAW_E_FORMAT},
        {"trainable", "[", "trainable", THAW_E_FORMAT},
        {"hash", "XYZ", "hash", THAW_E_FORMAT},
    };
    char *path = in_folder(*state, "meta.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_with_metadata(path, cases[i].key, cases[i].value);
        assert_refused(path, cases[i].status, cases[i].text, "");
    }
    put_with_metadata(path, "thaw.checkpoint", "[]");
    thaw_model *m = NULL;
    thaw_loaded_extra extra;
    assert_int_equal(thaw_model_load_checkpoint(path, &m, &extra, NULL), THAW_E_FORMAT);
    assert_null(m);
    free(path);
}

static void test_wrong_files(void **state)
{
    char *path = in_folder(*state, "wrong");
    put_file(*state, "wrong", "", 0);
    assert_refused(path, THAW_E_FORMAT, "no model", path);
    put_file(*state, "wrong", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    assert_refused(path, THAW_E_FORMAT, "no model", path);
    put_file(*state, "wrong", "{\"a\": \"no manifest at all\"}", 27);
    assert_refused(path, THAW_E_FORMAT, "no model", path);
    put_file(*state, "wrong", "PK\x03\x04 and nothing more of a zip", 31);
    assert_refused(path, THAW_E_FORMAT, "archive", path);
    put_file(*state, "wrong", "\x89HDF\r\n\x1a\n and nothing more of HDF5", 34);
    assert_refused(path, THAW_E_FORMAT, "HDF5", path);
    assert_null(thaw_model_format(path));
    assert_refused(*state, THAW_E_FORMAT, "no model", *state);
    assert_null(thaw_model_format(*state));
    assert_int_equal(unlink(path), 0);
    assert_refused(path, THAW_E_NOT_FOUND, path, "");
    free(path);
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
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_head),
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_to_save, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_opened_is_saved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_opened_and_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_opened_and_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cuts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metadata, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
