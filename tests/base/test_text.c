/* Status texts, the log, and sizes that overflow. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/status.h"
#include "thaw_plugin.h"

static void failures_say_what(void **state)
{
    (void)state;
    thaw_error err;
    assert_int_equal(thaw_fail(&err, THAW_E_FORMAT, "byte %d", 7), THAW_E_FORMAT);
    assert_int_equal(err.status, THAW_E_FORMAT);
    assert_int_equal(err.native, 0);
    assert_string_equal(err.text, "byte 7");
    assert_int_equal(thaw_fail_within(&err, THAW_E_FORMAT, "file %s", "a.h5"), THAW_E_FORMAT);
    assert_string_equal(err.text, "file a.h5: byte 7");
    assert_int_equal(thaw_fail(NULL, THAW_E_INVALID, "nobody listens"), THAW_E_INVALID);
    assert_int_equal(thaw_fail_within(NULL, THAW_E_INVALID, "nobody listens"), THAW_E_INVALID);
    assert_int_equal(thaw_fail_memory(&err, 12345, "a cake"), THAW_E_NO_MEMORY);
    assert_non_null(strstr(err.text, "12345"));
    assert_non_null(strstr(err.text, "a cake"));
}

static void an_error_may_be_its_own_argument(void **state)
{
    (void)state;
    thaw_error err;
    thaw_fail(&err, THAW_E_IO, "inner");
    thaw_fail(&err, THAW_E_IO, "outer(%s)", err.text);
    assert_string_equal(err.text, "outer(inner)");
}

static void system_errors_keep_their_number(void **state)
{
    (void)state;
    thaw_error err;
    assert_int_equal(thaw_fail_errno(&err, ENOENT, "cannot open %s", "x"), THAW_E_NOT_FOUND);
    assert_int_equal(err.native, ENOENT);
    assert_string_equal(err.text, "cannot open x: No such file or directory");
    assert_int_equal(thaw_fail_errno(&err, ENOMEM, "x"), THAW_E_NO_MEMORY);
    assert_int_equal(thaw_fail_errno(&err, EACCES, "x"), THAW_E_IO);
    thaw_fail_within(&err, THAW_E_IO, "y");
    assert_int_equal(err.native, EACCES);
}

/* Whatever the place of the cut, no half character stays. */
static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char text[1200] = "abc";
        text[lead > 2 ? 3 : lead] = '\0';
        size_t n = strlen(text);
        for (; n + 3 < sizeof text - 1; n += 3)
            memcpy(text + n, "\xe2\x82\xac", 4);
        thaw_error err;
        thaw_fail(&err, THAW_E_INVALID, "%s", text);
        size_t cut = strlen(err.text);
        assert_true(cut < sizeof err.text && cut + 6 > sizeof err.text);
        assert_memory_equal(err.text, text, cut);
        assert_int_equal((cut - strspn(err.text, "abc")) % 3, 0);
    }
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (thaw_status a = THAW_OK; a <= THAW_E_CHECK; a++)
        for (thaw_status b = THAW_OK; b < a; b++)
            assert_string_not_equal(thaw_status_name(a), thaw_status_name(b));
    assert_string_equal(thaw_status_name(9999), thaw_status_name(THAW_E_INTERNAL));
}

static void keep(void *ctx, int32_t level, const char *text)
{
    snprintf(ctx, 1100, "%d:%s", (int)level, text);
}

static void the_log_has_a_level(void **state)
{
    (void)state;
    char got[1100] = "";
    thaw_log log = {keep, got, THAW_LOG_INFO};
    thaw_log_at(&log, THAW_LOG_DEBUG, "quiet");
    assert_string_equal(got, "");
    thaw_log_at(&log, THAW_LOG_INFO, "n = %d", 3);
    assert_string_equal(got, "2:n = 3");
    thaw_log_at(&log, THAW_LOG_WARN, "%2000s", "");
    assert_true(strlen(got) > 1000);
    thaw_log_at(NULL, THAW_LOG_ERROR, "nobody listens");
}

static void sizes_do_not_wrap(void **state)
{
    (void)state;
    size_t out = 5;
    assert_false(thaw_mul(SIZE_MAX / 2, 3, &out));
    assert_false(thaw_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    assert_true(thaw_mul(6, 7, &out));
    assert_int_equal(out, 42);
    assert_true(thaw_add(SIZE_MAX - 1, 1, &out));
    assert_int_equal(out, SIZE_MAX);
    volatile size_t huge = SIZE_MAX / 4;
    assert_null(thaw_calloc(huge, 16));
    void *items = NULL;
    size_t capacity = 0;
    assert_false(thaw_grow(&items, &capacity, huge, 16));
    assert_null(items);
    assert_int_equal(capacity, 0);
    assert_true(thaw_grow(&items, &capacity, 9, 4));
    assert_true(capacity >= 9);
    free(items);
}

static void aligned_memory_is_aligned(void **state)
{
    (void)state;
    for (size_t align = 1; align <= 4096; align *= 2) {
        void *p = thaw_alloc_aligned(align == 64 ? 0 : 100, align);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % align, 0);
        thaw_free_aligned(p);
    }
    thaw_free_aligned(NULL);
    /* Around the sizes from which on there are huge pages: all of a block can be written. */
    for (size_t mib = 1; mib <= 4; mib++) {
        for (size_t bytes = (mib << 20) - 1; bytes <= (mib << 20) + 1; bytes++) {
            unsigned char *p = thaw_alloc_aligned(bytes, 64);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 64, 0);
            memset(p, 1, bytes);
            assert_int_equal(p[0] + p[bytes - 1], 2);
            thaw_free_aligned(p);
        }
    }
    volatile size_t most = SIZE_MAX;
    assert_null(thaw_alloc_aligned(most, 64));
    assert_null(thaw_alloc_aligned(most / 2, 64));
    char *copy = thaw_strdup("text");
    assert_string_equal(copy, "text");
    free(copy);
    assert_null(thaw_strdup(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_say_what),
        cmocka_unit_test(an_error_may_be_its_own_argument),
        cmocka_unit_test(system_errors_keep_their_number),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(the_log_has_a_level),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(aligned_memory_is_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
