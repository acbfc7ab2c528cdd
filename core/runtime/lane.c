#include "core/runtime/lane.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

static thaw_status make_upload(thaw_lane *lane, thaw_error *err)
{
    thaw_dev *dev = lane->devs[THAW_HOME];
    lane->slots = 1;
    if (dev->info.type == THAW_DEVICE_CPU)
        return THAW_OK;
    lane->slots = THAW_MAX_SLOTS;
    thaw_status st = thaw_dev_stream(dev, &lane->upload, err);
    for (size_t i = 0; st == THAW_OK && i < THAW_MAX_SLOTS; i++) {
        thaw_error why = {0};
        lane->feeds[i].dev = dev;
        st = dev->ops.event_create(dev->handle, &lane->filled[i], &why);
        st = thaw_plugin_created(st, lane->filled[i], &why);
        if (st == THAW_OK)
            continue;
        lane->filled[i] = NULL;
        st = thaw_plugin_failed(st, &why, "%s: cannot create an event", dev->name);
        if (err)
            *err = why;
    }
    return st;
}

thaw_status thaw_lane_create(thaw_dev *dev, thaw_lane **out, thaw_error *err)
{
    thaw_lane *lane = thaw_calloc(1, sizeof *lane);
    if (!lane)
        return thaw_fail_memory(err, sizeof *lane, "a lane");
    lane->devs[THAW_HOME] = lane->stores[THAW_HOME].dev = dev;
    thaw_status st = thaw_dev_stream(dev, &lane->streams[THAW_HOME], err);
    if (st == THAW_OK)
        st = make_upload(lane, err);
    if (st == THAW_OK)
        *out = lane;
    else
        thaw_lane_free(lane);
    return st;
}

thaw_status thaw_lane_join(thaw_lane *lane, thaw_dev *fallback, thaw_error *err)
{
    const size_t d = THAW_HOME + 1;
    if (lane->devs[d] == fallback)
        return THAW_OK;
    if (lane->devs[d])
        return thaw_fail(err, THAW_E_INVALID, "programs of one lane fall back to %s and to %s",
                         lane->devs[d]->name, fallback->name);
    thaw_status st = thaw_dev_stream(fallback, &lane->streams[d], err);
    if (st == THAW_OK)
        lane->devs[d] = lane->stores[d].dev = fallback;
    return st;
}

void thaw_lane_free(thaw_lane *lane)
{
    if (!lane)
        return;
    const thaw_dev *home = lane->devs[THAW_HOME];
    if (lane->running || lane->staged)
        thaw_lane_wait(lane, NULL);
    for (size_t d = 0; d < THAW_MAX_DEVS; d++) {
        if (lane->streams[d])
            lane->devs[d]->ops.stream_destroy(lane->devs[d]->handle, lane->streams[d]);
        thaw_store_free(&lane->stores[d]);
    }
    if (lane->upload)
        home->ops.stream_destroy(home->handle, lane->upload);
    for (size_t i = 0; i < THAW_MAX_SLOTS; i++) {
        if (lane->filled[i])
            home->ops.event_destroy(home->handle, lane->filled[i]);
        thaw_store_free(&lane->feeds[i]);
    }
    free(lane);
}

uint64_t thaw_lane_bytes(const thaw_lane *lane)
{
    uint64_t sum = 0;
    for (size_t d = 0; d < THAW_MAX_DEVS; d++)
        sum += thaw_store_bytes(&lane->stores[d]);
    for (size_t i = 0; i < THAW_MAX_SLOTS; i++)
        sum += thaw_store_bytes(&lane->feeds[i]);
    return sum;
}

static thaw_status wait_stream(const thaw_dev *dev, thaw_stream *stream, thaw_error *err)
{
    thaw_error_clear(err);
    thaw_status st = dev->ops.stream_sync(stream, err);
    return st == THAW_OK ? st : thaw_plugin_failed(st, err, "%s failed", dev->name);
}

thaw_status thaw_lane_wait(thaw_lane *lane, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t d = 0; d < THAW_MAX_DEVS; d++) {
        if (!lane->devs[d])
            continue;
        thaw_status waited = wait_stream(lane->devs[d], lane->streams[d], st == THAW_OK ? err : NULL);
        if (st == THAW_OK)
            st = waited;
    }
    if (lane->upload) {
        thaw_status waited = wait_stream(lane->devs[THAW_HOME], lane->upload, st == THAW_OK ? err : NULL);
        if (st == THAW_OK)
            st = waited;
    }
    lane->running = NULL;
    if (st != THAW_OK)
        lane->staged = NULL;
    return st;
}
