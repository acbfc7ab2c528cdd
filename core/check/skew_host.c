/* skew_host.c: hosts of other versions.
 *
 * thaw_plugin.h, Growth: structs grow at their end; "a host refuses another abi_major and accepts any
 * abi_minor", and a plugin meets hosts with a larger thaw_host, which works as ever, and with one that is
 * smaller than that of ABI 1.0, which init refuses. device_describe writes no more than struct_size. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/player.h"
#include "core/check/plugin.h"
#include "core/check/sandbox.h"

#define N_OPS 4u

static thaw_status same_bits(const check_run *run, const check_sandbox *s, const check_case *c,
                             thaw_error *err)
{
    check_layout l;
    thaw_op_info info;
    uint8_t *before = NULL, *plain;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = thaw_check_layout(c, run->align, &l, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &l, run->seed, &before, &plain, err);
    uint8_t *skewed = st == THAW_OK ? malloc(l.total) : NULL;
    if (st == THAW_OK && !skewed)
        st = thaw_fail_memory(err, l.total, "the tensors of a case");
    if (st == THAW_OK)
        st = thaw_check_execute(&run->device, c, &l, THAW_ALGO_DEFAULT, before, (uint8_t *[]){plain}, 1, err);
    if (st == THAW_OK)
        st = thaw_check_execute(&s->side, c, &l, THAW_ALGO_DEFAULT, before, (uint8_t *[]){skewed}, 1, err);
    if (st == THAW_OK && info.deterministic && memcmp(plain, skewed, l.total) != 0)
        st = thaw_fail(err, THAW_E_CHECK, "%s: other bits when thaw_host is longer than in this version",
                       c->name);
    free(skewed);
    free(before);
    return st;
}

thaw_status thaw_check_long_host(check_run *run, thaw_error *err)
{
    check_sandbox *shared, *s = NULL;
    check_list list = {0};
    const check_case *sample[N_OPS];
    uint32_t n = 0;
    thaw_status st = thaw_check_sandbox(run, &shared, err); /* without one, a failure would be no fault */
    if (st != THAW_OK)
        return st;
    st = thaw_check_sandbox_open(run, offsetof(check_host, behind) + sizeof shared->host->behind, &s, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox_enter(s, err);
    if (st == THAW_E_UNSUPPORTED)
        st = thaw_fail_within(
            err, THAW_E_CHECK,
            "with a thaw_host that is longer and of a later abi_minor, which a plugin accepts");
    if (st == THAW_OK)
        st = thaw_check_sample(&s->side, run->seed, N_OPS, &list, sample, &n, err);
    for (uint32_t i = 0; st == THAW_OK && i < n; i++)
        st = same_bits(run, s, sample[i], err);
    run->kernels += st == THAW_OK && n > 0;
    thaw_check_list_free(&list);
    thaw_check_sandbox_close(s);
    return st;
}

thaw_status thaw_check_short_host(check_run *run, thaw_error *err)
{
    check_sandbox *s = NULL;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st != THAW_OK)
        return st;
    s = NULL;
    st = thaw_check_sandbox_open(run, THAW_HOST_V1_SIZE - 8, &s, err);
    thaw_check_sandbox_close(s);
    if (st == THAW_OK)
        return thaw_fail(
            err, THAW_E_CHECK,
            "init accepts a thaw_host of %u bytes, smaller than that of ABI 1.0 (%u): it would call "
            "functions that are not there",
            THAW_HOST_V1_SIZE - 8, THAW_HOST_V1_SIZE);
    if (st != THAW_E_UNSUPPORTED)
        return st;
    return strstr(err->text, "gives no reason")
               ? thaw_fail(
                     err, THAW_E_CHECK,
                     "init refuses a thaw_host that is smaller than that of ABI 1.0 and does not say why")
               : THAW_OK;
}

/* A later host's struct, with room and a guard behind; and one that is too small. */
thaw_status thaw_check_describe_size(check_run *run, thaw_error *err)
{
    check_sandbox *s;
    uint32_t index = 0;
    struct {
        thaw_device_info info;
        uint8_t behind[64];
    } answer = {.info = {.struct_size = THAW_DEVICE_INFO_V1_SIZE}};
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox_index(s, &index, err);
    if (st != THAW_OK)
        return st;
    const thaw_plugin *api = &thaw_check_sandbox_plugin(s)->api;
    uint8_t *bytes = (uint8_t *)&answer;
    memset(bytes + THAW_DEVICE_INFO_V1_SIZE, 0xa5, sizeof answer - THAW_DEVICE_INFO_V1_SIZE);
    memset(err, 0, sizeof *err);
    st = thaw_check_fault(err, api->device_describe(index, &answer.info, err), "device_describe");
    for (size_t i = THAW_DEVICE_INFO_V1_SIZE; st == THAW_OK && i < sizeof answer; i++)
        if (bytes[i] != 0xa5)
            st = thaw_fail(
                err, THAW_E_CHECK,
                "device_describe writes byte %zu of a thaw_device_info whose struct_size is %u: write "
                "the smaller of struct_size and your own sizeof",
                i, THAW_DEVICE_INFO_V1_SIZE);
    answer.info.struct_size = THAW_DEVICE_INFO_V1_SIZE - 8;
    if (st != THAW_OK)
        return st;
    memset(err, 0, sizeof *err);
    if (api->device_describe(index, &answer.info, err) == THAW_OK)
        return thaw_fail(err, THAW_E_CHECK,
                         "device_describe accepts a thaw_device_info that is smaller than that of ABI 1.0");
    return err->text[0]
               ? THAW_OK
               : thaw_fail(err, THAW_E_CHECK,
                           "device_describe refuses a thaw_device_info that is too small without a text");
}

/* NULL is an answer, and so is a table of the plugin's own version, which the host will refuse. */
thaw_status thaw_check_other_major(check_run *run, thaw_error *err)
{
    check_sandbox *s;
    thaw_plugin_entry_fn entry;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st != THAW_OK)
        return st;
    void *symbol = dlsym(thaw_check_sandbox_plugin(s)->library, "thaw_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to a function */
    const thaw_plugin *other = entry(THAW_ABI_MAJOR + 1000, 0);
    if (other && other->abi_major == THAW_ABI_MAJOR + 1000)
        return thaw_fail(
            err, THAW_E_CHECK,
            "thaw_plugin_entry repeats the host's abi_major (%u) as its own: say THAW_ABI_MAJOR of the "
            "header that the plugin is built with",
            THAW_ABI_MAJOR + 1000);
    const thaw_plugin *later = entry(THAW_ABI_MAJOR, THAW_ABI_MINOR + 9);
    if (!later || later->abi_major != THAW_ABI_MAJOR)
        return thaw_fail(err, THAW_E_CHECK,
                         "thaw_plugin_entry declines a host of abi_minor %u: minor versions only append",
                         THAW_ABI_MINOR + 9);
    return THAW_OK;
}
