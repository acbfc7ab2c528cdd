#include "backends/opencl/source.h"

#include <string.h>

const ocl_source *ocl_source_find(const char *name)
{
    for (size_t i = 0; i < ocl_n_sources; i++)
        if (strcmp(ocl_sources[i].name, name) == 0)
            return &ocl_sources[i];
    return NULL;
}
