/* TensorFlow.js layers models, written here in both forms. */
#include <math.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "helpers.h"

#define SHARD ((size_t)4 << 20)

/* All weights of a model as one stream of bytes with its manifest: kernels as uint8, betas as float32,
 * means as float16, variances as uint16. */
typedef struct tfjs_model {
    uint8_t *bytes;
    size_t n, capacity;
    char *manifest; /* the list of tensors */
    size_t m, m_capacity;
    bool script; /* as a JavaScript literal, as a minifier writes it */
} tfjs_model;

static void say(tfjs_model *t, const char *text)
{
    size_t n = strlen(text);
    assert_true(thaw_grow((void **)&t->manifest, &t->m_capacity, t->m + n + 1, 1));
    memcpy(t->manifest + t->m, text, n + 1);
    t->m += n;
}

static void add_tensor(tfjs_model *t, const char *name, const thaw_weight *w, const char *quantization,
                       const void *element, size_t size)
{
    char text[512];
    int n = snprintf(text, sizeof text, t->script ? "%s{name:'%s',shape:[" : "%s{\"name\":\"%s\",\"shape\":[",
                     t->m ? "," : "", name);
    for (uint32_t i = 0; i < w->rank; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, i ? ",%zu" : "%zu", w->dims[i]);
    snprintf(text + n, sizeof text - (size_t)n,
             t->script ? "],dtype:\"float32\"%s}" : "],\"dtype\":\"float32\"%s}", quantization);
    say(t, text);
    assert_true(thaw_grow((void **)&t->bytes, &t->capacity, t->n + w->count * size, 1));
    for (size_t i = 0; i < w->count; i++, t->n += size)
        memcpy(t->bytes + t->n, element, size);
}

static void add_weight(tfjs_model *t, const thaw_model *m, size_t index, uint32_t first)
{
    static const char *const variables[] = {"kernel", "beta", "moving_mean", "moving_variance"};
    static const char *const plain[] = {",\"quantization\":{\"dtype\":\"uint8\",\"scale\":0.5,\"min\":%d}",
                                        "", ",\"quantization\":{\"dtype\":\"float16\"}",
                                        ",\"quantization\":{\"dtype\":\"uint16\",\"scale\":0.25,\"min\":%d}"};
    static const char *const script[] = {",quantization:{dtype:\"uint8\",scale:.5,min:%d}", ",ok:!0",
                                         ",quantization:{dtype:'float16',no:!1}",
                                         ",quantization:{dtype:\"uint16\",scale:25e-2,min:%d}"};
    uint32_t k = (uint32_t)index / 4, what = (uint32_t)index % 4;
    char name[64], quantization[96];
    snprintf(name, sizeof name, "%s_%u/%s", what ? "batch_normalization" : "conv2d", k + first,
             variables[what]);
    snprintf(quantization, sizeof quantization, "%s", (t->script ? script : plain)[what]);
    if (what == 0 || what == 3)
        snprintf(quantization, sizeof quantization, t->script ? script[what] : plain[what], -(int)(k / 4));
    float value = fixture_value(index);
    uint8_t q8 = (uint8_t)((value + (float)(k / 4)) * 2.0f);
    uint16_t q16 = (uint16_t)((value + (float)(k / 4)) * 4.0f);
    /* k + 1/2 as a half: exact below 1024. */
    int e = 0;
    float fraction = frexpf(value, &e);
    uint16_t half = (uint16_t)((e + 14) << 10 | ((int)(fraction * 2048.0f) & 1023));
    const void *elements[] = {&q8, &value, &half, &q16};
    static const size_t sizes[] = {1, 4, 2, 2};
    add_tensor(t, name, &m->weights[index], quantization, elements[what], sizes[what]);
}

static void fill(tfjs_model *t, bool script)
{
    thaw_model *m = NULL;
    memset(t, 0, sizeof *t);
    t->script = script;
    assert_int_equal(thaw_model_create(&m, NULL), THAW_OK);
    for (size_t i = THAW_W_HEAD_KERNEL; i-- > 0;)
        add_weight(t, m, i, script ? 1 : 94);
    thaw_weight dense = {"", 2, {2048, 5}, 2048 * 5, NULL}, bias = {"", 1, {5}, 5, NULL};
    add_tensor(t, "dense_1/kernel", &dense, "", &(float){1}, 4);
    add_tensor(t, "dense_1/bias", &bias, "", &(float){1}, 4);
    thaw_model_free(m);
}

