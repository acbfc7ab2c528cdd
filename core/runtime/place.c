#include "core/runtime/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

/* A device's answer to one op. */
typedef struct answer {
    bool taken;
    thaw_op_info info;
    char refusal[160];
} answer;

typedef struct placer {
    const thaw_program_options *options;
    thaw_dev *devs[THAW_MAX_DEVS];
    size_t n_devs;
    thaw_placement *out;
} placer;

static thaw_status copy_tensors(const thaw_graph *from, thaw_graph *to, thaw_error *err)
{
    to->tensors = thaw_calloc(from->n_tensors, sizeof *to->tensors);
    if (!to->tensors)
        return thaw_fail_memory(err, from->n_tensors * sizeof *to->tensors, "the program's tensors");
    to->n_tensors = to->tensor_capacity = from->n_tensors;
    to->batch = from->batch;
    for (size_t i = 0; i < from->n_tensors; i++) {
        to->tensors[i] = from->tensors[i];
        to->tensors[i].owned = NULL;
    }
    return THAW_OK;
}

static thaw_status name_op(thaw_status st, const thaw_graph *graph, const thaw_gop *op, thaw_error *err)
{
    const thaw_gtensor *y = &graph->tensors[op->out[0]];
    return thaw_fail_within(err, st, "%s (%s) -> %dx%dx%dx%d", thaw_op_facts_of(op->kind)->name, op->label,
                            y->n, y->h, y->w, y->c);
}

static thaw_status check_inputs(const thaw_graph *graph, const thaw_gop *op, thaw_error *err)
{
    for (uint32_t i = 0; i < op->n_in; i++) {
        const thaw_gtensor *t = &graph->tensors[op->in[i]];
        if (t->storage == THAW_T_CONST && !t->data && !t->recipe)
            return thaw_fail(err, THAW_E_INVALID, "%s: its constant input %s has no data", op->label,
                             t->name);
    }
    return THAW_OK;
}

static thaw_status ask(const placer *p, size_t d, const thaw_gop *op, answer *a, thaw_error *err)
{
    memset(a, 0, sizeof *a);
    /* A graph of this one op, because the op is not part of the placement before somebody takes it. */
    thaw_graph alone = p->out->graph;
    thaw_gop copy = *op;
    alone.ops = &copy;
    alone.n_ops = 1;
    thaw_op_desc desc;
    thaw_status st = thaw_op_describe(&alone, 0, p->options->runs, &desc, err);
    if (st != THAW_OK)
        return st;
    thaw_error why = {0};
    /* What is known of the device that was asked for says nothing about the one behind it. */
    st = thaw_choices_ask(d == THAW_HOME ? p->options->choices : NULL, p->devs[d], &desc.op, &a->info, &why);
    thaw_op_desc_free(&desc);
    if (st == THAW_OK) {
        a->taken = true;
        return st;
    }
    st = thaw_plugin_failed(st, &why, "%s", p->devs[d]->name);
    if (st == THAW_E_UNSUPPORTED) {
        snprintf(a->refusal, sizeof a->refusal, "%.*s", (int)sizeof a->refusal - 1, why.text);
        return THAW_OK;
    }
    if (err)
        *err = why;
    return name_op(st, &p->out->graph, op, err);
}

/* refusal: why the program's own device does not run it, if it is not the one that does. */
static thaw_status assign(placer *p, size_t d, const thaw_gop *op, const answer *a, const char *refusal,
                          thaw_error *err)
{
    thaw_placement *out = p->out;
    void *items = out->ops;
    if (!thaw_grow(&items, &out->op_capacity, out->graph.n_ops + 1, sizeof *out->ops))
        return thaw_fail_memory(err, sizeof *out->ops, "a placed op");
    out->ops = items;
    thaw_status st =
        thaw_graph_op(&out->graph, op->kind, op->label, op->in, op->n_in, op->out, op->n_out, &op->attr, err);
    if (st != THAW_OK)
        return st;
    out->graph.ops[out->graph.n_ops - 1].precision = op->precision;
    out->graph.ops[out->graph.n_ops - 1].flags = op->flags;
    out->graph.ops[out->graph.n_ops - 1].rows = op->rows;
    thaw_placed_op *placed = &out->ops[out->graph.n_ops - 1];
    placed->dev = (uint32_t)d;
    placed->info = a->info;
    snprintf(placed->reason, sizeof placed->reason, "%s", d == 0 ? a->info.reason : refusal);
    out->fallback_ops += d != 0;
    return THAW_OK;
}

