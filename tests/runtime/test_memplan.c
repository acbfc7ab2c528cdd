/* The memory plan: no two things at one place at one time, and no more memory than need be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rng.h"
#include "core/runtime/memplan.h"

#define MAX_ITEMS 120u

static bool at_the_same_time(const thaw_mem_item *a, const thaw_mem_item *b)
{
    for (size_t t = a->first; t <= a->last; t++)
        if (t >= b->first && t <= b->last)
            return true;
    return false;
}

static bool at_the_same_place(const thaw_mem_item *a, const thaw_mem_item *b)
{
    return a->arena == b->arena && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void check_plan(const thaw_mem_item *items, size_t n, uint64_t align, uint64_t max,
                       const thaw_mem_plan *plan)
{
    uint64_t naive = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(items[i].arena < plan->n_arenas);
        assert_int_equal(items[i].offset % align, 0);
        assert_true(items[i].offset + items[i].bytes <= plan->arena_bytes[items[i].arena]);
        naive += items[i].bytes;
        for (size_t k = 0; k < i; k++)
            assert_false(at_the_same_time(&items[i], &items[k]) && at_the_same_place(&items[i], &items[k]));
    }
    for (size_t a = 0; a < plan->n_arenas; a++) {
        assert_true(plan->arena_bytes[a] <= max);
        total += plan->arena_bytes[a];
    }
    assert_int_equal(plan->naive_bytes, naive);
    assert_int_equal(plan->total_bytes, total);
}

static uint32_t draw(uint32_t trial, uint32_t index, uint32_t below)
{
    return thaw_random_u32(2024, THAW_RNG_TEST, trial, 0, index) % below;
}

static void random_plans_have_no_overlap(void **state)
{
    (void)state;
    for (uint32_t trial = 0; trial < 200; trial++) {
        thaw_mem_item items[MAX_ITEMS], again[MAX_ITEMS];
        size_t n = 1 + draw(trial, 0, MAX_ITEMS - 1);
        uint64_t align = 64u << draw(trial, 1, 4);
        uint64_t max = trial % 2 ? 6000 : UINT64_MAX / 4;
        for (uint32_t i = 0; i < n; i++) {
            size_t first = draw(trial, 10 + 3 * i, 60);
            items[i] = (thaw_mem_item){.bytes = 1 + draw(trial, 11 + 3 * i, 5000),
                                       .first = first,
                                       .last = first + draw(trial, 12 + 3 * i, 12)};
        }
        memcpy(again, items, sizeof again);
        thaw_mem_plan plan, second;
        assert_int_equal(thaw_mem_plan_make(items, n, align, max, &plan, NULL), THAW_OK);
        check_plan(items, n, align, max, &plan);
        assert_int_equal(thaw_mem_plan_make(again, n, align, max, &second, NULL), THAW_OK);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(items[i].arena, again[i].arena);
            assert_int_equal(items[i].offset, again[i].offset);
        }
        thaw_mem_plan_free(&plan);
        thaw_mem_plan_free(&second);
    }
}

static void a_chain_needs_two_places(void **state)
{
    (void)state;
    thaw_mem_item items[20];
    for (size_t i = 0; i < 20; i++)
        items[i] = (thaw_mem_item){.bytes = 1024, .first = i, .last = i + 1};
    thaw_mem_plan plan;
    assert_int_equal(thaw_mem_plan_make(items, 20, 64, 1u << 20, &plan, NULL), THAW_OK);
    assert_int_equal(plan.n_arenas, 1);
    assert_int_equal(plan.total_bytes, 2048);
    assert_int_equal(plan.naive_bytes, 20 * 1024);
    thaw_mem_plan_free(&plan);
}

static void the_smallest_gap_is_taken(void **state)
{
    (void)state;
    /* At time 1 there are gaps of 4096 and of 2048 bytes; the last item takes the smaller. */
    thaw_mem_item items[] = {
        {.bytes = 8192, .first = 0, .last = 1}, {.bytes = 4096, .first = 0, .last = 0},
        {.bytes = 3072, .first = 0, .last = 1}, {.bytes = 2048, .first = 0, .last = 0},
        {.bytes = 1536, .first = 0, .last = 1}, {.bytes = 1024, .first = 1, .last = 1},
    };
    thaw_mem_plan plan;
    assert_int_equal(thaw_mem_plan_make(items, 6, 64, 1u << 20, &plan, NULL), THAW_OK);
    assert_int_equal(items[5].offset, items[3].offset);
    thaw_mem_plan_free(&plan);
}

static void nothing_needs_nothing(void **state)
{
    (void)state;
    thaw_mem_plan plan;
    assert_int_equal(thaw_mem_plan_make(NULL, 0, 64, 100, &plan, NULL), THAW_OK);
    assert_int_equal(plan.n_arenas, 0);
    assert_int_equal(plan.total_bytes, 0);
    thaw_mem_plan_free(&plan);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    thaw_mem_item item = {.bytes = 4097, .first = 0, .last = 0};
    thaw_mem_plan plan;
    thaw_error err;
    assert_int_equal(thaw_mem_plan_make(&item, 1, 64, 4096, &plan, &err), THAW_E_DEVICE_MEMORY);
    assert_non_null(strstr(err.text, "4097"));
    assert_non_null(strstr(err.text, "4096"));
    thaw_mem_plan_free(&plan);
    thaw_mem_item huge[2] = {{.bytes = INT64_MAX}, {.bytes = INT64_MAX}};
    assert_int_equal(thaw_mem_plan_make(huge, 2, 64, INT64_MAX, &plan, NULL), THAW_E_DEVICE_MEMORY);
    thaw_mem_plan_free(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans_have_no_overlap), cmocka_unit_test(a_chain_needs_two_places),
        cmocka_unit_test(the_smallest_gap_is_taken),    cmocka_unit_test(nothing_needs_nothing),
        cmocka_unit_test(what_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
