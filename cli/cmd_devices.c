/* cmd_devices.c: thaw devices. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "json.h"
#include "table.h"

static const cli_usage usage = {
    .name = "devices",
    .synopsis = "[options]",
    .about = "Lists what the loaded plugins can compute with. The name is what --device takes; options go\n"
             "behind a comma, as in --device cpu:0,isa=avx2. Before a device computes with a driver for the\n"
             "first time, some cases of each op are compared with plain C; algorithms that are wrong are\n"
             "not used.",
    .examples = "  thaw devices\n"
                "  thaw devices --self-test     test all of them now\n"
                "  thaw devices -v              also which files were tried, and why some were rejected\n"
                "  thaw devices --json",
};

static const char *type_name(int32_t type)
{
    return type == THAW_UNIT_CPU ? "cpu" : type == THAW_UNIT_GPU ? "gpu" : "other";
}

/* NULL after a message. */
static thaw_self_test *test(thaw_context *context, const thaw_device_report *d, bool now)
{
    thaw_self_test *result = NULL;
    thaw_error err = {0};
    if (!*d->error && thaw_device_self_test(context, d->name, now, &result, &err) != THAW_OK)
        cli_report(&err);
    return result;
}

static const char *state_name(int32_t state)
{
    static const char *const names[] = {"not run", "passed", "failed", "reference"};
    return names[state];
}

static void json_test(cli_json *json, const thaw_self_test *t)
{
    cli_json_object(json, "self_test");
    cli_json_text(json, "state", state_name(t->state));
    cli_json_count(json, "ops", t->ops);
    cli_json_count(json, "algorithms", t->algorithms);
    cli_json_real(json, "seconds", t->seconds);
    cli_json_array(json, "wrong");
    for (size_t i = 0; i < t->n_wrong; i++) {
        cli_json_object(json, NULL);
        cli_json_text(json, "op", t->wrong[i].op);
        cli_json_text(json, "algorithm", t->wrong[i].algorithm);
        cli_json_text(json, "reason", t->wrong[i].reason);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_end(json, '}');
}

static void print_test(const char *device, const thaw_self_test *t)
{
    char seconds[24];
    cli_format_seconds(t->seconds, seconds);
    if (t->state == THAW_SELF_TEST_NOT_RUN)
        printf("%s self-test: not yet run\n", device);
    if (t->state == THAW_SELF_TEST_REFERENCE)
        printf("%s self-test: none, the others are compared with it\n", device);
    if (t->state == THAW_SELF_TEST_PASSED)
        printf("%s self-test: passed (%zu ops, %zu algorithms, %s)\n", device, t->ops, t->algorithms,
               seconds);
    for (size_t i = 0; i < t->n_wrong; i++)
        printf("%s self-test: %s \"%s\" disabled: %s\n", device, t->wrong[i].op, t->wrong[i].algorithm,
               t->wrong[i].reason);
}

static void print_json(thaw_context *context, bool now)
{
    cli_json json = {.stream = stdout};
    thaw_device_report d;
    cli_json_array(&json, NULL);
    for (size_t i = 0; i < thaw_device_count(context); i++) {
        thaw_device_get(context, i, &d, sizeof d);
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", d.name);
        cli_json_text(&json, "type", type_name(d.type));
        cli_json_text(&json, "title", d.title);
        cli_json_text(&json, "vendor", d.vendor);
        cli_json_text(&json, "driver", d.driver);
        cli_json_text(&json, "detail", d.detail);
        cli_json_count(&json, "memory_bytes", d.memory_bytes);
        cli_json_count(&json, "max_alloc_bytes", d.max_alloc_bytes);
        cli_json_count(&json, "cache_bytes", d.cache_bytes);
        cli_json_count(&json, "near_cache_bytes", d.near_cache_bytes);
        cli_json_count(&json, "compute_units", d.compute_units);
        cli_json_count(&json, "preferred_batch", d.preferred_batch);
        cli_json_real(&json, "peak_gflops", d.peak_gflops);
        cli_json_text(&json, "plugin", d.plugin_id);
        cli_json_text(&json, "plugin_version", d.plugin_version);
        cli_json_text(&json, "plugin_path", d.plugin_path);
        cli_json_text(&json, "error", *d.error ? d.error : NULL);
        thaw_self_test *t = test(context, &d, now);
        if (t)
            json_test(&json, t);
        thaw_self_test_free(t);
        cli_json_end(&json, '}');
    }
    cli_json_end(&json, ']');
}

static void print_tests(thaw_context *context, bool now)
{
    thaw_device_report d;
    for (size_t i = 0; i < thaw_device_count(context); i++) {
        thaw_device_get(context, i, &d, sizeof d);
        thaw_self_test *t = test(context, &d, now);
        if (t)
            print_test(d.name, t);
        thaw_self_test_free(t);
    }
}

static void print_table(thaw_context *context, bool now)
{
    cli_table table;
    thaw_device_report d;
    char memory[24];
    cli_table_begin(&table, "lllrrl");
    cli_table_cell(&table, "device");
    cli_table_cell(&table, "type");
    cli_table_cell(&table, "what it is");
    cli_table_cell(&table, "cores");
    cli_table_cell(&table, "memory");
    cli_table_cell(&table, "detail");
    for (size_t i = 0; i < thaw_device_count(context); i++) {
        thaw_device_get(context, i, &d, sizeof d);
        cli_format_bytes((double)d.memory_bytes, memory);
        cli_table_cell(&table, "%s", d.name);
        cli_table_cell(&table, "%s", type_name(d.type));
        cli_table_cell(&table, "%s", d.title);
        cli_table_cell(&table, "%u", (unsigned)d.compute_units);
        cli_table_cell(&table, "%s", d.memory_bytes ? memory : "?");
        cli_table_cell(&table, "%s", *d.error ? d.error : d.detail);
    }
    cli_table_end(&table, stdout, "");
    printf("\n");
    print_tests(context, now);
    printf("\n--device takes a name of the first column; without it the first GPU computes, else the first "
           "device.\n");
}

int cli_devices(int argc, char **argv)
{
    cli_common common = {0};
    cli_list words = {0};
    bool now = false;
    const cli_option options[] = {
        CLI_CONTEXT_OPTIONS(&common),
        {.name = "self-test", .kind = CLI_FLAG, .target = &now, .help = "test all devices now"},
        CLI_JSON_OPTION(&common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code >= 0)
        goto cleanup;
    code = CLI_EXIT_FAILURE;
    thaw_context *context = cli_context(&common);
    if (!context)
        goto cleanup;
    size_t n = thaw_device_count(context);
    if (common.json)
        print_json(context, now);
    else if (n > 0)
        print_table(context, now);
    if (n == 0)
        fprintf(stderr, "thaw: no device: no plugin was found: set THAW_PLUGIN_PATH or give --plugin FILE\n");
    code = n > 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    code = cli_context_end(context, &common, code);
cleanup:
    cli_common_free(&common);
    free(words.items);
    return code;
}
