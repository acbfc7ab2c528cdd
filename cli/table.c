/* table.c: see table.h. */
#include "table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void cli_table_begin(cli_table *table, const char *align)
{
    *table = (cli_table){.columns = strlen(align), .align = align};
}

/* A folder's name may hold line breaks or a terminal's commands; in a table each is a question mark. */
static void tame(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

void cli_table_cell(cli_table *table, const char *format, ...)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        char **cells =
            capacity > SIZE_MAX / sizeof *cells ? NULL : realloc(table->cells, capacity * sizeof *cells);
        if (!cells) {
            table->failed = 1;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    va_list args;
    va_start(args, format);
    if (vasprintf(&table->cells[table->count], format, args) >= 0)
        tame(table->cells[table->count++]);
    else
        table->failed = 1;
    va_end(args);
}

/* Characters, not bytes, of UTF-8. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Blanks wait in *pending until there is text behind them, so that no line ends in blanks. */
static void print_cell(FILE *stream, const char *text, size_t width, char align, int *pending)
{
    int pad = (int)(width - width_of(text));
    if (align == 'r')
        *pending += pad;
    if (*text) {
        fprintf(stream, "%*s%s", *pending, "", text);
        *pending = 0;
    }
    if (align != 'r')
        *pending += pad;
    *pending += 2;
}

static void print_rule(FILE *stream, const char *indent, const size_t *widths, size_t columns)
{
    fputs(indent, stream);
    for (size_t c = 0; c < columns; c++) {
        for (size_t i = 0; i < widths[c]; i++)
            fputc('-', stream);
        fputs(c + 1 == columns ? "\n" : "  ", stream);
    }
}

void cli_table_end(cli_table *table, FILE *stream, const char *indent)
{
    size_t *widths = calloc(table->columns, sizeof *widths);
    size_t rows = table->count / table->columns;
    if (!widths)
        table->failed = 1;
    for (size_t i = 0; widths && i < rows * table->columns; i++) {
        size_t w = width_of(table->cells[i]);
        if (w > widths[i % table->columns])
            widths[i % table->columns] = w;
    }
    for (size_t r = 0; widths && r < rows; r++) {
        int pending = 0;
        fputs(indent, stream);
        for (size_t c = 0; c < table->columns; c++)
            print_cell(stream, table->cells[r * table->columns + c], widths[c], table->align[c], &pending);
        fputc('\n', stream);
        if (r == 0)
            print_rule(stream, indent, widths, table->columns);
    }
    if (table->failed)
        fprintf(stderr, "thaw: out of memory: a table is not complete\n");
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(widths);
    *table = (cli_table){0};
}

void cli_format_bytes(double bytes, char out[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;
    while (bytes >= 1024 && u + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        u++;
    }
    snprintf(out, 24, u == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

void cli_format_seconds(double seconds, char out[24])
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 10)
        snprintf(out, 24, "%.1f s", seconds);
    else if (seconds < 60)
        snprintf(out, 24, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(out, 24, "%u min %02u s", (unsigned)seconds / 60, (unsigned)seconds % 60);
    else
        snprintf(out, 24, "%.0f h %02u min", (double)((uint64_t)seconds / 3600),
                 (unsigned)((uint64_t)seconds / 60 % 60));
}

void cli_format_count(uint64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), k = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

void cli_format_macs(uint64_t macs, char out[24])
{
    if (macs < 100000000u)
        snprintf(out, 24, "%.3g MMAC", (double)macs / 1e6);
    else
        snprintf(out, 24, "%.2f GMAC", (double)macs / 1e9);
}
