#include "backends/opencl/staging.h"

#include <string.h>

/* Large enough that the cost of a transfer is that of its bytes, and so many that small uploads of several
 * steps find room without waiting for a step to end. */
#define CHUNK_BYTES ((size_t)2 << 20)
#define N_CHUNKS    16u

struct ocl_staging {
    pthread_mutex_t lock; /* everything below */
    cl_mem pinned;
    cl_command_queue queue;  /* for mapping alone */
    unsigned char *memory;   /* where `pinned` is mapped; NULL until the first upload */
    cl_event sent[N_CHUNKS]; /* NULL: the chunk is free */
    uint32_t next;
};

thaw_status ocl_staging_create(thaw_device *dev, thaw_error *err)
{
    ocl_staging *staging = dev->host->alloc(dev->host->ctx, sizeof *staging, 64);
    if (!staging)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for the uploads of a device");
    memset(staging, 0, sizeof *staging);
    if (pthread_mutex_init(&staging->lock, NULL) != 0) {
        dev->host->free(dev->host->ctx, staging);
        return backend_fail(err, THAW_E_NO_MEMORY, "no lock for the uploads of a device");
    }
    dev->staging = staging;
    return THAW_OK;
}

/* Undoes `pin`, however far it came. */
static void unpin(const ocl_api *cl, ocl_staging *staging)
{
    if (staging->memory) {
        cl->clEnqueueUnmapMemObject(staging->queue, staging->pinned, staging->memory, 0, NULL, NULL);
        cl->clFinish(staging->queue);
    }
    if (staging->queue)
        cl->clReleaseCommandQueue(staging->queue);
    if (staging->pinned)
        cl->clReleaseMemObject(staging->pinned);
    staging->memory = NULL;
    staging->queue = NULL;
    staging->pinned = NULL;
}

void ocl_staging_free(thaw_device *dev)
{
    ocl_staging *staging = dev->staging;
    if (!staging)
        return;
    for (uint32_t i = 0; i < N_CHUNKS; i++)
        if (staging->sent[i])
            dev->cl->clReleaseEvent(staging->sent[i]);
    unpin(dev->cl, staging);
    pthread_mutex_destroy(&staging->lock);
    dev->host->free(dev->host->ctx, staging);
    dev->staging = NULL;
}

/* Pins the ring's memory, once. */
static thaw_status pin(const thaw_device *dev, ocl_staging *staging, thaw_error *err)
{
    const ocl_api *cl = dev->cl;
    const size_t bytes = N_CHUNKS * CHUNK_BYTES;
    cl_int code = CL_SUCCESS;
    if (staging->memory)
        return THAW_OK;
    staging->pinned =
        cl->clCreateBuffer(dev->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &code);
    if (code != CL_SUCCESS)
        goto cleanup;
    staging->queue = cl->clCreateCommandQueue(dev->context, dev->facts->id, 0, &code);
    if (code != CL_SUCCESS)
        goto cleanup;
    staging->memory = cl->clEnqueueMapBuffer(staging->queue, staging->pinned, CL_TRUE,
                                             CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0, NULL, NULL, &code);
cleanup:
    if (code == CL_SUCCESS)
        return THAW_OK;
    staging->memory = NULL;
    unpin(cl, staging);
    return ocl_fail(err, code, "pinning %zu bytes of host memory for uploads", bytes);
}

/* Waits until what the next chunk held has arrived. */
static thaw_status free_next(const ocl_api *cl, ocl_staging *staging, thaw_error *err)
{
    cl_event sent = staging->sent[staging->next];
    if (!sent)
        return THAW_OK;
    cl_int code = cl->clWaitForEvents(1, &sent);
    cl->clReleaseEvent(sent);
    staging->sent[staging->next] = NULL;
    return code == CL_SUCCESS ? THAW_OK : ocl_fail(err, code, "an upload that was on its way");
}

static thaw_status send(const thaw_device *dev, cl_command_queue queue, cl_mem mem, size_t offset,
                        const void *src, size_t bytes, thaw_error *err)
{
    const ocl_api *cl = dev->cl;
    ocl_staging *staging = dev->staging;
    pthread_mutex_lock(&staging->lock);
    thaw_status s = pin(dev, staging, err);
    if (s == THAW_OK)
        s = free_next(cl, staging, err);
    if (s == THAW_OK) {
        unsigned char *chunk = staging->memory + staging->next * CHUNK_BYTES;
        memcpy(chunk, src, bytes);
        cl_int code = cl->clEnqueueWriteBuffer(queue, mem, CL_FALSE, offset, bytes, chunk, 0, NULL,
                                               &staging->sent[staging->next]);
        /* Others wait for the chunk: its transfer must not lie in a queue that nobody empties. */
        if (code == CL_SUCCESS)
            code = cl->clFlush(queue);
        else
            staging->sent[staging->next] = NULL;
        staging->next = (staging->next + 1) % N_CHUNKS;
        if (code != CL_SUCCESS)
            s = ocl_fail(err, code, "uploading %zu bytes", bytes);
    }
    pthread_mutex_unlock(&staging->lock);
    return s;
}

thaw_status ocl_staging_upload(thaw_device *dev, cl_command_queue queue, cl_mem mem, size_t offset,
                               const void *src, size_t bytes, thaw_error *err)
{
    const unsigned char *from = src;
    thaw_status s = THAW_OK;
    for (size_t done = 0; s == THAW_OK && done < bytes;) {
        size_t part = bytes - done < CHUNK_BYTES ? bytes - done : CHUNK_BYTES;
        s = send(dev, queue, mem, offset + done, from + done, part, err);
        done += part;
    }
    return s;
}
