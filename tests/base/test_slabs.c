/* Blocks that share huge pages: none overlaps another, all are aligned, and the memory goes with the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/slabs.h"

#define N 60

/* Around the limits between blocks that share and blocks that are alone, and enough for several slabs. */
static size_t size_of(size_t i)
{
    static const size_t sizes[] = {1, 32767, 32768, 100003, 700001, (3 << 19) - 1, 3 << 19, (3 << 19) + 1};
    return sizes[i % (sizeof sizes / sizeof *sizes)];
}

static void fill(unsigned char *const *blocks, size_t i)
{
    memset(blocks[i], (int)i + 1, size_of(i));
}

static void assert_kept(unsigned char *const *blocks, size_t i)
{
    for (size_t k = 0; k < size_of(i); k++)
        if (blocks[i][k] != (unsigned char)(i + 1))
            fail_msg("byte %zu of block %zu was written by somebody else", k, i);
}

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    thaw_slabs slabs = THAW_SLABS_EMPTY;
    unsigned char *blocks[N];
    for (size_t i = 0; i < N; i++) {
        blocks[i] = thaw_slabs_alloc(&slabs, size_of(i), 64);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 64, 0);
        fill(blocks, i);
    }
    for (size_t i = 0; i < N; i++)
        assert_kept(blocks, i);
    /* Every second one is replaced. */
    for (size_t i = 0; i < N; i += 2)
        thaw_slabs_free(&slabs, blocks[i]);
    for (size_t i = 0; i < N; i += 2) {
        blocks[i] = thaw_slabs_alloc(&slabs, size_of(i), 64);
        assert_non_null(blocks[i]);
        fill(blocks, i);
    }
    for (size_t i = 0; i < N; i++)
        assert_kept(blocks, i);
    for (size_t i = 0; i < N; i++)
        thaw_slabs_free(&slabs, blocks[i]);
    assert_null(slabs.first);
}

static void wide_alignment_is_kept(void **state)
{
    (void)state;
    thaw_slabs slabs = THAW_SLABS_EMPTY;
    void *p = thaw_slabs_alloc(&slabs, 100000, 4096), *q = thaw_slabs_alloc(&slabs, 100000, 64);
    assert_non_null(p);
    assert_non_null(q);
    assert_int_equal((uintptr_t)p % 4096, 0);
    thaw_slabs_free(&slabs, p);
    thaw_slabs_free(&slabs, q);
    thaw_slabs_free(&slabs, NULL);
    assert_null(slabs.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(wide_alignment_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
