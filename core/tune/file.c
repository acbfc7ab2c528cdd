/* file.c: what a search found, as a text for people and for sending to others:
 *
 *   thaw tune 1
 *   device<TAB>NVIDIA H200
 *   vendor<TAB>NVIDIA Corporation
 *   driver<TAB>570.86.15
 *   plugin<TAB>opencl 0.1.0
 *   <signature><TAB><algorithm><TAB><us><TAB><default algorithm><TAB><us><TAB><rejected>
 *
 * Times are microseconds with three decimals. The last line for a signature counts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/folders.h"
#include "core/base/memory.h"
#include "core/tune/tune.h"

#define MAX_BYTES       ((size_t)4 << 20)
#define MAX_HEADER      1024
#define MAX_NANOSECONDS UINT64_C(1000000000000000)

char *thaw_tune_path(const thaw_tune_id *id)
{
    char device[100], driver[60], *path = NULL;
    char *folder = thaw_config_folder("tune");
    thaw_file_name(id->device, device, sizeof device);
    thaw_file_name(id->driver, driver, sizeof driver);
    if (folder && asprintf(&path, "%s/%s__%s.tune", folder, device, driver) < 0)
        path = NULL;
    free(folder);
    return path;
}

/* ---- writing --------------------------------------------------------------------------------------- */

/* Appends to text (cap bytes) what a field can hold of word: neither tabs nor line breaks, whatever a plugin
 * says. */
static void put_word(char *text, size_t cap, const char *word)
{
    size_t n = strlen(text);
    for (; *word && n + 1 < cap; word++)
        text[n++] = (unsigned char)*word < ' ' ? '?' : *word;
    text[n] = '\0';
}

static void put(char *text, size_t cap, const char *literal)
{
    size_t n = strlen(text);
    snprintf(text + n, cap - n, "%s", literal);
}

static void header_of(const thaw_tune_id *id, char out[MAX_HEADER])
{
    out[0] = '\0';
    put(out, MAX_HEADER, "thaw tune 1\ndevice\t");
    put_word(out, MAX_HEADER, id->device);
    put(out, MAX_HEADER, "\nvendor\t");
    put_word(out, MAX_HEADER, id->vendor);
    put(out, MAX_HEADER, "\ndriver\t");
    put_word(out, MAX_HEADER, id->driver);
    put(out, MAX_HEADER, "\nplugin\t");
    put_word(out, MAX_HEADER, id->plugin);
    put(out, MAX_HEADER, " ");
    put_word(out, MAX_HEADER, id->plugin_version);
    put(out, MAX_HEADER, "\n");
}

thaw_status thaw_tune_begin(const char *path, const thaw_tune_id *id, thaw_error *err)
{
    char header[MAX_HEADER], *folder = thaw_strdup(path);
    if (!folder)
        return thaw_fail_memory(err, strlen(path) + 1, "a path");
    char *slash = strrchr(folder, '/');
    thaw_status st = THAW_OK;
    if (slash && slash != folder) {
        *slash = '\0';
        st = thaw_make_dirs(folder, err);
    }
    free(folder);
    header_of(id, header);
    return st == THAW_OK ? thaw_write_file(path, header, strlen(header), err) : st;
}

static void put_time(char *text, size_t cap, uint64_t nanoseconds)
{
    char number[40];
    snprintf(number, sizeof number, "\t%llu.%03llu", (unsigned long long)(nanoseconds / 1000),
             (unsigned long long)(nanoseconds % 1000));
    put(text, cap, number);
}

/* line: between line breaks, the first of which is left out where there is one already. */
static thaw_status append_line(const char *path, const char *line, thaw_error *err)
{
    struct stat file;
    char last = 0;
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return thaw_fail_errno(err, errno, "cannot open %s", path);
    /* A writer may have been killed in the middle of the line before. */
    if (fstat(fd, &file) == 0 && file.st_size > 0 && pread(fd, &last, 1, file.st_size - 1) == 1 &&
        last == '\n')
        line++;
    size_t length = strlen(line), done = 0;
    thaw_status st = THAW_OK;
    while (st == THAW_OK && done < length) {
        ssize_t n = write(fd, line + done, length - done);
        if (n < 0 && errno != EINTR)
            st = thaw_fail_errno(err, errno, "cannot write %s", path);
        done += n > 0 ? (size_t)n : 0;
    }
    if (st == THAW_OK && fsync(fd) != 0)
        st = thaw_fail_errno(err, errno, "cannot write %s", path);
    close(fd);
    return st;
}

