/* device.c: an open device: its options and its table of functions. */
#include "plugin.h"

thaw_status device_open(const thaw_host *host, const char *options, thaw_device **out, thaw_error *err)
{
    /* YOURS: "key=value,key=value", from `--device id:0,key=value`. Whoever misspells one wants to know
     * which there are. */
    if (options)
        return fail(err, THAW_E_INVALID, PLUGIN_ID ": unknown option \"%.64s\"; there are none", options);
    thaw_device *dev = host->alloc(host->ctx, sizeof *dev, 64);
    if (!dev)
        return fail(err, THAW_E_NO_MEMORY, "no memory for the device " PLUGIN_ID ":0");
    dev->host = host;
    *out = dev;
    return THAW_OK;
}

static void device_close(thaw_device *dev)
{
    dev->host->free(dev->host->ctx, dev);
}

const thaw_device_ops device_ops = {.struct_size = sizeof(thaw_device_ops),
                                    .close = device_close,
                                    .buffer_create = buffer_create,
                                    .buffer_destroy = buffer_destroy,
                                    .stream_create = stream_create,
                                    .stream_destroy = stream_destroy,
                                    .stream_sync = stream_sync,
                                    .upload = upload,
                                    .download = download,
                                    .copy = copy,
                                    .fill = fill,
                                    .event_create = event_create,
                                    .event_destroy = event_destroy,
                                    .event_record = event_record,
                                    .stream_wait = stream_wait,
                                    .op_query = op_query,
                                    .op_prepare = op_prepare,
                                    .kernel_destroy = kernel_destroy,
                                    .op_enqueue = op_enqueue};
