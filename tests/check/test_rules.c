/* test_rules.c: faults against the rules of the interface that are not about values: weights that change,
 * several threads and streams, memory, versions. Each is found by the case that is there for it. */
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/check/host.h"
#include "helpers.h"

extern char **environ;

static thaw_runtime *runtime;
static char *program;

static void must_find(const char *fault, const char *op, const char *filter, const char *text)
{
    test_must_find(runtime, fault, op, filter, text);
}

/* A fault of thaw_plugin_entry or init, which know no option yet. */
static void must_find_at_start(const char *fault, const char *filter, const char *text)
{
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    assert_int_equal(test_run(runtime, "faulty:0,fault=none", "device", filter, &summary, &f, &err), THAW_OK);
    setenv("THAW_FAULTY_INIT", fault, 1);
    thaw_status st = test_run(runtime, "faulty:0,fault=none", "device", filter, &summary, &f, &err);
    unsetenv("THAW_FAULTY_INIT");
    if (st != THAW_E_CHECK)
        fail_msg("%s was not found by device/%s: %s", fault, filter, err.text);
    if (!strstr(f.text, text))
        fail_msg("%s: \"%s\" does not speak of \"%s\"", f.name, f.text, text);
}

static void finds_weights_that_were_kept(void **state)
{
    (void)state;
    must_find("stale", "conv2d", "/fresh", "after its MUTABLE inputs changed");
    must_find("stale", "conv2d_bwd_data", "/fresh", "after its MUTABLE inputs changed");
    must_find("stale", "bn_fold", "/fresh", "after its MUTABLE inputs changed");
    must_find("pointer", "conv2d", "odd_3x3_3-7_s1.1_p1.1.1.1_3x2x2_bias_relu_const", "the reference has");
}

static void finds_bits_that_depend_on_kernel_or_threads(void **state)
{
    (void)state;
    must_find("kernel", "conv2d", "/again", "from a second kernel of the same op");
    must_find("kernel", "adam", "/again", "from a second kernel of the same op");
    must_find("threads", "conv2d", "/threads", "with another number of threads");
    must_find("threads", "bias_grad", "/threads", "with another number of threads");
}

static void finds_wrong_gradients(void **state)
{
    (void)state;
    must_find("value", "bn_train_bwd", "/gradient", "difference quotient");
    must_find("value", "softmax_xent_bwd", "/gradient", "difference quotient");
    must_find("value", "relu_bwd", "/gradient", "<relu_bwd(dy, y), x>");
    must_find("value", "bias_grad", "/gradient", "<bias_grad(dy), b>");
}

static void finds_kernels_that_share_something(void **state)
{
    (void)state;
    must_find("shared", "conv2d", "/streams", "belongs in its workspace");
    must_find("scratch", "device", "side-by-side", "belongs in its workspace");
    must_find("buffers", "device", "side-by-side", "beside the work of other streams");
    must_find("static", "device", "prepare-at-once", "op_prepare is thread-safe");
}

static void finds_an_enqueue_that_waits(void **state)
{
    (void)state;
    must_find("lock", "maxpool", "/blocking", "it waits for that stream's work");
}

static void finds_an_enqueue_that_is_not_quiet(void **state)
{
    (void)state;
    must_find("allocates", "add", "/quiet", "op_enqueue allocated 1 times from the host, 64 bytes");
    must_find("frees", "add", "/quiet", "belongs in kernel_destroy");
    must_find("logs", "add", "/quiet", "log in op_prepare");
}

static void finds_leaks(void **state)
{
    (void)state;
    must_find("leak", "device", "leaks", "a device that was used and closed keeps 1");
    must_find("keep", "device", "leaks", "the plugin after its shutdown keeps 1");
    must_find("foreign", "device", "leaks", "had not given out");
}

