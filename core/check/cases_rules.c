/* cases_rules.c: which of the cases of values are tried again under the other rules of the interface. A few
 * of each op are enough: what these types find is wrong for every shape or for none. */
#include <string.h>

#include "core/check/case.h"
#include "core/check/plugin.h"

static int64_t elements(const check_arg *a)
{
    return (int64_t)a->n * a->h * a->w * a->c;
}

/* The one with more work to cut into tasks, which goes by the image rather than by the weights. */
static bool is_larger(const check_case *a, const check_case *b)
{
    int64_t sum_a = 0, sum_b = 0;
    if (elements(&a->arg[0]) != elements(&b->arg[0]))
        return elements(&a->arg[0]) > elements(&b->arg[0]);
    for (uint32_t i = 0; i < a->n_in + a->n_out; i++)
        sum_a += elements(&a->arg[i]);
    for (uint32_t i = 0; i < b->n_in + b->n_out; i++)
        sum_b += elements(&b->arg[i]);
    return sum_a > sum_b;
}

static bool is_plain(const check_case *c)
{
    return c->precision == THAW_PREC_F32;
}

static bool has_mutable_input(const check_case *c)
{
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->arg[i].role == THAW_ROLE_MUTABLE)
            return is_plain(c);
    return false;
}

/* Positions in the list of the first and of the largest case of a kind that suits; SIZE_MAX: there is none.
 */
typedef struct pick {
    size_t first, largest;
} pick;

static pick pick_of(const check_list *list, size_t n, uint32_t kind, bool (*suits)(const check_case *c))
{
    pick p = {SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < n; i++) {
        const check_case *c = &list->items[i];
        if (c->kind != kind || c->type != CHECK_VALUES || !suits(c))
            continue;
        if (p.first == SIZE_MAX)
            p.first = i;
        if (p.largest == SIZE_MAX || is_larger(c, &list->items[p.largest]))
            p.largest = i;
    }
    return p;
}

static void add(check_list *list, size_t at, check_type type, const char *suffix)
{
    if (at != SIZE_MAX && !list->failed)
        thaw_check_again_as(list, &list->items[at], type, suffix);
}

static void add_both(check_list *list, pick p, check_type type, const char *suffix)
{
    add(list, p.first, type, suffix);
    if (p.largest != p.first)
        add(list, p.largest, type, suffix);
}

static void add_kind(check_list *list, size_t n, uint32_t kind)
{
    const pick p = pick_of(list, n, kind, is_plain);
    add_both(list, pick_of(list, n, kind, has_mutable_input), CHECK_FRESH, "fresh");
    add_both(list, p, CHECK_AGAIN, "again");
    add_both(list, p, CHECK_THREADS, "threads");
    add(list, p.largest, CHECK_STREAMS, "streams");
    add_both(list, p, CHECK_QUIET, "quiet");
    add(list, p.largest, CHECK_BLOCKING, "blocking");
    add(list, p.first, CHECK_NO_MEMORY, "no-memory");
    add(list, p.first, CHECK_SKEW, "skew");
    if (kind == THAW_OP_BN_TRAIN_BWD || kind == THAW_OP_SOFTMAX_XENT_BWD || kind == THAW_OP_RELU_BWD ||
        kind == THAW_OP_BIAS_GRAD)
        add_both(list, p, CHECK_GRADIENT, "gradient");
}

void thaw_check_cases_rules(check_list *list)
{
    size_t n = list->count;
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++)
        add_kind(list, n, kind);
    for (const char *const *name = thaw_check_plugin_names(); *name; name++)
        thaw_check_new(list, 0, "%s", *name)->type = CHECK_PLUGIN;
}
