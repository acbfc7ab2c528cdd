/* launch.c: the sizes of a launch, checked once when it is planned so that a run cannot fail for them. */
#include "backends/opencl/plan.h"

#define GROUP_MAX 256u /* work-items; more of them share the registers without hiding more latency */

/* A size that the driver tells about a kernel. false: it does not, and the plan fails. */
static bool ask(ocl_plan *plan, const ocl_launch *launch, cl_kernel_work_group_info what, size_t *out)
{
    cl_int code = plan->dev->cl->clGetKernelWorkGroupInfo(launch->kernel, plan->dev->facts->id, what,
                                                          sizeof *out, out, NULL);
    if (code == CL_SUCCESS)
        return true;
    plan->status = ocl_fail(&plan->error, code, "asking %s about a kernel", plan->dev->facts->name);
    return false;
}

/* Every argument has been given, as far as the driver knows how many there are. */
static bool check_arguments(ocl_plan *plan, const ocl_launch *launch)
{
    cl_uint wanted = 0;
    cl_int code =
        plan->dev->cl->clGetKernelInfo(launch->kernel, CL_KERNEL_NUM_ARGS, sizeof wanted, &wanted, NULL);
    if (code == CL_SUCCESS && wanted == launch->n_args)
        return true;
    if (code != CL_SUCCESS)
        plan->status =
            ocl_fail(&plan->error, code, "counting a kernel's arguments on %s", plan->dev->facts->name);
    else
        ocl_plan_fail(plan, THAW_E_INTERNAL, "launch %u: the kernel takes %u arguments, %u were given",
                      plan->n_launches, wanted, launch->n_args);
    return false;
}

static bool check_group(ocl_plan *plan, const ocl_launch *launch)
{
    size_t limit = 0, items = 1;
    if (!ask(plan, launch, CL_KERNEL_WORK_GROUP_SIZE, &limit))
        return false;
    for (cl_uint d = 0; d < launch->dims; d++) {
        const size_t local = launch->local[d];
        if (local == 0 || launch->global[d] % local != 0) {
            ocl_plan_fail(plan, THAW_E_INTERNAL, "launch %u: %zu work-items in groups of %zu",
                          plan->n_launches, launch->global[d], local);
            return false;
        }
        if (local > plan->dev->facts->max_items[d] || local > limit / items) {
            ocl_plan_fail(
                plan, THAW_E_UNSUPPORTED,
                "a kernel wants work-groups of %zux%zux%zu, but %s runs it in groups of at most %zu",
                launch->local[0], launch->dims > 1 ? launch->local[1] : 1,
                launch->dims > 2 ? launch->local[2] : 1, plan->dev->facts->name, limit);
            return false;
        }
        items *= local;
    }
    return true;
}

void ocl_launch_end(ocl_plan *plan, cl_uint dims, const size_t global[3], const size_t local[3])
{
    ocl_launch *launch = ocl_plan_open_launch(plan);
    if (!launch)
        return;
    if (dims < 1 || dims > 3 || !launch->kernel) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "launch %u ends as what it is not", plan->n_launches);
        return;
    }
    launch->dims = dims;
    for (cl_uint d = 0; d < dims; d++) {
        launch->global[d] = global[d];
        launch->local[d] = local[0] > 0 ? local[d] : 0;
        if (global[d] == 0) {
            ocl_plan_fail(plan, THAW_E_INTERNAL, "launch %u has no work-items", plan->n_launches);
            return;
        }
    }
    if (check_arguments(plan, launch) && (launch->local[0] == 0 || check_group(plan, launch)))
        plan->n_launches++;
}

/* On a CPU a group is a thread's piece of work, and items within it are a loop: fat items, one a group. On a
 * GPU groups of several waves, but not so large that some units have none. */
static size_t group_for(const thaw_device *dev, size_t items, size_t limit)
{
    const size_t wave = dev->wave > 0 ? dev->wave : 1;
    size_t group = wave;
    while (group < GROUP_MAX && dev->class_of != OCL_CLASS_CPU &&
           items / group > 4 * (size_t)dev->facts->units)
        group *= 2;
    while (group > 1 && (group > limit || group > dev->facts->max_items[0]))
        group /= 2;
    return group;
}

void ocl_launch_items(ocl_plan *plan, size_t items)
{
    ocl_launch *launch = ocl_plan_open_launch(plan);
    size_t limit = 0;
    if (!launch)
        return;
    if (!launch->kernel) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "a host call has no work-items");
        return;
    }
    if (!ask(plan, launch, CL_KERNEL_WORK_GROUP_SIZE, &limit))
        return;
    const size_t group = group_for(plan->dev, items, limit);
    if (items > SIZE_MAX - group) {
        ocl_plan_fail(plan, THAW_E_UNSUPPORTED, "%zu work-items are more than can be counted", items);
        return;
    }
    const size_t global[3] = {(items + group - 1) / group * group, 1, 1}, local[3] = {group, 1, 1};
    ocl_launch_end(plan, 1, global, local);
}
