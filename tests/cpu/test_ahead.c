/* The order of kernels: what is told to be next, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/cpu/ahead.h"
#include "backends/cpu/call.h"

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    (void)ctx;
    return aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static const thaw_host host = {.struct_size = sizeof host, .alloc = host_alloc, .free = host_free};

static void the_second_time_the_next_is_known(void **state)
{
    (void)state;
    const char memory[2] = {0, 0};
    cpu_order *order = cpu_order_create(&host);
    assert_non_null(order);
    cpu_ahead a = {.own = {&memory[0], 8}}, pool = {.own = {NULL, 0}}, b = {.own = {&memory[1], 16}};
    assert_null(cpu_order_enter(order, &a).first);
    assert_null(cpu_order_enter(order, &pool).first);
    assert_null(cpu_order_enter(order, &b).first);
    assert_ptr_equal(cpu_order_enter(order, &a).first, &memory[1]);
    assert_int_equal(cpu_order_enter(order, &pool).share, 0);
    assert_ptr_equal(cpu_order_enter(order, &b).first, &memory[0]);
    cpu_order_destroy(&host, order);
}

static void a_kernel_that_is_gone_is_not_written_to(void **state)
{
    (void)state;
    const char memory[2] = {0, 0};
    cpu_order *order = cpu_order_create(&host);
    assert_non_null(order);
    cpu_ahead gone = {.own = {&memory[0], 0}}, b = {.own = {&memory[1], 0}};
    cpu_order_enter(order, &gone);
    cpu_order_leave(order, &gone);
    cpu_order_enter(order, &b);
    assert_null(gone.next.first);
    cpu_order_destroy(&host, order);
}

static void only_the_last_task_looks_ahead(void **state)
{
    (void)state;
    const char memory[100] = {0};
    const struct thaw_device dev = {.threads = 3};
    cpu_call call = {.dev = &dev, .next = {memory, 10}};
    /* 8 tasks: 0 1 2, 3 4 5, 6 7. */
    for (uint32_t task = 0; task < 8; task++) {
        const uint32_t worker = task / 3;
        const char *expected = task % 3 == 2 || task == 7 ? memory + 10 * worker : NULL;
        assert_ptr_equal(cpu_next_weights(&call, 8, task, worker), expected);
    }
    call.next.first = NULL;
    assert_null(cpu_next_weights(&call, 8, 7, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_time_the_next_is_known),
        cmocka_unit_test(a_kernel_that_is_gone_is_not_written_to),
        cmocka_unit_test(only_the_last_task_looks_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
