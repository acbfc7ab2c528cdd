/* What stands in the file: parsed by a reader of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/model/onnx.h"
#include "helpers.h"
#include "onnx_file.h"

#define SIDE 299u

static char dir[] = "/tmp/thaw-onnx-XXXXXX";
static char path[64];
static thaw_model *base, *whole;
static onnx_file *base_file, *whole_file; /* as saved: most tests only look */

static onnx_file *save(const thaw_model *model)
{
    thaw_error err = {0};
    onnx_file *file;
    if (thaw_model_save_onnx(model, "9.8.7", path, &err) != THAW_OK)
        fail_msg("%s", err.text);
    const char *fault = onnx_read(path, &file);
    if (fault)
        fail_msg("%s", fault);
    return file;
}

static int setup(void **state)
{
    (void)state;
    thaw_error err = {0};
    if (!mkdtemp(dir) || make_random_base(SIDE, &base, &err) != THAW_OK ||
        make_random_base(SIDE, &whole, &err) != THAW_OK || add_random_head(whole, &err) != THAW_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    base->pre.pool_include_pad = true;
    base->pre.scale = 1 / 255.0f;
    base->pre.shift = 0;
    base_file = save(base);
    whole_file = save(whole);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    onnx_free(base_file);
    onnx_free(whole_file);
    thaw_model_free(base);
    thaw_model_free(whole);
    unlink(path);
    return rmdir(dir); /* fails if a temporary file was left behind */
}

static bool text_is(const onnx_text *text, const char *expected)
{
    return text && text->length == strlen(expected) && memcmp(text->value, expected, text->length) == 0;
}

static size_t count_ops(const onnx_file *f, const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_nodes; i++)
        n += strcmp(f->nodes[i].op, op) == 0;
    return n;
}

static const onnx_node *find_node(const onnx_file *f, const char *name)
{
    for (size_t i = 0; i < f->n_nodes; i++)
        if (strcmp(f->nodes[i].name, name) == 0)
            return &f->nodes[i];
    fail_msg("no node is named %s", name);
    return NULL;
}

static void assert_ints(const onnx_node *node, const char *name, size_t n, const int64_t *expected)
{
    const onnx_attribute *a = onnx_find_attribute(node, name);
    assert_non_null(a);
    assert_int_equal(a->type, 7);
    assert_int_equal(a->n_ints, n);
    assert_memory_equal(a->ints, expected, n * sizeof *expected);
}

static void assert_window(const onnx_file *f, const char *name, const int64_t kernel[2], int64_t stride,
                          const int64_t pads[4])
{
    const onnx_node *node = find_node(f, name);
    assert_ints(node, "kernel_shape", 2, kernel);
    assert_ints(node, "strides", 2, (const int64_t[]){stride, stride});
    assert_ints(node, "pads", 4, pads);
}

static void test_front(void **state)
{
    (void)state;
    const onnx_file *f = whole_file;
    assert_int_equal(f->ir_version, 7);
    assert_int_equal(f->opset, 13);
    assert_true(text_is(&f->producer, "thaw") && text_is(&f->version, "9.8.7"));
    assert_string_equal(f->graph_name, "inception_v3");
    assert_true(text_is(onnx_find_metadata(f, "class_names"),
                        "[\"cat\",\"dög\",\"\\\"bird\\\"\",\"fish, fried\",\"x\"]"));
    assert_true(text_is(onnx_find_metadata(f, "input_size"), "299"));
    assert_true(text_is(onnx_find_metadata(f, "shift"), "-1"));
    assert_true((float)atof(onnx_find_metadata(f, "scale")->value) == 1 / 127.5f);
    assert_true(text_is(onnx_find_metadata(f, "hash"), whole->hash));
    assert_true(text_is(onnx_find_metadata(f, "Image.BitmapPixelFormat"), "Rgb8"));
    assert_true(text_is(onnx_find_metadata(f, "Image.NominalPixelRange"), "Normalized_1_1"));
    assert_null(onnx_find_metadata(base_file, "class_names"));
    assert_true(text_is(onnx_find_metadata(base_file, "Image.NominalPixelRange"), "Normalized_0_1"));
}

static void test_ends(void **state)
{
    (void)state;
    const onnx_file *f = whole_file;
    assert_int_equal(f->n_inputs, 1);
    assert_int_equal(f->n_outputs, 1);
    assert_string_equal(f->inputs[0].name, "image");
    assert_int_equal(f->inputs[0].rank, 4);
    assert_memory_equal(f->inputs[0].dims, ((const size_t[]){0, 3, SIDE, SIDE}), 4 * sizeof(size_t));
    assert_string_equal(f->inputs[0].symbol, "N");
    assert_string_equal(f->outputs[0].name, "probabilities");
    assert_int_equal(f->outputs[0].rank, 2);
    assert_memory_equal(f->outputs[0].dims, ((const size_t[]){0, TEST_CLASSES}), 2 * sizeof(size_t));
    assert_string_equal(f->outputs[0].symbol, "N");
    f = base_file;
    assert_string_equal(f->outputs[0].name, "features");
    assert_memory_equal(f->outputs[0].dims, ((const size_t[]){0, THAW_N_FEATURES}), 2 * sizeof(size_t));
    assert_int_equal(count_ops(f, "Gemm") + count_ops(f, "Softmax"), 0);
}

