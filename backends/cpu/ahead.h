/* ahead.h: which weights come next, so that they are drawn towards the caches while the op before still
 * computes.
 *
 * With few images an op reads each weight so few times that to fetch it from memory takes as long as to
 * multiply with it. The ops of a program follow each other in the same order every time: a device remembers
 * for each kernel which one ran after it the last time. A wrong guess costs some lines of the cache, and
 * nothing else: what is drawn is never read by it, and may even have been freed. */
#ifndef THAW_CPU_AHEAD_H
#define THAW_CPU_AHEAD_H

#include "backends/cpu/cpu.h"

/* A kernel's place in that order. */
typedef struct {
    cpu_weights own, next;
} cpu_ahead;

/* NULL without memory. */
cpu_order *cpu_order_create(const thaw_host *host);
void cpu_order_destroy(const thaw_host *host, cpu_order *order);

/* [thread-safe] The kernel runs now. Returns what will probably be read next; .first is NULL where nothing is
 * known, or where the kernel has no weights of its own: one with weights has drawn ahead for both. */
cpu_weights cpu_order_enter(cpu_order *order, cpu_ahead *kernel);
/* [thread-safe] The kernel is gone. */
void cpu_order_leave(cpu_order *order, const cpu_ahead *kernel);

#endif
