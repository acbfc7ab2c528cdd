#include "core/train/features.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/bad.h"
#include "core/train/events.h"

typedef struct row_hash {
    char text[33];
} row_hash;

/* Rows of one run of the prefix. */
typedef struct batch {
    uint32_t *ids;
    row_hash *hashes;
    uint32_t rows;
} batch;

/* One set's pass. */
typedef struct pass {
    thaw_source *source;
    const thaw_pass_sets *sets;
    const thaw_where *where;
    const thaw_dataset *set;
    bool *drop;
    thaw_loader *loader;
    thaw_meter *meter;
    batch filling;                    /* what lies in the prefix's images */
    batch computed;                   /* what the run under way computes */
    void **places[THAW_MAX_FEATURES]; /* of the rows of a run, in the cache */
} pass;

static thaw_status make_batch(batch *b, uint32_t rows, thaw_error *err)
{
    b->ids = thaw_calloc(rows, sizeof *b->ids);
    b->hashes = thaw_calloc(rows, sizeof *b->hashes);
    return b->ids && b->hashes ? THAW_OK
                               : thaw_fail_memory(err, rows * sizeof *b->hashes, "the rows of a pass");
}

static thaw_status make_places(pass *p, thaw_error *err)
{
    const thaw_prefix *prefix = &p->source->prefix;
    for (size_t t = 0; t < prefix->n; t++) {
        p->places[t] = thaw_calloc(prefix->batch, sizeof *p->places[t]);
        if (!p->places[t])
            return thaw_fail_memory(err, prefix->batch * sizeof *p->places[t], "the rows of a pass");
    }
    return THAW_OK;
}

static void free_batch(batch *b)
{
    free(b->ids);
    free(b->hashes);
}

static thaw_status store_row(const pass *p, uint32_t row, thaw_error *err)
{
    const thaw_prefix *prefix = &p->source->prefix;
    const batch *b = &p->computed;
    thaw_cache *cache = p->source->cache;
    const bool in_place = thaw_cache_in_memory(cache);
    thaw_status st = THAW_OK;
    for (size_t t = 0; st == THAW_OK && t < prefix->n; t++) {
        const void *computed = in_place ? thaw_cache_row(cache, t, b->ids[row])
                                        : (const char *)prefix->out[t] + row * prefix->row_bytes[t];
        st = thaw_cache_put(cache, t, b->ids[row], computed, err);
    }
    return st == THAW_OK ? thaw_cache_done(p->source->cache, b->ids[row], b->hashes[row].text, err) : st;
}

/* The run has ended. */
static thaw_status store(pass *p, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (uint32_t row = 0; st == THAW_OK && row < p->computed.rows; row++)
        st = store_row(p, row, err);
    if (p->computed.rows > 0)
        thaw_meter_add(p->meter, p->computed.rows);
    p->computed.rows = 0;
    return st;
}

/* Rows of a cache in memory are computed into their places. */
static thaw_status begin(pass *p, thaw_error *err)
{
    thaw_prefix *prefix = &p->source->prefix;
    const thaw_cache *cache = p->source->cache;
    const batch *b = &p->filling;
    if (!thaw_cache_in_memory(cache))
        return thaw_prefix_begin(prefix, b->rows, (1u << prefix->n) - 1, err);
    for (size_t t = 0; t < prefix->n; t++)
        for (uint32_t row = 0; row < b->rows; row++) {
            p->places[t][row] = thaw_cache_row(cache, t, b->ids[row]);
            if (!p->places[t][row])
                return thaw_fail(err, THAW_E_INTERNAL, "the feature cache has no place for image %u",
                                 b->ids[row]);
        }
    return thaw_prefix_begin_to(prefix, b->rows, (void *const *const *)p->places, err);
}