static void put_base64(const char *dir, const char *name, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char before[] = "!function(a){\"use strict\";a.exports=\"", after[] = "\"}(module);";
    char *text = malloc(n / 3 * 4 + 128);
    size_t at = sizeof before - 1;
    assert_non_null(text);
    memcpy(text, before, at);
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < have ? bytes[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            text[at++] = j <= have ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
    memcpy(text + at, after, sizeof after - 1);
    put_file(dir, name, text, at + sizeof after - 1);
    free(text);
}

/* paths and manifest as a description; shard_names is what stands between the brackets of paths. */
static void put_description(const char *dir, const tfjs_model *t, const char *shard_names)
{
    const char *form = t->script ? "module.exports={modelTopology:{x:null},weightsManifest:[{paths:[%s],"
                                   "weights:[%s]}]};"
                                 : "{\"weightsManifest\":[{\"paths\":[%s],\"weights\":[%s]}]}";
    size_t cap = t->m + strlen(shard_names) + 128;
    char *text = malloc(cap);
    assert_non_null(text);
    int n = snprintf(text, cap, form, shard_names, t->manifest);
    put_file(dir, t->script ? "model.min.js" : "model.json", text, (size_t)n);
    free(text);
}

static void put_model(const char *dir, const tfjs_model *t)
{
    char names[512] = "", name[64];
    size_t shard = 0;
    for (size_t at = 0; at < t->n; at += SHARD, shard++) {
        size_t n = t->n - at < SHARD ? t->n - at : SHARD;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s\"s%zu\"", shard ? "," : "", shard);
        snprintf(name, sizeof name, t->script ? "s%zu.min.js" : "s%zu", shard);
        if (t->script)
            put_base64(dir, name, t->bytes + at, n);
        else
            put_file(dir, name, t->bytes + at, n);
    }
    put_description(dir, t, names);
}

static void check_both_paths(const char *dir, const char *file, const char *format)
{
    char *path = in_folder(dir, file);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(thaw_model_format(i ? path : dir), format);
        thaw_model *m = load(i ? path : dir);
        assert_fixture_values(m);
        assert_int_equal(m->n_classes, 0);
        assert_non_null(strstr(m->source, "without its head"));
        thaw_model_free(m);
    }
    free(path);
}

static void test_plain(void **state)
{
    char *dir = *state, *description = in_folder(dir, "model.json");
    tfjs_model t;
    fill(&t, false);
    put_model(dir, &t);
    check_both_paths(dir, "model.json", "TensorFlow.js layers model");
    /* What stays of a download that broke off. */
    char *last = in_folder(dir, "s3");
    assert_int_equal(truncate(last, 1000), 0);
    assert_refused(dir, THAW_E_FORMAT, "the shards end within", "");
    assert_int_equal(unlink(last), 0);
    assert_refused(dir, THAW_E_NOT_FOUND, last, "");
    put_description(dir, &t, "\"../s0\"");
    assert_refused(dir, THAW_E_FORMAT, "../s0", "no plain file name");
    put_description(dir, &t, "7");
    assert_refused(dir, THAW_E_FORMAT, "no plain file name", dir);
    put_description(dir, &t, "");
    assert_refused(dir, THAW_E_FORMAT, "the shards end within", dir);
    free(last);
    free(description);
    free(t.bytes);
    free(t.manifest);
}

static void test_modules(void **state)
{
    tfjs_model t;
    fill(&t, true);
    put_model(*state, &t);
    check_both_paths(*state, "model.min.js", "TensorFlow.js layers model (JavaScript modules)");
    put_file(*state, "s1.min.js", "a=\"????\"", 8);
    assert_refused(*state, THAW_E_FORMAT, "s1.min.js", "byte 3 is not base64");
    put_file(*state, "s1.min.js", "a=\"AAAAA\"", 9);
    assert_refused(*state, THAW_E_FORMAT, "s1.min.js", "whole base64 groups");
    put_file(*state, "s1.min.js", "a=\"A===\"", 8);
    assert_refused(*state, THAW_E_FORMAT, "s1.min.js", "not base64");
    free(t.bytes);
    free(t.manifest);
}

