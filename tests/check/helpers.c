#include "helpers.h"

thaw_runtime *test_runtime(const char *const *plugins)
{
    thaw_runtime *runtime = NULL;
    thaw_error err = {0};
    size_t n = 0;
    while (plugins[n])
        n++;
    thaw_runtime_options options = {.threads = 2, .plugins = plugins, .n_plugins = n, .no_search = true};
    if (thaw_runtime_create(&options, &runtime, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return runtime;
}