static void finds_what_goes_wrong_without_memory(void **state)
{
    (void)state;
    must_find("partial", "add", "/no-memory", "op_prepare keeps 1 of the host's allocations");
    must_find("mute", "add", "/no-memory", "op_prepare fails without a text");
    must_find("status", "add", "/no-memory", "instead of THAW_E_NO_MEMORY");
    must_find("never-again", "add", "/no-memory", "has some again");
    must_find("empty", "add", "/no-memory", "success but hands out nothing");
    must_find("open", "device", "/no-memory", "device_open keeps 1 of the host's allocations");
    must_find("open-empty", "device", "/no-memory", "success but hands out nothing");
    must_find("full-status", "device", "/full", "instead of THAW_E_DEVICE_MEMORY");
    must_find("full-mute", "device", "/full", "does not say why");
    must_find("full-broken", "device", "/full", "after the device had been full");
}

static void finds_options_that_nobody_knows(void **state)
{
    (void)state;
    must_find("options", "device", "/options", "accepts the option \"no-such-option=1\"");
    must_find("options", "device", "no-error", "and with err NULL, succeeds");
    must_find("options-status", "device", "/options", "instead of THAW_E_INVALID");
    must_find("options-mute", "device", "/options", "without a text");
    must_find("options-empty", "device", "/options", "accepts the option");
}

static void finds_structs_that_are_misread(void **state)
{
    (void)state;
    must_find("strict", "conv2d", "/skew", "given structs longer than those of this version");
    must_find("greedy", "conv2d", "/skew", "gives other bits");
    must_find("short", "conv2d", "/skew", "accepts thaw_op whose struct_size is smaller");
    must_find("describe", "device", "describe-size", "device_describe writes byte 440");
    must_find("describe-lenient", "device", "describe-size", "device_describe accepts");
    must_find_at_start("strict-host", "long-host", "with a thaw_host that is longer");
    must_find_at_start("lenient-host", "short-host", "init accepts a thaw_host of 56 bytes");
    must_find_at_start("mute-host", "short-host", "does not say why");
    must_find_at_start("echo-major", "other-major", "repeats the host's abi_major");
    must_find_at_start("strict-minor", "other-major", "declines a host of abi_minor 10");
}

/* Longer tables of a plugin, with more behind than this host knows, and everything computed right. */
static void a_later_plugin_passes(void **state)
{
    (void)state;
    static const char *const ops[] = {"device", "conv2d", "adam"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        finding f;
        thaw_check_summary summary;
        thaw_error err;
        if (test_run(runtime, "later:0,fault=none", ops[i], i == 1 ? "odd_" : NULL, &summary, &f, &err) !=
            THAW_OK)
            fail_msg("%s: %s", f.name, f.failed ? f.text : err.text);
        assert_int_equal(summary.declined, 0);
    }
}

typedef struct reasons {
    size_t declined, different;
    char first[256];
} reasons;

static void collect_reason(void *ctx, const thaw_check_case *result)
{
    reasons *r = ctx;
    if (result->result != THAW_CHECK_DECLINED)
        return;
    if (r->declined++ == 0)
        snprintf(r->first, sizeof r->first, "%s", result->text);
    r->different += strncmp(r->first, result->text, sizeof r->first - 1) != 0;
}

/* One reason, whose words are the same in the next run too. */
static void what_has_no_second_instance_is_declined_for_one_reason(void **state)
{
    (void)state;
    reasons found[2] = {{0}};
    setenv("TMPDIR", "/no/such/folder", 1);
    for (int i = 0; i < 2; i++) {
        thaw_check_summary summary;
        thaw_error err;
        const thaw_check_options options = {.device = "faulty:0,fault=none",
                                            .op = "add",
                                            .seed = 7,
                                            .on_case = collect_reason,
                                            .on_case_ctx = &found[i]};
        assert_int_equal(thaw_check_run(runtime, &options, &summary, &err), THAW_OK);
    }
    unsetenv("TMPDIR");
    assert_true(found[0].declined > 1);
    assert_int_equal(found[0].different, 0);
    assert_string_equal(found[0].first, found[1].first);
    assert_non_null(strstr(found[0].first, "/no/such/folder"));
}

