/* The generator against its authors' vectors, and the permutation against what a permutation is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rng.h"

/* Random123's kat_vectors, "philox4x32 10". */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        thaw_philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void words_are_those_of_the_blocks(void **state)
{
    (void)state;
    const uint64_t seed = 0x299f31d0a4093822;
    const uint32_t key[2] = {0xa4093822, 0x299f31d0}, counter[4] = {5, THAW_RNG_TEST, 7, 9};
    uint32_t block[4];
    thaw_philox(counter, key, block);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(thaw_random_u32(seed, THAW_RNG_TEST, 7, 9, 20 + i), block[i]);
}

static void uniform_is_below_one(void **state)
{
    (void)state;
    double sum = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        float v = thaw_random_uniform(1, THAW_RNG_TEST, 0, 0, i);
        assert_true(v >= 0 && v < 1);
        assert_true(v * 0x1p24f == (float)(uint32_t)(v * 0x1p24f));
        sum += v;
    }
    assert_true(sum > 4900 && sum < 5100); /* 5000, standard deviation 29 */
}

static void permutations_hold_each_number_once(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        uint32_t order[70];
        char seen[70] = {0};
        thaw_random_permutation(3, THAW_RNG_TEST, (uint32_t)n, order, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(order[i] < n);
            assert_false(seen[order[i]]);
            seen[order[i]] = 1;
        }
    }
}

/* Chi-square over the 24 orders of four things, 23 degrees of freedom: 49.7 is passed once in a thousand. */
static void permutations_are_equally_likely(void **state)
{
    (void)state;
    int count[256] = {0};
    for (uint32_t i = 0; i < 24000; i++) {
        uint32_t p[4];
        thaw_random_permutation(i, THAW_RNG_TEST, 0, p, 4);
        count[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]]++;
    }
    double chi = 0;
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (count[i] == 0)
            continue;
        orders++;
        chi += (count[i] - 1000.0) * (count[i] - 1000.0) / 1000.0;
    }
    assert_int_equal(orders, 24);
    assert_true(chi < 49.7);
}

static void seed_and_epoch_matter(void **state)
{
    (void)state;
    uint32_t a[50], b[50];
    thaw_random_permutation(1, THAW_RNG_SHUFFLE, 0, a, 50);
    thaw_random_permutation(1, THAW_RNG_SHUFFLE, 0, b, 50);
    assert_memory_equal(a, b, sizeof a);
    thaw_random_permutation(1, THAW_RNG_SHUFFLE, 1, b, 50);
    assert_memory_not_equal(a, b, sizeof a);
    thaw_random_permutation(2, THAW_RNG_SHUFFLE, 0, b, 50);
    assert_memory_not_equal(a, b, sizeof a);
    thaw_random_permutation(1ull << 32 | 1, THAW_RNG_SHUFFLE, 0, b, 50);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(words_are_those_of_the_blocks),
        cmocka_unit_test(uniform_is_below_one),
        cmocka_unit_test(permutations_hold_each_number_once),
        cmocka_unit_test(permutations_are_equally_likely),
        cmocka_unit_test(seed_and_epoch_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