/* Every name is made once, before it is read; every constant is read by one node; the output is made. */
static void test_order(void **state)
{
    (void)state;
    const onnx_file *f = whole_file;
    bool used[512] = {false};
    for (size_t i = 0; i < f->n_nodes; i++) {
        const onnx_node *node = &f->nodes[i];
        for (size_t k = 0; k < node->n_inputs; k++) {
            const onnx_value *constant = onnx_find_constant(f, node->inputs[k]);
            bool there = constant || strcmp(node->inputs[k], "image") == 0;
            for (size_t j = 0; j < i && !there; j++)
                there = strcmp(f->nodes[j].output, node->inputs[k]) == 0;
            if (!there)
                fail_msg("%s reads %s, which is not there yet", node->name, node->inputs[k]);
            if (constant) {
                assert_false(used[constant - f->constants]);
                used[constant - f->constants] = true;
            }
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(f->nodes[j].output, node->output);
            assert_string_not_equal(f->nodes[j].name, node->name);
        }
        assert_null(onnx_find_constant(f, node->output));
    }
    for (size_t i = 0; i < f->n_constants; i++)
        assert_true(used[i] && onnx_find_constant(f, f->constants[i].name) == &f->constants[i]);
    assert_string_equal(f->nodes[f->n_nodes - 1].output, "probabilities");
}

static void test_nodes(void **state)
{
    (void)state;
    const onnx_file *f = whole_file;
    assert_int_equal(f->n_nodes, 314);
    assert_int_equal(count_ops(f, "Conv"), 94);
    assert_int_equal(count_ops(f, "BatchNormalization"), 94);
    assert_int_equal(count_ops(f, "Relu"), 94);
    assert_int_equal(count_ops(f, "MaxPool"), 4);
    assert_int_equal(count_ops(f, "AveragePool"), 9);
    assert_int_equal(count_ops(f, "Concat"), 15);
    assert_int_equal(count_ops(f, "GlobalAveragePool") + count_ops(f, "Flatten"), 2);
    assert_int_equal(count_ops(f, "Gemm") + count_ops(f, "Softmax"), 2);
    assert_window(f, "conv2d", (const int64_t[]){3, 3}, 2, (const int64_t[]){0, 0, 0, 0});
    assert_window(f, "conv2d_2", (const int64_t[]){3, 3}, 1, (const int64_t[]){1, 1, 1, 1});
    assert_window(f, "conv2d_7", (const int64_t[]){5, 5}, 1, (const int64_t[]){2, 2, 2, 2});
    assert_window(f, "conv2d_32", (const int64_t[]){1, 7}, 1, (const int64_t[]){0, 3, 0, 3});
    assert_window(f, "conv2d_33", (const int64_t[]){7, 1}, 1, (const int64_t[]){3, 0, 3, 0});
    assert_window(f, "conv2d_93", (const int64_t[]){1, 1}, 1, (const int64_t[]){0, 0, 0, 0});
    assert_window(f, "max_pooling2d_3", (const int64_t[]){3, 3}, 2, (const int64_t[]){0, 0, 0, 0});
    assert_window(f, "average_pooling2d", (const int64_t[]){3, 3}, 1, (const int64_t[]){1, 1, 1, 1});
    assert_string_equal(find_node(f, "conv2d")->inputs[0], "image");
    assert_string_equal(find_node(f, "conv2d_1")->inputs[0], "activation");
    assert_string_equal(find_node(f, "batch_normalization_93")->inputs[0], "conv2d_93");
    assert_string_equal(find_node(f, "mixed10")->inputs[1], "mixed9_1");
    assert_true(onnx_find_attribute(find_node(f, "batch_normalization"), "epsilon")->f == 1e-3f);
    assert_int_equal(onnx_find_attribute(find_node(f, "mixed0"), "axis")->i, 1);
}

static void test_padded_pool(void **state)
{
    (void)state;
    for (int64_t include = 0; include < 2; include++) {
        const onnx_node *node = find_node(include ? base_file : whole_file, "average_pooling2d_8");
        const onnx_attribute *a = onnx_find_attribute(node, "count_include_pad");
        assert_non_null(a);
        assert_int_equal(a->i, include);
    }
}

