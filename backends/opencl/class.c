#include "backends/opencl/class.h"

#include <string.h>

#include "backends/opencl/facts.h"

static const struct {
    const char *name;
    uint32_t wave;
} classes[] = {
    [OCL_CLASS_CPU] = {"cpu", 1},
    [OCL_CLASS_WAVE32] = {"wave32", 32},
    [OCL_CLASS_WAVE64] = {"wave64", 64},
    [OCL_CLASS_SIMD] = {"simd", 16},
};

#define N_CLASSES (sizeof classes / sizeof classes[0])

const char *ocl_class_name(ocl_class c)
{
    return (size_t)c < N_CLASSES ? classes[c].name : "unknown";
}

bool ocl_class_by_name(const char *name, size_t length, ocl_class *out)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (strlen(classes[i].name) == length && memcmp(classes[i].name, name, length) == 0) {
            *out = (ocl_class)i;
            return true;
        }
    }
    return false;
}

bool ocl_class_known(const ocl_facts *facts, ocl_class *out)
{
    if (facts->type & CL_DEVICE_TYPE_CPU)
        *out = OCL_CLASS_CPU;
    /* Where the compiler chooses the width of each kernel's subgroups, it takes 32 for a kernel that needs
     * few registers, so that asking such a kernel would tell nothing. */
    else if (ocl_has_extension(facts, "cl_intel_required_subgroup_size"))
        *out = OCL_CLASS_SIMD;
    else
        return false;
    return true;
}

static thaw_status preferred_multiple(const thaw_device *dev, size_t *out, thaw_error *err)
{
    static const char *const source = "__kernel void one(__global int *p) { p[get_global_id(0)] = 1; }";
    const ocl_api *cl = dev->cl;
    const char *step = "making a program";
    cl_kernel kernel = NULL;
    cl_int code;
    cl_program program = cl->clCreateProgramWithSource(dev->context, 1, (const char **)&source, NULL, &code);
    if (code != CL_SUCCESS)
        goto cleanup;
    step = "compiling a kernel of one line";
    code = cl->clBuildProgram(program, 1, &dev->facts->id, "-cl-std=CL1.2", NULL, NULL);
    if (code != CL_SUCCESS)
        goto cleanup;
    kernel = cl->clCreateKernel(program, "one", &code);
    if (code != CL_SUCCESS)
        goto cleanup;
    step = "asking for the preferred size of a work-group";
    code = cl->clGetKernelWorkGroupInfo(kernel, dev->facts->id, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE,
                                        sizeof *out, out, NULL);
cleanup:
    if (kernel)
        cl->clReleaseKernel(kernel);
    if (program)
        cl->clReleaseProgram(program);
    return code == CL_SUCCESS ? THAW_OK : ocl_fail(err, code, "%s on %s", step, dev->facts->name);
}

static thaw_status ask_class(const thaw_device *dev, ocl_class *out, thaw_error *err)
{
    size_t multiple = 0;
    if (ocl_class_known(dev->facts, out))
        return THAW_OK;
    thaw_status s = preferred_multiple(dev, &multiple, err);
    if (s == THAW_OK)
        *out = multiple >= 64 ? OCL_CLASS_WAVE64 : multiple >= 32 ? OCL_CLASS_WAVE32 : OCL_CLASS_SIMD;
    return s;
}

thaw_status ocl_class_find(thaw_device *dev, thaw_error *err)
{
    const ocl_facts *facts = dev->facts;
    dev->class_of = dev->options.class_of;
    if (!dev->options.class_forced) {
        thaw_status s = ask_class(dev, &dev->class_of, err);
        if (s != THAW_OK)
            return s;
    }
    dev->wave = classes[dev->class_of].wave;
    dev->lanes = facts->vector_floats >= 16 ? 16 : facts->vector_floats >= 8 ? 8 : 4;
    dev->subgroups =
        ocl_has_extension(facts, "cl_khr_subgroups") || ocl_has_extension(facts, "cl_intel_subgroups");
    return THAW_OK;
}
