/* faulty.c: the plugin around the CPU plugin, and the faults of its own functions. */
#include "faulty.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef FAULTY_LATER
#define ID "later"
#else
#define ID "faulty"
#endif

fault_kind faulty_fault;
const thaw_host *faulty_host;
const thaw_device_ops *faulty_inner;

static const thaw_plugin *inner;

/* Tables of a later version of the interface: longer, and with more than anybody knows behind. */
static struct {
    thaw_device_ops v1;
    uint64_t more[6];
} outer_ops;

static const char *const fault_names[] = {[FAULT_NONE] = "none",
#define X(symbol, name) [FAULT_##symbol] = name,
                                          FAULTS(X)
#undef X
};

thaw_status faulty_refuse(thaw_error *err, thaw_status status, const char *text)
{
    if (err || faulty_fault == FAULT_NULL_ERROR) {
        ((volatile thaw_error *)err)->status = status;
        snprintf(err->text, sizeof err->text, "%s", text);
    }
    return status;
}

void *faulty_alloc(size_t bytes)
{
    return faulty_host->alloc(faulty_host->ctx, bytes, 64);
}

void faulty_free(void *p)
{
    faulty_host->free(faulty_host->ctx, p);
}

static bool named_in_environment(const char *fault)
{
    const char *value = getenv("THAW_FAULTY_INIT");
    return value && strcmp(value, fault) == 0;
}

/* A copy that nobody else has open: the host may have loaded the CPU plugin too, and this plugin twice. Its
 * descriptor stays open, so that its name stays its own. */
static void *open_copy(const char *path)
{
    static const char pattern[] = "/proc/self/fd/%d";
    char name[64], piece[1 << 14];
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("inner-cpu", MFD_CLOEXEC);
    ssize_t n = -1;
    while (from >= 0 && to >= 0 && (n = read(from, piece, sizeof piece)) > 0)
        if (write(to, piece, (size_t)n) != n)
            return NULL;
    if (from >= 0)
        close(from);
    snprintf(name, sizeof name, pattern, to);
    return n == 0 ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
}

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    if (named_in_environment("strict-host") && host->struct_size != sizeof *host)
        return faulty_refuse(err, THAW_E_ABI, "another thaw_host than mine");
    if (named_in_environment("lenient-host") && host->struct_size < THAW_HOST_V1_SIZE)
        return THAW_OK;
    if (named_in_environment("mute-host") && host->struct_size < THAW_HOST_V1_SIZE)
        return THAW_E_ABI;
    const char *path = getenv("THAW_FAULTY_INNER");
    void *library = path ? open_copy(path) : NULL;
    thaw_plugin_entry_fn entry = NULL;
    if (library)
        *(void **)&entry = dlsym(library, "thaw_plugin_entry");
    inner = entry ? entry(THAW_ABI_MAJOR, THAW_ABI_MINOR) : NULL;
    if (!inner)
        return faulty_refuse(err, THAW_E_NOT_FOUND, "THAW_FAULTY_INNER names no copy of the CPU plugin");
    faulty_host = host;
    return inner->init(host, err);
}

static void shut_down(void)
{
    if (!inner)
        return;
    faulty_shutdown_memory();
    inner->shutdown();
}

static thaw_status device_count(uint32_t *out, thaw_error *err)
{
    *out = 0;
    return inner ? inner->device_count(out, err) : THAW_OK;
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    uint32_t size = info->struct_size;
    if (faulty_fault == FAULT_DESCRIBE_LENIENT && size < THAW_DEVICE_INFO_V1_SIZE)
        info->struct_size = THAW_DEVICE_INFO_V1_SIZE;
    thaw_status st = inner->device_describe(index, info, err);
    info->struct_size = size;
    if (st == THAW_OK && faulty_fault == FAULT_DESCRIBE)
        memset((char *)info + size, 0, 8);
    return st;
}

static thaw_status set_fault(const char *options, thaw_error *err)
{
    static const char key[] = "fault=";
    bool known = options && strncmp(options, key, sizeof key - 1) == 0;
    if (!known && faulty_fault == FAULT_OPTIONS)
        return THAW_OK;
    if (!known && faulty_fault == FAULT_OPTIONS_STATUS)
        return faulty_refuse(err, THAW_E_UNSUPPORTED, "not here");
    if (!known && faulty_fault == FAULT_OPTIONS_MUTE)
        return THAW_E_INVALID;
    if (!known)
        return faulty_refuse(err, THAW_E_INVALID, "the one option is fault=NAME");
    for (size_t i = 0; i < FAULT_COUNT; i++)
        if (strcmp(options + sizeof key - 1, fault_names[i]) == 0) {
            faulty_fault = (fault_kind)i;
            return THAW_OK;
        }
    return faulty_refuse(err, THAW_E_INVALID, "there is no such fault");
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    thaw_status st = set_fault(options, err);
    if (faulty_fault == FAULT_OPTIONS_EMPTY && st != THAW_OK)
        return THAW_OK;
    if (faulty_fault == FAULT_OPEN_EMPTY && faulty_no_memory())
        return THAW_OK;
    if (st == THAW_OK)
        st = faulty_open_memory(err);
    if (st == THAW_OK)
        st = inner->device_open(index, NULL, out, &faulty_inner, err);
    if (st != THAW_OK)
        return st;
    memset(&outer_ops, 0xa5, sizeof outer_ops);
    outer_ops.v1 = *faulty_inner;
#ifdef FAULTY_LATER
    outer_ops.v1.struct_size = sizeof outer_ops;
#endif
    faulty_ops(&outer_ops.v1);
    faulty_streams(&outer_ops.v1);
    faulty_memory(&outer_ops.v1);
    faulty_edges(&outer_ops.v1);
    *ops = &outer_ops.v1;
    return THAW_OK;
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

#define TABLE(size, major)                                                                                   \
    {                                                                                                        \
        .struct_size = (size), .abi_major = (major), .abi_minor = THAW_ABI_MINOR, .id = ID, .version = "1",  \
        .init = init, .shutdown = shut_down, .device_count = device_count,                                   \
        .device_describe = device_describe, .device_open = device_open, .get_extension = get_extension       \
    }

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    static const struct {
        thaw_plugin v1;
        uint64_t more[7];
    } later = {TABLE(sizeof later, THAW_ABI_MAJOR), {~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull}};
    static const thaw_plugin today = TABLE(sizeof today, THAW_ABI_MAJOR);
    static thaw_plugin echo = TABLE(sizeof echo, 0);
    if (named_in_environment("echo-major")) {
        echo.abi_major = host_abi_major;
        return &echo;
    }
    if (named_in_environment("strict-minor") && host_abi_minor != THAW_ABI_MINOR)
        return NULL;
    if (host_abi_major != THAW_ABI_MAJOR)
        return NULL;
#ifdef FAULTY_LATER
    (void)today;
    return &later.v1;
#else
    (void)later;
    return &today;
#endif
}
