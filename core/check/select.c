/* select.c: see select.h. */
#include "core/check/select.h"

#include <stdio.h>
#include <string.h>

typedef const char *(*name_fn)(uint32_t i);

static const char *op_name(uint32_t i)
{
    return i < THAW_OP_KIND_END ? thaw_check_op_name(i) : NULL;
}

static bool is_word(const char *name, const char *word, size_t length)
{
    return strlen(name) == length && memcmp(name, word, length) == 0;
}

/* Whether one of the words of a list with commas is this name. */
static bool lists(const char *list, const char *name)
{
    for (const char *word = list; word; word = strchr(word, ',')) {
        word += *word == ',';
        if (is_word(name, word, strcspn(word, ",")))
            return true;
    }
    return false;
}

static thaw_status fail_unknown(const char *what, const char *word, size_t length, name_fn name,
                                thaw_error *err)
{
    char known[400] = "";
    size_t used = 0;
    for (uint32_t i = 0; name(i) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", name(i));
    return thaw_fail(err, THAW_E_INVALID, "no %s \"%.*s\"; there are: %s", what,
                     (int)(length < 40 ? length : 40), word, known);
}

static thaw_status must_know(const char *what, const char *list, name_fn name, thaw_error *err)
{
    for (const char *word = list; word; word = strchr(word, ',')) {
        word += *word == ',';
        size_t length = strcspn(word, ",");
        uint32_t i = 0;
        while (name(i) && !is_word(name(i), word, length))
            i++;
        if (!name(i))
            return fail_unknown(what, word, length, name, err);
    }
    return THAW_OK;
}

thaw_status thaw_check_filter(const thaw_check_options *options, thaw_error *err)
{
    thaw_status st = must_know("op", options->op, op_name, err);
    return st == THAW_OK ? must_know("kind of check", options->check, thaw_check_kind_name, err) : st;
}

bool thaw_check_selected(const thaw_check_options *options, const check_case *c, uint32_t round)
{
    const char *text = options->case_filter;
    /* What is said of the plugin as a whole has no random values, so that one round is enough; and the copies
     * of it that such cases open stay mapped. */
    if (c->type == CHECK_PLUGIN && round > 0)
        return false;
    if (options->op && !lists(options->op, thaw_check_op_name(c->kind)))
        return false;
    if (options->check && !lists(options->check, thaw_check_kind_name((uint32_t)c->type)))
        return false;
    if (!text)
        return true;
    return *text == '=' ? strcmp(c->name, text + 1) == 0 : strstr(c->name, text) != NULL;
}

size_t thaw_check_count(const thaw_check_options *options, const check_list *list, uint32_t rounds)
{
    size_t first = 0, later = 0;
    for (size_t i = 0; i < list->count; i++) {
        first += thaw_check_selected(options, &list->items[i], 0);
        later += thaw_check_selected(options, &list->items[i], 1);
    }
    return first + later * (rounds - 1);
}
