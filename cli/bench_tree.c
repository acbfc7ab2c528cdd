/* bench_tree.c: see bench_tree.h. */
#include "bench_tree.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* Much more than the ops of the whole network on as many devices as fit on a page. */
#define MAX_BYTES ((size_t)64 << 20)
#define SMALLEST  1e-24
#define LARGEST   1e24
#define MAX_WHOLE 9007199254740992.0

/* ---- the file --------------------------------------------------------------------------------------- */

static bool refuse(bench_tree *tree, const char *what)
{
    fprintf(stderr, "thaw: %s: %s\n", tree->file, what);
    tree->failed = true;
    return false;
}

/* A pipe is welcome, so the size is found out by reading. *text is freed by free(). */
static bool read_all(bench_tree *tree, FILE *stream, char **text, size_t *size)
{
    size_t capacity = 0;
    *size = 0;
    do {
        if (*size + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 65536;
            char *larger = realloc(*text, capacity);
            if (!larger)
                return refuse(tree, "out of memory while reading it");
            *text = larger;
        }
        *size += fread(*text + *size, 1, capacity - 1 - *size, stream);
        if (*size > MAX_BYTES)
            return refuse(tree, "larger than 64 MiB: `thaw bench` wrote no such file");
    } while (!feof(stream) && !ferror(stream));
    (*text)[*size] = '\0';
    if (ferror(stream))
        return refuse(tree, errno == EISDIR ? "is a folder: name the files that `thaw bench` wrote"
                                            : strerror(errno));
    return true;
}

/* The first byte that is no UTF-8 text; size if all are. */
static size_t utf8_span(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && text[at]) {
        int length = cli_utf8_length(text + at);
        if (length == 0)
            break;
        at += (size_t)length;
    }
    return at;
}

static bool parse(bench_tree *tree, const char *text, size_t size)
{
    char what[128];
    size_t good = utf8_span(text, size), line = 1;
    const char *end = NULL;
    if (text[strspn(text, " \t\r\n")] == '\0' && good == size)
        return refuse(tree, "is empty");
    if (good < size) {
        snprintf(what, sizeof what, "is not UTF-8 text at byte %zu", good);
        return refuse(tree, what);
    }
    tree->root = cJSON_ParseWithOpts(text, &end, 1);
    if (tree->root)
        return true;
    for (const char *p = text; end && p < end; p++)
        line += *p == '\n';
    snprintf(what, sizeof what, "is not JSON, or cut short, at line %zu (byte %zu)", line,
             end ? (size_t)(end - text) : 0);
    return refuse(tree, what);
}

bool cli_tree_read(const char *path, bench_tree *tree)
{
    char *text = NULL;
    size_t size = 0;
    *tree = (bench_tree){.file = path};
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return refuse(tree, strerror(errno));
    bool ok = read_all(tree, stream, &text, &size) && parse(tree, text, size);
    free(text);
    fclose(stream);
    return ok;
}

void cli_tree_free(bench_tree *tree)
{
    cJSON_Delete(tree->root);
    tree->root = NULL;
}

/* ---- the way to a value ----------------------------------------------------------------------------- */

static void print_place(const bench_node *node)
{
    if (node->parent)
        print_place(node->parent);
    if (!node->parent)
        return;
    if (!node->key)
        fprintf(stderr, "[%zu]", node->index);
    else
        fprintf(stderr, "%s%s", node->parent->parent ? "." : "", node->key);
}

void cli_tree_fail(const bench_node *node, const char *key, const char *what)
{
    if (node->tree->failed)
        return;
    node->tree->failed = true;
    const bench_node place = {.tree = node->tree, .parent = node, .key = key};
    fprintf(stderr, "thaw: %s: ", node->tree->file);
    print_place(key ? &place : node);
    fprintf(stderr, " %s\n", what);
}

bench_node cli_tree_root(bench_tree *tree)
{
    return (bench_node){.tree = tree, .item = tree->root};
}

/* The value, unless it is missing, null, or too late to matter. */
static const cJSON *find(const bench_node *parent, const char *key)
{
    if (parent->tree->failed || !parent->item)
        return NULL;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(parent->item, key);
    return cJSON_IsNull(item) ? NULL : item;
}

bench_node cli_tree_object(const bench_node *parent, const char *key)
{
    bench_node node = {.tree = parent->tree, .parent = parent, .key = key, .item = find(parent, key)};
    if (node.item && !cJSON_IsObject(node.item)) {
        cli_tree_fail(parent, key, "is not an object");
        node.item = NULL;
    }
    return node;
}

