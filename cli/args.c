/* args.c: see args.h. */
#include "args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MAX_NEAR  64
#define HELP_COLS 30

/* ---- the nearest name ---------------------------------------------------------------------------- */

/* Levenshtein distance; words longer than the table count as far away. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NEAR], na = strlen(a), nb = strlen(b);
    if (na >= MAX_NEAR || nb >= MAX_NEAR)
        return MAX_NEAR;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, candidates[i]);
        if (d < best_distance) {
            best_distance = d;
            best = candidates[i];
        }
    }
    return best;
}

/* ---- help ---------------------------------------------------------------------------------------- */

static void print_option(const cli_option *option)
{
    char left[80];
    int n = option->letter ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                           : snprintf(left, sizeof left, "      --%s", option->name);
    const char *value = option->kind == CLI_CHOICE ? option->choices : option->value;
    if (value)
        n += snprintf(left + n, sizeof left - (size_t)n, " %s", value);
    if (n < HELP_COLS)
        printf("%-*s%s\n", HELP_COLS, left, option->help);
    else
        printf("%s\n%*s%s\n", left, HELP_COLS, "", option->help);
}

static void print_help(const cli_usage *usage, const cli_option *options, size_t n)
{
    printf("Usage: thaw %s %s\n\n%s\n\nOptions:\n", usage->name, usage->synopsis, usage->about);
    for (size_t i = 0; i < n; i++)
        print_option(&options[i]);
    printf("%-*s%s\n", HELP_COLS, "  -h, --help", "this text");
    printf("\nExamples:\n%s\n", usage->examples);
}

static int complain(const cli_usage *usage)
{
    fprintf(stderr, "Try `thaw %s --help`.\n", usage->name);
    return CLI_EXIT_USAGE;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* A number that goes from *text to `end` or the end of the string. */
static bool read_number(const char **text, char end, double *out)
{
    char *stop;
    errno = 0;
    *out = strtod(*text, &stop);
    if (stop == *text || errno == ERANGE || !isfinite(*out) || (*stop && *stop != end))
        return false;
    *text = *stop ? stop + 1 : stop;
    return true;
}

static bool in_range(const cli_option *option, double x, bool whole)
{
    return x >= option->min && x <= option->max && (!whole || x == floor(x));
}

static bool bad_number(const cli_option *option, const char *text, const char *what)
{
    fprintf(stderr, "thaw: --%s %s: expected %s from %.10g to %.10g\n", option->name, text, what, option->min,
            option->max);
    return false;
}

static bool set_one(const cli_option *option, const char *text)
{
    bool whole = option->kind == CLI_COUNT;
    const char *p = text;
    double x;
    if (!read_number(&p, '\0', &x) || !in_range(option, x, whole))
        return bad_number(option, text, whole ? "a whole number" : "a number");
    if (whole)
        *(uint32_t *)option->target = (uint32_t)x;
    else
        *(double *)option->target = x;
    return true;
}

static bool set_two(const cli_option *option, const char *text)
{
    bool whole = option->kind == CLI_COUNTS;
    const char *p = text;
    double x[2];
    bool ok = read_number(&p, ',', &x[0]);
    bool two = ok && p > text && p[-1] == ',';
    if (two)
        ok = read_number(&p, '\0', &x[1]);
    else
        x[1] = x[0];
    if (option->kind == CLI_RANGE && !two)
        ok = false;
    if (!ok || !in_range(option, x[0], whole) || !in_range(option, x[1], whole))
        return bad_number(option, text,
                          option->kind == CLI_RANGE ? "two numbers like -1,1"
                          : whole                   ? "one or two whole numbers like 5,5"
                                                    : "one or two numbers like 1e-3,1e-5");
    for (int i = 0; i < 2; i++) {
        if (whole)
            ((uint32_t *)option->target)[i] = (uint32_t)x[i];
        else
            ((double *)option->target)[i] = x[i];
    }
    return true;
}

static bool set_choice(const cli_option *option, const char *text)
{
    size_t length = strlen(text);
    int32_t position = 0;
    for (const char *word = option->choices; *word; position++) {
        size_t n = strcspn(word, "|");
        if (n == length && memcmp(word, text, n) == 0) {
            *(int32_t *)option->target = position;
            return true;
        }
        word += n + (word[n] == '|');
    }
    fprintf(stderr, "thaw: --%s %s: expected one of %s\n", option->name, text, option->choices);
    return false;
}

static bool append(cli_list *list, const char *text)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) {
        fprintf(stderr, "thaw: out of memory while reading the arguments\n");
        return false;
    }
    list->items = items;
    items[list->count++] = text;
    return true;
}

