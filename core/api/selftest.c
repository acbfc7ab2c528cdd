/* selftest.c: self-tests through thaw.h. */
#include <stdlib.h>

#include "core/api/api.h"
#include "core/base/memory.h"
#include "core/check/check.h"

/* The report with what its pointers need. */
typedef struct held_test {
    thaw_self_test report; /* first: it is what the caller has */
    thaw_selftest test;
    thaw_self_test_wrong *wrong;
} held_test;

static thaw_status fill_report(held_test *held, bool known, bool reference, thaw_error *err)
{
    const thaw_selftest *test = &held->test;
    size_t n = thaw_selftest_count(test, THAW_SELFTEST_WRONG);
    held->report = (thaw_self_test){.struct_size = sizeof held->report, .state = THAW_SELF_TEST_NOT_RUN};
    if (reference)
        held->report.state = THAW_SELF_TEST_REFERENCE;
    if (!known)
        return THAW_OK;
    held->wrong = thaw_calloc(n, sizeof *held->wrong);
    if (!held->wrong)
        return thaw_fail_memory(err, n * sizeof *held->wrong, "the self-test's report");
    held->report.state = n ? THAW_SELF_TEST_FAILED : THAW_SELF_TEST_PASSED;
    held->report.ops = thaw_selftest_ops(test);
    held->report.algorithms = thaw_selftest_count(test, THAW_SELFTEST_RIGHT);
    held->report.wrong = held->wrong;
    held->report.seconds = test->seconds;
    for (size_t i = 0; i < test->n; i++)
        if (test->algos[i].verdict == THAW_SELFTEST_WRONG)
            held->wrong[held->report.n_wrong++] =
                (thaw_self_test_wrong){.op = thaw_check_op_name(test->algos[i].kind),
                                       .algorithm = test->algos[i].name,
                                       .reason = test->algos[i].why};
    return THAW_OK;
}

thaw_status thaw_device_self_test(thaw_context *context, const char *device, int32_t now,
                                  thaw_self_test **out, thaw_error *err)
{
    thaw_dev *dev = NULL;
    bool known = false;
    held_test *held = thaw_calloc(1, sizeof *held);
    thaw_choices *choices = thaw_choices_create();
    thaw_status st = held && choices ? thaw_runtime_open(context->runtime, device, &dev, err)
                                     : thaw_fail_memory(err, sizeof *held, "a self-test");
    if (st != THAW_OK)
        goto cleanup;
    const thaw_device_entry *entry = thaw_entry_of(context->runtime, dev);
    thaw_load_tuned(context, entry, choices);
    st = thaw_test_device(context, dev, device, choices, now ? THAW_TEST_NOW : THAW_TEST_STORED, &held->test,
                          &known, err);
    if (st == THAW_OK)
        st = fill_report(held, known, thaw_is_reference(entry), err);
    if (st != THAW_OK)
        goto cleanup;
    *out = &held->report;
    held = NULL;
cleanup:
    thaw_runtime_close(context->runtime, dev);
    thaw_choices_free(choices);
    if (held)
        thaw_self_test_free(&held->report);
    return st;
}

void thaw_self_test_free(thaw_self_test *test)
{
    held_test *held = (held_test *)test;
    if (!held)
        return;
    thaw_selftest_free(&held->test);
    free(held->wrong);
    free(held);
}
