#include <stdarg.h>
#include <stdio.h>

#include "backends/opencl/cl.h"

/* Codes that no header of OpenCL 1.2 has: the loader's, and NVIDIA's for a kernel that left its buffers. */
#define NO_PLATFORM   (-1001)
#define NVIDIA_ACCESS (-9999)

#define MEMORY_ADVICE "the device has too little memory free; a smaller batch needs less"
#define LOST_ADVICE                                                                                          \
    "the device stopped answering, or a kernel went wrong on it; start again, and if it comes back, try "    \
    "another version of the driver, or another device"

typedef struct {
    cl_int code;
    const char *name;
    thaw_status status;
    const char *advice; /* NULL: a defect, about which a user can do nothing */
} cl_meaning;

#define DEFECT(code)                                                                                         \
    {                                                                                                        \
        code, #code, THAW_E_INTERNAL, NULL                                                                   \
    }

static const cl_meaning meanings[] = {
    {CL_SUCCESS, "CL_SUCCESS", THAW_E_INTERNAL, NULL},
    {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND", THAW_E_NOT_FOUND, "the platform has no device"},
    {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE", THAW_E_DEVICE_LOST, LOST_ADVICE},
    {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE", THAW_E_UNSUPPORTED,
     "the driver has no compiler; install the whole driver"},
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE", THAW_E_DEVICE_MEMORY,
     MEMORY_ADVICE},
    {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES", THAW_E_DEVICE_MEMORY,
     "the device has too little memory free, or a kernel went wrong on it; a smaller batch needs less, and "
     "if "
     "that does not help, try another version of the driver"},
    {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY", THAW_E_NO_MEMORY,
     "the computer has too little memory free; a smaller batch needs less"},
    DEFECT(CL_PROFILING_INFO_NOT_AVAILABLE),
    {CL_MEM_COPY_OVERLAP, "CL_MEM_COPY_OVERLAP", THAW_E_INVALID, "source and destination must not overlap"},
    DEFECT(CL_IMAGE_FORMAT_MISMATCH),
    DEFECT(CL_IMAGE_FORMAT_NOT_SUPPORTED),
    {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE", THAW_E_UNSUPPORTED,
     "the driver's compiler refuses the source; try another version of the driver"},
    {CL_MAP_FAILURE, "CL_MAP_FAILURE", THAW_E_NO_MEMORY, "the driver can pin no memory"},
    DEFECT(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
     THAW_E_DEVICE_LOST, LOST_ADVICE},
    {CL_COMPILE_PROGRAM_FAILURE, "CL_COMPILE_PROGRAM_FAILURE", THAW_E_UNSUPPORTED,
     "the driver's compiler refuses the source; try another version of the driver"},
    {CL_LINKER_NOT_AVAILABLE, "CL_LINKER_NOT_AVAILABLE", THAW_E_UNSUPPORTED,
     "the driver has no linker; install the whole driver"},
    DEFECT(CL_LINK_PROGRAM_FAILURE),
    DEFECT(CL_DEVICE_PARTITION_FAILED),
    DEFECT(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    DEFECT(CL_INVALID_VALUE),
    DEFECT(CL_INVALID_DEVICE_TYPE),
    DEFECT(CL_INVALID_PLATFORM),
    DEFECT(CL_INVALID_DEVICE),
    DEFECT(CL_INVALID_CONTEXT),
    DEFECT(CL_INVALID_QUEUE_PROPERTIES),
    /* The queues here are valid until something on the device has destroyed their context. */
    {CL_INVALID_COMMAND_QUEUE, "CL_INVALID_COMMAND_QUEUE", THAW_E_DEVICE_LOST, LOST_ADVICE},
    DEFECT(CL_INVALID_HOST_PTR),
    DEFECT(CL_INVALID_MEM_OBJECT),
    DEFECT(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR),
    DEFECT(CL_INVALID_IMAGE_SIZE),
    DEFECT(CL_INVALID_SAMPLER),
    DEFECT(CL_INVALID_BINARY),
    DEFECT(CL_INVALID_BUILD_OPTIONS),
    DEFECT(CL_INVALID_PROGRAM),
    DEFECT(CL_INVALID_PROGRAM_EXECUTABLE),
    DEFECT(CL_INVALID_KERNEL_NAME),
    DEFECT(CL_INVALID_KERNEL_DEFINITION),
    DEFECT(CL_INVALID_KERNEL),
    DEFECT(CL_INVALID_ARG_INDEX),
    DEFECT(CL_INVALID_ARG_VALUE),
    DEFECT(CL_INVALID_ARG_SIZE),
    DEFECT(CL_INVALID_KERNEL_ARGS),
    DEFECT(CL_INVALID_WORK_DIMENSION),
    DEFECT(CL_INVALID_WORK_GROUP_SIZE),
    DEFECT(CL_INVALID_WORK_ITEM_SIZE),
    DEFECT(CL_INVALID_GLOBAL_OFFSET),
    DEFECT(CL_INVALID_EVENT_WAIT_LIST),
    DEFECT(CL_INVALID_EVENT),
    DEFECT(CL_INVALID_OPERATION),
    DEFECT(CL_INVALID_GL_OBJECT),
    {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE", THAW_E_DEVICE_MEMORY,
     "the device gives out no buffer that large; a smaller batch needs less"},
    DEFECT(CL_INVALID_MIP_LEVEL),
    DEFECT(CL_INVALID_GLOBAL_WORK_SIZE),
    DEFECT(CL_INVALID_PROPERTY),
    DEFECT(CL_INVALID_IMAGE_DESCRIPTOR),
    DEFECT(CL_INVALID_COMPILER_OPTIONS),
    DEFECT(CL_INVALID_LINKER_OPTIONS),
    DEFECT(CL_INVALID_DEVICE_PARTITION_COUNT),
    {NO_PLATFORM, "CL_PLATFORM_NOT_FOUND_KHR", THAW_E_NOT_FOUND,
     "no OpenCL driver is registered in /etc/OpenCL/vendors; install the one of your device"},
    {NVIDIA_ACCESS, "illegal read or write to a buffer", THAW_E_DEVICE_LOST, LOST_ADVICE},
};

static const cl_meaning *meaning_of(cl_int code)
{
    static const cl_meaning unknown = {0, "an OpenCL error without a name", THAW_E_INTERNAL, NULL};
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    return &unknown;
}

const char *ocl_error_name(cl_int code)
{
    return meaning_of(code)->name;
}

thaw_status ocl_fail(thaw_error *err, cl_int code, const char *format, ...)
{
    const cl_meaning *m = meaning_of(code);
    const char *advice = m->advice ? m->advice : "a defect of thaw or of the driver; please report it";
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    backend_fail(err, m->status, "%s: %s (%d): %s", what, m->name, (int)code, advice);
    if (err)
        err->native = code;
    return m->status;
}

void ocl_log(const thaw_host *host, int32_t level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host->log(host->ctx, level, text);
}
