/* runtime.h: plugins and devices. */
#ifndef THAW_RUNTIME_RUNTIME_H
#define THAW_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/threads.h"
#include "thaw_plugin.h"

/* Loaded plugins, the thread pool they share, and the devices they offer. */
typedef struct thaw_runtime thaw_runtime;

typedef struct thaw_runtime_options {
    uint32_t threads;           /* 0: one for each processor */
    const char *const *plugins; /* files to load before any other; a failure of these is an error */
    size_t n_plugins;
    bool no_search;            /* load nothing but `plugins` */
    const char *const *wanted; /* names of the only devices that will be opened, as for thaw_runtime_open */
    size_t n_wanted;           /* 0: any may be; all plugins are loaded */
    const thaw_log *log;
    const thaw_host *host; /* what the plugins are given; it outlives the runtime. NULL: the runtime's own */
    const char *trace;     /* file to write a trace of every call to; NULL: none. See interpose.c */
    const char *trace_options; /* for the plugin that writes it; may be NULL */
} thaw_runtime_options;

/* Loads `plugins`, then every thaw-*.so of: each folder of THAW_PLUGIN_PATH (':' between), and the folder
 * "thaw" beside the library or program that this code is part of. The first plugin of an id wins; every
 * rejection is logged with its reason and is no error. With `wanted` the search ends when all of these are
 * there, so that nobody waits for a driver that he does not use; "auto" is there when a GPU is, or when
 * thaw's own folder is reached with some device found and this computer shows no GPU. [init] */
thaw_status thaw_runtime_create(const thaw_runtime_options *options, thaw_runtime **out, thaw_error *err);
/* Shuts the plugins down; they stay mapped, because a driver's threads may still run. Every device is
 * closed before. NULL does nothing. A trace that cannot be written is logged as an error. */
void thaw_runtime_free(thaw_runtime *runtime);
/* The same, for whoever wants to know: an error is the trace's, and nothing is left of the runtime either
 * way. */
thaw_status thaw_runtime_end(thaw_runtime *runtime, thaw_error *err);
thaw_threads *thaw_runtime_threads(thaw_runtime *runtime);

/* One line of `thaw devices`: also devices that cannot be described (error set). */
typedef struct thaw_device_entry {
    char name[64]; /* "cpu:0" */
    const char *plugin_id, *plugin_version, *plugin_path;
    thaw_device_info info;
    thaw_error error;
} thaw_device_entry;
size_t thaw_runtime_device_count(const thaw_runtime *runtime);
const thaw_device_entry *thaw_runtime_device(const thaw_runtime *runtime, size_t i);

/* An open device. `ops` is the host's own zero-extended copy of the plugin's table, every function of ABI
 * 1.0 present. */
typedef struct thaw_dev {
    char name[64];
    thaw_device *handle;
    thaw_device_ops ops;
    thaw_device_info info;
    uint64_t align;     /* of slice offsets, bytes, a power of two >= THAW_MIN_ALIGN */
    uint64_t max_alloc; /* bytes, > 0 */
} thaw_dev;

/* name: "cpu:0", "cpu" (its first), with options behind a comma: "cpu:0,isa=avx2". NULL or "auto": the
 * first GPU, else the first device. An unknown name is THAW_E_NOT_FOUND and lists what there is. */
thaw_status thaw_runtime_open(thaw_runtime *runtime, const char *name, thaw_dev **out, thaw_error *err);
/* The optional feature `id` (thaw_ext.h) of the plugin that an open device belongs to; NULL if it has none.
 */
const void *thaw_runtime_extension(const thaw_runtime *runtime, const thaw_dev *dev, const char *id);
/* NULL does nothing. */
void thaw_runtime_close(thaw_runtime *runtime, thaw_dev *dev);

/* ---- what is going on, for a trace ---------------------------------------------------------------- */

/* [thread-safe] A span of the host's work on the calling thread; spans of one thread nest, and each begin has
 * its end. Without a trace, and where runtime is NULL, both do nothing, not even format. */
void thaw_runtime_span_begin(const thaw_runtime *runtime, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void thaw_runtime_span_end(const thaw_runtime *runtime);
/* Whether there is a trace, which takes its time in each call. */
bool thaw_runtime_traced(const thaw_runtime *runtime);

#endif
