#include "backends/opencl/options.h"

#include <stdio.h>
#include <string.h>

#include "backends/opencl/class.h"

#define SHOWN 64 /* bytes of a foreign text in an error */

/* A part of the options' text. */
typedef struct {
    const char *at;
    size_t length;
} piece;

static bool is(piece p, const char *text)
{
    return p.length == strlen(text) && memcmp(p.at, text, p.length) == 0;
}

static int shown(piece p)
{
    return (int)(p.length < SHOWN ? p.length : SHOWN);
}

static thaw_status wrong_value(const char *key, piece value, const char *known, thaw_error *err)
{
    return backend_fail(err, THAW_E_INVALID, "opencl: %s=%.*s is not known; it is one of %s", key,
                        shown(value), value.at, known);
}

static thaw_status set_class(piece value, ocl_options *out, thaw_error *err)
{
    if (!ocl_class_by_name(value.at, value.length, &out->class_of))
        return wrong_value("class", value, "cpu, wave32, wave64, simd", err);
    out->class_forced = true;
    return THAW_OK;
}

static thaw_status set_algos(piece value, ocl_options *out, thaw_error *err)
{
    out->every_algo = is(value, "all");
    if (!out->every_algo && !is(value, "class"))
        return wrong_value("algos", value, "class, all", err);
    return THAW_OK;
}

static thaw_status set_cache(piece value, ocl_options *out, thaw_error *err)
{
    out->no_cache = is(value, "off");
    if (!out->no_cache && !is(value, "on"))
        return wrong_value("cache", value, "on, off", err);
    return THAW_OK;
}

/* Several ops have an algorithm of the same name. */
static bool named_before(size_t end, const char *name)
{
    for (size_t i = 0; i < end; i++)
        if (strcmp(ocl_algo_at(i)->name, name) == 0)
            return true;
    return false;
}

/* As many names as there is room for. */
static thaw_status unknown_algorithm(piece name, thaw_error *err)
{
    char known[320] = "";
    size_t used = 0;
    const ocl_algo *algo = NULL;
    for (size_t i = 0; (algo = ocl_algo_at(i)) != NULL; i++) {
        size_t length = strlen(algo->name);
        if (named_before(i, algo->name))
            continue;
        if (used + length + sizeof ", ..." > sizeof known) {
            snprintf(known + used, sizeof known - used, ", ...");
            break;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", algo->name);
    }
    return wrong_value("without", name, known, err);
}

static bool is_algorithm(piece name)
{
    const ocl_algo *algo = NULL;
    for (size_t i = 0; (algo = ocl_algo_at(i)) != NULL; i++)
        if (is(name, algo->name))
            return true;
    return false;
}

static thaw_status set_without(piece value, ocl_options *out, thaw_error *err)
{
    if (value.length >= sizeof out->without)
        return backend_fail(err, THAW_E_INVALID, "opencl: without= has %zu characters, at most %zu are read",
                            value.length, sizeof out->without - 1);
    for (size_t from = 0; from <= value.length;) {
        const char *plus = memchr(value.at + from, '+', value.length - from);
        size_t end = plus ? (size_t)(plus - value.at) : value.length;
        piece name = {value.at + from, end - from};
        if (!is_algorithm(name))
            return unknown_algorithm(name, err);
        from = end + 1;
    }
    memcpy(out->without, value.at, value.length);
    out->without[value.length] = '\0';
    return THAW_OK;
}

static const struct {
    const char *key;
    thaw_status (*set)(piece value, ocl_options *out, thaw_error *err);
} options[] = {{"class", set_class}, {"algos", set_algos}, {"cache", set_cache}, {"without", set_without}};

static thaw_status set_option(piece option, ocl_options *out, thaw_error *err)
{
    const char *equals = memchr(option.at, '=', option.length);
    piece key = {option.at, equals ? (size_t)(equals - option.at) : option.length};
    for (size_t i = 0; equals && i < sizeof options / sizeof options[0]; i++)
        if (is(key, options[i].key))
            return options[i].set((piece){equals + 1, option.length - key.length - 1}, out, err);
    return backend_fail(
        err, THAW_E_INVALID,
        "opencl: option \"%.*s\" is not known; the known ones are class=cpu|wave32|wave64|simd, "
        "algos=class|all, cache=on|off, without=NAME+NAME",
        shown(option), option.at);
}

thaw_status ocl_options_read(const char *text, ocl_options *out, thaw_error *err)
{
    *out = (ocl_options){0};
    while (text && *text) {
        piece option = {text, strcspn(text, ",")};
        thaw_status s = set_option(option, out, err);
        if (s != THAW_OK)
            return s;
        text += option.length;
        text += *text == ',';
    }
    return THAW_OK;
}