bench_node cli_tree_array(const bench_node *parent, const char *key, size_t limit, size_t *count)
{
    bench_node node = {.tree = parent->tree, .parent = parent, .key = key, .item = find(parent, key)};
    char what[64];
    *count = 0;
    if (!node.item)
        return node;
    if (!cJSON_IsArray(node.item)) {
        cli_tree_fail(parent, key, "is not an array");
        node.item = NULL;
        return node;
    }
    for (const cJSON *item = node.item->child; item; item = item->next)
        (*count)++;
    if (*count > limit) {
        snprintf(what, sizeof what, "has more than %zu items", limit);
        cli_tree_fail(parent, key, what);
        node.item = NULL;
        *count = 0;
    }
    return node;
}

bench_node cli_tree_item(const bench_node *array, const bench_node *previous)
{
    bench_node node = {.tree = array->tree, .parent = array, .index = previous ? previous->index + 1 : 0};
    if (array->item && !array->tree->failed)
        node.item = previous ? previous->item->next : array->item->child;
    if (node.item && !cJSON_IsObject(node.item)) {
        cli_tree_fail(&node, NULL, "is not an object");
        node.item = NULL;
    }
    return node;
}

/* ---- values ----------------------------------------------------------------------------------------- */

double cli_tree_number(const bench_node *parent, const char *key)
{
    const cJSON *item = find(parent, key);
    if (!item)
        return NAN;
    double x = item->valuedouble;
    if (!cJSON_IsNumber(item))
        cli_tree_fail(parent, key, "is not a number");
    else if (x < 0)
        cli_tree_fail(parent, key, "is negative");
    else if (!(x <= LARGEST))
        cli_tree_fail(parent, key, "is larger than anything that can be measured");
    else if (x > 0 && x < SMALLEST)
        cli_tree_fail(parent, key, "is smaller than anything that can be measured");
    return parent->tree->failed ? NAN : x;
}

double cli_tree_count(const bench_node *parent, const char *key)
{
    double x = cli_tree_number(parent, key);
    if (x > MAX_WHOLE || x != floor(x)) {
        if (!isnan(x))
            cli_tree_fail(parent, key, "is not a whole number");
        return NAN;
    }
    return x;
}

bool cli_tree_flag(const bench_node *parent, const char *key)
{
    const cJSON *item = find(parent, key);
    if (item && !cJSON_IsBool(item))
        cli_tree_fail(parent, key, "is not true or false");
    return cJSON_IsTrue(item);
}

/* A name may hold line breaks or a terminal's commands, also those of two bytes (U+0080 to U+009F). */
static void tame(char *text)
{
    for (unsigned char *s = (unsigned char *)text; *s; s++) {
        if (*s < ' ' || *s == 0x7f)
            *s = '?';
        if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
            s[0] = s[1] = '?';
    }
}

const char *cli_tree_text(const bench_node *parent, const char *key)
{
    const cJSON *item = find(parent, key);
    if (!item)
        return "";
    if (!cJSON_IsString(item)) {
        cli_tree_fail(parent, key, "is not a text");
        return "";
    }
    tame(item->valuestring);
    return item->valuestring;
}

const char *cli_tree_name(const bench_node *parent, const char *key)
{
    const char *text = cli_tree_text(parent, key);
    if (!*text && parent->item)
        cli_tree_fail(parent, key, "is missing");
    return text;
}

/* ---- arrays of values ------------------------------------------------------------------------------- */

const char **cli_tree_texts(const bench_node *parent, const char *key, size_t limit, size_t *count)
{
    size_t n;
    bench_node array = cli_tree_array(parent, key, limit, &n);
    const char **texts = calloc(n ? n : 1, sizeof *texts);
    *count = 0;
    if (!texts)
        cli_tree_fail(parent, key, "does not fit into memory");
    for (const cJSON *item = n && texts ? array.item->child : NULL; item; item = item->next) {
        if (!cJSON_IsString(item)) {
            cli_tree_fail(&(bench_node){.tree = array.tree, .parent = &array, .index = *count}, NULL,
                          "is not a text");
            break;
        }
        tame(item->valuestring);
        texts[(*count)++] = item->valuestring;
    }
    return texts;
}

void cli_tree_list(const bench_node *parent, const char *key, char *out, size_t size)
{
    size_t n, used = 0;
    bench_node array = cli_tree_array(parent, key, SIZE_MAX, &n);
    out[0] = '\0';
    for (const cJSON *item = n ? array.item->child : NULL; item && used < size; item = item->next) {
        const char *comma = used ? ", " : "";
        int length = cJSON_IsString(item)
                         ? snprintf(out + used, size - used, "%s%s", comma, item->valuestring)
                         : snprintf(out + used, size - used, "%s%.10g", comma, item->valuedouble);
        used += length > 0 ? (size_t)length : 0;
    }
    tame(out);
}
