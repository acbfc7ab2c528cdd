/* plugin.c: the entry point: what the plugin is, and which devices it has. */
#include <stdio.h>
#include <string.h>

#include "plugin.h"

/* The host's table, between init and shutdown. These entry points have no argument that could hold it. */
static const thaw_host *the_host;

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    /* YOURS: open your driver here, and say so if it is not there. */
    if (host->struct_size < THAW_HOST_V1_SIZE)
        return fail(err, THAW_E_ABI, "the host's table has %u bytes, must be at least %u", host->struct_size,
                    THAW_HOST_V1_SIZE);
    the_host = host;
    return THAW_OK;
}

static void shutdown(void)
{
    the_host = NULL;
}

/* YOURS: how many there are. None is no error: then *out is 0, and err->text says why. */
static thaw_status device_count(uint32_t *out, thaw_error *err)
{
    (void)err;
    *out = 1;
    return THAW_OK;
}

static thaw_status check_index(uint32_t index, thaw_error *err)
{
    if (index > 0)
        return fail(err, THAW_E_NOT_FOUND, "there is no device " PLUGIN_ID ":%u, only " PLUGIN_ID ":0",
                    index);
    return THAW_OK;
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    thaw_status st = check_index(index, err);
    if (st != THAW_OK)
        return st;
    if (info->struct_size < THAW_DEVICE_INFO_V1_SIZE)
        return fail(err, THAW_E_INVALID, "thaw_device_info has %u bytes, must be at least %u",
                    info->struct_size, THAW_DEVICE_INFO_V1_SIZE);
    /* YOURS: what the driver says. THAW_DEVICE_OTHER and THAW_DEVICE_GPU get a second stream for the uploads
     * and two sets of memory for what is uploaded. What stays 0 is unknown. */
    thaw_device_info own = {.struct_size = info->struct_size,
                            .type = THAW_DEVICE_OTHER,
                            .compute_units = the_host->thread_count(the_host->ctx),
                            .preferred_batch = 4};
    snprintf(own.name, sizeof own.name, "%s", "plain loops on the CPU");
    snprintf(own.vendor, sizeof own.vendor, "%s", "you");
    snprintf(own.driver, sizeof own.driver, "%s", PLUGIN_ID " 1");
    /* The host may know more or fewer fields than this file was compiled with. */
    memcpy(info, &own, info->struct_size < sizeof own ? info->struct_size : sizeof own);
    return THAW_OK;
}

static thaw_status open_device(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    thaw_status st = check_index(index, err);
    if (st == THAW_OK)
        st = device_open(the_host, options, out, err);
    if (st == THAW_OK)
        *ops = &device_ops;
    return st;
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

static const thaw_plugin plugin = {.struct_size = sizeof(thaw_plugin),
                                   .abi_major = THAW_ABI_MAJOR,
                                   .abi_minor = THAW_ABI_MINOR,
                                   .id = PLUGIN_ID, /* from CMakeLists.txt, as the file's name */
                                   .version = "1",
                                   .init = init,
                                   .shutdown = shutdown,
                                   .device_count = device_count,
                                   .device_describe = device_describe,
                                   .device_open = open_device,
                                   .get_extension = get_extension};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_minor; /* any will do: structs only grow */
    return host_abi_major == THAW_ABI_MAJOR ? &plugin : NULL;
}
