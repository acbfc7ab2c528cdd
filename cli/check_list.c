/* check_list.c: see check.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "table.h"

#define MAX_NAMES 64
#define MAX_NEAR  5
#define MIN_ALIKE 3 /* characters: fewer are in nearly every name */

typedef const char *(*name_fn)(uint32_t i);

/* ---- --op and --kind ------------------------------------------------------------------------------ */

static size_t list_names(name_fn name, const char *names[MAX_NAMES])
{
    size_t n = 0;
    for (; n < MAX_NAMES && name((uint32_t)n); n++)
        names[n] = name((uint32_t)n);
    return n;
}

static void print_names(FILE *stream, name_fn name, const char *between)
{
    for (uint32_t i = 0; name(i); i++)
        fprintf(stream, "%s%s", i ? between : "", name(i));
    fputc('\n', stream);
}

static int unknown(const cli_usage *usage, const char *option, const char *word, name_fn name)
{
    const char *names[MAX_NAMES];
    const char *near = cli_nearest(word, names, list_names(name, names));
    fprintf(stderr, "thaw: --%s: there is no \"%s\"", option, word);
    if (near)
        fprintf(stderr, "; did you mean %s?", near);
    fprintf(stderr, "\nThere are: ");
    print_names(stderr, name, ", ");
    fprintf(stderr, "Try `thaw %s --help`.\n", usage->name);
    return CLI_EXIT_USAGE;
}

static bool is_known(const char *word, name_fn name)
{
    uint32_t i = 0;
    while (name(i) && strcmp(name(i), word) != 0)
        i++;
    return name(i) != NULL;
}

/* -1 if every word between the commas of a list is a name. */
static int look_up(const cli_usage *usage, const char *option, const cli_list *list, name_fn name)
{
    char word[64];
    for (size_t i = 0; i < list->count; i++) {
        for (const char *p = list->items[i]; p; p = strchr(p, ',')) {
            p += p != list->items[i];
            snprintf(word, sizeof word, "%.*s", (int)strcspn(p, ","), p);
            if (!is_known(word, name))
                return unknown(usage, option, word, name);
        }
    }
    return -1;
}

/* With commas between. NULL for an empty list; *code: of the exit, where memory is exhausted. */
static char *join(const cli_list *list, int *code)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = list->count > 0 ? open_memstream(&text, &size) : NULL;
    for (size_t i = 0; stream && i < list->count; i++)
        fprintf(stream, "%s%s", i ? "," : "", list->items[i]);
    if (list->count > 0 && (!stream || fclose(stream) != 0)) {
        fprintf(stderr, "thaw: out of memory while reading the arguments\n");
        *code = CLI_EXIT_FAILURE;
    }
    return text;
}

int check_select(const cli_usage *usage, check_args *args)
{
    int code = look_up(usage, "op", &args->ops, thaw_proof_op_name);
    if (code < 0)
        code = look_up(usage, "kind", &args->kinds, thaw_proof_kind_name);
    args->op = join(&args->ops, &code);
    args->kind = join(&args->kinds, &code);
    return code;
}

/* ---- near matches ---------------------------------------------------------------------------------- */

/* Looks for names that have as long a beginning or end of a text as any has. */
typedef struct near_search {
    const char *text;
    size_t n_cases;
    size_t alike; /* characters of it that the names below have */
    size_t n_names;
    char names[MAX_NEAR][128];
} near_search;

static void count_case(void *ctx, const thaw_proof_case *c)
{
    (void)c;
    ++*(size_t *)ctx;
}

/* The longest beginning or end of text that name contains. */
static size_t alike(const char *name, const char *text)
{
    char part[128];
    size_t length = strlen(text);
    if (length >= sizeof part)
        length = sizeof part - 1;
    for (size_t n = length; n > 0; n--) {
        snprintf(part, n + 1, "%s", text);
        if (strstr(name, part) || strstr(name, text + strlen(text) - n))
            return n;
    }
    return 0;
}

