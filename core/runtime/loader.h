/* loader.h: what the files of the plugin loader share. */
#ifndef THAW_RUNTIME_LOADER_H
#define THAW_RUNTIME_LOADER_H

#include "core/base/slabs.h"
#include "core/runtime/runtime.h"
#include "thaw_ext.h"

/* ---- the table that plugins are given (host.c) --------------------------------------------------- */

typedef struct thaw_host_services {
    thaw_host table;
    const thaw_log *log;
    thaw_threads *threads;
    thaw_slabs slabs; /* of what plugins allocate */
} thaw_host_services;

/* services stays where it is for as long as a plugin may use the table. */
void thaw_host_fill(thaw_host_services *services, const thaw_log *log, thaw_threads *threads);

/* ---- one plugin (plugin.c) ----------------------------------------------------------------------- */

typedef struct thaw_loaded {
    char *path; /* absolute, links resolved */
    void *library;
    thaw_plugin api; /* zero-extended copy, every function of ABI 1.0 present */
} thaw_loaded;

/* Copies a struct that begins with struct_size into one of known_bytes of the caller, zeroing what the
 * giver did not have. False if the giver's is smaller than v1_bytes; the copy is made all the same. */
bool thaw_copy_struct(void *own, size_t known_bytes, const void *foreign, size_t v1_bytes);

/* What a caller's err must look like before a plugin gets it: a plugin may fail without a word. */
static inline void thaw_error_clear(thaw_error *err)
{
    if (!err)
        return;
    err->status = THAW_OK;
    err->native = 0;
    err->text[0] = '\0';
}

/* Tidies what a plugin's function left in err (unterminated or missing text, unknown status), puts
 * "<what>: " before it and returns the status. status is not THAW_OK; err may be NULL. */
thaw_status thaw_plugin_failed(thaw_status status, thaw_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a plugin's create function comes to: success without an object is an error, so that nobody goes on
 * with NULL. object: what it handed out. Fills err (may be NULL) in that case alone. */
thaw_status thaw_plugin_created(thaw_status status, const void *object, thaw_error *err);

/* A copy of a table, zero-extended, with every function of ABI 1.0 present. */
thaw_status thaw_plugin_check(const thaw_plugin *given, thaw_plugin *own, thaw_error *err);

/* Opens a file and checks the plugin in it against the n that are loaded already; does not initialise
 * it. path is absolute. On failure nothing is left open. [init] */
thaw_status thaw_plugin_open(const char *path, const thaw_loaded *others, size_t n, thaw_loaded *out,
                             thaw_error *err);
/* Closes a plugin that was opened and never initialised. */
void thaw_plugin_discard(thaw_loaded *plugin);

/* ---- where they lie (search.c) ------------------------------------------------------------------- */

typedef struct thaw_paths {
    char **items;
    size_t count, capacity;
    size_t own; /* the first one of the folder beside this code */
} thaw_paths;

/* Appends every thaw-*.so of the folders of path_list (':' between; may be NULL), then of the folder
 * "thaw" beside this code; sorted by name within each folder. A folder that cannot be read is logged. */
thaw_status thaw_search_plugins(const char *path_list, const thaw_log *log, thaw_paths *out, thaw_error *err);
void thaw_paths_free(thaw_paths *paths);
/* Where thaw_search_plugins looks, for an error's text; cut at bytes. */
void thaw_search_places(const char *path_list, char *out, size_t bytes);

/* ---- devices (devices.c) ------------------------------------------------------------------------- */

typedef struct thaw_device_list {
    thaw_device_entry *items;
    struct {
        size_t plugin;
        uint32_t index;
    } * origins; /* of items of the same position */
    size_t count, capacity, origin_capacity;
} thaw_device_list;

struct thaw_runtime {
    thaw_log log;
    thaw_threads *threads;
    thaw_host_services host;
    const thaw_host *offered; /* the table that plugins get: that of `host`, or the caller's */
    thaw_loaded *plugins;
    size_t n_plugins, plugin_capacity;
    thaw_device_list devices;
    bool traced; /* plugins[0] stands between the host and the others */
    thaw_interpose interpose;
};

/* ---- a plugin between the host and the others (interpose.c) ---------------------------------------- */

/* Finds, loads and starts it. Before any other plugin. */
thaw_status thaw_interpose_start(thaw_runtime *runtime, const thaw_runtime_options *options, thaw_error *err);
/* Puts it before a plugin that is not initialised. Does nothing without a trace. */
thaw_status thaw_interpose_wrap(const thaw_runtime *runtime, thaw_loaded *plugin, thaw_error *err);
/* After the others are shut down. Does nothing without a trace. */
thaw_status thaw_interpose_finish(thaw_runtime *runtime, thaw_error *err);

/* ---- the runtime's list of them (runtime.c) --------------------------------------------------------- */

/* Room for one more plugin. */
thaw_status thaw_plugins_reserve(thaw_runtime *runtime, thaw_error *err);
thaw_status thaw_plugin_initialise(thaw_runtime *runtime, const thaw_loaded *plugin, thaw_error *err);

/* Appends the devices of plugins[plugin]. A plugin that fails to list them is logged and has none. */
thaw_status thaw_devices_append(thaw_runtime *runtime, size_t plugin, thaw_error *err);

/* Whether every wanted device is there. own_folder: only what came with thaw is left to search. */
bool thaw_devices_suffice(const thaw_runtime *runtime, const thaw_runtime_options *options, bool own_folder);

/* Whether the kernel shows something that may be a GPU: a display or accelerator on the PCI bus, or a device
 * file of one. True where that cannot be told. (gpu.c) */
bool thaw_gpu_possible(void);

/* A stream of the device, for its stream_destroy. *out is written on success alone, and never NULL then. */
thaw_status thaw_dev_stream(thaw_dev *dev, thaw_stream **out, thaw_error *err);

#endif
