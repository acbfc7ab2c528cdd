/* Loading: good plugins, odd ones, and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/runtime/runtime.h"

#define TOY THAW_TOY_DIR "/thaw-toy.so"

static thaw_status load(const char *file, thaw_runtime **rt, thaw_error *err)
{
    const char *const files[] = {file};
    thaw_runtime_options options = {.threads = 2, .plugins = files, .n_plugins = 1, .no_search = true};
    return thaw_runtime_create(&options, rt, err);
}

static void expect_refusal(const char *name, thaw_status status, const char *words)
{
    char path[512];
    thaw_runtime *rt = NULL;
    thaw_error err;
    snprintf(path, sizeof path, THAW_ODD_DIR "/thaw-%s.so", name);
    assert_int_equal(load(path, &rt, &err), status);
    assert_null(rt);
    if (!strstr(err.text, words) || !strstr(err.text, path))
        fail_msg("%s: \"%s\" does not contain \"%s\" and the path", name, err.text, words);
}

static void odd_plugins_are_refused_with_a_reason(void **state)
{
    (void)state;
    expect_refusal("short", THAW_E_ABI, "struct_size");
    expect_refusal("major", THAW_E_ABI, "interface 2.0, but this thaw speaks 1.1");
    expect_refusal("null_entry", THAW_E_ABI, "declines");
    expect_refusal("null_function", THAW_E_ABI, "device_open is NULL");
    expect_refusal("bad_id", THAW_E_ABI, "id");
    expect_refusal("nosymbol", THAW_E_FORMAT, "thaw_plugin_entry");
    expect_refusal("text", THAW_E_FORMAT, "not a shared library");
    expect_refusal("folder", THAW_E_FORMAT, "regular file");
    expect_refusal("absent", THAW_E_NOT_FOUND, "No such file");
    /* An unknown status is an internal error; an unterminated text is cut. */
    expect_refusal("init_fails", THAW_E_INTERNAL, "initialisation failed: xxxxx");
}

static void a_pipe_does_not_block(void **state)
{
    (void)state;
    const char *path = THAW_ODD_DIR "/thaw-pipe.so";
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal("pipe", THAW_E_FORMAT, "regular file");
    unlink(path);
}

static void longer_structs_are_accepted(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err;
    assert_int_equal(load(THAW_ODD_DIR "/thaw-long.so", &rt, &err), THAW_OK);
    assert_int_equal(thaw_runtime_device_count(rt), 1);
    assert_string_equal(thaw_runtime_device(rt, 0)->name, "odd-long:0");
    thaw_dev *dev;
    assert_int_equal(thaw_runtime_open(rt, "odd-long", &dev, &err), THAW_E_DEVICE_LOST);
    assert_non_null(strstr(err.text, "gives no reason"));
    thaw_runtime_free(rt);
}

static void no_devices_is_no_error(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err;
    thaw_dev *dev;
    assert_int_equal(load(THAW_ODD_DIR "/thaw-no_devices.so", &rt, &err), THAW_OK);
    assert_int_equal(thaw_runtime_device_count(rt), 0);
    assert_int_equal(thaw_runtime_open(rt, NULL, &dev, &err), THAW_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "THAW_PLUGIN_PATH"));
    thaw_runtime_free(rt);
}

static void descriptions_are_made_safe(void **state)
{
    (void)state;
    thaw_runtime *rt;
    assert_int_equal(load(THAW_ODD_DIR "/thaw-devices.so", &rt, NULL), THAW_OK);
    const thaw_device_entry *e = thaw_runtime_device(rt, 0);
    assert_int_equal(e->error.status, THAW_OK);
    assert_int_equal(strlen(e->info.name), sizeof e->info.name - 1);
    assert_int_equal(strlen(e->info.vendor), sizeof e->info.vendor - 1);
    assert_int_equal(strlen(e->info.driver), sizeof e->info.driver - 1);
    assert_int_equal(strlen(e->info.detail), sizeof e->info.detail - 1);
    assert_int_equal(e->info.type, THAW_DEVICE_OTHER);
    assert_true(e->info.peak_gflops == 0);
    assert_int_equal(e->info.preferred_batch, 0);
    e = thaw_runtime_device(rt, 1);
    assert_int_equal(e->error.status, THAW_E_ABI);
    assert_non_null(strstr(e->error.text, "48"));
    e = thaw_runtime_device(rt, 2);
    assert_int_equal(e->error.status, THAW_E_DEVICE_LOST);
    assert_non_null(strstr(e->error.text, "odd:2"));
    assert_null(thaw_runtime_device(rt, 7));
    thaw_runtime_free(rt);
}

