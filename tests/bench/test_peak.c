/* thaw.peak/1 of the plugins of this tree: figures that are numbers, and arguments that are none refused.
 * What the figures are is the machine's business.
 *
 *   test_peak [opencl] */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/runtime.h"
#include "thaw_ext.h"

#define SKIPPED 77

static thaw_runtime *load(const char *plugin)
{
    thaw_runtime *runtime = NULL;
    thaw_error err = {0};
    const thaw_runtime_options options = {
        .threads = 2, .plugins = &plugin, .n_plugins = 1, .no_search = true};
    assert_int_equal(thaw_runtime_create(&options, &runtime, &err), THAW_OK);
    return runtime;
}

/* False where the device does not exist here. */
static bool measures(thaw_runtime *runtime, const char *name)
{
    thaw_dev *dev = NULL;
    thaw_error err = {0};
    if (thaw_runtime_open(runtime, name, &dev, &err) != THAW_OK) {
        print_message("%s\n", err.text);
        return false;
    }
    const thaw_peak *peak = thaw_runtime_extension(runtime, dev, THAW_EXT_PEAK);
    assert_non_null(peak);
    assert_true(peak->struct_size >= THAW_PEAK_V1_SIZE);
    double gflops = 0;
    if (peak->fma_gflops(dev->handle, 0.01, &gflops, &err) != THAW_OK)
        fail_msg("%s: %s", name, err.text);
    assert_true(isfinite(gflops) && gflops > 0);
    const double wrong[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        err = (thaw_error){0};
        assert_int_equal(peak->fma_gflops(dev->handle, wrong[i], &gflops, &err), THAW_E_INVALID);
        assert_non_null(strstr(err.text, "seconds"));
    }
    assert_int_equal(peak->fma_gflops(NULL, 0.01, &gflops, &err), THAW_E_INVALID);
    assert_int_equal(peak->fma_gflops(dev->handle, 0.01, NULL, NULL), THAW_E_INVALID);
    assert_null(thaw_runtime_extension(runtime, dev, "thaw.peak/2"));
    thaw_runtime_close(runtime, dev);
    return true;
}

static void cpu(void **state)
{
    (void)state;
    thaw_runtime *runtime = load(CPU_PLUGIN);
    assert_true(measures(runtime, "cpu:0"));
    assert_true(measures(runtime, "cpu:0,isa=reference"));
    assert_true(measures(runtime, "cpu:0,isa=generic"));
    measures(runtime, "cpu:0,isa=avx2");
    measures(runtime, "cpu:0,isa=avx512");
    thaw_runtime_free(runtime);
}

static void none(void **state)
{
    (void)state;
    thaw_dev *dev = NULL;
    thaw_error err = {0};
    thaw_runtime *runtime = load(TOY_PLUGIN);
    assert_int_equal(thaw_runtime_open(runtime, "toy:1", &dev, &err), THAW_OK);
    assert_null(thaw_runtime_extension(runtime, dev, THAW_EXT_PEAK));
    thaw_runtime_close(runtime, dev);
    thaw_runtime_free(runtime);
}

/* Also with the kernel that a GPU gets. */
static void opencl(void **state)
{
    (void)state;
    thaw_runtime *runtime = load(OPENCL_PLUGIN);
    assert_true(measures(runtime, "opencl:0"));
    assert_true(measures(runtime, "opencl:0,class=wave32"));
    thaw_runtime_free(runtime);
}

static bool has_opencl(void)
{
    FILE *f = fopen(OPENCL_PLUGIN, "rb");
    if (!f)
        return false;
    fclose(f);
    thaw_runtime *runtime = load(OPENCL_PLUGIN);
    bool any = thaw_runtime_device_count(runtime) > 0;
    thaw_runtime_free(runtime);
    return any;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cpu), cmocka_unit_test(none)};
    const struct CMUnitTest others[] = {cmocka_unit_test(opencl)};
    if (argc < 2 || strcmp(argv[1], "opencl") != 0)
        return cmocka_run_group_tests(tests, NULL, NULL);
    if (!has_opencl()) {
        printf("skipped: there is no OpenCL device\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(others, NULL, NULL);
}
