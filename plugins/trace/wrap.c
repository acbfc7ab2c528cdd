/* wrap.c: a table for each wrapped plugin. The functions of thaw_plugin are handed nothing that tells which
 * plugin is meant, so each slot has functions of its own. */
#include <string.h>

#include "trace.h"

#define EACH_SLOT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define ONE(n)       +1
enum { SLOTS = EACH_SLOT(ONE) };

static trace_slot slots[SLOTS];
static size_t used;

/* ---- what every slot does ---------------------------------------------------------------------------- */

static thaw_status init(trace_slot *slot, const thaw_host *host, thaw_error *err)
{
    trace_timer t;
    trace_host_fill(slot, host);
    trace_begin(&t, slot->process, TRACE_INIT, NULL, err);
    return trace_end(&t, slot->inner.init(&slot->host, t.err), 0);
}

static void shut_down(trace_slot *slot)
{
    trace_timer t;
    trace_begin(&t, slot->process, TRACE_SHUTDOWN, NULL, NULL);
    slot->inner.shutdown();
    trace_end(&t, THAW_OK, 0);
}

static thaw_status device_count(trace_slot *slot, uint32_t *out, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, slot->process, TRACE_DEVICE_COUNT, NULL, err);
    thaw_status st = slot->inner.device_count(out, t.err);
    return trace_end(&t, st, st == THAW_OK ? *out : 0);
}

static thaw_status device_describe(trace_slot *slot, uint32_t index, thaw_device_info *info, thaw_error *err)
{
    trace_timer t;
    thaw_device_info told;
    trace_begin(&t, slot->process, TRACE_DEVICE_DESCRIBE, NULL, err);
    thaw_status st = slot->inner.device_describe(index, info, t.err);
    if (st != THAW_OK)
        return trace_end(&t, st, index);
    trace_copy_struct(&told, sizeof told, info, THAW_DEVICE_INFO_V1_SIZE);
    told.name[sizeof told.name - 1] = '\0';
    trace_end_text(&t, st, index, told.name);
    return st;
}

/* What this file does not know could hand a device to the plugin that is not the plugin's. */
static const void *get_extension(const trace_slot *slot, const char *id)
{
    if (!id || strcmp(id, THAW_EXT_PEAK) != 0)
        return NULL;
    thaw_peak peak;
    const void *inner = slot->inner.get_extension(id);
    bool good = inner && trace_copy_struct(&peak, sizeof peak, inner, THAW_PEAK_V1_SIZE) && peak.fma_gflops;
    return good ? &trace_peak : NULL;
}

/* ---- the functions of each slot ----------------------------------------------------------------------- */

#define FUNCTIONS(n)                                                                                         \
    static thaw_status init_##n(const thaw_host *host, thaw_error *err)                                      \
    {                                                                                                        \
        return init(&slots[n], host, err);                                                                   \
    }                                                                                                        \
    static void shutdown_##n(void)                                                                           \
    {                                                                                                        \
        shut_down(&slots[n]);                                                                                \
    }                                                                                                        \
    static thaw_status device_count_##n(uint32_t *out, thaw_error *err)                                      \
    {                                                                                                        \
        return device_count(&slots[n], out, err);                                                            \
    }                                                                                                        \
    static thaw_status device_describe_##n(uint32_t index, thaw_device_info *info, thaw_error *err)          \
    {                                                                                                        \
        return device_describe(&slots[n], index, info, err);                                                 \
    }                                                                                                        \
    static thaw_status device_open_##n(uint32_t index, const char *options, thaw_device **out,               \
                                       const thaw_device_ops **ops, thaw_error *err)                         \
    {                                                                                                        \
        return trace_device_open(&slots[n], index, options, out, ops, err);                                  \
    }                                                                                                        \
    static const void *get_extension_##n(const char *id)                                                     \
    {                                                                                                        \
        return get_extension(&slots[n], id);                                                                 \
    }
EACH_SLOT(FUNCTIONS)

#define TABLE(n)                                                                                             \
    {                                                                                                        \
        .struct_size = sizeof(thaw_plugin),                                                                  \
        .abi_major = THAW_ABI_MAJOR,                                                                         \
        .abi_minor = THAW_ABI_MINOR,                                                                         \
        .init = init_##n,                                                                                    \
        .shutdown = shutdown_##n,                                                                            \
        .device_count = device_count_##n,                                                                    \
        .device_describe = device_describe_##n,                                                              \
        .device_open = device_open_##n,                                                                      \
        .get_extension = get_extension_##n,                                                                  \
    },
static const thaw_plugin tables[SLOTS] = {EACH_SLOT(TABLE)};

thaw_status trace_wrap(const thaw_plugin *inner, const thaw_plugin **outer, thaw_error *err)
{
    char name[64];
    if (!trace_active())
        return trace_fail(err, THAW_E_INVALID, "trace: start comes before wrap");
    if (used == SLOTS)
        return trace_fail(err, THAW_E_UNSUPPORTED,
                          "trace: cannot watch more than %d plugins in one process: load fewer", SLOTS);
    trace_slot *slot = &slots[used];
    if (!trace_copy_struct(&slot->inner, sizeof slot->inner, inner, THAW_PLUGIN_V1_SIZE))
        return trace_fail(err, THAW_E_ABI, "trace: the plugin's table is shorter than that of interface 1.0");
    snprintf(name, sizeof name, "plugin %s", inner->id);
    slot->process = trace_process(name, TRACE_HOST);
    slot->outer = tables[used++];
    slot->outer.id = inner->id;
    slot->outer.version = inner->version;
    *outer = &slot->outer;
    return THAW_OK;
}

void trace_wrap_reset(void)
{
    memset(slots, 0, sizeof slots);
    used = 0;
}