static void device_tables_are_checked(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_dev *dev = NULL;
    thaw_error err;
    assert_int_equal(load(THAW_ODD_DIR "/thaw-devices.so", &rt, NULL), THAW_OK);
    assert_int_equal(thaw_runtime_open(rt, "odd:4", &dev, &err), THAW_E_ABI);
    assert_non_null(strstr(err.text, "struct_size"));
    assert_int_equal(thaw_runtime_open(rt, "odd:5", &dev, &err), THAW_E_ABI);
    assert_non_null(strstr(err.text, "op_query"));
    assert_int_equal(thaw_runtime_open(rt, "odd:6", &dev, &err), THAW_E_ABI);
    assert_int_equal(thaw_runtime_open(rt, "odd:1", &dev, &err), THAW_E_ABI);
    assert_null(dev);
    assert_int_equal(thaw_runtime_open(rt, "odd", &dev, &err), THAW_OK);
    assert_int_equal(dev->align, THAW_MIN_ALIGN);
    assert_true(dev->max_alloc > 0);
    thaw_runtime_close(rt, dev);
    assert_int_equal(thaw_runtime_open(rt, "odd:3", &dev, &err), THAW_OK);
    assert_int_equal(dev->align, 256);
    thaw_runtime_close(rt, dev);
    thaw_runtime_free(rt);
}

static void names_and_options(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_dev *dev = NULL;
    thaw_error err;
    assert_int_equal(load(TOY, &rt, &err), THAW_OK);
    const struct {
        const char *name, *opens;
    } good[] = {{"toy", "toy:0"},
                {"toy:4", "toy:4"},
                {NULL, "toy:3"},
                {"auto", "toy:3"},
                {"toy:1,speed=slow", "toy:1"},
                {"toy:2,", "toy:2"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(thaw_runtime_open(rt, good[i].name, &dev, &err), THAW_OK);
        assert_string_equal(dev->name, good[i].opens);
        thaw_runtime_close(rt, dev);
    }
    const char *const unknown[] = {"", "toy:", "toy:9", "toy:0x", "to", "toys", "cpu:0"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(thaw_runtime_open(rt, unknown[i], &dev, &err), THAW_E_NOT_FOUND);
        assert_non_null(strstr(err.text, "toy:0, toy:1"));
    }
    assert_int_equal(thaw_runtime_open(rt, "toy:0,speed=fast", &dev, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "speed=slow"));
    thaw_runtime_close(rt, NULL);
    thaw_runtime_free(rt);
}

/* What was logged, all of it. */
static void keep_log(void *ctx, int32_t level, const char *text)
{
    char *all = ctx;
    size_t n = strlen(all);
    snprintf(all + n, 16384 - n, "%d %s\n", (int)level, text);
}

static void searching_survives_everything(void **state)
{
    (void)state;
    static char text[16384];
    text[0] = '\0';
    thaw_log log = {keep_log, text, THAW_LOG_DEBUG};
    thaw_runtime_options options = {.threads = 1, .log = &log};
    thaw_runtime *rt;
    setenv("THAW_PLUGIN_PATH", "/no/such/folder::" THAW_ODD_DIR ":" THAW_TOY_DIR ":" THAW_TOY_DIR, 1);
    assert_int_equal(thaw_runtime_create(&options, &rt, NULL), THAW_OK);
    /* 7 of odd, 1 of odd-long, 7 of toy; in the order of the folders, then of the names. */
    assert_true(thaw_runtime_device_count(rt) >= 15);
    assert_string_equal(thaw_runtime_device(rt, 0)->name, "odd:0");
    assert_string_equal(thaw_runtime_device(rt, 7)->name, "odd-long:0");
    assert_string_equal(thaw_runtime_device(rt, 8)->name, "toy:0");
    assert_string_equal(thaw_runtime_device(rt, 8)->plugin_path, TOY);
    const char *const rejected[] = {"short", "major",    "null_entry", "null_function", "bad_id",
                                    "text",  "nosymbol", "folder",     "init_fails"};
    for (size_t i = 0; i < sizeof rejected / sizeof *rejected; i++) {
        char line[512];
        snprintf(line, sizeof line, "1 plugin ignored: " THAW_ODD_DIR "/thaw-%s.so: ", rejected[i]);
        if (!strstr(text, line))
            fail_msg("no line \"%s\" in:\n%s", line, text);
    }
    assert_non_null(strstr(text, "/no/such/folder"));
    assert_non_null(strstr(text, "the vendor's driver is not installed"));
    assert_non_null(strstr(text, "the toy is ready"));
    thaw_runtime_free(rt);
    unsetenv("THAW_PLUGIN_PATH");
}

/* Number of plugins that were loaded for a device of that name, from two folders and thaw's own. */
static size_t loaded_for(const char *name, thaw_runtime **rt)
{
    static char text[16384];
    text[0] = '\0';
    thaw_log log = {keep_log, text, THAW_LOG_DEBUG};
    thaw_runtime_options options = {.threads = 1, .log = &log, .wanted = &name, .n_wanted = 1};
    setenv("THAW_PLUGIN_PATH", THAW_ODD_DIR ":" THAW_TOY_DIR, 1);
    assert_int_equal(thaw_runtime_create(&options, rt, NULL), THAW_OK);
    unsetenv("THAW_PLUGIN_PATH");
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, " loaded ")); at++)
        n++;
    return n;
}

