#include "backends/opencl/facts.h"

#include <stdio.h>
#include <string.h>

#define MAX_TEXT ((size_t)1 << 20)

/* Printable ASCII with single blanks: drivers pad names, and a log is no place for control characters. */
static void tidy(char *text)
{
    size_t used = 0;
    for (const char *from = text; *from; from++) {
        char c = *from == '\t' || *from == '\n' || *from == '\r' ? ' ' : *from;
        if (c == ' ' && (used == 0 || text[used - 1] == ' '))
            continue;
        text[used++] = c < ' ' || c > '~' ? '?' : c;
    }
    if (used > 0 && text[used - 1] == ' ')
        used--;
    text[used] = '\0';
}

/* The text that was got, cut to `cap`; at a blank where `words`. */
static void take_text(char *got, char *out, size_t cap, bool words)
{
    tidy(got);
    size_t length = strlen(got);
    if (length >= cap) {
        length = cap - 1;
        while (words && length > 0 && got[length] != ' ')
            length--;
    }
    memcpy(out, got, length);
    out[length] = '\0';
}

static void platform_text(const ocl_api *cl, cl_platform_id id, cl_platform_info what, char *out, size_t cap)
{
    char got[1024] = "";
    size_t size = 0;
    if (cl->clGetPlatformInfo(id, what, sizeof got - 1, got, &size) != CL_SUCCESS)
        got[0] = '\0';
    take_text(got, out, cap, false);
}

void ocl_platform_read(const ocl_api *cl, ocl_platform *platform)
{
    platform_text(cl, platform->id, CL_PLATFORM_NAME, platform->name, sizeof platform->name);
    platform_text(cl, platform->id, CL_PLATFORM_VERSION, platform->version, sizeof platform->version);
}

/* What is being asked, and the first question that was not answered. */
typedef struct {
    const thaw_host *host;
    const ocl_api *cl;
    cl_device_id id;
    const char *unanswered;
} inquiry;

static void ask_text(inquiry *q, cl_device_info what, const char *name, char *out, size_t cap, bool words)
{
    size_t size = 0;
    char *got = NULL;
    out[0] = '\0';
    cl_int code = q->cl->clGetDeviceInfo(q->id, what, 0, NULL, &size);
    if (code == CL_SUCCESS && size == 0)
        return;
    if (code == CL_SUCCESS && size <= MAX_TEXT)
        got = q->host->alloc(q->host->ctx, size + 1, 64);
    if (got && q->cl->clGetDeviceInfo(q->id, what, size, got, NULL) == CL_SUCCESS) {
        got[size] = '\0';
        take_text(got, out, cap, words);
    } else if (!q->unanswered) {
        q->unanswered = name;
    }
    q->host->free(q->host->ctx, got);
}

/* `out` is zeroed where there is no answer of exactly that size. */
static void ask(inquiry *q, cl_device_info what, const char *name, void *out, size_t bytes)
{
    size_t size = 0;
    memset(out, 0, bytes);
    cl_int code = q->cl->clGetDeviceInfo(q->id, what, bytes, out, &size);
    if (code == CL_SUCCESS && size == bytes)
        return;
    memset(out, 0, bytes);
    if (!q->unanswered)
        q->unanswered = name;
}

#define ASK_TEXT(q, what, out, words) ask_text(q, what, #what, out, sizeof(out), words)
#define ASK(q, what, out)             ask(q, what, #what, &(out), sizeof(out))

static void read_texts(inquiry *q, ocl_facts *out)
{
    ASK_TEXT(q, CL_DEVICE_NAME, out->name, false);
    ASK_TEXT(q, CL_DEVICE_VENDOR, out->vendor, false);
    ASK_TEXT(q, CL_DRIVER_VERSION, out->driver, false);
    ASK_TEXT(q, CL_DEVICE_VERSION, out->version, false);
    ASK_TEXT(q, CL_DEVICE_EXTENSIONS, out->extensions, true);
}

/* More than three dimensions are allowed, and of no use here. */
static void read_item_limits(inquiry *q, ocl_facts *out)
{
    cl_uint dims = 0;
    size_t limits[16] = {0}, size = 0;
    ASK(q, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, dims);
    cl_int code = q->cl->clGetDeviceInfo(q->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof limits, limits, &size);
    if (code != CL_SUCCESS || dims < 3 || size < sizeof out->max_items) {
        if (!q->unanswered)
            q->unanswered = "CL_DEVICE_MAX_WORK_ITEM_SIZES";
        return;
    }
    memcpy(out->max_items, limits, sizeof out->max_items);
}

