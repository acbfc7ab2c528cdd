/* thaw_ext.h: optional features, found by name through thaw_plugin.get_extension.
 *
 * A plugin that knows none of them is complete. The id carries the version: what changes its meaning gets
 * another id. The structs grow as those of thaw_plugin.h do, live as long as the plugin, and have every
 * function set. Include it as `<thaw/thaw_ext.h>`. Compiles alone as C99, C11 and C++. Apache-2.0. */
#ifndef THAW_EXT_H
#define THAW_EXT_H

#include "thaw_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- thaw.peak/1: what the device's arithmetic can do at best ---------------------------------- */

#define THAW_EXT_PEAK "thaw.peak/1"

/* `thaw bench` shows every time as a share of this figure. Where a plugin does not offer it, the largest
 * rate seen in a big CONV2D stands in for it, and the report says so. */
typedef struct thaw_peak {
    uint32_t struct_size;
    uint32_t reserved;
    /* [init] Measures the rate of independent f32 fused multiply-adds on all units of an open device, for
     * about `seconds` (> 0) of its time, and returns when it is done. A multiply-add is two operations; the
     * unit is 10^9 operations a second. Nothing else runs on the device meanwhile. */
    thaw_status (*fma_gflops)(thaw_device *dev, double seconds, double *gflops, thaw_error *err);
} thaw_peak;

#define THAW_PEAK_V1_SIZE 16u

/* ---- thaw.interpose/1: a plugin that stands between the host and other plugins ------------------ */

#define THAW_EXT_INTERPOSE "thaw.interpose/1"

/* The interposer has the id "trace" and offers no devices of its own. The host loads it first, calls its
 * init, then start, then wrap for every other plugin before that plugin's init, and from there on uses the
 * table that wrap gives in place of the plugin's own. Device names, values and errors are those of the
 * wrapped plugin. finish is called once, after every device is closed and every wrapped plugin is shut down,
 * before the interposer's own shutdown. */
typedef struct thaw_interpose {
    uint32_t struct_size;
    uint32_t reserved;
    /* [init] file: where the interposer writes what it found, UTF-8 or the system's bytes; options: NULL or
     * "key=value,key=value" as for device_open. Refuses what it could not write. */
    thaw_status (*start)(const char *file, const char *options, thaw_error *err);
    /* [init] inner: complete, not initialised, and of this ABI's major version; it lives during the call, and
     * the functions in it until the interposer's shutdown. *outer lives until then too, and has inner's id.
     */
    thaw_status (*wrap)(const thaw_plugin *inner, const thaw_plugin **outer, thaw_error *err);
    /* [thread-safe] Begins a span of the host's own work on the calling thread, such as "phase 2, epoch 1";
     * spans of one thread nest. The text lives during the call alone. */
    void (*span_begin)(const char *utf8);
    /* [thread-safe] Ends the span that the calling thread began last. */
    void (*span_end)(void);
    /* [init] Completes the file. */
    thaw_status (*finish)(thaw_error *err);
} thaw_interpose;

#define THAW_INTERPOSE_V1_SIZE 48u

#ifdef __cplusplus
}
#endif

#endif
