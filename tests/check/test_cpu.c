/* test_cpu.c ISA: the whole table on the CPU backend with one instruction set. */
#include <stdio.h>
#include <string.h>

#include "helpers.h"

static const char *isa;

static void on_case(void *ctx, const thaw_check_case *result)
{
    (void)ctx;
    if (result->result != THAW_CHECK_PASSED)
        print_error("%s (seed %llu): %s\n", result->name, (unsigned long long)result->seed, result->text);
}

static bool machine_has(const char *name)
{
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#endif
    return strncmp(name, "avx", 3) != 0;
}

static void passes_every_case(void **state)
{
    (void)state;
    if (!machine_has(isa))
        skip();
    const char *const plugins[] = {CPU_PLUGIN, NULL};
    thaw_runtime *runtime = test_runtime(plugins);
    char device[48];
    snprintf(device, sizeof device, "cpu:0,isa=%s", isa);
    thaw_check_options options = {.device = device, .seed = 2026, .on_case = on_case};
    thaw_check_summary summary;
    thaw_error err = {0};
    thaw_status st = thaw_check_run(runtime, &options, &summary, &err);
    thaw_runtime_free(runtime);
    print_message("%s: %zu cases, %zu executed, %.2f s\n", isa, summary.cases, summary.executed,
                  summary.seconds);
    for (uint32_t kind = 0; kind < THAW_OP_KIND_END; kind++)
        print_message("  %-20s %4zu cases, worst %.3f of what is allowed\n", summary.ops[kind].op,
                      summary.ops[kind].cases, summary.ops[kind].worst);
    if (st != THAW_OK)
        fail_msg("%s", err.text);
    assert_int_equal(summary.failed, 0);
    assert_int_equal(summary.declined, 0);
    assert_true(summary.executed >= 900);
    for (uint32_t kind = 0; kind < THAW_OP_KIND_END; kind++)
        assert_true(summary.ops[kind].passed > 0);
}

int main(int argc, char **argv)
{
    isa = argc > 1 ? argv[1] : "generic";
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_every_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
