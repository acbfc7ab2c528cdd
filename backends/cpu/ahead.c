#include "backends/cpu/ahead.h"

#include <pthread.h>

struct cpu_order {
    pthread_mutex_t lock;
    cpu_ahead *last; /* kernel with weights that has run, NULL: none, or it is gone */
};

cpu_order *cpu_order_create(const thaw_host *host)
{
    cpu_order *order = host->alloc(host->ctx, sizeof *order, 64);
    if (!order)
        return NULL;
    order->last = NULL;
    if (pthread_mutex_init(&order->lock, NULL) != 0) {
        host->free(host->ctx, order);
        return NULL;
    }
    return order;
}

void cpu_order_destroy(const thaw_host *host, cpu_order *order)
{
    pthread_mutex_destroy(&order->lock);
    host->free(host->ctx, order);
}

cpu_weights cpu_order_enter(cpu_order *order, cpu_ahead *kernel)
{
    cpu_weights next = {NULL, 0};
    if (!kernel->own.first)
        return next;
    pthread_mutex_lock(&order->lock);
    if (order->last)
        order->last->next = kernel->own;
    order->last = kernel;
    next = kernel->next;
    pthread_mutex_unlock(&order->lock);
    return next;
}

void cpu_order_leave(cpu_order *order, const cpu_ahead *kernel)
{
    pthread_mutex_lock(&order->lock);
    if (order->last == kernel)
        order->last = NULL;
    pthread_mutex_unlock(&order->lock);
}