static bool set_value(const cli_option *option, const char *text)
{
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->target = true;
        return true;
    case CLI_TEXT:
        *(const char **)option->target = text;
        return true;
    case CLI_LIST:
        return append(option->target, text);
    case CLI_COUNT:
    case CLI_REAL:
        return set_one(option, text);
    case CLI_COUNTS:
    case CLI_REALS:
    case CLI_RANGE:
        return set_two(option, text);
    case CLI_CHOICE:
        return set_choice(option, text);
    }
    return false;
}

/* ---- options ------------------------------------------------------------------------------------- */

static const cli_option *find_long(const cli_option *options, size_t n, const char *name, size_t length)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
            return &options[i];
    }
    return NULL;
}

static const cli_option *find_short(const cli_option *options, size_t n, char letter)
{
    for (size_t i = 0; i < n; i++) {
        if (options[i].letter == letter)
            return &options[i];
    }
    return NULL;
}

static int unknown_option(const cli_usage *usage, const cli_option *options, size_t n, const char *arg)
{
    const char *names[MAX_NEAR];
    char name[MAX_NEAR];
    size_t count = 0;
    for (; count < n && count < MAX_NEAR; count++)
        names[count] = options[count].name;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg);
    const char *dashless = name + strspn(name, "-");
    const char *near = cli_nearest(dashless, names, count);
    fprintf(stderr, "thaw: %s: unknown option of `thaw %s`", name, usage->name);
    if (near)
        fprintf(stderr, "; did you mean --%s?\n", near);
    else
        fprintf(stderr, "\n");
    return complain(usage);
}

/* Takes the option at argv[*i], and its value, which may be the next argument. */
static int take_option(const cli_usage *usage, const cli_option *options, size_t n, int argc, char **argv,
                       int *i)
{
    const char *arg = argv[*i], *value = NULL;
    const cli_option *option;
    if (arg[1] == '-') {
        size_t length = strcspn(arg + 2, "=");
        option = find_long(options, n, arg + 2, length);
        if (arg[2 + length] == '=')
            value = arg + 3 + length;
    } else {
        option = find_short(options, n, arg[1]);
        if (arg[2])
            value = arg + 2 + (arg[2] == '=');
    }
    if (!option)
        return unknown_option(usage, options, n, arg);
    if (option->kind == CLI_FLAG && value) {
        fprintf(stderr, "thaw: %s: --%s takes no value\n", arg, option->name);
        return complain(usage);
    }
    if (option->kind != CLI_FLAG && !value) {
        if (*i + 1 >= argc) {
            fprintf(stderr, "thaw: %s: needs a value: %s\n", arg,
                    option->kind == CLI_CHOICE ? option->choices : option->value);
            return complain(usage);
        }
        value = argv[++*i];
    }
    if (!set_value(option, value))
        return complain(usage);
    if (option->given)
        *option->given = true;
    return -1;
}

static int check_words(const cli_usage *usage, const cli_list *words)
{
    if (words->count < usage->min_words) {
        fprintf(stderr, "thaw: `thaw %s` needs %s\nUsage: thaw %s %s\n", usage->name, usage->word,
                usage->name, usage->synopsis);
        return complain(usage);
    }
    if (words->count > usage->max_words) {
        fprintf(stderr, "thaw: %s: one word too many for `thaw %s`\n", words->items[usage->max_words],
                usage->name);
        return complain(usage);
    }
    return -1;
}

int cli_parse(const cli_usage *usage, const cli_option *options, size_t n_options, int argc, char **argv,
              cli_list *words)
{
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (only_words || arg[0] != '-' || !arg[1]) {
            if (!append(words, arg))
                return CLI_EXIT_FAILURE;
        } else if (strcmp(arg, "--") == 0) {
            only_words = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(usage, options, n_options);
            return CLI_EXIT_OK;
        } else {
            int code = take_option(usage, options, n_options, argc, argv, &i);
            if (code >= 0)
                return code;
        }
    }
    return check_words(usage, words);
}