static void look_near(void *ctx, const thaw_proof_case *c)
{
    near_search *search = ctx;
    size_t n = alike(c->name, search->text);
    if (n < MIN_ALIKE || n < search->alike)
        return;
    if (n > search->alike)
        search->n_names = 0;
    search->alike = n;
    if (search->n_names < MAX_NEAR)
        snprintf(search->names[search->n_names++], sizeof search->names[0], "%s", c->name);
}

bool check_any(const check_args *args)
{
    thaw_proof_options options = check_options(args);
    size_t n = 0;
    thaw_error err = {0};
    options.on_begin = count_case;
    options.ctx = &n;
    options.repeat = 1;
    /* What can go wrong here will again where it is reported. */
    if (thaw_proof_list(&options, &err) != THAW_OK || n > 0 || args->repeat > 1)
        return true;
    fprintf(stderr, "thaw: no case%s%s%s%s", args->op ? " of op " : "", args->op ? args->op : "",
            args->kind ? " of kind " : "", args->kind ? args->kind : "");
    if (args->name)
        fprintf(stderr, " is named \"%s\" with --seed %u", args->name, (unsigned)args->seed);
    near_search search = {.text = args->name ? args->name + (*args->name == '=') : ""};
    options.name = NULL;
    options.on_begin = look_near;
    options.ctx = &search;
    thaw_proof_list(&options, &err);
    fprintf(stderr, "%s\n", search.n_names ? "; near it are" : "");
    for (size_t i = 0; i < search.n_names; i++)
        fprintf(stderr, "  %s\n", search.names[i]);
    fprintf(stderr,
            "`thaw check --list` prints all cases; random ones have other shapes with another --seed.\n");
    return false;
}

/* ---- --list ----------------------------------------------------------------------------------------- */

typedef struct listing {
    cli_json json;
    cli_table table;
    bool as_json;
} listing;

static void list_case(void *ctx, const thaw_proof_case *c)
{
    listing *l = ctx;
    if (l->as_json) {
        cli_json_object(&l->json, NULL);
        cli_json_text(&l->json, "op", c->op);
        cli_json_text(&l->json, "data", c->data);
        cli_json_text(&l->json, "kind", c->kind);
        cli_json_text(&l->json, "name", c->name);
        cli_json_count(&l->json, "seed", c->seed);
        cli_json_end(&l->json, '}');
        return;
    }
    cli_table_cell(&l->table, "%s", c->op);
    cli_table_cell(&l->table, "%s", *c->data ? c->data : "-");
    cli_table_cell(&l->table, "%s", c->kind);
    cli_table_cell(&l->table, "%llu", (unsigned long long)c->seed);
    cli_table_cell(&l->table, "%s", c->name);
}

static int list_names_of(const check_args *args, name_fn name)
{
    cli_json json = {.stream = stdout};
    if (!args->common.json) {
        print_names(stdout, name, "\n");
        return CLI_EXIT_OK;
    }
    cli_json_array(&json, NULL);
    for (uint32_t i = 0; name(i); i++)
        cli_json_text(&json, NULL, name(i));
    cli_json_end(&json, ']');
    return CLI_EXIT_OK;
}

int check_list(const check_args *args, const char *what)
{
    static const char *const heads[] = {"op", "data", "kind", "seed", "case"};
    thaw_proof_options options = check_options(args);
    listing l = {.json = {.stream = stdout}, .as_json = args->common.json};
    thaw_error err = {0};
    if (what && strcmp(what, "ops") == 0)
        return list_names_of(args, thaw_proof_op_name);
    if (what && strcmp(what, "kinds") == 0)
        return list_names_of(args, thaw_proof_kind_name);
    if (!check_any(args))
        return CLI_EXIT_CHECK;
    options.on_begin = list_case;
    options.ctx = &l;
    if (l.as_json) {
        cli_json_array(&l.json, NULL);
    } else {
        cli_table_begin(&l.table, "lllrl");
        for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
            cli_table_cell(&l.table, "%s", heads[i]);
    }
    thaw_status st = thaw_proof_list(&options, &err);
    if (l.as_json)
        cli_json_end(&l.json, ']');
    else
        cli_table_end(&l.table, stdout, "");
    return st == THAW_OK ? CLI_EXIT_OK : cli_report(&err);
}