static void read_numbers(inquiry *q, ocl_facts *out)
{
    cl_ulong memory, largest, cache, local;
    cl_device_local_mem_type local_type;
    cl_uint units, align_bits, vector;
    ASK(q, CL_DEVICE_TYPE, out->type);
    ASK(q, CL_DEVICE_GLOBAL_MEM_SIZE, memory);
    ASK(q, CL_DEVICE_MAX_MEM_ALLOC_SIZE, largest);
    ASK(q, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, cache);
    ASK(q, CL_DEVICE_LOCAL_MEM_SIZE, local);
    ASK(q, CL_DEVICE_LOCAL_MEM_TYPE, local_type);
    ASK(q, CL_DEVICE_MAX_COMPUTE_UNITS, units);
    ASK(q, CL_DEVICE_MEM_BASE_ADDR_ALIGN, align_bits);
    ASK(q, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, vector);
    ASK(q, CL_DEVICE_MAX_WORK_GROUP_SIZE, out->max_group);
    read_item_limits(q, out);
    out->memory_bytes = memory;
    out->max_alloc_bytes = largest;
    out->cache_bytes = cache;
    out->local_bytes = local;
    out->local_is_real = local_type == CL_LOCAL;
    out->units = units;
    out->align_bytes = align_bits / 8;
    out->vector_floats = vector ? vector : 1;
}

static bool is_at_least_1_2(const char *version)
{
    unsigned major = 0, minor = 0;
    if (sscanf(version, "OpenCL %u.%u", &major, &minor) != 2)
        return false;
    return major > 1 || (major == 1 && minor >= 2);
}

/* NULL, or why thaw cannot use a device that has answered everything. */
static const char *unfit(inquiry *q, const ocl_facts *facts)
{
    cl_bool available, compiler, little;
    char profile[32];
    ASK(q, CL_DEVICE_AVAILABLE, available);
    ASK(q, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    ASK(q, CL_DEVICE_ENDIAN_LITTLE, little);
    ASK_TEXT(q, CL_DEVICE_PROFILE, profile, false);
    if (q->unanswered)
        return NULL;
    if (!available)
        return "it is not available now";
    if (!is_at_least_1_2(facts->version))
        return "it is older than OpenCL 1.2; install a newer driver";
    if (!compiler)
        return "its driver has no compiler; install the whole driver";
    if (!little)
        return "it is big-endian";
    if (strcmp(profile, "FULL_PROFILE") != 0 && !ocl_has_extension(facts, "cles_khr_int64"))
        return "it has no 64-bit integers";
    if (!facts->memory_bytes || !facts->max_alloc_bytes || !facts->units || !facts->max_group)
        return "it claims to have no memory, no units or no work-groups";
    return NULL;
}

bool ocl_facts_read(const thaw_host *host, const ocl_api *cl, const ocl_platform *platform, cl_device_id id,
                    ocl_facts *out, char *why, size_t cap)
{
    inquiry q = {.host = host, .cl = cl, .id = id};
    inquiry optional = q; /* OpenCL 3.0 need not know this question any more */
    cl_bool unified;
    memset(out, 0, sizeof *out);
    out->platform = platform->id;
    out->id = id;
    memcpy(out->platform_name, platform->name, sizeof out->platform_name);
    memcpy(out->platform_version, platform->version, sizeof out->platform_version);
    read_texts(&q, out);
    read_numbers(&q, out);
    ASK(&optional, CL_DEVICE_HOST_UNIFIED_MEMORY, unified);
    out->unified = unified;
    const char *reason = unfit(&q, out);
    if (q.unanswered)
        snprintf(why, cap, "its driver does not answer %s", q.unanswered);
    else if (reason)
        snprintf(why, cap, "%s", reason);
    return !q.unanswered && !reason;
}

bool ocl_has_extension(const ocl_facts *facts, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = facts->extensions; *at;) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, name, length) == 0)
            return true;
        at += word;
        at += *at == ' ';
    }
    return false;
}
