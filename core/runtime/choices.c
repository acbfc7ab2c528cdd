#include "core/runtime/choices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/graph/graph.h"
#include "core/runtime/loader.h"

typedef struct disabled_algo {
    uint32_t kind;
    char algo[THAW_ALGO_NAME_MAX];
    char reason[sizeof((thaw_op_info *)0)->reason];
} disabled_algo;

struct thaw_choices {
    thaw_choice *preferred;
    size_t n_preferred, preferred_capacity;
    disabled_algo *disabled;
    size_t n_disabled, disabled_capacity;
};

/* ---- the table ----------------------------------------------------------------------------------- */

thaw_choices *thaw_choices_create(void)
{
    return thaw_calloc(1, sizeof(thaw_choices));
}

void thaw_choices_free(thaw_choices *choices)
{
    if (!choices)
        return;
    free(choices->preferred);
    free(choices->disabled);
    free(choices);
}

static size_t position(const thaw_choices *choices, const char *signature)
{
    size_t i = 0;
    while (i < choices->n_preferred && strcmp(choices->preferred[i].signature, signature) != 0)
        i++;
    return i;
}

thaw_status thaw_choices_prefer(thaw_choices *choices, const thaw_choice *choice, thaw_error *err)
{
    size_t i = position(choices, choice->signature);
    void *items = choices->preferred;
    if (!thaw_grow(&items, &choices->preferred_capacity, i + 1, sizeof *choices->preferred))
        return thaw_fail_memory(err, sizeof *choice, "a choice of algorithm");
    choices->preferred = items;
    choices->preferred[i] = *choice;
    if (i == choices->n_preferred)
        choices->n_preferred++;
    return THAW_OK;
}

const thaw_choice *thaw_choices_at(const thaw_choices *choices, size_t i)
{
    return i < choices->n_preferred ? &choices->preferred[i] : NULL;
}

const thaw_choice *thaw_choices_find(const thaw_choices *choices, const char *signature)
{
    return thaw_choices_at(choices, position(choices, signature));
}

thaw_status thaw_choices_disable(thaw_choices *choices, uint32_t kind, const char *algo, const char *reason,
                                 thaw_error *err)
{
    if (thaw_choices_disabled(choices, kind, algo))
        return THAW_OK;
    void *items = choices->disabled;
    if (!thaw_grow(&items, &choices->disabled_capacity, choices->n_disabled + 1, sizeof *choices->disabled))
        return thaw_fail_memory(err, sizeof *choices->disabled, "a disabled algorithm");
    choices->disabled = items;
    disabled_algo *d = &choices->disabled[choices->n_disabled++];
    d->kind = kind;
    snprintf(d->algo, sizeof d->algo, "%s", algo);
    snprintf(d->reason, sizeof d->reason, "%s", reason);
    return THAW_OK;
}

const char *thaw_choices_disabled(const thaw_choices *choices, uint32_t kind, const char *algo)
{
    for (size_t i = 0; i < choices->n_disabled; i++)
        if (choices->disabled[i].kind == kind && strcmp(choices->disabled[i].algo, algo) == 0)
            return choices->disabled[i].reason;
    return NULL;
}

/* ---- asking -------------------------------------------------------------------------------------- */

static thaw_status query(thaw_dev *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info, thaw_error *err)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    thaw_error_clear(err);
    thaw_status st = dev->ops.op_query(dev->handle, op, algo, info, err);
    info->name[sizeof info->name - 1] = '\0';
    info->reason[sizeof info->reason - 1] = '\0';
    return st;
}

/* Number of algorithms to ask for. */
static uint32_t offered(const thaw_op_info *info)
{
    return info->n_algos < THAW_MAX_ALGOS ? info->n_algos : THAW_MAX_ALGOS;
}

/* The first of n that has this name or, for NULL, that is not disabled. */
static bool look_for(thaw_dev *dev, const thaw_op *op, uint32_t n, const char *algo,
                     const thaw_choices *choices, thaw_op_info *info)
{
    thaw_error ignored;
    for (uint32_t i = 0; i < n; i++)
        if (query(dev, op, i, info, &ignored) == THAW_OK && info->algo == i &&
            (algo ? strcmp(info->name, algo) == 0 : !thaw_choices_disabled(choices, op->kind, info->name)))
            return true;
    return false;
}

bool thaw_choices_named(thaw_dev *dev, const thaw_op *op, const char *algo, thaw_op_info *info)
{
    thaw_op_info first;
    thaw_error ignored;
    if (query(dev, op, THAW_ALGO_DEFAULT, &first, &ignored) != THAW_OK)
        return false;
    return look_for(dev, op, offered(&first), algo, NULL, info);
}

/* Whether data are prepared for a single run. A search times runs alone, and here it is the preparation that
 * takes the time. */
static bool is_for_once(const thaw_op *op)
{
    bool prepared = false;
    for (uint32_t i = 0; i < op->n_in; i++)
        prepared = prepared || op->in[i]->role == THAW_ROLE_CONST;
    return prepared && op->runs == 1;
}

/* Takes what a search found, if it is anything but the default and still to be had. */
static bool take_preferred(const thaw_choices *choices, thaw_dev *dev, const thaw_op *op, thaw_op_info *info)
{
    char signature[THAW_SIGNATURE_MAX];
    thaw_op_info found;
    if (is_for_once(op))
        return false;
    thaw_op_signature(op, signature);
    const thaw_choice *choice = thaw_choices_find(choices, signature);
    if (!choice || strcmp(choice->algo, info->name) == 0 ||
        thaw_choices_disabled(choices, op->kind, choice->algo) ||
        !look_for(dev, op, offered(info), choice->algo, choices, &found))
        return false;
    /* Whole hundredths, so that no locale has a say. */
    double ratio = (double)choice->default_nanoseconds / (double)choice->nanoseconds;
    unsigned long long hundredths = ratio < 1e6 ? (unsigned long long)(ratio * 100 + 0.5) : 100000000ull;
    *info = found;
    snprintf(info->reason, sizeof info->reason, "tuned: %llu.%02llux the default's speed", hundredths / 100,
             hundredths % 100);
    return true;
}

thaw_status thaw_choices_ask(const thaw_choices *choices, thaw_dev *dev, const thaw_op *op,
                             thaw_op_info *info, thaw_error *err)
{
    thaw_status st = query(dev, op, THAW_ALGO_DEFAULT, info, err);
    if (st != THAW_OK || !choices || take_preferred(choices, dev, op, info))
        return st;
    const char *reason = thaw_choices_disabled(choices, op->kind, info->name);
    if (!reason)
        return THAW_OK;
    thaw_op_info other;
    if (!look_for(dev, op, offered(info), NULL, choices, &other)) {
        const thaw_op_facts *facts = thaw_op_facts_of(op->kind);
        return thaw_fail(err, THAW_E_UNSUPPORTED, "the self-test found every algorithm of %s wrong: %s: %s",
                         facts ? facts->name : "this op", info->name, reason);
    }
    snprintf(other.reason, sizeof other.reason, "in place of %s, which failed the self-test", info->name);
    *info = other;
    return THAW_OK;
}
