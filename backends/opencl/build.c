#include "backends/opencl/build.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "backends/opencl/source.h"

#define LOG_MAX      ((size_t)1 << 20) /* bytes of a build log that are looked at */
#define KEY_MAX      2560
#define BINARY_MAX   ((size_t)64 << 20)
#define CACHE_FORMAT 1 /* of the key's text */

/* The program that is being built. */
typedef struct {
    thaw_device *dev;
    const char *file;
    const char *options; /* its own */
    char all[OCL_OPTIONS_MAX];
    const ocl_source *prelude, *source;
} job;

thaw_status ocl_common_options(const thaw_device *dev, char *out, size_t cap, thaw_error *err)
{
    cl_device_fp_config fp = 0;
    cl_int code = dev->cl->clGetDeviceInfo(dev->facts->id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof fp, &fp, NULL);
    if (code != CL_SUCCESS)
        return ocl_fail(err, code, "asking %s how it rounds", dev->facts->name);
    /* -w: some compilers print their warnings on the terminal of whoever runs the program. */
    int n = snprintf(
        out, cap, "-cl-std=CL1.2 -w -D THAW_CPU=%d -D THAW_LANES=%u -D THAW_WAVE=%u -D THAW_HAS_FMA=%d%s",
        dev->class_of == OCL_CLASS_CPU, dev->lanes, dev->wave, (fp & CL_FP_FMA) != 0,
        fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT ? " -cl-fp32-correctly-rounded-divide-sqrt" : "");
    if (n < 0 || (size_t)n >= cap)
        return backend_fail(err, THAW_E_INTERNAL, "the options of every program need %d bytes, not %zu", n,
                            cap);
    return THAW_OK;
}

