#include "plugins/onednn/options.h"

#include <string.h>

static const struct {
    const char *name;
    dnnl_cpu_isa_t isa;
} known[] = {
    {"sse41", dnnl_cpu_isa_sse41},
    {"avx2", dnnl_cpu_isa_avx2},
    {"avx512", dnnl_cpu_isa_avx512_core},
};
#define N_KNOWN (sizeof known / sizeof *known)

/* Of what is in force now. */
static const char *isa_name(void)
{
    const dnnl_cpu_isa_t is = dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < N_KNOWN; i++) {
        if (known[i].isa == is)
            return known[i].name;
    }
    return "auto, all that the processor has";
}

static thaw_status set_isa(const char *value, size_t length, thaw_error *err)
{
    if (length == 4 && memcmp(value, "auto", 4) == 0)
        return THAW_OK;
    for (size_t i = 0; i < N_KNOWN; i++) {
        if (strlen(known[i].name) != length || memcmp(known[i].name, value, length) != 0)
            continue;
        /* Asking what is in force ends the time in which it can be set; so that comes second. */
        (void)dnnl_set_max_cpu_isa(known[i].isa);
        if (dnnl_get_effective_cpu_isa() == known[i].isa)
            return THAW_OK;
        return backend_fail(
            err, THAW_E_UNSUPPORTED,
            "onednn: isa=%s cannot be had: this processor lacks it, or oneDNN has already run in "
            "this process, which sets its instruction set (now %s) once and for all devices",
            known[i].name, isa_name());
    }
    return backend_fail(err, THAW_E_INVALID,
                        "onednn: isa=%.*s is not known; it is one of sse41, avx2, avx512, auto",
                        (int)(length < 64 ? length : 64), value);
}

thaw_status options_apply(const char *text, thaw_error *err)
{
    while (text && *text) {
        size_t length = strcspn(text, ",");
        thaw_status s = THAW_OK;
        if (length >= 4 && memcmp(text, "isa=", 4) == 0)
            s = set_isa(text + 4, length - 4, err);
        else
            s = backend_fail(
                err, THAW_E_INVALID,
                "onednn: option \"%.*s\" is not known; the known ones are isa=sse41|avx2|avx512|auto",
                (int)(length < 64 ? length : 64), text);
        if (s != THAW_OK)
            return s;
        text += length;
        text += *text == ',';
    }
    return THAW_OK;
}
