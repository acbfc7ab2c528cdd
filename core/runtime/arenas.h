/* arenas.h: a memory plan made real: one device buffer for each arena. */
#ifndef THAW_RUNTIME_ARENAS_H
#define THAW_RUNTIME_ARENAS_H

#include "core/runtime/memplan.h"
#include "core/runtime/runtime.h"

typedef struct thaw_arenas {
    thaw_dev *dev;
    thaw_buffer **buffers; /* owned */
    size_t count;
} thaw_arenas;

/* Creates the plan's buffers on dev. THAW_E_DEVICE_MEMORY says what `purpose` needs, what the device has
 * and what to do. Freed by thaw_arenas_free, also after an error. */
thaw_status thaw_arenas_create(thaw_dev *dev, const thaw_mem_plan *plan, const char *purpose,
                               thaw_arenas *out, thaw_error *err);
/* No stream uses them any more. Harmless on a zeroed struct. */
void thaw_arenas_free(thaw_arenas *arenas);

thaw_slice thaw_arenas_slice(const thaw_arenas *arenas, const thaw_mem_item *item);

/* "1.5 GiB". */
void thaw_format_bytes(uint64_t bytes, char out[24]);

#endif
