/* staging.h: pinned host memory, through which uploads go to a device with memory of its own.
 *
 * A ring of chunks, shared by the device's streams: while one chunk is on its way to the device the next is
 * filled. The ring is made at the first upload. */
#ifndef THAW_OPENCL_STAGING_H
#define THAW_OPENCL_STAGING_H

#include "backends/opencl/opencl.h"

/* [init] Sets dev->staging, without any pinned memory as yet. */
thaw_status ocl_staging_create(thaw_device *dev, thaw_error *err);
/* [init] Every stream has been synchronised. Does nothing where there is none. */
void ocl_staging_free(thaw_device *dev);

/* Enqueues the copy of bytes > 0 from src to `offset` of mem on a queue of the device, in the queue's order.
 * src is read before it returns. May wait for uploads of other streams, which never wait for this one's.
 * One thread at a time for one queue; different queues at the same time. */
thaw_status ocl_staging_upload(thaw_device *dev, cl_command_queue queue, cl_mem mem, size_t offset,
                               const void *src, size_t bytes, thaw_error *err);

#endif
