#include "core/check/plugin.h"

#include <string.h>

#include "core/check/check.h"

typedef thaw_status (*plugin_fn)(check_run *run, thaw_error *err);

static const char *const names[] = {"side-by-side", "prepare-at-once", "leaks",       "full",
                                    "no-memory",    "options",         "no-error",    "long-host",
                                    "short-host",   "describe-size",   "other-major", NULL};
static const plugin_fn functions[] = {
    thaw_check_side_by_side,     thaw_check_prepare_at_once, thaw_check_leaks,      thaw_check_full,
    thaw_check_device_no_memory, thaw_check_bad_options,     thaw_check_no_error,   thaw_check_long_host,
    thaw_check_short_host,       thaw_check_describe_size,   thaw_check_other_major};

const char *const *thaw_check_plugin_names(void)
{
    return names;
}

thaw_status thaw_check_plugin(check_run *run, const check_case *c, thaw_error *err)
{
    const char *name = strchr(c->name, '/') + 1;
    for (size_t i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return functions[i](run, err);
    return thaw_fail(err, THAW_E_INTERNAL, "there is no case %s", c->name);
}

static const check_case *first_taken(const check_side *side, const check_list *list, uint32_t kind,
                                     thaw_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const check_case *c = &list->items[i];
        thaw_op_info info;
        if (c->kind == kind && c->type == CHECK_VALUES &&
            thaw_check_query(side, c, THAW_ALGO_DEFAULT, &info, err) == THAW_OK)
            return c;
    }
    return NULL;
}

thaw_status thaw_check_sample(const check_side *side, uint64_t seed, uint32_t max, check_list *list,
                              const check_case **sample, uint32_t *n, thaw_error *err)
{
    *n = 0;
    thaw_status st = thaw_check_cases(seed, list, err);
    if (st != THAW_OK)
        return st;
    thaw_error declined;
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END && *n < max; kind++) {
        const check_case *c = first_taken(side, list, kind, &declined);
        if (c)
            sample[(*n)++] = c;
    }
    return *n ? THAW_OK
              : thaw_fail(err, THAW_E_UNSUPPORTED, "the device takes no op, and this case needs one");
}
