/* bench_tree.h: values of a JSON document that anybody may have written. The first value that is wrong is
 * reported with its place; after that everything reads as unknown, so that callers need not ask after each
 * value. */
#ifndef CLI_BENCH_TREE_H
#define CLI_BENCH_TREE_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_tree {
    const char *file; /* for messages */
    cJSON *root;      /* owned */
    bool failed;      /* a message was printed */
} bench_tree;

/* A value and the way to it. The nodes above it and the document outlive it. */
typedef struct bench_node {
    bench_tree *tree;
    const struct bench_node *parent;
    const char *key;   /* in the parent; NULL for an item of an array */
    size_t index;      /* of that item */
    const cJSON *item; /* NULL if there is none, or null */
} bench_node;

/* Reads and parses a file of UTF-8 text; false after a message. Freed by cli_tree_free either way. */
bool cli_tree_read(const char *path, bench_tree *tree);
void cli_tree_free(bench_tree *tree);

/* Prints "thaw: FILE: devices[1].name WHAT", once for each tree. */
void cli_tree_fail(const bench_node *node, const char *key, const char *what);

bench_node cli_tree_root(bench_tree *tree);
bench_node cli_tree_object(const bench_node *parent, const char *key);
/* An array of at most limit items. *count is their number. */
bench_node cli_tree_array(const bench_node *parent, const char *key, size_t limit, size_t *count);
/* Items in their order: start with NULL for previous. All are objects. */
bench_node cli_tree_item(const bench_node *array, const bench_node *previous);

/* A number that something could have measured: zero, or 1e-24 to 1e24. NAN if there is none, or null. */
double cli_tree_number(const bench_node *parent, const char *key);
/* Likewise a whole number up to 2^53. */
double cli_tree_count(const bench_node *parent, const char *key);
bool cli_tree_flag(const bench_node *parent, const char *key);
/* The tree's own text, its control characters replaced by '?'; "" if there is none, or null. */
const char *cli_tree_text(const bench_node *parent, const char *key);
/* A text that has to be there. */
const char *cli_tree_name(const bench_node *parent, const char *key);

/* An array of at most limit texts, freed by free(); they are the tree's own. */
const char **cli_tree_texts(const bench_node *parent, const char *key, size_t limit, size_t *count);
/* An array of texts and numbers as "1, 8, 32", cut where out is full. */
void cli_tree_list(const bench_node *parent, const char *key, char *out, size_t size);

#endif
