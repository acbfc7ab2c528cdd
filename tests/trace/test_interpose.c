/* The interposer by itself, with a host and plugins that are not as good as thaw's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "thaw_ext.h"
#include "timeline.h"

static char file[64];
static const thaw_plugin *plugin;
static const thaw_interpose *trace;

/* ---- a host ------------------------------------------------------------------------------------------- */

static void host_log(void *ctx, int32_t level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    void *p = NULL;
    (void)ctx;
    return posix_memalign(&p, align, bytes) == 0 ? p : NULL;
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static uint32_t host_threads(void *ctx)
{
    (void)ctx;
    return 1;
}

static void host_parallel_for(void *ctx, uint32_t n, thaw_task_fn fn, void *arg)
{
    (void)ctx;
    for (uint32_t i = 0; i < n; i++)
        fn(arg, i, 0);
}

static const void *host_extension(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return "something";
}

static const thaw_host host = {.struct_size = sizeof host,
                               .log = host_log,
                               .alloc = host_alloc,
                               .free = host_free,
                               .thread_count = host_threads,
                               .parallel_for = host_parallel_for,
                               .get_extension = host_extension};

/* ---- a plugin that does what a test tells it to ----------------------------------------------------- */

static struct {
    const thaw_host *host;
    const thaw_device_ops *ops;
    bool has_peak;
    bool short_peak;
    thaw_device *peak_device;
} fake;

static thaw_status fake_init(const thaw_host *given, thaw_error *err)
{
    (void)err;
    fake.host = given;
    return THAW_OK;
}

static void fake_shutdown(void)
{
}

static thaw_status fake_count(uint32_t *out, thaw_error *err)
{
    (void)err;
    *out = 1;
    return THAW_OK;
}

/* A name that no JSON could hold as it is. */
static thaw_status fake_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    (void)index;
    (void)err;
    memcpy(info->name, "a \"b\" \\ \n \xff \xc3\xa9 \xed\xa0\x80", 18);
    return THAW_OK;
}

static thaw_device *const fake_handle = (thaw_device *)(void *)&fake;

static thaw_status fake_open(uint32_t index, const char *options, thaw_device **out,
                             const thaw_device_ops **ops, thaw_error *err)
{
    if (options) {
        /* Unterminated. */
        memset(err->text, 'x', sizeof err->text);
        return 77;
    }
    *out = index == 9 ? NULL : fake_handle;
    *ops = fake.ops;
    return THAW_OK;
}

static thaw_status fake_gflops(thaw_device *dev, double seconds, double *gflops, thaw_error *err)
{
    (void)seconds;
    (void)err;
    fake.peak_device = dev;
    *gflops = 12.5;
    return THAW_OK;
}

static const void *fake_extension(const char *id)
{
    static thaw_peak peak;
    peak = (thaw_peak){.struct_size = fake.short_peak ? 8 : sizeof peak, .fma_gflops = fake_gflops};
    if (strcmp(id, THAW_EXT_PEAK) == 0)
        return fake.has_peak ? &peak : NULL;
    return "an extension from the future";
}

static thaw_plugin fake_plugin(void)
{
    return (thaw_plugin){.struct_size = sizeof(thaw_plugin),
                         .abi_major = THAW_ABI_MAJOR,
                         .id = "fake",
                         .version = "1",
                         .init = fake_init,
                         .shutdown = fake_shutdown,
                         .device_count = fake_count,
                         .device_describe = fake_describe,
                         .device_open = fake_open,
                         .get_extension = fake_extension};
}

static void fake_close(thaw_device *dev)
{
    (void)dev;
}

/* Success without an object. */
static thaw_status fake_stream(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    (void)dev;
    (void)out;
    (void)err;
    return THAW_OK;
}

/* Functions that no test calls. */
static void nothing(void)
{
}

static void fill_ops(thaw_device_ops *ops)
{
    memset(ops, 0, sizeof *ops);
    ops->struct_size = sizeof *ops;
    void (**functions)(void) = (void (**)(void))(void *)((char *)ops + 8);
    for (size_t i = 0; i < (sizeof *ops - 8) / sizeof *functions; i++)
        functions[i] = nothing;
    ops->close = fake_close;
    ops->stream_create = fake_stream;
}

/* ---- around each test ---------------------------------------------------------------------------------- */

static int begin(void **state)
{
    thaw_error err = {0};
    (void)state;
    memset(&fake, 0, sizeof fake);
    if (plugin->init(&host, &err) != THAW_OK)
        return -1;
    trace = plugin->get_extension(THAW_EXT_INTERPOSE);
    return trace && trace->start(file, NULL, &err) == THAW_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    plugin->shutdown();
    unlink(file);
    return 0;
}

