/* check_replay.c: see check.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "output.h"

static void add_option(FILE *stream, const char *name, const char *value)
{
    if (!value)
        return;
    fprintf(stream, " --%s ", name);
    cli_shell_text(stream, value);
}

/* What may change how a device computes is part of it, the number of threads included: a plugin under test
 * need not keep the rule that they do not matter. */
char *check_replay(const check_args *args, const char *device, const thaw_proof_case *c)
{
    char *text = NULL, *exact = NULL;
    size_t size = 0, named = args->file ? 1 : 0; /* file is the last of the plugins */
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    fputs("thaw check", stream);
    if (args->file) {
        fputs(*args->file == '-' ? " ./" : " ", stream);
        cli_shell_text(stream, args->file);
    }
    for (size_t i = 0; i + named < args->common.plugins.count; i++)
        add_option(stream, "plugin", args->common.plugins.items[i]);
    if (args->common.threads)
        fprintf(stream, " --threads %u", (unsigned)args->common.threads);
    add_option(stream, "device", device);
    add_option(stream, "reference", args->reference);
    add_option(stream, "op", c->op);
    if (asprintf(&exact, "=%s", c->name) < 0)
        exact = NULL;
    add_option(stream, "case", exact);
    fprintf(stream, " --seed %llu", (unsigned long long)c->seed);
    bool whole = exact && !ferror(stream);
    free(exact);
    if (fclose(stream) != 0 || !whole) {
        free(text);
        return NULL;
    }
    return text;
}
