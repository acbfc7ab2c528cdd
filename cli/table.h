/* table.h: columns of text. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cli_table {
    size_t columns;
    const char *align; /* one letter a column: 'l' or 'r' */
    char **cells;      /* row after row, the heading first; owned */
    size_t count, capacity;
    int failed; /* memory ran out; the table prints what it has */
} cli_table;

/* align is a literal with one letter a column; it outlives the table. */
void cli_table_begin(cli_table *table, const char *align);
/* The next cell, in printf's manner; control characters are shown as '?'. */
void cli_table_cell(cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints with a line below the heading, each line behind indent, and frees. */
void cli_table_end(cli_table *table, FILE *stream, const char *indent);

/* "1.5 GiB". */
void cli_format_bytes(double bytes, char out[24]);
/* "1 min 05 s". */
void cli_format_seconds(double seconds, char out[24]);

/* "1,234,567". */
void cli_format_count(uint64_t n, char out[32]);
/* Multiply-accumulates: "5.71 GMAC". */
void cli_format_macs(uint64_t macs, char out[24]);

#endif
