/* progress.h: how far a long piece of work is: a bar on a terminal; elsewhere a plain line
 * now and then. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Begin with cli_progress_init. Writes to stderr only, so that stdout holds results alone. */
typedef struct cli_progress {
    bool quiet, terminal;
    bool drawn;        /* a bar stands on the terminal's last line */
    char label[64];    /* of the piece of work under way */
    double last_drawn; /* seconds */
} cli_progress;

void cli_progress_init(cli_progress *progress, bool quiet);
/* done of total things; another label begins another piece of work. note: more to show ("loss 0.41"), may
 * be empty. rate in things a second and seconds left, where they are known (else 0). */
void cli_progress_show(cli_progress *progress, const char *label, uint64_t done, uint64_t total, double rate,
                       double seconds_left, const char *note);
/* Takes the bar away, before anything else is printed. */
void cli_progress_clear(cli_progress *progress);

/* Seconds of a clock that never jumps. */
double cli_now(void);

#endif
