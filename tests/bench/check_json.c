/* check_json.c: whether a file is a report of `thaw bench`, whole and with nothing but finite numbers.
 *
 *   check_json FILE complete|stopped DEVICES     exit 0 if it is; otherwise says what is missing */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static int failures;

static void complain(const char *where, const char *key, const char *what)
{
    printf("%s.%s: %s\n", where, key, what);
    failures++;
}

/* One letter a kind: s text, S text or null, n number, N number or null, b bool, a array, o object, t STAT, T
 * STAT or null. */
static bool is_kind(const cJSON *v, char kind)
{
    switch (kind) {
    case 's':
        return cJSON_IsString(v);
    case 'n':
        return cJSON_IsNumber(v) && isfinite(v->valuedouble) && v->valuedouble >= 0;
    case 'b':
        return cJSON_IsBool(v);
    case 'a':
        return cJSON_IsArray(v);
    case 'o':
        return cJSON_IsObject(v);
    case 't': {
        const cJSON *min = cJSON_GetObjectItemCaseSensitive(v, "min");
        const cJSON *median = cJSON_GetObjectItemCaseSensitive(v, "median");
        const cJSON *max = cJSON_GetObjectItemCaseSensitive(v, "max");
        const cJSON *n = cJSON_GetObjectItemCaseSensitive(v, "n");
        return is_kind(min, 'n') && is_kind(median, 'n') && is_kind(max, 'n') && is_kind(n, 'n') &&
               min->valuedouble > 0 && min->valuedouble <= median->valuedouble &&
               median->valuedouble <= max->valuedouble && n->valuedouble >= 1;
    }
    default:
        return cJSON_IsNull(v) || is_kind(v, (char)(kind + 'a' - 'A'));
    }
}

/* keys: "s name", "n batch", … and a NULL. */
static void check(const cJSON *object, const char *where, const char *const *keys)
{
    for (; *keys; keys++) {
        const char *key = *keys + 2;
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
        if (!v)
            complain(where, key, "is missing");
        else if (!is_kind(v, **keys))
            complain(where, key, "is of the wrong kind or no finite number");
    }
}

static void check_all(const cJSON *array, const char *where, const char *const *keys)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array) check(item, where, keys);
}

static const char *const root_keys[] = {"s format",  "b complete", "s thaw",    "s time_utc",
                                        "o options", "o host",     "a devices", NULL};
static const char *const option_keys[] = {"a batch_sizes", "n repeat",      "n seconds", "n threads",
                                          "s precision",   "n input_size",  "n classes", "a sections",
                                          "b quick",       "b interleaved", NULL};
static const char *const host_keys[] = {
    "s cpu", "n cores", "N memory_bytes", "s os", "N clock_ghz_start", "N clock_ghz_end", "N peak_rss_bytes",
    NULL};
static const char *const device_keys[] = {
    "s name",         "s title",          "s type",         "s vendor", "s driver", "s detail",
    "s plugin",       "s plugin_version", "N memory_bytes", "N cores",  "b tuned",  "s self_test",
    "n open_seconds", "o peak",           "a sections",     "a ops",    "a notes",  NULL};
static const char *const peak_keys[] = {"T gflops", "S source", "T copy_gb_per_s", NULL};
static const char *const section_keys[] = {"s name",           "n batch",
                                           "T seconds",        "N images_per_second",
                                           "N macs_per_image", "N gflops",
                                           "N share_of_peak",  "N prepare_seconds",
                                           "N device_bytes",   "n variable_bytes",
                                           "n fallback_ops",   "n fallback_bytes",
                                           "S error",          NULL};
static const char *const op_keys[] = {
    "s program",          "n batch",   "s op",   "s label",  "s shape", "s algorithm", "s signature",
    "n places",           "T seconds", "n macs", "N gflops", "n bytes", "N gb_per_s",  "N share_of_peak",
    "N share_of_program", "S error",   NULL};

static void check_device(const cJSON *device, bool complete)
{
    const cJSON *sections = cJSON_GetObjectItemCaseSensitive(device, "sections"), *section;
    check(device, "device", device_keys);
    check(cJSON_GetObjectItemCaseSensitive(device, "peak"), "device.peak", peak_keys);
    check_all(sections, "section", section_keys);
    check_all(cJSON_GetObjectItemCaseSensitive(device, "ops"), "op", op_keys);
    if (complete && cJSON_GetArraySize(sections) == 0)
        complain("device", "sections", "is empty");
    cJSON_ArrayForEach(section,
                       sections) if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(section, "seconds")) ==
                                     cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(section, "error")))
        complain("section", "seconds", "is neither there nor excused by an error");
}

static char *read_all(const char *path)
{
    const size_t most = (size_t)16 << 20;
    char *text = malloc(most + 1);
    FILE *f = text ? fopen(path, "rb") : NULL;
    if (!f) {
        printf("%s: cannot be read\n", path);
        exit(1);
    }
    text[fread(text, 1, most, f)] = '\0';
    fclose(f);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const bool complete = strcmp(argv[2], "complete") == 0;
    char *text = read_all(argv[1]);
    cJSON *root = cJSON_ParseWithOpts(text, NULL, true);
    if (!root) {
        printf("%s: not one JSON document\n", argv[1]);
        free(text);
        return 1;
    }
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(root, "devices"), *device;
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "format");
    check(root, "report", root_keys);
    check(cJSON_GetObjectItemCaseSensitive(root, "options"), "options", option_keys);
    check(cJSON_GetObjectItemCaseSensitive(root, "host"), "host", host_keys);
    if (!cJSON_IsString(format) || strcmp(format->valuestring, "thaw-bench/1") != 0)
        complain("report", "format", "is not thaw-bench/1");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "complete")) != complete)
        complain("report", "complete", "is not as expected");
    if (cJSON_GetArraySize(devices) != atoi(argv[3]))
        complain("report", "devices", "has another number of them");
    cJSON_ArrayForEach(device, devices) check_device(device, complete);
    cJSON_Delete(root);
    free(text);
    return failures > 0;
}