/* One part on device d, or on a later one. whole_refusal: what the first device said to the whole op. */
static thaw_status place_part(placer *p, size_t d, const thaw_gop *part, const char *whole_refusal,
                              thaw_error *err)
{
    answer a;
    char refusal[sizeof a.refusal] = "";
    if (d > 0)
        snprintf(refusal, sizeof refusal, "%s", whole_refusal);
    for (; d < p->n_devs; d++) {
        thaw_status st = ask(p, d, part, &a, err);
        if (st != THAW_OK)
            return st;
        if (a.taken)
            return assign(p, d, part, &a, refusal, err);
        if (!refusal[0])
            memcpy(refusal, a.refusal, sizeof refusal);
    }
    return name_op(thaw_fail(err, THAW_E_UNSUPPORTED, "%s", refusal), &p->out->graph, part, err);
}

/* *taken: whether device d takes all of the main parts. */
static thaw_status takes_main_parts(placer *p, size_t d, const thaw_parts *parts, bool *taken,
                                    thaw_error *err)
{
    *taken = parts->count > 0;
    for (size_t i = 0; i < parts->n_main && *taken; i++) {
        answer a;
        thaw_status st = ask(p, d, &parts->ops[i], &a, err);
        if (st != THAW_OK)
            return st;
        *taken = a.taken;
    }
    return THAW_OK;
}

static thaw_status place_parts(placer *p, size_t d, const thaw_parts *parts, const char *refusal,
                               thaw_error *err)
{
    for (size_t i = 0; i < parts->count; i++) {
        thaw_status st = place_part(p, d, &parts->ops[i], refusal, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status fail_declined(const placer *p, const thaw_gop *op, const char *refusal, thaw_error *err)
{
    thaw_fail(err, THAW_E_UNSUPPORTED, "no device takes it: %s%s", refusal,
              p->n_devs > 1 ? "" : " (and no other device is allowed to: see --fallback)");
    return name_op(THAW_E_UNSUPPORTED, &p->out->graph, op, err);
}

/* refusal: what the first device said to the whole op. Empty parts are filled when they are first needed. */
static thaw_status place_op(placer *p, const thaw_gop *op, thaw_parts *parts, thaw_error *err)
{
    char refusal[sizeof((answer *)0)->refusal] = "";
    bool have_parts = false;
    for (size_t d = 0; d < p->n_devs; d++) {
        answer a;
        thaw_status st = ask(p, d, op, &a, err);
        if (st != THAW_OK)
            return st;
        if (a.taken)
            return assign(p, d, op, &a, refusal, err);
        if (!refusal[0])
            memcpy(refusal, a.refusal, sizeof refusal);
        if (!have_parts)
            st = thaw_parts_of(&p->out->graph, op, parts, err);
        have_parts = true;
        bool taken = false;
        if (st == THAW_OK)
            st = takes_main_parts(p, d, parts, &taken, err);
        if (st != THAW_OK)
            return st;
        if (taken)
            return place_parts(p, d, parts, refusal, err);
    }
    return fail_declined(p, op, refusal, err);
}

thaw_status thaw_place(const thaw_graph *graph, const thaw_program_options *options, thaw_placement *out,
                       thaw_error *err)
{
    memset(out, 0, sizeof *out);
    placer p = {.options = options, .devs = {options->dev}, .n_devs = 1, .out = out};
    if (options->fallback_dev && options->fallback_dev != options->dev &&
        options->fallback != THAW_FALLBACK_ERROR)
        p.devs[p.n_devs++] = options->fallback_dev;
    thaw_status st = copy_tensors(graph, &out->graph, err);
    for (size_t i = 0; st == THAW_OK && i < graph->n_ops; i++) {
        thaw_parts parts = {0};
        st = check_inputs(&out->graph, &graph->ops[i], err);
        if (st == THAW_OK)
            st = place_op(&p, &graph->ops[i], &parts, err);
        thaw_parts_free(&parts);
    }
    return st;
}

void thaw_placement_free(thaw_placement *placement)
{
    thaw_graph_free(&placement->graph);
    free(placement->ops);
    memset(placement, 0, sizeof *placement);
}