static void an_empty_tmpdir_is_none(void **state)
{
    (void)state;
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    setenv("TMPDIR", "", 1);
    thaw_status st = test_run(runtime, "faulty:0,fault=none", "add", "/threads", &summary, &f, &err);
    unsetenv("TMPDIR");
    assert_int_equal(st, THAW_OK);
    assert_int_equal(summary.declined, 0);
}

/* A file that cannot be copied: nothing is wrong with the plugin, so that these cases are declined. */
static void without_a_second_instance_cases_are_declined(void **state)
{
    (void)state;
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    setenv("TMPDIR", "/no/such/folder", 1);
    thaw_status st = test_run(runtime, "faulty:0,fault=none", "add", NULL, &summary, &f, &err);
    unsetenv("TMPDIR");
    assert_int_equal(st, THAW_OK);
    assert_int_equal(summary.failed, 0);
    assert_true(summary.declined > 0);
    assert_true(summary.passed > summary.declined);
}

/* Runs itself with this fault, which ends the process; without one it ends well. */
static int run_apart(const char *device)
{
    char *const argv[] = {program, (char *)(uintptr_t)device, NULL};
    pid_t pid;
    int status = 0;
    assert_int_equal(posix_spawn(&pid, program, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void an_err_of_NULL_that_is_written_to_ends_the_check(void **state)
{
    (void)state;
    assert_int_equal(run_apart("faulty:0,fault=none"), 0);
    assert_int_not_equal(run_apart("faulty:0,fault=null-error"), 0);
}

static void come_late(void *arg, uint32_t member)
{
    sem_t *gate = arg;
    if (member == 1) {
        sem_wait(gate);
        sem_post(gate);
    }
}

static void a_thread_that_does_not_come_back_is_given_up(void **state)
{
    (void)state;
    static sem_t gate; /* as long as the thread that waits for it */
    thaw_error err = {0};
    sem_init(&gate, 0, 0);
    assert_int_equal(thaw_check_crew(2, 0.1, come_late, &gate, "waiting", &err), THAW_E_CHECK);
    assert_non_null(strstr(err.text, "waiting: not all of 2 threads came back"));
    sem_post(&gate);
    assert_int_equal(thaw_check_crew(2, 60, come_late, &gate, "waiting", &err), THAW_OK);
}

static int start(void **state)
{
    int failed = test_start(state);
    runtime = *state;
    return failed;
}

static int check_no_error(const char *device)
{
    void *state;
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    start(&state);
    thaw_status st = test_run(runtime, device, "device", "no-error", &summary, &f, &err);
    test_stop(&state);
    return st == THAW_OK && summary.passed == 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_weights_that_were_kept),
        cmocka_unit_test(finds_bits_that_depend_on_kernel_or_threads),
        cmocka_unit_test(finds_wrong_gradients),
        cmocka_unit_test(finds_kernels_that_share_something),
        cmocka_unit_test(finds_an_enqueue_that_waits),
        cmocka_unit_test(finds_an_enqueue_that_is_not_quiet),
        cmocka_unit_test(finds_leaks),
        cmocka_unit_test(finds_what_goes_wrong_without_memory),
        cmocka_unit_test(finds_options_that_nobody_knows),
        cmocka_unit_test(finds_structs_that_are_misread),
        cmocka_unit_test(a_later_plugin_passes),
        cmocka_unit_test(a_thread_that_does_not_come_back_is_given_up),
        cmocka_unit_test(without_a_second_instance_cases_are_declined),
        cmocka_unit_test(what_has_no_second_instance_is_declined_for_one_reason),
        cmocka_unit_test(an_empty_tmpdir_is_none),
        cmocka_unit_test(an_err_of_NULL_that_is_written_to_ends_the_check)};
    program = argv[0];
    if (argc > 1)
        return check_no_error(argv[1]);
    return cmocka_run_group_tests(tests, start, test_stop);
}
