#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads.h"
#include "core/data/data.h"

/* Row i of the order lives in slot i % n_slots. A slot belongs to the thread that has claimed its row until
 * ready, then to the consumer until it has taken the row. */
typedef struct slot {
    bool ready;
    thaw_status status;
    thaw_error error;
    char hash[33];
    float *row;
} slot;

struct thaw_loader {
    const thaw_dataset *set;
    const thaw_preprocess *pre;
    uint32_t *order;
    size_t n, row_floats;
    size_t n_slots;
    slot *slots;
    float *rows;
    pthread_t *threads;
    uint32_t n_threads;   /* started */
    pthread_mutex_t lock; /* guards what follows, and each slot's ready */
    pthread_cond_t room, filled, rest;
    size_t claimed, consumed;
    uint32_t busy; /* threads that prepare a row */
    bool paused, stop;
};

static void prepare_row(thaw_loader *l, size_t i)
{
    slot *s = &l->slots[i % l->n_slots];
    size_t bytes = strlen(l->set->paths[l->order[i]]);
    char *path = thaw_dataset_path(l->set, l->order[i]);
    memset(&s->error, 0, sizeof s->error);
    s->hash[0] = '\0';
    s->status = path ? thaw_image_prepare(path, l->pre, s->row, s->hash, &s->error)
                     : thaw_fail_memory(&s->error, bytes, "a path");
    free(path);
}

static void *loader_main(void *arg)
{
    thaw_loader *l = arg;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->claimed < l->n && (l->paused || l->claimed >= l->consumed + l->n_slots))
            pthread_cond_wait(&l->room, &l->lock);
        if (l->stop || l->claimed >= l->n)
            break;
        size_t i = l->claimed++;
        l->busy++;
        pthread_mutex_unlock(&l->lock);
        prepare_row(l, i);
        pthread_mutex_lock(&l->lock);
        l->slots[i % l->n_slots].ready = true;
        pthread_cond_signal(&l->filled);
        if (--l->busy == 0)
            pthread_cond_signal(&l->rest);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static uint32_t thread_count(uint32_t wanted, size_t n_slots)
{
    uint32_t n = wanted ? wanted : thaw_processors();
    if (n > THAW_MAX_THREADS)
        n = THAW_MAX_THREADS;
    return n > n_slots ? (uint32_t)n_slots : n;
}

static thaw_status copy_order(thaw_loader *l, const uint32_t *order, size_t n, thaw_error *err)
{
    l->order = thaw_calloc(n, sizeof *l->order);
    if (!l->order)
        return thaw_fail_memory(err, n * sizeof *order, "the order of the images");
    for (size_t i = 0; i < n; i++) {
        if (order[i] >= l->set->n)
            return thaw_fail(err, THAW_E_INVALID, "the order asks for image %u of %zu", order[i], l->set->n);
        l->order[i] = order[i];
    }
    l->n = n;
    return THAW_OK;
}

static thaw_status make_slots(thaw_loader *l, size_t ahead, thaw_error *err)
{
    size_t side = l->pre->input_size, floats = 0, bytes = 0;
    l->n_slots = ahead < 1 ? 1 : ahead;
    if (l->n_slots > l->n)
        l->n_slots = l->n ? l->n : 1;
    if (side == 0 || !thaw_mul(side, side, &floats) || !thaw_mul(floats, 3, &l->row_floats) ||
        !thaw_mul(l->row_floats, l->n_slots, &floats) || !thaw_mul(floats, sizeof(float), &bytes))
        return thaw_fail(err, THAW_E_INVALID, "an input of %zux%zu pixels is impossible", side, side);
    l->slots = thaw_calloc(l->n_slots, sizeof *l->slots);
    l->rows = thaw_calloc(floats, sizeof *l->rows);
    if (!l->slots || !l->rows)
        return thaw_fail_memory(err, bytes, "the images that are loaded ahead");
    for (size_t i = 0; i < l->n_slots; i++)
        l->slots[i].row = l->rows + i * l->row_floats;
    return THAW_OK;
}

static thaw_status start_threads(thaw_loader *l, uint32_t n, thaw_error *err)
{
    l->threads = thaw_calloc(n, sizeof *l->threads);
    if (!l->threads)
        return thaw_fail_memory(err, n * sizeof *l->threads, "the loader's threads");
    for (uint32_t i = 0; i < n; i++) {
        int e = pthread_create(&l->threads[i], NULL, loader_main, l);
        if (e)
            return thaw_fail_errno(err, e, "cannot start loader thread %u of %u (try fewer threads)", i + 1,
                                   n);
        l->n_threads = i + 1;
    }
    return THAW_OK;
}

thaw_status thaw_loader_create(const thaw_dataset *set, const thaw_preprocess *pre, const uint32_t *order,
                               size_t n, uint32_t threads, size_t ahead, thaw_loader **out, thaw_error *err)
{
    thaw_loader *l = thaw_calloc(1, sizeof *l);
    if (!l)
        return thaw_fail_memory(err, sizeof *l, "the loader");
    l->set = set;
    l->pre = pre;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    pthread_cond_init(&l->filled, NULL);
    pthread_cond_init(&l->rest, NULL);
    thaw_status st = copy_order(l, order, n, err);
    if (st == THAW_OK)
        st = make_slots(l, ahead, err);
    if (st == THAW_OK && n)
        st = start_threads(l, thread_count(threads, l->n_slots), err);
    if (st == THAW_OK)
        *out = l;
    else
        thaw_loader_free(l);
    return st;
}

void thaw_loader_free(thaw_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (uint32_t i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    pthread_cond_destroy(&l->rest);
    pthread_cond_destroy(&l->filled);
    pthread_cond_destroy(&l->room);
    pthread_mutex_destroy(&l->lock);
    free(l->threads);
    free(l->rows);
    free(l->slots);
    free(l->order);
    free(l);
}

void thaw_loader_pause(thaw_loader *l)
{
    pthread_mutex_lock(&l->lock);
    l->paused = true;
    while (l->busy > 0)
        pthread_cond_wait(&l->rest, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

void thaw_loader_resume(thaw_loader *l)
{
    pthread_mutex_lock(&l->lock);
    l->paused = false;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
}

thaw_status thaw_loader_next(thaw_loader *l, float *out, char hash[33], thaw_error *err)
{
    if (l->consumed >= l->n)
        return thaw_fail(err, THAW_E_INVALID, "all %zu images of the order have been taken", l->n);
    slot *s = &l->slots[l->consumed % l->n_slots];
    pthread_mutex_lock(&l->lock);
    while (!s->ready)
        pthread_cond_wait(&l->filled, &l->lock);
    pthread_mutex_unlock(&l->lock);
    thaw_status st = s->status;
    if (st == THAW_OK)
        memcpy(out, s->row, l->row_floats * sizeof *out);
    else if (err)
        *err = s->error;
    if (hash)
        memcpy(hash, s->hash, sizeof s->hash);
    pthread_mutex_lock(&l->lock);
    s->ready = false;
    l->consumed++;
    pthread_cond_signal(&l->room);
    pthread_mutex_unlock(&l->lock);
    return st;
}
