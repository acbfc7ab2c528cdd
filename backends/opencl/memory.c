#include <string.h>

#include "backends/opencl/opencl.h"

thaw_status ocl_buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    cl_int code = CL_SUCCESS;
    if (bytes == 0)
        return backend_fail(err, THAW_E_INVALID, "a buffer of 0 bytes was asked for");
    if (bytes > dev->facts->max_alloc_bytes || bytes > SIZE_MAX)
        return backend_fail(
            err, THAW_E_DEVICE_MEMORY,
            "a buffer of %llu bytes was asked for, but the largest that %s gives out has %llu; a "
            "smaller batch needs less",
            (unsigned long long)bytes, dev->facts->name, (unsigned long long)dev->facts->max_alloc_bytes);
    thaw_buffer *buf = dev->host->alloc(dev->host->ctx, sizeof *buf, 64);
    if (!buf)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a buffer's handle");
    *buf = (thaw_buffer){.dev = dev, .bytes = bytes};
    buf->mem = dev->cl->clCreateBuffer(dev->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &code);
    if (code != CL_SUCCESS) {
        dev->host->free(dev->host->ctx, buf);
        return ocl_fail(err, code, "a buffer of %llu bytes on %s", (unsigned long long)bytes,
                        dev->facts->name);
    }
    *out = buf;
    return THAW_OK;
}

void ocl_buffer_destroy(thaw_device *dev, thaw_buffer *buf)
{
    if (!buf)
        return;
    dev->cl->clReleaseMemObject(buf->mem);
    dev->host->free(dev->host->ctx, buf);
}

thaw_status ocl_slice_check(thaw_slice slice, uint64_t bytes, uint64_t align, const char *what,
                            uint32_t index, thaw_error *err)
{
    if (!slice.buffer)
        return backend_fail(err, THAW_E_INVALID, "%s %u has no buffer", what, index);
    uint64_t size = slice.buffer->bytes;
    if (slice.offset > size || bytes > size - slice.offset)
        return backend_fail(
            err, THAW_E_INVALID, "%s %u: %llu bytes at offset %llu leave a buffer of %llu bytes", what, index,
            (unsigned long long)bytes, (unsigned long long)slice.offset, (unsigned long long)size);
    if (align > 1 && slice.offset % align != 0)
        return backend_fail(err, THAW_E_INVALID, "%s %u: offset %llu is no multiple of %llu", what, index,
                            (unsigned long long)slice.offset, (unsigned long long)align);
    return THAW_OK;
}

thaw_status ocl_device_memory(thaw_device *dev, const void *data, size_t bytes, cl_mem *out, thaw_error *err)
{
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    cl_int code = CL_SUCCESS;
    void *from = NULL;
    if (bytes == 0)
        return backend_fail(err, THAW_E_INTERNAL, "0 bytes of device memory were asked for");
    if (data) {
        flags |= CL_MEM_COPY_HOST_PTR;
        /* OpenCL's signature is not const, but with this flag it only reads. */
        memcpy(&from, &data, sizeof from);
    }
    cl_mem mem = dev->cl->clCreateBuffer(dev->context, flags, bytes, from, &code);
    if (code != CL_SUCCESS)
        return ocl_fail(err, code, "%zu bytes of memory for a kernel on %s", bytes, dev->facts->name);
    *out = mem;
    return THAW_OK;
}
