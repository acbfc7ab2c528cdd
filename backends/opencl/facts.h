/* facts.h: asking one device what it is. */
#ifndef THAW_OPENCL_FACTS_H
#define THAW_OPENCL_FACTS_H

#include "backends/opencl/opencl.h"

/* A platform and the texts by which it is ordered. */
typedef struct {
    cl_platform_id id;
    char name[64], version[128];
} ocl_platform;

/* [init] Fills both texts; what the platform does not tell stays empty. */
void ocl_platform_read(const ocl_api *cl, ocl_platform *platform);

/* [init] Fills *out, whole, about device `id`. false: thaw cannot use the device, and why (cap bytes)
 * says for what reason; out->name is set all the same where the device tells it. */
bool ocl_facts_read(const thaw_host *host, const ocl_api *cl, const ocl_platform *platform, cl_device_id id,
                    ocl_facts *out, char *why, size_t cap);

/* [thread-safe] Whether the device has this extension. */
bool ocl_has_extension(const ocl_facts *facts, const char *name);

#endif
