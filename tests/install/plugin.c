/* plugin.c: the least that is a plugin, from the installed headers. It has no device. */
#include <thaw/thaw_ext.h>
#include <thaw/thaw_ops.h>
#include <thaw/thaw_plugin.h>

#include "thaw_plugin.h" /* the bare name is the same file */

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    (void)host;
    (void)err;
    return THAW_OK;
}

static void shutdown(void)
{
}

static thaw_status device_count(uint32_t *out, thaw_error *err)
{
    (void)err;
    *out = 0;
    return THAW_OK;
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    (void)index;
    (void)info;
    (void)err;
    return THAW_E_NOT_FOUND;
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    (void)index;
    (void)options;
    (void)out;
    (void)ops;
    (void)err;
    return THAW_E_NOT_FOUND;
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

static const thaw_plugin plugin = {.struct_size = sizeof(thaw_plugin),
                                   .abi_major = THAW_ABI_MAJOR,
                                   .abi_minor = THAW_ABI_MINOR,
                                   .id = "author",
                                   .version = "1",
                                   .init = init,
                                   .shutdown = shutdown,
                                   .device_count = device_count,
                                   .device_describe = device_describe,
                                   .device_open = device_open,
                                   .get_extension = get_extension};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_minor;
    return host_abi_major == THAW_ABI_MAJOR ? &plugin : NULL;
}