/* While the device computes the rows, those before them are stored and the next ones loaded. */
static thaw_status flush(pass *p, thaw_error *err)
{
    if (p->filling.rows == 0)
        return THAW_OK;
    if (thaw_cancelled(p->where))
        return thaw_fail(err, THAW_E_CANCELLED, "stopped before the first step, as asked");
    thaw_loader_give_way(p->loader, &p->source->prefix);
    thaw_status st = begin(p, err);
    thaw_loader_go_on(p->loader, &p->source->prefix);
    if (st == THAW_OK)
        st = store(p, err);
    batch begun = p->filling;
    p->filling = p->computed;
    p->computed = begun;
    return st;
}

static thaw_status finish(pass *p, thaw_error *err)
{
    thaw_status st = flush(p, err);
    if (st == THAW_OK && p->computed.rows > 0)
        st = thaw_prefix_wait(&p->source->prefix, err);
    return st == THAW_OK ? store(p, err) : st;
}

static thaw_status take(pass *p, size_t i, thaw_error *err)
{
    thaw_prefix *prefix = &p->source->prefix;
    thaw_error why = {0};
    batch *b = &p->filling;
    row_hash *hash = &b->hashes[b->rows];
    thaw_status st =
        thaw_loader_next(p->loader, prefix->images + b->rows * prefix->image_values, hash->text, &why);
    if (st != THAW_OK && !thaw_bad_is(st)) {
        if (err)
            *err = why;
        return st;
    }
    if (st != THAW_OK) {
        p->drop[i] = true;
        thaw_meter_add(p->meter, 1);
        return thaw_bad_add(p->sets->bad, p->sets->n_bad, p->set, i, why.text, p->meter->listener, err);
    }
    if (!p->source->cache || thaw_cache_find(p->source->cache, p->set->ids[i], hash->text)) {
        thaw_meter_add(p->meter, 1);
        return THAW_OK;
    }
    b->ids[b->rows++] = p->set->ids[i];
    return b->rows == prefix->batch ? flush(p, err) : THAW_OK;
}

static thaw_status pass_set(pass *p, thaw_error *err)
{
    uint32_t *order = thaw_calloc(p->set->n, sizeof *order);
    if (!order)
        return thaw_fail_memory(err, p->set->n * sizeof *order, "the order of the images");
    for (size_t i = 0; i < p->set->n; i++)
        order[i] = (uint32_t)i;
    thaw_status st = thaw_loader_create(p->set, p->source->pre, order, p->set->n, p->where->decode_threads,
                                        thaw_loader_ahead(&p->source->prefix), &p->loader, err);
    free(order);
    for (size_t i = 0; st == THAW_OK && i < p->set->n; i++) {
        if (thaw_cancelled(p->where))
            st = thaw_fail(err, THAW_E_CANCELLED, "stopped before the first step, as asked");
        else
            st = take(p, i, err);
    }
    if (st == THAW_OK)
        st = finish(p, err);
    thaw_loader_free(p->loader);
    p->loader = NULL;
    return st;
}

thaw_status thaw_features_pass(thaw_source *source, const thaw_pass_sets *sets, const thaw_where *where,
                               const thaw_listener *listener, thaw_error *err)
{
    thaw_meter meter;
    pass p = {.source = source, .sets = sets, .where = where, .meter = &meter};
    thaw_status st = make_batch(&p.filling, source->prefix.batch, err);
    if (st == THAW_OK)
        st = make_batch(&p.computed, source->prefix.batch, err);
    if (st == THAW_OK)
        st = make_places(&p, err);
    size_t total = 0;
    for (size_t k = 0; k < 2; k++)
        total += sets->set[k] ? sets->set[k]->n : 0;
    thaw_pass kind = source->cache ? THAW_PASS_FEATURES : THAW_PASS_CHECK;
    thaw_meter_begin(&meter, listener, (thaw_progress){.pass = kind, .total = total});
    for (size_t k = 0; st == THAW_OK && k < 2; k++) {
        p.set = sets->set[k];
        p.drop = sets->drop[k];
        if (p.set)
            st = pass_set(&p, err);
    }
    free_batch(&p.filling);
    free_batch(&p.computed);
    for (size_t t = 0; t < THAW_MAX_FEATURES; t++)
        free(p.places[t]);
    return st;
}
