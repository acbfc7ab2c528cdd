/* memory.c: faults with the host's memory and with the device's. */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

/* Behind a refusal of this plugin's device. */
static bool broken, exhausted;
static bool kept; /* FAULT_KEEP: once */

/* Leaks it where a leak detector does not look, in a chain: our checks are to find it. */
static void leak(void *p)
{
    static void *last;
    if (!p)
        return;
    memcpy(p, &last, sizeof last);
    last = p;
}

bool faulty_no_memory(void)
{
    void *p = faulty_alloc(64);
    faulty_free(p);
    return !p;
}

/* Two pieces that live as long as op_prepare. */
thaw_status faulty_prepare_memory(thaw_error *err)
{
    if (faulty_fault != FAULT_PARTIAL && faulty_fault != FAULT_MUTE && faulty_fault != FAULT_WRONG_STATUS &&
        faulty_fault != FAULT_NEVER_AGAIN)
        return THAW_OK;
    void *first = faulty_alloc(64), *second = first ? faulty_alloc(64) : NULL;
    bool ok = first && second && !exhausted;
    exhausted = exhausted || (!ok && faulty_fault == FAULT_NEVER_AGAIN);
    faulty_free(second);
    if (ok || faulty_fault != FAULT_PARTIAL)
        faulty_free(first);
    else
        leak(first);
    if (ok)
        return THAW_OK;
    if (faulty_fault == FAULT_MUTE)
        return THAW_E_NO_MEMORY;
    return faulty_refuse(err, faulty_fault == FAULT_WRONG_STATUS ? THAW_E_INTERNAL : THAW_E_NO_MEMORY,
                         "no memory for a kernel");
}

void faulty_enqueue_memory(thaw_kernel *k)
{
    if (faulty_fault == FAULT_ALLOCATES)
        faulty_free(faulty_alloc(64));
    if (faulty_fault == FAULT_FREES) {
        faulty_free(k->ballast);
        k->ballast = NULL;
    }
    if (faulty_fault == FAULT_LOGS)
        faulty_host->log(faulty_host->ctx, THAW_LOG_DEBUG, "an op begins");
}

bool faulty_is_broken(void)
{
    return broken;
}

thaw_status faulty_open_memory(thaw_error *err)
{
    broken = exhausted = false;
    if (faulty_fault == FAULT_LEAK || (faulty_fault == FAULT_KEEP && !kept)) {
        leak(faulty_alloc(48));
        kept = true;
    }
    if (faulty_fault != FAULT_OPEN)
        return THAW_OK;
    void *first = faulty_alloc(64), *second = first ? faulty_alloc(64) : NULL;
    if (!second) {
        leak(first);
        return faulty_refuse(err, THAW_E_NO_MEMORY, "no memory for a device");
    }
    faulty_free(first);
    faulty_free(second);
    return THAW_OK;
}

void faulty_shutdown_memory(void)
{
    /* Room before it, because a host may look for a head of its own there. */
    static unsigned char own[256];
    if (faulty_fault == FAULT_FOREIGN)
        faulty_free(own + 128);
}

static thaw_status buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    thaw_status st = faulty_inner->buffer_create(dev, bytes, out, err);
    if (st == THAW_OK)
        return st;
    if (bytes >= UINT64_C(1) << 40)
        return faulty_fault == FAULT_HUGE ? THAW_E_INVALID : st;
    broken = broken || faulty_fault == FAULT_FULL_BROKEN;
    if (faulty_fault == FAULT_FULL_MUTE && err)
        err->text[0] = '\0';
    return faulty_fault == FAULT_FULL_STATUS ? THAW_E_INVALID : st;
}

void faulty_memory(thaw_device_ops *ops)
{
    ops->buffer_create = buffer_create;
}