static void the_search_ends_where_the_wanted_device_is(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_dev *dev = NULL;
    thaw_error err;
    size_t all = loaded_for("no-such:0", &rt);
    assert_int_equal(thaw_runtime_open(rt, "no-such:0", &dev, &err), THAW_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "toy:0"));
    thaw_runtime_free(rt);
    size_t some = loaded_for("odd-long", &rt);
    assert_true(some < all);
    thaw_runtime_free(rt);
    /* Options are no part of the name; a plugin whose device is another one does not end the search. */
    assert_int_equal(loaded_for("odd-long:0,a=b", &rt), some);
    thaw_runtime_free(rt);
    assert_int_equal(loaded_for("odd-long:99", &rt), all);
    thaw_runtime_free(rt);
    /* The toy poses as a GPU, too; outside of thaw's own folder only such a one ends the search. */
    size_t until_gpu = loaded_for("auto", &rt);
    assert_int_equal(thaw_runtime_open(rt, "auto", &dev, &err), THAW_OK);
    assert_int_equal(dev->info.type, THAW_DEVICE_GPU);
    thaw_runtime_close(rt, dev);
    thaw_runtime_free(rt);
    assert_int_equal(loaded_for("auto,a=b", &rt), until_gpu);
    thaw_runtime_free(rt);
}

static void the_first_of_an_id_wins(void **state)
{
    (void)state;
    char copy[] = "/tmp/thaw-test-XXXXXX", command[1024], path[64];
    thaw_error err;
    thaw_runtime *rt;
    assert_non_null(mkdtemp(copy));
    snprintf(path, sizeof path, "%s/thaw-twin.so", copy);
    snprintf(command, sizeof command, "cp '%s' '%s'", TOY, path);
    assert_int_equal(system(command), 0);
    /* The same file twice is no conflict; another file with the same id is one. */
    const char *const files[] = {TOY, THAW_TOY_DIR "/../toy/thaw-toy.so", path};
    thaw_runtime_options options = {.threads = 1, .plugins = files, .n_plugins = 2, .no_search = true};
    assert_int_equal(thaw_runtime_create(&options, &rt, &err), THAW_OK);
    assert_int_equal(thaw_runtime_device_count(rt), 7);
    thaw_runtime_free(rt);
    options.n_plugins = 3;
    assert_int_equal(thaw_runtime_create(&options, &rt, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, TOY));
    unlink(path);
    rmdir(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_plugins_are_refused_with_a_reason),
        cmocka_unit_test(a_pipe_does_not_block),
        cmocka_unit_test(longer_structs_are_accepted),
        cmocka_unit_test(no_devices_is_no_error),
        cmocka_unit_test(descriptions_are_made_safe),
        cmocka_unit_test(device_tables_are_checked),
        cmocka_unit_test(names_and_options),
        cmocka_unit_test(searching_survives_everything),
        cmocka_unit_test(the_search_ends_where_the_wanted_device_is),
        cmocka_unit_test(the_first_of_an_id_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
