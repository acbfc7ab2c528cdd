/* plugin.c: the entry point. */
#include <string.h>

#include "backends/opencl/opencl.h"
#include "backends/opencl/peak.h"

/* Between init and shutdown. The entry points of a plugin have no argument to hold it. */
static struct {
    const thaw_host *host;
    ocl_api cl;
    ocl_devices devices;
    thaw_error none; /* why there is no device; its text is empty where there is one */
} the;

static thaw_status plugin_init(const thaw_host *host, thaw_error *err)
{
    if (!host || host->struct_size < THAW_HOST_V1_SIZE)
        return backend_fail(err, THAW_E_ABI, "struct_size of the host's table is %u, must be at least %u",
                            host ? host->struct_size : 0, THAW_HOST_V1_SIZE);
    if (!host->alloc || !host->free || !host->log)
        return backend_fail(err, THAW_E_ABI, "the host's table lacks alloc, free or log");
    the.none = (thaw_error){0};
    /* A computer without OpenCL is no error: thaw goes on with its other plugins. */
    if (ocl_api_open(&the.cl, &the.none) == THAW_OK) {
        thaw_status s = ocl_devices_find(host, &the.cl, &the.devices, &the.none);
        if (s != THAW_OK) {
            ocl_api_forget(&the.cl);
            return backend_fail(err, s, "%s", the.none.text);
        }
    }
    the.host = host;
    return THAW_OK;
}

static void plugin_shutdown(void)
{
    ocl_devices_free(the.host, &the.devices);
    ocl_api_forget(&the.cl);
    the.host = NULL;
}

static thaw_status plugin_device_count(uint32_t *out, thaw_error *err)
{
    *out = the.devices.count;
    if (err && the.devices.count == 0)
        *err = the.none;
    return THAW_OK;
}

static thaw_status check_index(uint32_t index, thaw_error *err)
{
    if (index >= the.devices.count)
        return backend_fail(err, THAW_E_NOT_FOUND, "there is no device opencl:%u, only %u of them", index,
                            the.devices.count);
    return THAW_OK;
}

static thaw_status plugin_device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    thaw_status s = check_index(index, err);
    return s == THAW_OK ? ocl_describe(&the.devices.items[index], info, err) : s;
}

static const thaw_device_ops device_ops = {
    .struct_size = sizeof(thaw_device_ops),
    .close = ocl_device_close,
    .buffer_create = ocl_buffer_create,
    .buffer_destroy = ocl_buffer_destroy,
    .stream_create = ocl_stream_create,
    .stream_destroy = ocl_stream_destroy,
    .stream_sync = ocl_stream_sync,
    .upload = ocl_upload,
    .download = ocl_download,
    .copy = ocl_copy,
    .fill = ocl_fill,
    .event_create = ocl_event_create,
    .event_destroy = ocl_event_destroy,
    .event_record = ocl_event_record,
    .stream_wait = ocl_stream_wait,
    .op_query = ocl_op_query,
    .op_prepare = ocl_op_prepare,
    .kernel_destroy = ocl_kernel_destroy,
    .op_enqueue = ocl_op_enqueue,
};

static thaw_status plugin_device_open(uint32_t index, const char *options, thaw_device **out,
                                      const thaw_device_ops **ops, thaw_error *err)
{
    thaw_status s = check_index(index, err);
    if (s == THAW_OK)
        s = ocl_device_open(the.host, &the.cl, &the.devices.items[index], options, out, err);
    if (s == THAW_OK)
        *ops = &device_ops;
    return s;
}

static const void *plugin_get_extension(const char *id)
{
    return id && strcmp(id, THAW_EXT_PEAK) == 0 ? &ocl_peak : NULL;
}

static const thaw_plugin the_plugin = {
    .struct_size = sizeof(thaw_plugin),
    .abi_major = THAW_ABI_MAJOR,
    .abi_minor = THAW_ABI_MINOR,
    .id = "opencl",
    .version = "0.1.0",
    .init = plugin_init,
    .shutdown = plugin_shutdown,
    .device_count = plugin_device_count,
    .device_describe = plugin_device_describe,
    .device_open = plugin_device_open,
    .get_extension = plugin_get_extension,
};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_minor;
    return host_abi_major == THAW_ABI_MAJOR ? &the_plugin : NULL;
}
