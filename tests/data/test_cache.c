/* The feature cache: the same bytes wherever they lie, limits, and reuse that a damaged file cannot fool. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "helpers.h"

#define IMAGES  9u
#define ROW_A   52u
#define ROW_B   2000u
#define TENSORS 2u

static const thaw_cache_layout layout = {.n_tensors = TENSORS, .row_bytes = {ROW_A, ROW_B}};

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

static void make_row(uint32_t image, size_t t, uint32_t version, uint8_t *row)
{
    for (uint32_t i = 0; i < layout.row_bytes[t]; i++)
        row[i] = (uint8_t)thaw_random_u32(image + 100 * version, THAW_RNG_TEST, (uint32_t)t, 0, i);
}

static void make_hash(uint32_t image, char hash[33])
{
    thaw_hash_hex(&image, sizeof image, hash);
}

static void put_image(thaw_cache *cache, uint32_t image, uint32_t content, uint32_t version)
{
    uint8_t row[ROW_B];
    for (size_t t = 0; t < TENSORS; t++) {
        make_row(content, t, version, row);
        assert_int_equal(thaw_cache_put(cache, t, image, row, NULL), THAW_OK);
    }
}

static void seal_image(thaw_cache *cache, uint32_t image, uint32_t content)
{
    char hash[33];
    make_hash(content, hash);
    assert_int_equal(thaw_cache_done(cache, image, hash, NULL), THAW_OK);
}

static bool find_image(thaw_cache *cache, uint32_t image, uint32_t content)
{
    char hash[33];
    make_hash(content, hash);
    return thaw_cache_find(cache, image, hash);
}

static void check_image(thaw_cache *cache, uint32_t image, uint32_t content, uint32_t version)
{
    uint8_t row[ROW_B], want[ROW_B];
    for (size_t t = 0; t < TENSORS; t++) {
        make_row(content, t, version, want);
        assert_int_equal(thaw_cache_gather(cache, t, &image, 1, row, NULL), THAW_OK);
        assert_memory_equal(row, want, layout.row_bytes[t]);
    }
}

static thaw_cache *create(const thaw_cache_options *options)
{
    thaw_cache *cache = NULL;
    thaw_error err = {0};
    if (thaw_cache_create(&layout, IMAGES, options, &cache, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return cache;
}

/* Rows are read and written where they lie. */
static void check_in_place(thaw_cache *cache)
{
    static const uint32_t images[] = {7, 2, 7};
    uint8_t want[ROW_B];
    void *rows[3];
    assert_int_equal(thaw_cache_locate(cache, 1, images, 3, rows, NULL), THAW_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(rows[i], thaw_cache_row(cache, 1, images[i]));
        make_row(images[i], 1, 0, want);
        assert_memory_equal(rows[i], want, ROW_B);
    }
    make_row(6, 1, 2, thaw_cache_row(cache, 1, 6));
    assert_int_equal(thaw_cache_put(cache, 1, 6, thaw_cache_row(cache, 1, 6), NULL), THAW_OK);
    make_row(6, 1, 2, want);
    assert_int_equal(thaw_cache_locate(cache, 1, (const uint32_t[]){6}, 1, rows, NULL), THAW_OK);
    assert_memory_equal(rows[0], want, ROW_B);
    assert_int_equal(thaw_cache_locate(cache, 1, (const uint32_t[]){IMAGES}, 1, rows, NULL), THAW_E_INVALID);
    assert_null(thaw_cache_row(cache, TENSORS, 0));
    assert_null(thaw_cache_row(cache, 0, IMAGES));
}

static void check_use(const thaw_cache_options *options, bool memory)
{
    static const uint32_t images[] = {3, 0, 8, 3};
    uint8_t rows[4][ROW_A], want[ROW_A];
    thaw_cache *cache = create(options);
    assert_int_equal(strcmp(thaw_cache_place(cache), "memory") == 0, memory);
    thaw_error err = {0};
    assert_int_equal(thaw_cache_gather(cache, 0, images, 1, rows, &err), THAW_E_INTERNAL);
    if (memory)
        assert_int_equal(thaw_cache_locate(cache, 0, images, 1, (void *[1]){NULL}, &err), THAW_E_INTERNAL);
    for (uint32_t i = IMAGES; i-- > 0;)
        put_image(cache, i, i, 0);
    put_image(cache, 4, 4, 1); /* again, other rows */
    assert_int_equal(thaw_cache_gather(cache, 0, images, 4, rows, &err), THAW_OK);
    for (size_t i = 0; i < 4; i++) {
        make_row(images[i], 0, 0, want);
        assert_memory_equal(rows[i], want, ROW_A);
    }
    for (uint32_t i = 0; i < IMAGES; i++)
        check_image(cache, i, i, i == 4);
    assert_int_equal(thaw_cache_in_memory(cache), memory);
    if (memory)
        check_in_place(cache);
    else
        assert_null(thaw_cache_row(cache, 0, 0));
    assert_int_equal(thaw_cache_put(cache, 0, IMAGES, want, &err), THAW_E_INVALID);
    assert_int_equal(thaw_cache_put(cache, TENSORS, 0, want, &err), THAW_E_INVALID);
    thaw_cache_free(cache);
}

