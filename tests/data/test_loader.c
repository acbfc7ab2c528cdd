/* The loader: order, errors, early end, and that threads change nothing. */
#include <time.h>

#include "helpers.h"

#define SIDE   8u
#define FLOATS ((size_t)SIDE * SIDE * 3)
#define IMAGES 12u
#define ROWS   40u

static const thaw_preprocess pre = {
    .input_size = SIDE, .scale = 1.0f / 127.5f, .shift = -1.0f, .divide = true};

typedef struct folder {
    char *dir;
    thaw_dataset *set;
} folder;

/* Twelve images of rising size; number 5 is damaged. */
static int set_up(void **state)
{
    static folder f;
    f.dir = temporary_folder();
    for (uint32_t i = 0; i < IMAGES; i++) {
        char name[32];
        size_t size = 0;
        uint8_t *bmp = make_bmp(3 + 17 * (i % 4), 5 + i, i, &size);
        snprintf(name, sizeof name, "%c/%02u.bmp", i < 6 ? 'a' : 'b', i);
        put_file(f.dir, name, bmp, i == 5 ? size / 2 : size);
        free(bmp);
    }
    *state = &f;
    return thaw_dataset_scan(f.dir, NULL, 0, NULL, &f.set, NULL) == THAW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    folder *f = *state;
    thaw_dataset_free(f->set);
    temporary_remove(f->dir);
    return 0;
}

static void fill_order(uint32_t order[ROWS])
{
    for (uint32_t i = 0; i < ROWS; i++)
        order[i] = i * 7 % IMAGES;
}

/* All rows in order, each against the image prepared alone. */
static void check_rows(const folder *f, uint32_t threads, size_t ahead)
{
    uint32_t order[ROWS];
    float row[FLOATS], want[FLOATS];
    char hash[33], want_hash[33];
    thaw_loader *loader = NULL;
    fill_order(order);
    assert_int_equal(thaw_loader_create(f->set, &pre, order, ROWS, threads, ahead, &loader, NULL), THAW_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        thaw_error err = {0};
        thaw_status st = thaw_loader_next(loader, row, hash, &err);
        if (order[i] == 5) {
            assert_int_equal(st, THAW_E_FORMAT);
            assert_int_equal(err.status, THAW_E_FORMAT);
            assert_non_null(strstr(err.text, "a/05.bmp"));
            continue;
        }
        assert_int_equal(st, THAW_OK);
        char *path = thaw_dataset_path(f->set, order[i]);
        assert_int_equal(thaw_image_prepare(path, &pre, want, want_hash, NULL), THAW_OK);
        assert_memory_equal(row, want, sizeof row);
        assert_string_equal(hash, want_hash);
        free(path);
    }
    assert_int_equal(thaw_loader_next(loader, row, NULL, NULL), THAW_E_INVALID);
    thaw_loader_free(loader);
}

static void test_order_and_errors(void **state)
{
    check_rows(*state, 1, 1);
    check_rows(*state, 1, 5);
    check_rows(*state, 3, 2);
    check_rows(*state, 3, 16);
    check_rows(*state, 0, 1000);
}

static void test_early_end(void **state)
{
    const folder *f = *state;
    uint32_t order[ROWS];
    float row[FLOATS];
    fill_order(order);
    for (uint32_t taken = 0; taken < 6; taken++) {
        thaw_loader *loader = NULL;
        assert_int_equal(thaw_loader_create(f->set, &pre, order, ROWS, 3, 4, &loader, NULL), THAW_OK);
        for (uint32_t i = 0; i < taken; i++)
            (void)thaw_loader_next(loader, row, NULL, NULL);
        thaw_loader_free(loader);
    }
    thaw_loader_free(NULL);
}

/* While it is paused no file is read: nobody notices that they are gone. */
static void test_pause(void **state)
{
    const folder *f = *state;
    const struct timespec while_gone = {.tv_nsec = 20000000};
    uint32_t order[ROWS];
    float row[FLOATS];
    char away[256];
    thaw_loader *loader = NULL;
    fill_order(order);
    snprintf(away, sizeof away, "%s.away", f->dir);
    assert_int_equal(thaw_loader_create(f->set, &pre, order, ROWS, 3, ROWS, &loader, NULL), THAW_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        if (i % 16 == 0) {
            thaw_loader_pause(loader);
            assert_int_equal(rename(f->dir, away), 0);
            nanosleep(&while_gone, NULL);
            assert_int_equal(rename(away, f->dir), 0);
            thaw_loader_resume(loader);
        }
        assert_int_equal(thaw_loader_next(loader, row, NULL, NULL), order[i] == 5 ? THAW_E_FORMAT : THAW_OK);
    }
    thaw_loader_free(loader);
    /* It ends while it is paused, too. */
    assert_int_equal(thaw_loader_create(f->set, &pre, order, ROWS, 3, 4, &loader, NULL), THAW_OK);
    thaw_loader_pause(loader);
    thaw_loader_free(loader);
}

static void test_arguments(void **state)
{
    const folder *f = *state;
    static const uint32_t beyond[2] = {0, IMAGES};
    const thaw_preprocess nothing = {0};
    thaw_loader *loader = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_loader_create(f->set, &pre, beyond, 2, 1, 1, &loader, &err), THAW_E_INVALID);
    assert_int_equal(thaw_loader_create(f->set, &nothing, beyond, 1, 1, 1, &loader, &err), THAW_E_INVALID);
    assert_null(loader);
    assert_int_equal(thaw_loader_create(f->set, &pre, NULL, 0, 2, 3, &loader, &err), THAW_OK);
    assert_int_equal(thaw_loader_next(loader, NULL, NULL, &err), THAW_E_INVALID);
    thaw_loader_free(loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_errors),
        cmocka_unit_test(test_early_end),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
