/* program.c: the programs of a device, each built once. */
#include <string.h>

#include "backends/opencl/build.h"

typedef enum {
    PROGRAM_ABSENT = 0, /* nobody has built it, or an attempt failed for a reason that may pass */
    PROGRAM_BUILDING,
    PROGRAM_BUILT,
    PROGRAM_REFUSED /* the compiler said no, and would say it again */
} program_state;

typedef struct program_entry {
    struct program_entry *next;
    program_state state;
    cl_program program;
    thaw_error refusal;
    const char *options; /* behind the file's name in `name` */
    char name[];         /* the file */
} program_entry;

struct ocl_programs {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the state of some entry */
    program_entry *first;
    char common[OCL_OPTIONS_MAX / 2]; /* options */
};

thaw_status ocl_programs_create(thaw_device *dev, thaw_error *err)
{
    const thaw_host *host = dev->host;
    thaw_status s = THAW_OK;
    ocl_programs *programs = host->alloc(host->ctx, sizeof *programs, 64);
    if (!programs)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for the programs of %s", dev->facts->name);
    memset(programs, 0, sizeof *programs);
    s = ocl_common_options(dev, programs->common, sizeof programs->common, err);
    if (s != THAW_OK)
        goto no_lock;
    s = THAW_E_NO_MEMORY;
    if (pthread_mutex_init(&programs->lock, NULL) != 0) {
        backend_fail(err, s, "no lock for the programs of %s", dev->facts->name);
        goto no_lock;
    }
    if (pthread_cond_init(&programs->changed, NULL) != 0) {
        backend_fail(err, s, "no lock for the programs of %s", dev->facts->name);
        goto no_condition;
    }
    dev->programs = programs;
    return THAW_OK;

no_condition:
    pthread_mutex_destroy(&programs->lock);
no_lock:
    host->free(host->ctx, programs);
    return s;
}

void ocl_programs_free(thaw_device *dev)
{
    ocl_programs *programs = dev->programs;
    for (program_entry *e = programs->first, *next; e; e = next) {
        next = e->next;
        if (e->program)
            dev->cl->clReleaseProgram(e->program);
        dev->host->free(dev->host->ctx, e);
    }
    pthread_cond_destroy(&programs->changed);
    pthread_mutex_destroy(&programs->lock);
    dev->host->free(dev->host->ctx, programs);
    dev->programs = NULL;
}

static program_entry *add_entry(const thaw_device *dev, const char *file, const char *options)
{
    size_t file_bytes = strlen(file) + 1, options_bytes = strlen(options) + 1;
    program_entry *e =
        dev->host->alloc(dev->host->ctx, sizeof *e + file_bytes + options_bytes, _Alignof(max_align_t));
    if (!e)
        return NULL;
    *e = (program_entry){.next = dev->programs->first, .options = e->name + file_bytes};
    memcpy(e->name, file, file_bytes);
    memcpy(e->name + file_bytes, options, options_bytes);
    dev->programs->first = e;
    return e;
}

/* Under the lock. Entries are never taken out, so that the pointer stays good without it. */
static program_entry *find_or_add(const thaw_device *dev, const char *file, const char *options)
{
    for (program_entry *e = dev->programs->first; e; e = e->next)
        if (strcmp(e->name, file) == 0 && strcmp(e->options, options) == 0)
            return e;
    return add_entry(dev, file, options);
}

static program_state state_after(thaw_status s)
{
    return s == THAW_OK ? PROGRAM_BUILT : s == THAW_E_UNSUPPORTED ? PROGRAM_REFUSED : PROGRAM_ABSENT;
}

thaw_status ocl_program_get(thaw_device *dev, const char *file, const char *options, cl_program *out,
                            thaw_error *err)
{
    ocl_programs *programs = dev->programs;
    thaw_error why = {0};
    thaw_status s = THAW_OK;
    pthread_mutex_lock(&programs->lock);
    program_entry *e = find_or_add(dev, file, options);
    while (e && e->state == PROGRAM_BUILDING)
        pthread_cond_wait(&programs->changed, &programs->lock);
    if (!e) {
        backend_fail(&why, THAW_E_NO_MEMORY, "no memory for the program %s", file);
        s = THAW_E_NO_MEMORY;
    } else if (e->state == PROGRAM_REFUSED) {
        why = e->refusal;
        s = why.status;
    } else if (e->state == PROGRAM_ABSENT) {
        e->state = PROGRAM_BUILDING;
        pthread_mutex_unlock(&programs->lock);
        s = ocl_build(dev, e->name, programs->common, e->options, &e->program, &why);
        pthread_mutex_lock(&programs->lock);
        e->refusal = why;
        e->state = state_after(s);
        pthread_cond_broadcast(&programs->changed);
    }
    if (s == THAW_OK)
        *out = e->program;
    else if (err)
        *err = why;
    pthread_mutex_unlock(&programs->lock);
    return s;
}
