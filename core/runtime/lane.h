/* lane.h: streams and memory, of which one program at a time makes use. */
#ifndef THAW_RUNTIME_LANE_H
#define THAW_RUNTIME_LANE_H

#include "core/runtime/arenas.h"
#include "core/runtime/place.h"

#define THAW_MAX_SLOTS 2u

struct thaw_lane {
    thaw_dev *devs[THAW_MAX_DEVS]; /* the fallback is NULL before thaw_lane_join */
    thaw_stream *streams[THAW_MAX_DEVS];
    thaw_store stores[THAW_MAX_DEVS];

    /* Where the home device works beside the host there are two sets of memory for feeds, filled by a stream
     * of their own: one is filled while the other is read. slots is 1 elsewhere, and nothing of this used. */
    uint32_t slots;
    thaw_stream *upload;
    thaw_event *filled[THAW_MAX_SLOTS];
    thaw_store feeds[THAW_MAX_SLOTS];

    const thaw_program *staged, *running; /* NULL: none */
    uint32_t staged_slot, running_slot;
    uint32_t staged_rows, running_rows; /* of the batch; 0: the program knows none */
};

/* Takes in the device that runs what the home device declines. THAW_E_INVALID if it has another. */
thaw_status thaw_lane_join(thaw_lane *lane, thaw_dev *fallback, thaw_error *err);
/* Waits for all that was given to the lane. Afterwards nothing is under way, also after an error, and then
 * nothing is staged either. */
thaw_status thaw_lane_wait(thaw_lane *lane, thaw_error *err);

#endif