/* Each number of the model is in the file, where ONNX looks for it. */
static void test_constants(void **state)
{
    (void)state;
    static const char *const parts[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const onnx_file *f = whole_file;
    assert_int_equal(f->n_constants, 94 * 5 + 2);
    for (uint32_t k = 0; k < THAW_N_CONVS; k++) {
        char name[64], number[16] = "";
        const thaw_weight *w = &whole->weights[THAW_W_INDEX(k, 0)];
        if (k)
            snprintf(number, sizeof number, "_%u", k);
        snprintf(name, sizeof name, "conv2d%s/kernel", number);
        const onnx_value *kernel = onnx_find_constant(f, name);
        const size_t *d = w[THAW_W_KERNEL].dims;
        assert_non_null(kernel);
        assert_int_equal(kernel->rank, 4);
        assert_memory_equal(kernel->dims, ((const size_t[]){d[3], d[2], d[0], d[1]}), 4 * sizeof(size_t));
        for (size_t i = 0; i < w->count; i += 1 + w->count / 1000) {
            size_t o = i % d[3], c = i / d[3] % d[2], x = i / d[3] / d[2] % d[1], y = i / d[3] / d[2] / d[1];
            assert_true(onnx_element(kernel, ((o * d[2] + c) * d[0] + y) * d[1] + x) == w->data[i]);
        }
        for (size_t v = 0; v < 4; v++) {
            snprintf(name, sizeof name, "batch_normalization%s/%s", number, parts[v]);
            const onnx_value *value = onnx_find_constant(f, name);
            assert_non_null(value);
            assert_int_equal(value->rank, 1);
            assert_int_equal(value->dims[0], d[3]);
            for (size_t i = 0; i < d[3]; i++)
                assert_true(onnx_element(value, i) == (v == 0 ? 1.0f : w[v].data[i]));
        }
    }
    const onnx_value *head = onnx_find_constant(f, "predictions/kernel");
    assert_non_null(head);
    assert_memory_equal(head->dims, ((const size_t[]){THAW_N_FEATURES, TEST_CLASSES}), 2 * sizeof(size_t));
    assert_memory_equal(head->bytes, whole->weights[THAW_W_HEAD_KERNEL].data, head->n_bytes);
}

/* The same model gives the same bytes. The reader that the other tests believe finds a file that is cut, and
 * one with more behind its end. */
static void test_bytes(void **state)
{
    (void)state;
    onnx_file *f = save(whole), *scratch = calloc(1, sizeof *scratch);
    assert_non_null(scratch);
    assert_int_equal(f->size, whole_file->size);
    assert_memory_equal(f->bytes, whole_file->bytes, f->size);
    const size_t cuts[] = {0, 1, 2, 20, 700, 2000, 100000, f->size / 2, f->size - 1, f->size + 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        memset(scratch, 0, sizeof *scratch);
        assert_non_null(onnx_parse(f->bytes, cuts[i], scratch));
    }
    free(scratch);
    onnx_free(f);
}

static void assert_refused(const thaw_model *model, const char *where, thaw_status status, const char *text)
{
    thaw_error err = {0};
    assert_int_equal(thaw_model_save_onnx(model, "0", where, &err), status);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void test_refused(void **state)
{
    (void)state;
    char other[96];
    snprintf(other, sizeof other, "%s/none/x.onnx", dir);
    assert_refused(base, other, THAW_E_NOT_FOUND, "its folder does not exist");
    assert_refused(base, dir, THAW_E_INVALID, "names a folder");
    snprintf(other, sizeof other, "%s/refused.onnx", dir);
    float *kernel = base->weights[5].data;
    base->weights[5].data = NULL;
    assert_refused(base, other, THAW_E_FORMAT, "batch_normalization_1/beta");
    base->weights[5].data = kernel;
    base->pre.input_size = 74;
    assert_refused(base, other, THAW_E_INVALID, "75 to 4096");
    base->pre.input_size = 5000;
    assert_refused(base, other, THAW_E_INVALID, "75 to 4096");
    base->pre.input_size = SIDE;
    /* No reader of Protocol Buffers takes 2 GiB; the values are not looked at before that is known. */
    thaw_weight *head = &whole->weights[THAW_W_HEAD_KERNEL], kept = *head;
    head->dims[1] = 300000;
    head->count = head->dims[0] * head->dims[1];
    assert_refused(whole, other, THAW_E_UNSUPPORTED, "MiB, and an ONNX file has less than 2048");
    *head = kept;
    assert_false(thaw_path_exists(other));
}

/* A file system without room is played by a limit on the size of files. */
static void test_disk_full(void **state)
{
    (void)state;
    struct rlimit kept, small = {.rlim_cur = 1 << 20};
    uint8_t *bytes;
    size_t n;
    assert_int_equal(thaw_write_file(path, "old", 3, NULL), THAW_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    small.rlim_max = kept.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_refused(base, path, THAW_E_IO, "what was there before is unchanged");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(thaw_read_file(path, 100, &bytes, &n, NULL), THAW_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_front), cmocka_unit_test(test_ends),        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nodes), cmocka_unit_test(test_padded_pool), cmocka_unit_test(test_constants),
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_refused),     cmocka_unit_test(test_disk_full),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
