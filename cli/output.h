/* output.h: files that the program writes. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* A file that appears under its name only when it is whole. "-" is stdout, written as it comes. */
typedef struct cli_output {
    FILE *stream; /* write here */
    const char *path;
    char *temporary; /* owned; NULL for stdout */
} cli_output;

/* Both return true, or false after a message on stderr; then nothing is left behind. path outlives the
 * struct. */
bool cli_output_open(const char *path, cli_output *out);
bool cli_output_commit(cli_output *out);
/* Gives the file up. Harmless on a struct that is zeroed or committed. */
void cli_output_abandon(cli_output *out);

/* A field of a CSV line (RFC 4180), without the comma. */
void cli_csv_text(FILE *stream, const char *text);

/* A word of a shell's command line, in quotes where it needs them. */
void cli_shell_text(FILE *stream, const char *text);

/* Flushes stdout; false after a message if anything that was printed was lost. */
bool cli_close_stdout(void);

#endif
