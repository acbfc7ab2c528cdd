/* well_formed.c FILE N: FILE is a page whose elements are closed, whose attributes are quoted, whose ids
 * exist once, that names nothing outside itself and holds the N measurements that it shows. Prints what is
 * wrong. */
#include <cJSON.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_IDS   4096
#define MAX_NAME  64

typedef struct page {
    const char *text, *at;
    char open[MAX_DEPTH][MAX_NAME];
    int depth, faults;
    char ids[MAX_IDS][MAX_NAME], wanted[MAX_IDS][MAX_NAME];
    int n_ids, n_wanted;
} page;

static void fault(page *p, const char *what, const char *about)
{
    int line = 1;
    for (const char *c = p->text; c < p->at; c++)
        line += *c == '\n';
    printf("line %d: %s: %s\n", line, what, about);
    p->faults++;
}

static bool one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void read_name(page *p, char out[MAX_NAME])
{
    size_t n = 0;
    while (isalnum((unsigned char)*p->at) || strchr("-:", *p->at)) {
        if (n + 1 < MAX_NAME && *p->at)
            out[n++] = *p->at;
        if (!*p->at)
            break;
        p->at++;
    }
    out[n] = '\0';
}

static void list(page *p, char names[MAX_IDS][MAX_NAME], int *n, const char *name)
{
    if (*n == MAX_IDS) {
        fault(p, "too many ids", name);
        return;
    }
    snprintf(names[(*n)++], MAX_NAME, "%.*s", MAX_NAME - 1, name);
}

/* What attributes promise: a unique id, and ids that exist. */
static void take_attribute(page *p, const char *name, const char *value)
{
    if (strcmp(name, "id") == 0) {
        for (int i = 0; i < p->n_ids; i++) {
            if (strcmp(p->ids[i], value) == 0)
                fault(p, "an id twice", value);
        }
        list(p, p->ids, &p->n_ids, value);
    }
    if (strcmp(name, "href") == 0 && value[0] != '#')
        fault(p, "a link out of the page", value);
    if (strcmp(name, "href") == 0)
        list(p, p->wanted, &p->n_wanted, value + 1);
    if (strcmp(name, "aria-labelledby") == 0) {
        char ids[160], *rest = NULL;
        snprintf(ids, sizeof ids, "%s", value);
        for (char *id = strtok_r(ids, " ", &rest); id; id = strtok_r(NULL, " ", &rest))
            list(p, p->wanted, &p->n_wanted, id);
    }
    static const char *const loading[] = {"src", "srcset", "style", "action", NULL};
    if (one_of(name, loading) || strncmp(name, "on", 2) == 0)
        fault(p, "an attribute that a page of figures has no use for", name);
}

static bool take_attributes(page *p)
{
    for (;;) {
        char name[MAX_NAME], value[160];
        p->at += strspn(p->at, " \n");
        if (*p->at == '>' || *p->at == '/')
            return true;
        read_name(p, name);
        if (!*name) {
            fault(p, "not an attribute", "");
            return false;
        }
        if (*p->at != '=')
            continue;
        const char *end = p->at[1] == '"' ? strchr(p->at + 2, '"') : NULL;
        if (!end) {
            fault(p, "a value without quotes", name);
            return false;
        }
        snprintf(value, sizeof value, "%.*s", (int)(end - p->at - 2), p->at + 2);
        for (const char *c = p->at + 2; c < end; c++) {
            if (*c == '<')
                fault(p, "markup in a value of", name);
        }
        take_attribute(p, name, value);
        p->at = end + 1;
    }
}

/* Text of a script or style goes to its end tag, whatever it is. */
static void skip_raw(page *p, const char *name)
{
    char end[MAX_NAME + 3];
    snprintf(end, sizeof end, "</%s", name);
    const char *found = strstr(p->at, end);
    if (!found)
        fault(p, "never ends", name);
    p->at = found ? found : p->at + strlen(p->at);
}