static void test_places(void **state)
{
    const size_t total = IMAGES * (ROW_A + ROW_B);
    check_use(&(thaw_cache_options){.memory_limit = total, .dir = *state}, true);
    check_use(&(thaw_cache_options){.memory_limit = total - 1, .dir = *state}, false);
    check_use(&(thaw_cache_options){.memory_limit = 0}, false);
    check_use(&(thaw_cache_options){.memory_limit = total, .dir = *state, .key = "k", .keep = true}, false);
}

/* Nothing but kept caches stays in the folder. */
static void test_leaves_nothing(void **state)
{
    check_use(&(thaw_cache_options){.dir = *state}, false);
    DIR *d = opendir(*state);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    assert_int_equal(n, 0);
}

static void test_bad_layouts(void **state)
{
    const thaw_cache_options options = {.dir = *state},
                             bad_key = {.dir = *state, .key = "../x", .keep = true};
    const thaw_cache_layout none = {0}, empty_row = {.n_tensors = 1}, too_many = {.n_tensors = 17};
    const thaw_cache_layout huge = {.n_tensors = 2, .row_bytes = {SIZE_MAX / 2, SIZE_MAX / 2 + 9}};
    thaw_cache *cache = NULL;
    assert_int_equal(thaw_cache_create(&none, 1, &options, &cache, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_cache_create(&empty_row, 1, &options, &cache, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_cache_create(&too_many, 1, &options, &cache, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_cache_create(&huge, 1, &options, &cache, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_cache_create(&layout, 0, &options, &cache, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_cache_create(&layout, SIZE_MAX / 100, &options, &cache, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_cache_create(&layout, 1, &bad_key, &cache, NULL), THAW_E_INVALID);
    assert_null(cache);
}

/* A limit on the size of files stands in for a full disk. */
static void test_full_disk(void **state)
{
    const thaw_cache_options options = {.dir = *state};
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    thaw_cache *cache = NULL;
    thaw_error err = {0};
    thaw_status st = thaw_cache_create(&layout, IMAGES, &options, &cache, &err);
    if (st == THAW_OK) {
        uint8_t row[ROW_B] = {0};
        st = thaw_cache_put(cache, 1, 0, row, &err);
        thaw_cache_free(cache);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(st, THAW_E_IO);
    assert_non_null(strstr(err.text, "18468 bytes")); /* 9 * 2052 */
    assert_non_null(strstr(err.text, *state));
}

/* Runs once and seals images 0 to 5 of the first run. */
static void first_run(const thaw_cache_options *options)
{
    thaw_cache *cache = create(options);
    for (uint32_t i = 0; i < 6; i++) {
        assert_false(find_image(cache, i, i));
        put_image(cache, i, i, 0);
        seal_image(cache, i, i);
    }
    put_image(cache, 6, 6, 0); /* written, never sealed */
    assert_true(find_image(cache, 8, 2));
    check_image(cache, 8, 2, 0);
    thaw_cache_free(cache);
}

static void test_keep(void **state)
{
    const thaw_cache_options options = {.dir = *state, .key = "abc-1", .keep = true};
    first_run(&options);
    for (int run = 0; run < 2; run++) {
        thaw_cache *cache = create(&options);
        assert_non_null(strstr(thaw_cache_place(cache), "/abc-1.thawcache"));
        for (uint32_t i = 0; i < 6; i++) { /* bound to other images than before */
            assert_true(find_image(cache, 8 - i, i));
            check_image(cache, 8 - i, i, 0);
        }
        assert_int_equal(find_image(cache, 0, 6), run == 1);
        if (run == 0) {
            put_image(cache, 0, 6, 0);
            seal_image(cache, 0, 6);
        }
        check_image(cache, 0, 6, 0);
        thaw_cache_free(cache);
    }
}

/* Rows put for an image that was found go to a new record; what is sealed stays as it is. */
static void test_sealed_stays(void **state)
{
    const thaw_cache_options options = {.dir = *state, .key = "k", .keep = true};
    first_run(&options);
    thaw_cache *cache = create(&options);
    uint8_t row[ROW_B] = {0};
    assert_true(find_image(cache, 0, 3));
    assert_true(find_image(cache, 1, 3));
    put_image(cache, 0, 3, 7);
    check_image(cache, 0, 3, 7);
    check_image(cache, 1, 3, 0);
    thaw_error err = {0};
    char hash[33], no_hash[33] = "no hash";
    make_hash(77, hash);
    assert_int_equal(thaw_cache_put(cache, 0, 2, row, NULL), THAW_OK);
    assert_int_equal(thaw_cache_done(cache, 2, hash, &err), THAW_E_INTERNAL); /* tensor 1 is missing */
    assert_int_equal(thaw_cache_done(cache, 0, no_hash, &err), THAW_E_INVALID);
    thaw_cache_free(cache);
}

static void test_two_users(void **state)
{
    const thaw_cache_options options = {.dir = *state, .key = "k", .keep = true};
    first_run(&options);
    thaw_cache *one = create(&options), *two = create(&options);
    assert_true(find_image(one, 0, 0));
    assert_false(find_image(two, 0, 0));
    put_image(two, 0, 0, 5);
    check_image(two, 0, 0, 5);
    seal_image(two, 0, 0);
    check_image(one, 0, 0, 0);
    thaw_cache_free(two);
    thaw_cache_free(one);
}

/* How many of the first six images a run finds; each that it finds must be right. */
static uint32_t count_found(const thaw_cache_options *options)
{
    thaw_cache *cache = create(options);
    uint32_t n = 0;
    for (uint32_t i = 0; i < 6; i++) {
        if (!find_image(cache, i, i))
            continue;
        check_image(cache, i, i, 0);
        n++;
    }
    thaw_cache_free(cache);
    return n;
}

static void test_damage(void **state)
{
    enum { RECORD = ROW_A + ROW_B + 64, HEADER = 4096 };
    const thaw_cache_options options = {.dir = *state, .key = "k", .keep = true};
    char *path = thaw_path_join(*state, "k.thawcache");
    uint8_t *file = NULL;
    size_t size = 0;
    first_run(&options);
    assert_int_equal(thaw_read_file(path, 1 << 20, &file, &size, NULL), THAW_OK);
    static const size_t cuts[] = {
        0, 10, HEADER, HEADER + 1, HEADER + RECORD, HEADER + RECORD - 1, HEADER + 3 * RECORD + 5};
    static const uint32_t found[] = {0, 0, 0, 0, 1, 0, 3};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put_file(*state, "k.thawcache", file, cuts[i]);
        assert_int_equal(count_found(&options), found[i]);
    }
    for (uint32_t k = 0; k < 200; k++) {
        size_t at = thaw_random_u32(3, THAW_RNG_TEST, 0, 0, k) % (HEADER + 6 * RECORD);
        file[at] ^= (uint8_t)(1 + k % 255);
        put_file(*state, "k.thawcache", file, size);
        uint32_t n = count_found(&options);
        if (at < HEADER)
            assert_int_equal(n, 0);
        else
            assert_true(n < 6);
        file[at] ^= (uint8_t)(1 + k % 255);
    }
    put_file(*state, "k.thawcache", file, size);
    assert_int_equal(count_found(&options), 6);
    static const char foreign[5000] = "this is somebody else's";
    put_file(*state, "k.thawcache", foreign, sizeof foreign);
    first_run(&options); /* rebuilt */
    assert_int_equal(count_found(&options), 6);
    free(file);
    free(path);
}

/* Another layout under the same key begins anew. */
static void test_other_layout(void **state)
{
    const thaw_cache_options options = {.dir = *state, .key = "k", .keep = true};
    const thaw_cache_layout other = {.n_tensors = 1, .row_bytes = {ROW_A}};
    first_run(&options);
    thaw_cache *cache = NULL;
    assert_int_equal(thaw_cache_create(&other, IMAGES, &options, &cache, NULL), THAW_OK);
    assert_false(find_image(cache, 0, 0));
    thaw_cache_free(cache);
    assert_int_equal(count_found(&options), 0);
}

#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_places),    WITH_FOLDER(test_leaves_nothing), WITH_FOLDER(test_bad_layouts),
        WITH_FOLDER(test_full_disk), WITH_FOLDER(test_keep),           WITH_FOLDER(test_sealed_stays),
        WITH_FOLDER(test_two_users), WITH_FOLDER(test_damage),         WITH_FOLDER(test_other_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
