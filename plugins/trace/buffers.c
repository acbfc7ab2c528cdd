/* buffers.c: see trace.h. The plugin's destroy tells no size, and the handle is the plugin's own. */
#include <pthread.h>
#include <stdlib.h>

#include "trace.h"

typedef struct known {
    struct known *next;
    const thaw_buffer *buffer;
    uint64_t bytes;
} known;

struct trace_buffers {
    pthread_mutex_t lock;
    known *first; /* guarded by lock */
};

trace_buffers *trace_buffers_create(void)
{
    trace_buffers *b = calloc(1, sizeof *b);
    if (b)
        pthread_mutex_init(&b->lock, NULL);
    return b;
}

void *trace_buffers_reserve(void)
{
    return calloc(1, sizeof(known));
}

void trace_buffers_add(trace_buffers *buffers, void *place, const thaw_buffer *buffer, uint64_t bytes)
{
    known *k = place;
    k->buffer = buffer;
    k->bytes = bytes;
    pthread_mutex_lock(&buffers->lock);
    k->next = buffers->first;
    buffers->first = k;
    pthread_mutex_unlock(&buffers->lock);
}

uint64_t trace_buffers_take(trace_buffers *buffers, const thaw_buffer *buffer)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&buffers->lock);
    known **at = &buffers->first;
    while (*at && (*at)->buffer != buffer)
        at = &(*at)->next;
    known *found = *at;
    if (found) {
        bytes = found->bytes;
        *at = found->next;
    }
    pthread_mutex_unlock(&buffers->lock);
    free(found);
    return bytes;
}

uint64_t trace_buffers_free(trace_buffers *buffers)
{
    uint64_t left = 0;
    while (buffers->first) {
        known *k = buffers->first;
        buffers->first = k->next;
        left += k->bytes;
        free(k);
    }
    pthread_mutex_destroy(&buffers->lock);
    free(buffers);
    return left;
}