static void finish(timeline *t)
{
    thaw_error err = {0};
    if (trace->finish(&err) != THAW_OK)
        fail_msg("%s", err.text);
    assert_true(timeline_read(file, t));
}

static const thaw_plugin *wrap(const thaw_plugin *inner)
{
    const thaw_plugin *outer = NULL;
    thaw_error err = {0};
    if (trace->wrap(inner, &outer, &err) != THAW_OK)
        fail_msg("%s", err.text);
    assert_int_equal(outer->init(&host, &err), THAW_OK);
    return outer;
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void each_plugin_gets_a_table_of_its_own(void **state)
{
    (void)state;
    const thaw_plugin *outer[17];
    thaw_plugin inner = fake_plugin();
    thaw_error err = {0};
    char ids[17][16];
    for (int i = 0; i < 16; i++) {
        snprintf(ids[i], sizeof ids[i], "fake%d", i);
        inner.id = ids[i];
        outer[i] = wrap(&inner);
        assert_string_equal(outer[i]->id, ids[i]);
        for (int k = 0; k < i; k++)
            assert_true(outer[i]->device_open != outer[k]->device_open);
    }
    assert_int_equal(trace->wrap(&inner, &outer[16], &err), THAW_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "more than 16 plugins"));
    uint32_t n;
    outer[3]->device_count(&n, NULL);
    timeline t;
    finish(&t);
    assert_int_equal(timeline_count(&t, "device_count", "plugin fake3"), 1);
    assert_int_equal(timeline_count(&t, "device_count", NULL), 1);
    timeline_free(&t);
}

static void a_longer_table_is_cut_to_what_is_known(void **state)
{
    (void)state;
    struct {
        thaw_plugin known;
        void *unknown[4];
    } longer = {.known = fake_plugin()};
    longer.known.struct_size = sizeof longer;
    const thaw_plugin *outer = wrap(&longer.known);
    memset(&longer, 0xff, sizeof longer); /* the host's copy need not live on */
    assert_int_equal(outer->struct_size, sizeof(thaw_plugin));
    assert_string_equal(outer->id, "fake");
    uint32_t n = 0;
    assert_int_equal(outer->device_count(&n, NULL), THAW_OK);
    assert_int_equal(n, 1);
}

static void peak_gets_the_plugins_own_device(void **state)
{
    (void)state;
    thaw_device_ops ops;
    thaw_plugin inner = fake_plugin();
    thaw_device *dev = NULL;
    const thaw_device_ops *table = NULL;
    double gflops = 0;
    fill_ops(&ops);
    fake.ops = &ops;
    const thaw_plugin *outer = wrap(&inner);
    assert_null(outer->get_extension(THAW_EXT_PEAK));
    assert_null(outer->get_extension("thaw.future/1"));
    assert_null(outer->get_extension(THAW_EXT_INTERPOSE));
    fake.has_peak = fake.short_peak = true;
    assert_null(outer->get_extension(THAW_EXT_PEAK));
    fake.short_peak = false;
    const thaw_peak *peak = outer->get_extension(THAW_EXT_PEAK);
    assert_non_null(peak);
    assert_int_equal(outer->device_open(0, NULL, &dev, &table, NULL), THAW_OK);
    assert_true(dev != fake_handle && table != &ops);
    assert_int_equal(peak->fma_gflops(dev, 0.1, &gflops, NULL), THAW_OK);
    assert_true(gflops == 12.5 && fake.peak_device == fake_handle);
    table->close(dev);
    timeline t;
    finish(&t);
    assert_int_equal(timeline_count(&t, "fma_gflops", "fake:0"), 1);
    timeline_free(&t);
}

/* The host says best what is wrong with a table, so it gets the plugin's own. */
static void what_is_no_device_is_passed_on(void **state)
{
    (void)state;
    thaw_device_ops ops;
    thaw_plugin inner = fake_plugin();
    thaw_device *dev = NULL;
    thaw_stream *stream = NULL;
    const thaw_device_ops *table = NULL;
    const thaw_plugin *outer = wrap(&inner);
    assert_int_equal(outer->device_open(0, NULL, &dev, &table, NULL), THAW_OK);
    assert_true(dev == fake_handle && !table);
    fill_ops(&ops);
    fake.ops = &ops;
    assert_int_equal(outer->device_open(9, NULL, &dev, &table, NULL), THAW_OK);
    assert_true(!dev && table == &ops);
    ops.fill = NULL;
    assert_int_equal(outer->device_open(0, NULL, &dev, &table, NULL), THAW_OK);
    assert_true(dev == fake_handle && table == &ops);
    fill_ops(&ops);
    ops.struct_size = 16;
    assert_int_equal(outer->device_open(0, NULL, &dev, &table, NULL), THAW_OK);
    assert_true(dev == fake_handle && table == &ops);
    fill_ops(&ops);
    assert_int_equal(outer->device_open(0, NULL, &dev, &table, NULL), THAW_OK);
    assert_int_equal(table->stream_create(dev, &stream, NULL), THAW_OK);
    assert_null(stream);
    table->close(dev);
}

