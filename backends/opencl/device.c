#include <stdio.h>
#include <string.h>

#include "backends/opencl/class.h"
#include "backends/opencl/opencl.h"
#include "backends/opencl/options.h"
#include "backends/opencl/probe.h"
#include "backends/opencl/staging.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static uint32_t type_of(const ocl_facts *facts)
{
    return facts->type & CL_DEVICE_TYPE_GPU   ? THAW_DEVICE_GPU
           : facts->type & CL_DEVICE_TYPE_CPU ? THAW_DEVICE_CPU
                                              : THAW_DEVICE_OTHER;
}

/* A GPU needs many images at a time to be busy in the small late layers; a CPU wants them in its caches. */
static uint32_t preferred_batch(const ocl_facts *facts)
{
    if (facts->type & CL_DEVICE_TYPE_CPU)
        return 4;
    /* Some of a card's memory is taken by its driver: one that is sold with 8 GiB tells a little less. */
    uint64_t memory = facts->memory_bytes + facts->memory_bytes / 8;
    return memory >= 8 * GIB ? 128 : memory >= 4 * GIB ? 64 : memory >= 2 * GIB ? 32 : 16;
}

static uint32_t offset_align(const ocl_facts *facts)
{
    uint32_t align = THAW_MIN_ALIGN;
    while (align < facts->align_bytes && align < (uint32_t)1 << 16)
        align *= 2;
    return align;
}

static void write_detail(const ocl_facts *facts, char *out, size_t cap)
{
    ocl_class class_of;
    bool known = ocl_class_known(facts, &class_of);
    snprintf(out, cap, "%s%s%u unit%s, %llu KiB of %slocal memory, buffers up to %.1f GiB%s%.32s",
             known ? ocl_class_name(class_of) : "", known ? ", " : "", facts->units,
             facts->units == 1 ? "" : "s", (unsigned long long)(facts->local_bytes >> 10),
             facts->local_is_real ? "" : "simulated ", (double)(facts->max_alloc_bytes / MIB) / 1024.0,
             facts->platform_name[0] ? ", " : "", facts->platform_name);
}

thaw_status ocl_describe(const ocl_facts *facts, thaw_device_info *info, thaw_error *err)
{
    if (info->struct_size < THAW_DEVICE_INFO_V1_SIZE)
        return backend_fail(err, THAW_E_INVALID, "struct_size of thaw_device_info is %u, must be at least %u",
                            info->struct_size, THAW_DEVICE_INFO_V1_SIZE);
    thaw_device_info full = {.struct_size = info->struct_size,
                             .type = type_of(facts),
                             .memory_bytes = facts->memory_bytes,
                             .max_alloc_bytes = facts->max_alloc_bytes,
                             .cache_bytes = facts->cache_bytes,
                             .offset_align = offset_align(facts),
                             .compute_units = facts->units,
                             .preferred_batch = preferred_batch(facts)};
    snprintf(full.name, sizeof full.name, "%s", facts->name);
    snprintf(full.vendor, sizeof full.vendor, "%s", facts->vendor);
    snprintf(full.driver, sizeof full.driver, "%.30s %.32s", facts->driver, facts->version);
    write_detail(facts, full.detail, sizeof full.detail);
    memcpy(info, &full, info->struct_size < sizeof full ? info->struct_size : sizeof full);
    return THAW_OK;
}

/* Called by the driver, on any thread. */
static void CL_CALLBACK on_notice(const char *text, const void *data, size_t bytes, void *user)
{
    const thaw_device *dev = user;
    (void)data;
    (void)bytes;
    if (text)
        ocl_log(dev->host, THAW_LOG_DEBUG, "opencl: %s: the driver says: %s", dev->facts->name, text);
}

static thaw_status create_context(thaw_device *dev, thaw_error *err)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)dev->facts->platform, 0};
    cl_int code = CL_SUCCESS;
    dev->context = dev->cl->clCreateContext(properties, 1, &dev->facts->id, on_notice, dev, &code);
    return code == CL_SUCCESS ? THAW_OK : ocl_fail(err, code, "opening %s", dev->facts->name);
}

thaw_status ocl_device_open(const thaw_host *host, const ocl_api *cl, const ocl_facts *facts,
                            const char *options, thaw_device **out, thaw_error *err)
{
    ocl_options read;
    thaw_status s = ocl_options_read(options, &read, err);
    if (s != THAW_OK)
        return s;
    thaw_device *dev = host->alloc(host->ctx, sizeof *dev, 64);
    if (!dev)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for the device %s", facts->name);
    *dev = (thaw_device){.host = host, .cl = cl, .facts = facts, .options = read};
    s = create_context(dev, err);
    if (s == THAW_OK)
        s = ocl_class_find(dev, err);
    if (s == THAW_OK)
        s = ocl_staging_create(dev, err);
    if (s == THAW_OK)
        s = ocl_programs_create(dev, err);
    if (s != THAW_OK) {
        ocl_device_close(dev);
        return s;
    }
    ocl_probe(dev);
    ocl_log(host, THAW_LOG_DEBUG, "opencl: %s: class %s, vectors of %u, %s", facts->name,
            ocl_class_name(dev->class_of), dev->lanes, dev->subgroups ? "subgroups" : "no subgroups");
    *out = dev;
    return THAW_OK;
}

void ocl_device_close(thaw_device *dev)
{
    const thaw_host *host = dev->host;
    if (dev->programs)
        ocl_programs_free(dev);
    ocl_staging_free(dev);
    if (dev->context)
        dev->cl->clReleaseContext(dev->context);
    host->free(host->ctx, dev);
}
