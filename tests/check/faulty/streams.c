/* streams.c: faults of streams, and of what runs at the same time. Things that are said to happen at the same
 * time take a few milliseconds each, so that they do. */
#include <pthread.h>
#include <time.h>

#include "faulty.h"

static atomic_uint running, preparing;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void linger(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

bool faulty_enter(thaw_kernel *k)
{
    unsigned same = 0, others = 0;
    if (faulty_fault == FAULT_LOCK)
        pthread_mutex_lock(&lock);
    if (faulty_fault != FAULT_SHARED && faulty_fault != FAULT_SCRATCH && faulty_fault != FAULT_BUFFERS)
        return false;
    same = atomic_fetch_add(&k->in_flight, 1);
    others = atomic_fetch_add(&running, 1);
    linger(5);
    return faulty_fault == FAULT_SHARED ? same > 0 : faulty_fault == FAULT_SCRATCH && others > same;
}

void faulty_leave(thaw_kernel *k)
{
    if (faulty_fault == FAULT_LOCK)
        pthread_mutex_unlock(&lock);
    if (faulty_fault != FAULT_SHARED && faulty_fault != FAULT_SCRATCH && faulty_fault != FAULT_BUFFERS)
        return;
    atomic_fetch_sub(&k->in_flight, 1);
    atomic_fetch_sub(&running, 1);
}

bool faulty_prepare_enter(void)
{
    if (faulty_fault != FAULT_STATIC)
        return false;
    bool alone = atomic_fetch_add(&preparing, 1) == 0;
    linger(2);
    return !alone;
}

void faulty_prepare_leave(void)
{
    if (faulty_fault == FAULT_STATIC)
        atomic_fetch_sub(&preparing, 1);
}

static thaw_status fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                        thaw_error *err)
{
    bool room = dst.offset + bytes < 2048;
    if (faulty_fault == FAULT_BUFFERS) {
        linger(1);
        pattern ^= atomic_load(&running) > 0;
    }
    return faulty_inner->fill(stream, dst, pattern, faulty_fault == FAULT_FILL && room ? bytes + 4 : bytes,
                              err);
}

static thaw_status stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    if (faulty_fault == FAULT_WAIT)
        return faulty_refuse(err, THAW_E_INVALID, "this event was never recorded");
    return faulty_inner->stream_wait(stream, event, err);
}

void faulty_streams(thaw_device_ops *ops)
{
    ops->fill = fill;
    ops->stream_wait = stream_wait;
}
