#include <stdio.h>
#include <string.h>

#include "backends/opencl/facts.h"

#define MAX_PLATFORMS 32u
#define MAX_DEVICES   64u

static int compare_platforms(const ocl_platform *a, const ocl_platform *b)
{
    int names = strcmp(a->name, b->name);
    return names ? names : strcmp(a->version, b->version);
}

/* Stable: platforms that say the same of themselves stay in the loader's order. */
static void sort_platforms(ocl_platform *items, cl_uint n)
{
    for (cl_uint i = 1; i < n; i++) {
        ocl_platform moving = items[i];
        cl_uint at = i;
        for (; at > 0 && compare_platforms(&items[at - 1], &moving) > 0; at--)
            items[at] = items[at - 1];
        items[at] = moving;
    }
}

/* Number of platforms, in order; 0 with the reason in err. */
static cl_uint find_platforms(const thaw_host *host, const ocl_api *cl, ocl_platform out[MAX_PLATFORMS],
                              thaw_error *err)
{
    cl_platform_id ids[MAX_PLATFORMS] = {0};
    cl_uint n = 0;
    cl_int code = cl->clGetPlatformIDs(MAX_PLATFORMS, ids, &n);
    if (code != CL_SUCCESS) {
        ocl_fail(err, code, "OpenCL lists no platform");
        return 0;
    }
    if (n == 0)
        backend_fail(err, THAW_E_NOT_FOUND,
                     "OpenCL has no platform: install the OpenCL driver of your device");
    if (n > MAX_PLATFORMS) {
        ocl_log(host, THAW_LOG_WARN, "opencl: %u platforms, of which the first %u are used", n,
                MAX_PLATFORMS);
        n = MAX_PLATFORMS;
    }
    for (cl_uint i = 0; i < n; i++) {
        out[i] = (ocl_platform){.id = ids[i]};
        ocl_platform_read(cl, &out[i]);
    }
    sort_platforms(out, n);
    return n;
}

static void add_device(const thaw_host *host, const ocl_api *cl, const ocl_platform *platform,
                       cl_device_id id, ocl_devices *out)
{
    char why[128];
    if (out->count == MAX_DEVICES) {
        ocl_log(host, THAW_LOG_WARN, "opencl: platform \"%s\" has a device beyond the %u that are used",
                platform->name, MAX_DEVICES);
        return;
    }
    ocl_facts *facts = &out->items[out->count];
    if (ocl_facts_read(host, cl, platform, id, facts, why, sizeof why))
        out->count++;
    else
        ocl_log(host, THAW_LOG_INFO, "opencl: device \"%s\" of platform \"%s\" is left out: %s", facts->name,
                platform->name, why);
}

static void add_platform(const thaw_host *host, const ocl_api *cl, const ocl_platform *platform,
                         ocl_devices *out)
{
    cl_device_id ids[MAX_DEVICES] = {0};
    cl_uint n = 0;
    cl_int code = cl->clGetDeviceIDs(platform->id, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n);
    if (code == CL_DEVICE_NOT_FOUND)
        n = 0;
    else if (code != CL_SUCCESS) {
        ocl_log(host, THAW_LOG_WARN, "opencl: platform \"%s\" is left out, it lists no devices: %s (%d)",
                platform->name, ocl_error_name(code), (int)code);
        n = 0;
    }
    for (cl_uint i = 0; i < n && i < MAX_DEVICES; i++)
        add_device(host, cl, platform, ids[i], out);
}

static unsigned rank_of(const ocl_facts *facts)
{
    return facts->type & CL_DEVICE_TYPE_GPU           ? 0
           : facts->type & CL_DEVICE_TYPE_ACCELERATOR ? 1
           : facts->type & CL_DEVICE_TYPE_CPU         ? 2
                                                      : 3;
}

/* One pass for each rank, each of which keeps the order it finds. */
static void copy_by_rank(const ocl_devices *from, ocl_facts *to)
{
    uint32_t used = 0;
    for (unsigned rank = 0; rank <= 3; rank++)
        for (uint32_t i = 0; i < from->count; i++)
            if (rank_of(&from->items[i]) == rank)
                to[used++] = from->items[i];
}

thaw_status ocl_devices_find(const thaw_host *host, const ocl_api *cl, ocl_devices *out, thaw_error *err)
{
    ocl_platform platforms[MAX_PLATFORMS];
    ocl_devices found = {0};
    thaw_status s = THAW_OK;
    *out = (ocl_devices){0};
    cl_uint n = find_platforms(host, cl, platforms, err);
    if (n == 0)
        return THAW_OK;
    found.items = host->alloc(host->ctx, MAX_DEVICES * sizeof *found.items, 64);
    if (!found.items)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for the list of OpenCL devices");
    for (cl_uint i = 0; i < n; i++)
        add_platform(host, cl, &platforms[i], &found);
    if (found.count == 0) {
        backend_fail(
            err, THAW_E_NOT_FOUND,
            "no platform of OpenCL here has a device that thaw can use: install the OpenCL driver of "
            "your device; the log says what was left out");
        goto cleanup;
    }
    out->items = host->alloc(host->ctx, found.count * sizeof *out->items, 64);
    if (!out->items) {
        s = backend_fail(err, THAW_E_NO_MEMORY, "no memory for the list of OpenCL devices");
        goto cleanup;
    }
    copy_by_rank(&found, out->items);
    out->count = found.count;
cleanup:
    host->free(host->ctx, found.items);
    return s;
}

void ocl_devices_free(const thaw_host *host, ocl_devices *devices)
{
    host->free(host->ctx, devices->items);
    *devices = (ocl_devices){0};
}