static bool take_tag(page *p)
{
    static const char *const empty[] = {"meta", "input", "br", NULL};
    static const char *const foreign[] = {"img",  "link",  "iframe", "object", "embed",
                                          "base", "image", "use",    NULL};
    char name[MAX_NAME];
    bool closing = p->at[1] == '/';
    p->at += closing ? 2 : 1;
    read_name(p, name);
    if (one_of(name, foreign))
        fault(p, "an element that loads something", name);
    if (closing) {
        if (p->depth == 0 || strcmp(p->open[--p->depth], name) != 0)
            fault(p, "closes what is not open", name);
        p->at += *p->at == '>';
        return true;
    }
    if (!take_attributes(p))
        return false;
    bool ends = *p->at == '/';
    p->at += ends ? 2 : 1;
    if (ends || one_of(name, empty))
        return true;
    if (p->depth == MAX_DEPTH) {
        fault(p, "too deep", name);
        return false;
    }
    snprintf(p->open[p->depth++], MAX_NAME, "%s", name);
    if (strcmp(name, "script") == 0 || strcmp(name, "style") == 0)
        skip_raw(p, name);
    return true;
}

static void take_reference(page *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", NULL};
    size_t i = 0;
    while (known[i] && strncmp(p->at, known[i], strlen(known[i])) != 0)
        i++;
    if (!known[i])
        fault(p, "a bare &", "");
    p->at++;
}

static void walk(page *p)
{
    static const char doctype[] = "<!DOCTYPE html>\n";
    if (strncmp(p->text, doctype, sizeof doctype - 1) != 0)
        fault(p, "does not begin with", doctype);
    p->at = p->text + sizeof doctype - 1;
    while (*p->at) {
        if (*p->at == '<' && !take_tag(p))
            return;
        if (*p->at == '&')
            take_reference(p);
        else if (*p->at == '>')
            fault(p, "a bare >", ""), p->at++;
        else if (*p->at && *p->at != '<')
            p->at++;
    }
    if (p->depth != 0)
        fault(p, "never closed", p->open[p->depth - 1]);
    for (int w = 0; w < p->n_wanted; w++) {
        bool found = false;
        for (int i = 0; i < p->n_ids; i++)
            found = found || strcmp(p->ids[i], p->wanted[w]) == 0;
        if (!found)
            fault(p, "an id that does not exist", p->wanted[w]);
    }
}

static void check_addresses(page *p)
{
    static const char *const addresses[] = {"http://", "https://", "url(", "@import", NULL};
    for (int i = 0; addresses[i]; i++) {
        p->at = strstr(p->text, addresses[i]);
        if (p->at)
            fault(p, "an address", addresses[i]);
    }
}

static void check_numbers(page *p)
{
    static const char *const numbers[] = {"=\"nan", "=\"-nan", "=\"inf", " nan", " inf ", "-nan", NULL};
    const char *end = strstr(p->text, "<script type=\"application/json\"");
    for (int i = 0; numbers[i]; i++) {
        p->at = strstr(p->text, numbers[i]);
        if (p->at && p->at < end)
            fault(p, "not a number", numbers[i]);
    }
}

static void check_data(page *p, int expected)
{
    static const char begin[] = "<script type=\"application/json\" id=\"raw-data\">";
    const char *data = strstr(p->text, begin);
    p->at = p->text;
    if (!data) {
        fault(p, "no", begin);
        return;
    }
    data += sizeof begin - 1;
    const char *end = strstr(data, "</script>");
    char *json = end ? strndup(data, (size_t)(end - data)) : NULL;
    cJSON *items = json ? cJSON_ParseWithOpts(json, NULL, 1) : NULL;
    p->at = data;
    if (cJSON_GetArraySize(items) != expected)
        fault(p, "the raw data is not an array of that many measurements", "");
    if (json && strchr(json, '<'))
        fault(p, "markup in the raw data", "");
    cJSON_Delete(items);
    free(json);
}

int main(int argc, char **argv)
{
    static char text[1 << 23];
    static page p;
    FILE *f = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        printf("usage: well_formed FILE N\n");
        return 2;
    }
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    p.text = p.at = text;
    walk(&p);
    check_addresses(&p);
    check_numbers(&p);
    check_data(&p, atoi(argv[2]));
    return p.faults ? 1 : 0;
}