/* The log of a failed build, whole as far as it is looked at; NULL where there is none. */
static char *read_log(const thaw_device *dev, cl_program program)
{
    size_t bytes = 0;
    cl_int code =
        dev->cl->clGetProgramBuildInfo(program, dev->facts->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    if (code != CL_SUCCESS || bytes == 0 || bytes > LOG_MAX)
        return NULL;
    char *log = dev->host->alloc(dev->host->ctx, bytes + 1, 1);
    if (!log)
        return NULL;
    code = dev->cl->clGetProgramBuildInfo(program, dev->facts->id, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    log[code == CL_SUCCESS ? bytes : 0] = '\0';
    return log;
}

/* The line of the first error, or the beginning where no line says so, as a text for one line. */
static void summarise(const char *log, char *out, size_t cap)
{
    const char *error = strstr(log, "error");
    const char *from = error ? error : log;
    size_t n = 0;
    while (error && from > log && from[-1] != '\n')
        from--;
    for (; *from && n + 1 < cap; from++) {
        unsigned char c = (unsigned char)*from;
        if (!isspace(c))
            out[n++] = c > ' ' && c < 127 ? (char)c : '?';
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

static thaw_status refuse(const job *j, cl_program program, cl_int code, thaw_error *err)
{
    const thaw_host *host = j->dev->host;
    char words[224];
    thaw_status s = ocl_fail(err, code, "compiling %s on %s", j->file, j->dev->facts->name);
    /* These say nothing about the source. */
    if (s == THAW_E_NO_MEMORY || s == THAW_E_DEVICE_LOST)
        return s;
    char *log = program ? read_log(j->dev, program) : NULL;
    summarise(log ? log : "", words, sizeof words);
    backend_fail(err, THAW_E_UNSUPPORTED, "%s (%s) does not compile on %s: %s: %s", j->file, j->options,
                 j->dev->facts->name, ocl_error_name(code), words);
    if (err)
        err->native = code;
    ocl_log(host, THAW_LOG_DEBUG,
            "opencl: %s (%s) does not compile on %s: %s; the compiler's own words:", j->file, j->options,
            j->dev->facts->name, ocl_error_name(code));
    host->log(host->ctx, THAW_LOG_DEBUG, log && *log ? log : "(none)");
    host->free(host->ctx, log);
    return THAW_E_UNSUPPORTED;
}

static thaw_status from_source(const job *j, cl_program *out, thaw_error *err)
{
    const ocl_api *cl = j->dev->cl;
    const char *texts[] = {(const char *)j->prelude->text, (const char *)j->source->text};
    const size_t lengths[] = {j->prelude->length, j->source->length};
    cl_int code = CL_SUCCESS;
    cl_program program = cl->clCreateProgramWithSource(j->dev->context, 2, texts, lengths, &code);
    if (code != CL_SUCCESS)
        return refuse(j, NULL, code, err);
    code = cl->clBuildProgram(program, 1, &j->dev->facts->id, j->all, NULL, NULL);
    if (code != CL_SUCCESS) {
        thaw_status s = refuse(j, program, code, err);
        cl->clReleaseProgram(program);
        return s;
    }
    *out = program;
    return THAW_OK;
}

/* NULL where the cache has nothing that the driver takes: then there is the source. */
static cl_program from_cache(const job *j, const char *key)
{
    const thaw_device *dev = j->dev;
    cl_int code = CL_SUCCESS, status = CL_SUCCESS;
    size_t length;
    unsigned char *binary = ocl_cache_load(dev, key, &length);
    if (!binary)
        return NULL;
    const unsigned char *binaries[] = {binary};
    cl_program program = dev->cl->clCreateProgramWithBinary(dev->context, 1, &dev->facts->id, &length,
                                                            binaries, &status, &code);
    if (code == CL_SUCCESS) {
        code = status;
        if (code == CL_SUCCESS)
            code = dev->cl->clBuildProgram(program, 1, &dev->facts->id, j->all, NULL, NULL);
        if (code != CL_SUCCESS)
            dev->cl->clReleaseProgram(program);
    }
    dev->host->free(dev->host->ctx, binary);
    if (code == CL_SUCCESS)
        return program;
    ocl_log(dev->host, THAW_LOG_DEBUG, "opencl: %s: the driver does not take the binary of the cache: %s",
            j->file, ocl_error_name(code));
    return NULL;
}

/* Length of the program's one binary; 0 where there is none to keep. */
static size_t binary_length(const thaw_device *dev, cl_program program)
{
    cl_uint devices = 0;
    size_t length = 0, told = 0;
    if (dev->cl->clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL) !=
            CL_SUCCESS ||
        devices != 1)
        return 0;
    if (dev->cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof length, &length, &told) !=
            CL_SUCCESS ||
        told != sizeof length)
        return 0;
    return length <= BINARY_MAX ? length : 0;
}

static void keep(const job *j, const char *key, cl_program program)
{
    const thaw_device *dev = j->dev;
    size_t length = dev->options.no_cache ? 0 : binary_length(dev, program);
    unsigned char *binary = length > 0 ? dev->host->alloc(dev->host->ctx, length, 64) : NULL;
    unsigned char *binaries[] = {binary};
    if (!binary)
        return;
    if (dev->cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binaries, binaries, NULL) ==
        CL_SUCCESS)
        ocl_cache_store(dev, key, binary, length);
    dev->host->free(dev->host->ctx, binary);
}

/* Everything that the binary depends on. false: longer than `cap`, which the parts' lengths rule out. */
static bool write_key(const job *j, char *out, size_t cap)
{
    const ocl_facts *f = j->dev->facts;
    const uint64_t prelude = XXH3_64bits(j->prelude->text, j->prelude->length);
    const XXH128_hash_t source = XXH3_128bits_withSeed(j->source->text, j->source->length, prelude);
    int n =
        snprintf(out, cap,
                 "thaw %d\nsource %s %016llx %016llx%016llx\noptions %s\ndevice %s\nvendor %s\ndriver %s\n"
                 "version %s\nplatform %s\nplatform version %s\n",
                 CACHE_FORMAT, j->file, (unsigned long long)prelude, (unsigned long long)source.high64,
                 (unsigned long long)source.low64, j->all, f->name, f->vendor, f->driver, f->version,
                 f->platform_name, f->platform_version);
    return n > 0 && (size_t)n < cap;
}

static double seconds_now(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool join_options(const char *common, const char *own, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s%s%s", common, *own ? " " : "", own);
    return n >= 0 && (size_t)n < cap;
}

thaw_status ocl_build(thaw_device *dev, const char *file, const char *common, const char *options,
                      cl_program *out, thaw_error *err)
{
    job j = {.dev = dev,
             .file = file,
             .options = options,
             .prelude = ocl_source_find(OCL_PRELUDE),
             .source = ocl_source_find(file)};
    char key[KEY_MAX];
    const double began = seconds_now();
    cl_program program = NULL;
    if (!j.prelude || !j.source)
        return backend_fail(err, THAW_E_INTERNAL, "there is no OpenCL source %s in this plugin", file);
    if (!join_options(common, options, j.all, sizeof j.all))
        return backend_fail(err, THAW_E_INTERNAL, "the options of %s have more than %zu characters", file,
                            sizeof j.all - 1);
    const bool has_key = write_key(&j, key, sizeof key);
    if (has_key)
        program = from_cache(&j, key);
    const bool cached = program != NULL;
    if (!cached) {
        thaw_status s = from_source(&j, &program, err);
        if (s != THAW_OK)
            return s;
        if (has_key)
            keep(&j, key, program);
    }
    ocl_log(dev->host, THAW_LOG_DEBUG, "opencl: %s (%s): %.2f s, %s", file, options, seconds_now() - began,
            cached ? "from the cache" : "compiled");
    *out = program;
    return THAW_OK;
}
