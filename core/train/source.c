#include "core/train/source.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static thaw_status copy_order(thaw_source *s, const uint32_t *order, size_t n, thaw_error *err)
{
    s->order = thaw_calloc(n, sizeof *s->order);
    s->ids = thaw_calloc(n, sizeof *s->ids);
    if (!s->order || !s->ids)
        return thaw_fail_memory(err, n * 2 * sizeof *s->order, "the order of the images");
    for (size_t i = 0; i < n; i++) {
        s->order[i] = order[i];
        s->ids[i] = s->set->ids[order[i]];
    }
    return THAW_OK;
}

thaw_status thaw_source_begin(thaw_source *source, const thaw_dataset *set, const uint32_t *order, size_t n,
                              uint32_t mask, thaw_error *err)
{
    thaw_source_end(source);
    source->set = set;
    source->mask = mask;
    source->count = n;
    thaw_status st = copy_order(source, order, n, err);
    if (st == THAW_OK && !source->cache)
        st = thaw_loader_create(set, source->pre, source->order, n, source->decode_threads,
                                thaw_loader_ahead(&source->prefix), &source->loader, err);
    return st;
}

bool thaw_source_in_memory(const thaw_source *source)
{
    return source->cache && thaw_cache_in_memory(source->cache);
}

static thaw_status next_cached(thaw_source *s, size_t rows, void **const *places, thaw_error *err)
{
    const uint32_t *ids = s->ids + s->next;
    thaw_status st = THAW_OK;
    for (size_t t = 0; st == THAW_OK && t < s->n; t++) {
        if (!(s->mask & (1u << t)))
            continue;
        if (thaw_cache_in_memory(s->cache)) {
            st = thaw_cache_locate(s->cache, t, ids, rows, places[t], err);
            continue;
        }
        for (size_t i = 0; st == THAW_OK && i < rows; i++)
            st = thaw_cache_gather(s->cache, t, ids + i, 1, places[t][i], err);
    }
    return st;
}

/* The next rows into the prefix, which starts on them. */
static thaw_status start(thaw_source *s, size_t rows, thaw_error *err)
{
    thaw_prefix *p = &s->prefix;
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < rows; i++)
        st = thaw_loader_next(s->loader, p->images + i * p->image_values, NULL, err);
    if (st != THAW_OK)
        return st;
    thaw_loader_give_way(s->loader, p);
    st = thaw_prefix_begin(p, (uint32_t)rows, s->mask, err);
    thaw_loader_go_on(s->loader, p);
    return st;
}

/* Results to the places from number `at` on. */
static void deliver(const thaw_source *s, size_t rows, size_t at, void **const *places)
{
    const thaw_prefix *p = &s->prefix;
    for (size_t t = 0; t < s->n; t++)
        for (size_t i = 0; (s->mask & (1u << t)) && i < rows; i++)
            memcpy(places[t][at + i], (const char *)p->out[t] + i * p->row_bytes[t], p->row_bytes[t]);
}

/* While the device computes some rows, the next are loaded and those before are copied. */
static thaw_status next_computed(thaw_source *s, size_t rows, void **const *places, thaw_error *err)
{
    thaw_status st = THAW_OK;
    size_t at = 0, before = 0;
    while (st == THAW_OK && at < rows) {
        size_t n = rows - at < s->prefix.batch ? rows - at : s->prefix.batch;
        st = start(s, n, err);
        if (st == THAW_OK && before > 0)
            deliver(s, before, at - before, places);
        at += n;
        before = n;
    }
    if (st == THAW_OK)
        st = thaw_prefix_wait(&s->prefix, err);
    if (st == THAW_OK)
        deliver(s, before, rows - before, places);
    return st;
}

thaw_status thaw_source_next(thaw_source *source, size_t rows, void **const *places, thaw_error *err)
{
    if (rows > source->count - source->next)
        return thaw_fail(err, THAW_E_INTERNAL, "%zu rows of %zu are left", source->count - source->next,
                         source->count);
    thaw_status st =
        source->cache ? next_cached(source, rows, places, err) : next_computed(source, rows, places, err);
    source->next += rows;
    return st;
}

void thaw_source_end(thaw_source *source)
{
    thaw_loader_free(source->loader);
    free(source->order);
    free(source->ids);
    source->loader = NULL;
    source->order = source->ids = NULL;
    source->count = source->next = 0;
}

void thaw_source_free(thaw_source *source)
{
    thaw_source_end(source);
    thaw_prefix_free(&source->prefix);
    thaw_cache_free(source->cache);
    source->cache = NULL;
}
