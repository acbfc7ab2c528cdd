/* process.c: see trace.h. */
#include <pthread.h>
#include <string.h>

#include "trace.h"

static struct {
    const char *name; /* kept by text.c */
    uint64_t memory;  /* bytes in use */
} processes[TRACE_PROCESSES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the table and the order of counters */
static uint16_t count;
static uint64_t place;

uint16_t trace_process(const char *name, uint16_t other)
{
    const char *kept = trace_text(name);
    if (!kept)
        return other;
    pthread_mutex_lock(&lock);
    uint16_t i = 0;
    while (i < count && processes[i].name != kept)
        i++;
    if (i == TRACE_PROCESSES)
        i = other;
    else if (i == count)
        processes[count++].name = kept;
    pthread_mutex_unlock(&lock);
    return i;
}

uint16_t trace_processes(void)
{
    return count;
}

const char *trace_process_name(uint16_t process)
{
    return processes[process].name;
}

void trace_processes_reset(void)
{
    memset(processes, 0, sizeof processes);
    count = 0;
    place = 0;
}

void trace_memory(uint16_t process, int what, int64_t bytes)
{
    pthread_mutex_lock(&lock);
    processes[process].memory += (uint64_t)bytes;
    trace_count(process, (trace_what)what, ++place, processes[process].memory);
    pthread_mutex_unlock(&lock);
}
