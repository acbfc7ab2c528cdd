#include "helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

thaw_runtime *test_runtime(const char *const *plugins)
{
    thaw_runtime *runtime = NULL;
    thaw_error err = {0};
    size_t n = 0;
    while (plugins[n])
        n++;
    thaw_runtime_options options = {.threads = 2, .plugins = plugins, .n_plugins = n, .no_search = true};
    if (thaw_runtime_create(&options, &runtime, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return runtime;
}

void test_on_case(void *ctx, const thaw_check_case *result)
{
    finding *f = ctx;
    if (result->result != THAW_CHECK_FAILED)
        return;
    if (!f->failed++) {
        snprintf(f->name, sizeof f->name, "%s", result->name);
        snprintf(f->text, sizeof f->text, "%s", result->text);
    }
}

thaw_status test_run(thaw_runtime *runtime, const char *device, const char *op, const char *filter,
                     thaw_check_summary *summary, finding *f, thaw_error *err)
{
    thaw_check_options options = {.device = device,
                                  .op = op,
                                  .case_filter = filter,
                                  .seed = 7,
                                  .on_case = test_on_case,
                                  .on_case_ctx = f};
    memset(f, 0, sizeof *f);
    memset(err, 0, sizeof *err);
    return thaw_check_run(runtime, &options, summary, err);
}

void test_must_find(thaw_runtime *runtime, const char *fault, const char *op, const char *filter,
                    const char *text)
{
    char device[64];
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    if (test_run(runtime, "faulty:0,fault=none", op, filter, &summary, &f, &err) != THAW_OK)
        fail_msg("without a fault: %s: %s", f.name, f.failed ? f.text : err.text);
    assert_int_equal(summary.declined, 0);
    snprintf(device, sizeof device, "faulty:0,fault=%s", fault);
    if (test_run(runtime, device, op, filter, &summary, &f, &err) != THAW_E_CHECK)
        fail_msg("%s was not found by %s/%s: %s", fault, op, filter ? filter : "*", err.text);
    assert_true(summary.failed > 0);
    assert_int_equal(summary.failed, f.failed);
    assert_true(err.text[0]);
    if (!strstr(f.text, text))
        fail_msg("%s: \"%s\" does not speak of \"%s\"", f.name, f.text, text);
}

void test_must_pass(thaw_runtime *runtime, const char *fault, const char *op, const char *filter)
{
    char device[64];
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    snprintf(device, sizeof device, "faulty:0,fault=%s", fault);
    if (test_run(runtime, device, op, filter, &summary, &f, &err) != THAW_OK)
        fail_msg("%s: %s: %s", fault, f.name, f.failed ? f.text : err.text);
}

int test_start(void **state)
{
    const char *const plugins[] = {CPU_PLUGIN, FAULTY_PLUGIN, LATER_PLUGIN, NULL};
    setenv("THAW_FAULTY_INNER", CPU_PLUGIN, 1);
    *state = test_runtime(plugins);
    return 0;
}

int test_stop(void **state)
{
    thaw_runtime_free(*state);
    return 0;
}