thaw_status thaw_tune_append(const char *path, const thaw_choice *choice, const char *rejected,
                             thaw_error *err)
{
    char line[1024] = "\n";
    put_word(line, sizeof line, choice->signature);
    put(line, sizeof line, "\t");
    put_word(line, sizeof line, choice->algo);
    put_time(line, sizeof line, choice->nanoseconds);
    put(line, sizeof line, "\t");
    put_word(line, sizeof line, choice->default_algo);
    put_time(line, sizeof line, choice->default_nanoseconds);
    put(line, sizeof line, "\t");
    put_word(line, sizeof line - 1, rejected);
    put(line, sizeof line, "\n");
    return append_line(path, line, err);
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* Cuts off the field that ends at a tab, or at the end of the line; NULL behind the last. */
static char *next_field(char **at)
{
    char *field = *at, *tab = field ? strchr(field, '\t') : NULL;
    if (tab)
        *tab = '\0';
    *at = tab ? tab + 1 : NULL;
    return field;
}

/* Microseconds with three decimals. */
static bool read_time(const char *text, uint64_t *nanoseconds)
{
    uint64_t value = 0;
    size_t digits = 0, decimals = 0;
    bool point = false;
    for (; text && *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || value > MAX_NANOSECONDS)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        digits++;
        decimals += point;
    }
    *nanoseconds = value;
    return digits > 3 && decimals == 3 && value > 0 && value <= MAX_NANOSECONDS;
}

static bool copy_field(const char *field, char *out, size_t cap)
{
    size_t n = field ? strlen(field) : 0;
    if (n == 0 || n >= cap)
        return false;
    memcpy(out, field, n + 1);
    return true;
}

static bool read_choice(char *line, thaw_choice *out)
{
    char *signature = next_field(&line), *algo = next_field(&line), *time = next_field(&line);
    char *default_algo = next_field(&line), *default_time = next_field(&line);
    memset(out, 0, sizeof *out);
    return copy_field(signature, out->signature, sizeof out->signature) &&
           copy_field(algo, out->algo, sizeof out->algo) && read_time(time, &out->nanoseconds) &&
           copy_field(default_algo, out->default_algo, sizeof out->default_algo) &&
           read_time(default_time, &out->default_nanoseconds);
}

/* number: of the first line. */
static thaw_status read_lines(const char *path, char *text, size_t number, const thaw_log *log,
                              thaw_choices *choices, thaw_error *err)
{
    size_t wrong = 0, first = 0;
    thaw_status st = THAW_OK;
    for (char *end; st == THAW_OK && text; text = end, number++) {
        thaw_choice choice;
        end = strchr(text, '\n');
        if (end)
            *end++ = '\0';
        if (!*text)
            continue;
        if (read_choice(text, &choice))
            st = thaw_choices_prefer(choices, &choice, err);
        else if (wrong++ == 0)
            first = number;
    }
    if (wrong)
        thaw_log_at(log, THAW_LOG_WARN, "%s: line %zu makes no sense and is ignored%s", path, first,
                    wrong > 1 ? ", and so do others after it" : "");
    return st;
}

thaw_status thaw_tune_load(const char *path, const thaw_tune_id *id, const thaw_log *log,
                           thaw_choices *choices, thaw_error *err)
{
    char header[MAX_HEADER];
    uint8_t *data = NULL;
    size_t size = 0;
    thaw_status st = thaw_read_file(path, MAX_BYTES, &data, &size, err);
    if (st != THAW_OK)
        return st;
    header_of(id, header);
    size_t n = strlen(header);
    if (strlen((char *)data) != size || strncmp((char *)data, "thaw tune ", 10) != 0)
        st = thaw_fail(err, THAW_E_FORMAT, "%s: is no result of `thaw tune`", path);
    else if (strncmp((char *)data, header, n) != 0)
        st = thaw_fail(err, THAW_E_FORMAT, "%s: is of another device, driver or plugin version", path);
    else
        st = read_lines(path, (char *)data + n, 6, log, choices, err);
    free(data);
    return st;
}
