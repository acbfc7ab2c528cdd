/* check_json.c list|report: whether stdin is what docs/check.md says `thaw check` prints with --json. */
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)32 << 20)

static int wrong;

static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    wrong++;
}

static const char *text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsString(item))
        return item->valuestring;
    complain("no text \"%s\"", key);
    return "";
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    /* An error without bounds is null. */
    if (!cJSON_IsNumber(item) && !(cJSON_IsNull(item) && strcmp(key, "worst") == 0))
        complain("no number \"%s\"", key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const cJSON *array(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsArray(item))
        complain("no array \"%s\"", key);
    return item;
}

static void check_name(const cJSON *c)
{
    const char *op = text(c, "op"), *name = text(c, "name");
    size_t n = strlen(op);
    if (strncmp(name, op, n) != 0 || name[n] != '/')
        complain("case \"%s\" of op \"%s\"", name, op);
    if (!*text(c, "data") != (strcmp(op, "device") == 0))
        complain("case \"%s\" has data \"%s\"", name, text(c, "data"));
    if (!*text(c, "kind"))
        complain("case \"%s\" is of no kind", name);
    number(c, "seed");
}

static void check_case(const cJSON *c)
{
    const char *result = text(c, "result");
    int failed = strcmp(result, "failed") == 0, passed = strcmp(result, "passed") == 0;
    check_name(c);
    if (!failed && !passed && strcmp(result, "declined") != 0)
        complain("result \"%s\"", result);
    if (passed != !*text(c, "text"))
        complain("a case that %s says \"%s\"", result, text(c, "text"));
    if (failed && !strstr(text(c, "replay"), text(c, "name")))
        complain("replay without the case: %s", text(c, "replay"));
    number(c, "kernels");
    number(c, "worst");
    number(c, "seconds");
}

static int is_of(const cJSON *c, const cJSON *cell)
{
    static const char *const keys[] = {"op", "data", "kind"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text(c, keys[i]), text(cell, keys[i])) != 0)
            return 0;
    return 1;
}

/* A cell counts what the cases say. */
static void check_cell(const cJSON *cell, const cJSON *cases)
{
    static const char *const results[] = {"passed", "failed", "declined"};
    double counts[3] = {0}, n = 0, explained = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, cases)
    {
        if (!is_of(item, cell))
            continue;
        n++;
        for (int i = 0; i < 3; i++)
            counts[i] += strcmp(text(item, "result"), results[i]) == 0;
    }
    for (int i = 0; i < 3; i++)
        if (number(cell, results[i]) != counts[i])
            complain("%s %s: %s is %g, there are %g", text(cell, "op"), text(cell, "kind"), results[i],
                     number(cell, results[i]), counts[i]);
    if (number(cell, "cases") != n || n == 0)
        complain("%s: %g cases, there are %g", text(cell, "op"), number(cell, "cases"), n);
    cJSON_ArrayForEach(item, array(cell, "reasons"))
    {
        explained += number(item, "cases");
        if (!*text(item, "text"))
            complain("an empty reason");
    }
    if (explained > counts[2] || (counts[2] > 0 && explained == 0))
        complain("%s: reasons for %g cases of %g", text(cell, "op"), explained, counts[2]);
    number(cell, "executed");
    number(cell, "worst");
}

static void check_share(const cJSON *share)
{
    double places = 0, taken = 0;
    const cJSON *op;
    if (cJSON_IsNull(share))
        return;
    cJSON_ArrayForEach(op, array(share, "ops"))
    {
        places += number(op, "places");
        taken += number(op, "taken");
        if (number(op, "taken_macs") > number(op, "macs"))
            complain("%s: takes more than there is", text(op, "op"));
    }
    if (places != number(share, "places") || taken != number(share, "taken") || places < 100)
        complain("share: %g of %g places", taken, places);
    number(share, "batch");
}

static void check_device(const cJSON *device)
{
    static const char *const texts[] = {"device", "title",          "vendor",      "driver",
                                        "plugin", "plugin_version", "plugin_path", "thaw"};
    const cJSON *cases = array(device, "cases"), *item;
    double sum = number(device, "passed") + number(device, "failed") + number(device, "declined"), cells = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text(device, texts[i]);
    cJSON_ArrayForEach(item, cases) check_case(item);
    cJSON_ArrayForEach(item, array(device, "matrix"))
    {
        check_cell(item, cases);
        cells += number(item, "cases");
    }
    if (sum != cJSON_GetArraySize(cases) || cells != sum)
        complain("%d cases, %g in the matrix, %g in sum", cJSON_GetArraySize(cases), cells, sum);
    check_share(cJSON_GetObjectItemCaseSensitive(device, "share"));
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(device, "error");
    if (cJSON_IsString(error) == (number(device, "failed") == 0 && sum > 0 && number(device, "executed") > 0))
        complain("error: %s", cJSON_IsString(error) ? error->valuestring : "none");
    number(device, "seed");
    number(device, "repeat");
    number(device, "seconds");
}

int main(int argc, char **argv)
{
    char *bytes = malloc(MAX_BYTES);
    const char *end = NULL;
    if (!bytes || argc != 2)
        return 2;
    size_t n = fread(bytes, 1, MAX_BYTES - 1, stdin);
    bytes[n] = '\0';
    cJSON *document = cJSON_ParseWithOpts(bytes, &end, 1), *item;
    if (!cJSON_IsArray(document) || cJSON_GetArraySize(document) == 0)
        complain("no JSON array with anything in it, up to \"%.40s\"", end ? end : "");
    cJSON_ArrayForEach(item, document)
    {
        if (strcmp(argv[1], "list") == 0)
            check_name(item);
        else
            check_device(item);
    }
    cJSON_Delete(document);
    free(bytes);
    return wrong > 0;
}