static void test_hostile_manifests(void **state)
{
#define TENSOR(name, shape) "{\"name\":\"" name "\",\"shape\":" shape ",\"dtype\":\"float32\"}"
    static const struct {
        const char *weights, *text;
        thaw_status status;
    } cases[] = {
        {TENSOR("conv2d_1/kernel", "[3,3,3,32]") "," TENSOR("conv2d_1/kernel", "[3,3,3,32]"), "second tensor",
         THAW_E_FORMAT},
        {TENSOR("conv2d_1/kernel", "[3,3,32,3]"), "[3, 3, 3, 32]", THAW_E_FORMAT},
        {TENSOR("conv2d_1/kernel", "[3,3,3,32]"), "batch_normalization_0/beta", THAW_E_FORMAT},
        {TENSOR("conv2d_1/kernel", "[3,3,3,32,1]"), "makes no sense", THAW_E_FORMAT},
        {TENSOR("conv2d_1/kernel", "[1e9,1e9,1e9,1e9]"), "makes no sense", THAW_E_FORMAT},
        {TENSOR("conv2d_1/kernel", "[-3]"), "makes no sense", THAW_E_FORMAT},
        {TENSOR("conv2d_1/kernel", "3"), "makes no sense", THAW_E_FORMAT},
        {TENSOR("conv2d_1/bias", "[32]"), "another network", THAW_E_UNSUPPORTED},
        {TENSOR("conv2d_1/kernel", "[3,3,3,32]") "," TENSOR("conv2d_95/kernel", "[1,1,1,1]"), "more layers",
         THAW_E_FORMAT},
        {TENSOR("batch_normalization_1/gamma", "[32]"), "gamma", THAW_E_UNSUPPORTED},
        {TENSOR("block1_conv1/kernel", "[3,3,3,32]"), "another network", THAW_E_UNSUPPORTED},
        {TENSOR("dense/kernel", "[100000,10000]"), "the shards end within", THAW_E_FORMAT},
        {TENSOR("dense/bias", "[1]"), "more bytes than", THAW_E_FORMAT},
        {"{\"shape\":[1],\"dtype\":\"float32\"}", "without name", THAW_E_FORMAT},
        {"7", "without name", THAW_E_FORMAT},
        {"{\"name\":\"dense/bias\",\"shape\":[1],\"dtype\":\"string\"}", "only float32", THAW_E_UNSUPPORTED},
        {"{\"name\":\"dense/"
         "bias\",\"shape\":[1],\"dtype\":\"float32\",\"quantization\":{\"dtype\":\"uint8\"}}",
         "quantisation", THAW_E_UNSUPPORTED},
        {"{\"name\":\"dense/bias\",\"shape\":[1],\"dtype\":\"float32\",\"quantization\":7}", "type float32",
         THAW_E_UNSUPPORTED},
    };
    uint8_t zeros[3456] = {0};
    put_file(*state, "z", zeros, sizeof zeros);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tfjs_model t = {.manifest = (char *)cases[i].weights, .m = strlen(cases[i].weights)};
        put_description(*state, &t, i == 0 ? "\"z\",\"z\"" : "\"z\"");
        assert_refused(*state, cases[i].status, cases[i].text, "");
    }
#undef TENSOR
}

static void test_hostile_descriptions(void **state)
{
    static const char *const cases[] = {"{\"weightsManifest\"", "{\"weightsManifest\":7}",
                                        "{\"weightsManifest\":[7]}", "{\"weightsManifest\":[{\"paths\":[]}]}",
                                        "{\"other\":\"weightsManifest\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_file(*state, "model.json", cases[i], strlen(cases[i]));
        assert_refused(*state, THAW_E_FORMAT, "model.json", "");
    }
    char *path = in_folder(*state, "model.json");
    assert_int_equal(unlink(path), 0);
    free(path);
    static const char *const scripts[] = {"weightsManifest:f()",       "x={weightsManifest:[f()]}",
                                          "x={weightsManifest:[{a:1}", "x={weightsManifest:[\"abc",
                                          "x={weightsManifest:[-]}",   "x={weightsManifest:[1e]}",
                                          "x={weightsManifest:[!2]}",  "x={weightsManifest:[\"\\x41\"]}",
                                          "x={weightsManifest:[`a`]}", "x={\"weightsManifest\" : [a]}",
                                          "x={weightsManifest:[}"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        put_file(*state, "model.js", scripts[i], strlen(scripts[i]));
        assert_refused(*state, THAW_E_FORMAT, "model.js", "");
    }
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
        cmocka_unit_test_setup_teardown(test_plain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_modules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_manifests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_descriptions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
