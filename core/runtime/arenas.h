/* arenas.h: a memory plan made real: a device buffer for each arena. */
#ifndef THAW_RUNTIME_ARENAS_H
#define THAW_RUNTIME_ARENAS_H

#include "core/runtime/memplan.h"
#include "core/runtime/runtime.h"

/* Buffers of one device, for plans that are never in use at the same time. */
typedef struct thaw_store {
    thaw_dev *dev;
    struct thaw_stored {
        thaw_buffer *buffer; /* owned */
        uint64_t bytes;
    } * items;
    size_t count, capacity;
} thaw_store;

uint64_t thaw_store_bytes(const thaw_store *store);
/* No stream uses its buffers any more. Harmless on a zeroed struct. */
void thaw_store_free(thaw_store *store);

/* One buffer of a store for each arena of a plan. */
typedef struct thaw_arenas {
    thaw_buffer **buffers; /* the list is owned, the buffers are the store's */
    size_t count;
} thaw_arenas;

/* Takes the smallest buffers of the store that are large enough, and creates those that are lacking. Who
 * starts with the largest plan shares most. THAW_E_DEVICE_MEMORY says what `purpose` needs, what the device
 * has and what to do. Freed by thaw_arenas_free, also after an error. */
thaw_status thaw_arenas_take(thaw_store *store, const thaw_mem_plan *plan, const char *purpose,
                             thaw_arenas *out, thaw_error *err);
void thaw_arenas_free(thaw_arenas *arenas);

thaw_slice thaw_arenas_slice(const thaw_arenas *arenas, const thaw_mem_item *item);

/* THAW_E_DEVICE_MEMORY: `purpose` needs that much, dev has less. */
thaw_status thaw_fail_device_memory(const thaw_dev *dev, uint64_t bytes, const char *purpose,
                                    thaw_error *err);

/* "1.5 GiB". */
void thaw_format_bytes(uint64_t bytes, char out[24]);

#endif
