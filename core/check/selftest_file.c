/* selftest_file.c: the result of a self-test as a small text, for people too:
 *
 *   thaw self-test 1
 *   <key>
 *   right<TAB>conv2d<TAB>tile 64x64x16<TAB>
 *   wrong<TAB>conv2d<TAB>tile 32x32x8<TAB>y0[n=0 y=0 x=0 c=0] = 1, the reference has 2
 *   end<TAB>1234                                (milliseconds it took; shows that the file is whole) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/check/check.h"
#include "core/check/selftest.h"

#define HEADING    "thaw self-test 1"
#define MAX_BYTES  ((size_t)1 << 20)
#define MAX_ALGOS  ((size_t)10000)
#define MAX_MILLIS 100000000ul

static const char *const verdicts[] = {"untried", "right", "wrong"};

/* Cuts the next field off at `end` ('\t' or '\n'); NULL if there is none. */
static char *next_field(char **at, char end)
{
    char *field = *at, *stop = field ? strpbrk(field, "\t\n") : NULL;
    if (!stop || *stop != end)
        return NULL;
    *stop = '\0';
    *at = stop + 1;
    return field;
}

/* False if it is none of the words. */
static bool number_of(const char *word, const char *const *words, uint32_t n, uint32_t *out)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(words[*out], word) == 0)
            return true;
    return false;
}

static bool kind_named(const char *name, uint32_t *kind)
{
    for (*kind = 1; *kind < THAW_OP_KIND_END; ++*kind)
        if (strcmp(thaw_check_op_name(*kind), name) == 0)
            return true;
    return false;
}

static thaw_status add(thaw_selftest *test, uint32_t kind, const char *name, uint32_t verdict,
                       const char *why, thaw_error *err)
{
    void *items = test->algos;
    if (!thaw_grow(&items, &test->capacity, test->n + 1, sizeof *test->algos))
        return thaw_fail_memory(err, sizeof *test->algos, "the self-test's result");
    test->algos = items;
    thaw_selftest_algo *algo = &test->algos[test->n++];
    *algo = (thaw_selftest_algo){.kind = kind, .verdict = (thaw_selftest_verdict)verdict};
    snprintf(algo->name, sizeof algo->name, "%s", name);
    snprintf(algo->why, sizeof algo->why, "%s", why);
    return THAW_OK;
}

/* The line that closes the file. */
static bool read_end(char *at, thaw_selftest *out)
{
    char *rest = NULL;
    char *millis = next_field(&at, '\n');
    if (!millis || *at || millis[0] < '0' || millis[0] > '9')
        return false;
    unsigned long value = strtoul(millis, &rest, 10);
    out->seconds = (double)value / 1000;
    return *rest == '\0' && value <= MAX_MILLIS;
}

static thaw_status read_lines(const char *path, char *at, thaw_selftest *out, thaw_error *err)
{
    thaw_status st = THAW_OK;
    while (st == THAW_OK && out->n < MAX_ALGOS) {
        uint32_t kind, verdict;
        char *word = next_field(&at, '\t');
        if (word && strcmp(word, "end") == 0 && read_end(at, out))
            return THAW_OK;
        char *op = word ? next_field(&at, '\t') : NULL, *name = op ? next_field(&at, '\t') : NULL;
        char *why = name ? next_field(&at, '\n') : NULL;
        if (!why || !number_of(word, verdicts, 3, &verdict) || !kind_named(op, &kind) || !*name)
            break;
        st = add(out, kind, name, verdict, why, err);
    }
    return st != THAW_OK
               ? st
               : thaw_fail(err, THAW_E_FORMAT, "%s: damaged, its line %zu makes no sense", path, out->n + 3);
}

thaw_status thaw_selftest_load(const char *path, const char *key, thaw_selftest *out, thaw_error *err)
{
    uint8_t *data = NULL;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    thaw_status st = thaw_read_file(path, MAX_BYTES, &data, &size, err);
    if (st != THAW_OK)
        return st;
    char *at = (char *)data, *heading = next_field(&at, '\n'), *of = heading ? next_field(&at, '\n') : NULL;
    if (!heading || !of || strcmp(heading, HEADING) != 0 || strlen(at) != size - (size_t)(at - (char *)data))
        st = thaw_fail(err, THAW_E_FORMAT, "%s: is no result of a self-test", path);
    else if (strcmp(of, key) != 0)
        st = thaw_fail(err, THAW_E_NOT_FOUND, "%s: is of another device, driver or plugin", path);
    else
        st = read_lines(path, at, out, err);
    free(data);
    return st;
}

/* A field must hold neither tabs nor line breaks, whatever a plugin says. */
static void write_field(FILE *stream, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' ? '?' : *text, stream);
}

static thaw_status make_folder(const char *path, thaw_error *err)
{
    char *folder = thaw_strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    thaw_status st = folder ? THAW_OK : thaw_fail_memory(err, strlen(path) + 1, "a path");
    if (slash && slash != folder) {
        *slash = '\0';
        st = thaw_make_dirs(folder, err);
    }
    free(folder);
    return st;
}

thaw_status thaw_selftest_store(const char *path, const char *key, const thaw_selftest *test, thaw_error *err)
{
    thaw_atomic_file file;
    thaw_status st = make_folder(path, err);
    if (st == THAW_OK)
        st = thaw_atomic_open(path, &file, err);
    if (st != THAW_OK)
        return st;
    fprintf(file.stream, "%s\n%s\n", HEADING, key);
    for (size_t i = 0; i < test->n; i++) {
        const thaw_selftest_algo *algo = &test->algos[i];
        fprintf(file.stream, "%s\t%s\t", verdicts[algo->verdict], thaw_check_op_name(algo->kind));
        write_field(file.stream, algo->name);
        fputc('\t', file.stream);
        write_field(file.stream, algo->why);
        fputc('\n', file.stream);
    }
    fprintf(file.stream, "end\t%lu\n", (unsigned long)(test->seconds * 1000));
    return thaw_atomic_commit(&file, err);
}
