/* The container: every header that is not exactly right is refused, with the place in the message. */
#include <cJSON.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/model/safetensors.h"
#include "helpers.h"

static void put_raw(const char *dir, uint64_t announced, const char *header, size_t data)
{
    size_t n = strlen(header), size = 8 + n + data;
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    memcpy(bytes, &announced, 8);
    memcpy(bytes + 8, header, n);
    put_file(dir, "x", bytes, size);
    free(bytes);
}

static thaw_status open_x(const char *dir, thaw_error *err)
{
    thaw_st_file f;
    char *path = in_folder(dir, "x");
    thaw_status st = thaw_st_open(path, &f, err);
    if (st == THAW_OK)
        thaw_st_close(&f);
    else
        assert_non_null(strstr(err->text, path));
    free(path);
    return st;
}

static void test_hostile_headers(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        const char *text; /* NULL: must be accepted */
    } cases[] = {
        {"{}", 0, NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}   ", 4, NULL},
        {"{\"z\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, NULL},
        {"", 0, "not JSON"},
        {"[]", 0, "not a JSON object"},
        {"{\"a\":1}", 0, "a lacks"},
        {"{} x", 0, "not JSON at byte 11"},
        {"{\"a\xff\":1}", 0, "UTF-8 text at byte 11"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype F31"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "dimension that is no size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4,
         "dimension that is no size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,4]}}", 4, "no size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         "contradict"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "dimensions"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "contradict"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "do not lie within"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "do not lie within"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "do not lie within"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "belong to no tensor"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "behind a gap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, "within another one"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, "a is in the header twice"},
        {"{\"__metadata__\":[]}", 0, "not a JSON object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "k is not a text"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice"},
    };
    const char *dir = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thaw_error err = {0};
        put_raw(dir, strlen(cases[i].header), cases[i].header, cases[i].data);
        thaw_status st = open_x(dir, &err);
        if (cases[i].text ? st != THAW_E_FORMAT || !strstr(err.text, cases[i].text) : st != THAW_OK)
            fail_msg("case %zu (%s): %d %s", i, cases[i].header, st, err.text);
    }
}

static void test_header_length(void **state)
{
    thaw_error err = {0};
    put_raw(*state, 3, "{}", 0);
    assert_int_equal(open_x(*state, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "cut short"));
    put_raw(*state, UINT64_MAX, "{}", 0);
    assert_int_equal(open_x(*state, &err), THAW_E_FORMAT);
    put_raw(*state, (uint64_t)1 << 30, "{}", 0);
    assert_int_equal(open_x(*state, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "never right"));
}

static void test_deep_nesting(void **state)
{
    char *deep = malloc(200001);
    memset(deep, '[', 200000);
    deep[200000] = '\0';
    put_raw(*state, 200000, deep, 0);
    thaw_error err = {0};
    assert_int_equal(open_x(*state, &err), THAW_E_FORMAT);
    free(deep);
}

/* Three small tensors, as thaw writes them. */
static uint8_t *small_file(const char *dir, size_t *size)
{
    float values[6] = {1, 2, 3, 4, 5, 6};
    thaw_weight w[3] = {
        {"a", 1, {1}, 1, values}, {"bb/c", 2, {1, 3}, 3, values + 1}, {"d", 1, {2}, 2, values + 4}};
    const thaw_weight *list[3] = {&w[0], &w[1], &w[2]};
    cJSON *meta = cJSON_CreateObject();
    cJSON_AddStringToObject(meta, "key", "text");
    char *path = in_folder(dir, "x");
    assert_int_equal(thaw_st_write(path, meta, list, 3, NULL, NULL), THAW_OK);
    cJSON_Delete(meta);
    uint8_t *bytes = NULL;
    assert_int_equal(thaw_read_file(path, 1 << 20, &bytes, size, NULL), THAW_OK);
    thaw_st_file f;
    assert_int_equal(thaw_st_open(path, &f, NULL), THAW_OK);
    assert_int_equal(f.n_entries, 3);
    assert_string_equal(thaw_st_text(&f, "key"), "text");
    assert_null(thaw_st_text(&f, "other"));
    assert_string_equal(f.entries[1].name, "bb/c");
    float got[3];
    assert_int_equal(thaw_st_read(&f, &f.entries[1], got, 3, NULL), THAW_OK);
    assert_memory_equal(got, values + 1, sizeof got);
    assert_int_equal(f.data_start % 8, 0);
    thaw_st_close(&f);
    free(path);
    return bytes;
}

static void test_every_cut(void **state)
{
    size_t size = 0;
    uint8_t *bytes = small_file(*state, &size);
    for (size_t n = 0; n < size; n++) {
        thaw_error err = {0};
        put_file(*state, "x", bytes, n);
        if (open_x(*state, &err) != THAW_E_FORMAT)
            fail_msg("cut at %zu of %zu: %s", n, size, err.text);
    }
    free(bytes);
}

/* Whatever a flipped bit makes of the header, what is accepted can be read. */
static void test_every_flip(void **state)
{
    size_t size = 0, refused = 0;
    uint8_t *bytes = small_file(*state, &size);
    char *path = in_folder(*state, "x");
    size_t header = size - 24;
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t bit = 0; bit < header * 8; bit++) {
        thaw_error err = {0};
        thaw_st_file f;
        uint8_t flipped = bytes[bit / 8] ^ (uint8_t)(1u << bit % 8);
        if (bit % 8 == 0 && bit)
            assert_int_equal(pwrite(fd, &bytes[bit / 8 - 1], 1, (off_t)(bit / 8 - 1)), 1);
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)(bit / 8)), 1);
        if (thaw_st_open(path, &f, &err) != THAW_OK) {
            refused++;
            continue;
        }
        for (size_t i = 0; i < f.n_entries; i++) {
            float got[6];
            size_t n = (size_t)(f.entries[i].end - f.entries[i].begin) / 4;
            assert_true(n <= 6);
            if (strcmp(f.entries[i].dtype, "F32") == 0)
                assert_int_equal(thaw_st_read(&f, &f.entries[i], got, n, &err), THAW_OK);
        }
        thaw_st_close(&f);
    }
    assert_true(refused > header * 4); /* the rest are letters within names and texts */
    close(fd);
    free(path);
    free(bytes);
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
        cmocka_unit_test(test_hostile_headers), cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_deep_nesting),    cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_flip),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
