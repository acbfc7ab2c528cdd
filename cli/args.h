/* args.h: options of a subcommand from a table. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an option takes, and with it the type of its target. */
typedef enum {
    CLI_FLAG,   /* nothing; bool */
    CLI_TEXT,   /* const char * into argv */
    CLI_LIST,   /* may be repeated; cli_list */
    CLI_COUNT,  /* whole number from min to max; uint32_t */
    CLI_REAL,   /* from min to max; double */
    CLI_COUNTS, /* one whole number for both phases, or two: "5,5"; uint32_t[2] */
    CLI_REALS,  /* likewise; double[2] */
    CLI_RANGE,  /* exactly two numbers: "-1,1"; double[2] */
    CLI_CHOICE  /* a word of choices; int32_t, its position */
} cli_kind;

typedef struct cli_list {
    const char **items; /* owned; the texts are argv's */
    size_t count;
} cli_list;

typedef struct cli_option {
    const char *name; /* without "--" */
    char letter;      /* short form, or 0 */
    cli_kind kind;
    void *target;
    const char *value; /* what the help calls the value */
    const char *help;  /* one line */
    double min, max;
    const char *choices; /* "warn|error|allow" */
    bool *given;         /* set when the option occurs; may be NULL */
} cli_option;

typedef struct cli_usage {
    const char *name;     /* of the subcommand */
    const char *synopsis; /* "DIR -o MODEL [options]" */
    const char *about;    /* some lines */
    const char *examples; /* some lines */
    size_t min_words, max_words;
    const char *word; /* what a missing word would have been: "a folder of photos" */
} cli_usage;

/* Reads argv[0 … argc), the subcommand's name not included, into the options' targets; words that are no
 * options go to words. Options are written in full; "--" ends them. Returns -1 to go on, otherwise the
 * exit code: 0 after --help, CLI_EXIT_USAGE after a message. words->items is freed by free(). */
int cli_parse(const cli_usage *usage, const cli_option *options, size_t n_options, int argc, char **argv,
              cli_list *words);

/* The candidate that is nearest to word, or NULL if none is near. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t n);

#endif