static void hostile_texts_stay_json(void **state)
{
    (void)state;
    thaw_plugin inner = fake_plugin();
    thaw_device_info info = {.struct_size = sizeof info};
    thaw_device *dev;
    const thaw_device_ops *table;
    thaw_error err;
    const thaw_plugin *outer = wrap(&inner);
    assert_int_equal(outer->device_describe(0, &info, NULL), THAW_OK);
    assert_int_equal(outer->device_open(0, "key=\"\x01\xfe", &dev, &table, &err), 77);
    trace->span_begin("tab\tquote\"");
    trace->span_end();
    trace->span_begin(NULL);
    trace->span_end();
    timeline t;
    finish(&t);
    assert_string_equal(slice_text(timeline_find(&t, "device_describe", "device_describe", 0), "name"),
                        "a \"b\" \\ \n \xEF\xBF\xBD \xc3\xa9 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    const slice *s = timeline_find(&t, "device_open", "device_open", 0);
    assert_int_equal(strlen(slice_text(s, "error")), sizeof err.text - 1);
    assert_string_equal(slice_text(s, "status"), "unknown");
    assert_non_null(timeline_find(&t, "span", "tab\tquote\"", 0));
    timeline_free(&t);
}

static void the_hosts_memory_is_counted_and_aligned(void **state)
{
    (void)state;
    thaw_plugin inner = fake_plugin();
    wrap(&inner);
    const thaw_host *given = fake.host;
    void *held[8];
    for (size_t i = 0; i < 8; i++) {
        size_t align = (size_t)1 << (2 * i);
        held[i] = given->alloc(given->ctx, 100 * i + 1, align);
        assert_non_null(held[i]);
        assert_int_equal((uintptr_t)held[i] % align, 0);
        memset(held[i], 0x5a, 100 * i + 1);
    }
    for (size_t i = 0; i < 8; i++)
        given->free(given->ctx, held[i]);
    given->free(given->ctx, NULL);
    assert_null(given->alloc(given->ctx, SIZE_MAX - 4, 64));
    assert_int_equal(given->thread_count(given->ctx), 1);
    assert_null(given->get_extension(given->ctx, "host.thing/1"));
    timeline t;
    finish(&t);
    assert_int_equal(t.counters, 16);
    double highest, last;
    timeline_counter(&t, "host memory", "plugin fake", &highest, &last);
    assert_true(highest == 2808 && last == 0);
    timeline_free(&t);
}

static void spans_deeper_than_are_kept_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        trace->span_begin("deep");
    for (int i = 0; i < 40; i++)
        trace->span_end();
    trace->span_begin("flat");
    trace->span_end();
    timeline t;
    finish(&t);
    assert_int_equal(timeline_count(&t, "span", NULL), 33);
    assert_true(timeline_number(&t, "dropped") == 8);
    timeline_free(&t);
}

static void one_start_and_one_finish(void **state)
{
    (void)state;
    thaw_plugin inner = fake_plugin();
    const thaw_plugin *outer;
    thaw_error err = {0};
    timeline t;
    assert_int_equal(trace->start(file, NULL, &err), THAW_E_INVALID);
    finish(&t);
    timeline_free(&t);
    assert_int_equal(trace->finish(&err), THAW_E_INVALID);
    assert_int_equal(trace->wrap(&inner, &outer, &err), THAW_E_INVALID);
    trace->span_begin("to nobody");
    trace->span_end();
    assert_int_equal(trace->start(file, NULL, &err), THAW_OK);
    finish(&t);
    assert_int_equal(t.n, 0);
    timeline_free(&t);
}

int main(void)
{
    void *library = dlopen(TRACE_PLUGIN, RTLD_NOW);
    void *symbol = library ? dlsym(library, "thaw_plugin_entry") : NULL;
    thaw_plugin_entry_fn entry;
    if (!symbol)
        return 1;
    memcpy(&entry, &symbol, sizeof entry);
    plugin = entry(THAW_ABI_MAJOR, THAW_ABI_MINOR);
    snprintf(file, sizeof file, "/tmp/thaw-interpose-%ld.json", (long)getpid());
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(each_plugin_gets_a_table_of_its_own),
        TEST(a_longer_table_is_cut_to_what_is_known),
        TEST(peak_gets_the_plugins_own_device),
        TEST(what_is_no_device_is_passed_on),
        TEST(hostile_texts_stay_json),
        TEST(the_hosts_memory_is_counted_and_aligned),
        TEST(spans_deeper_than_are_kept_are_counted),
        TEST(one_start_and_one_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
