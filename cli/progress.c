/* progress.c: see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

#define MAX_CELLS      24
#define MIN_CELLS      5
#define REDRAW_SECONDS 0.1
#define LINE_SECONDS   10.0 /* between two plain lines */
#define DEFAULT_WIDTH  80

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_init(cli_progress *progress, bool quiet)
{
    *progress = (cli_progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
}

void cli_progress_clear(cli_progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_WIDTH;
}

/* What a narrow terminal cuts off comes last. */
static void describe(char *out, size_t size, uint64_t done, uint64_t total, double rate, double left,
                     const char *note)
{
    char time[24];
    int n = snprintf(out, size, "%llu/%llu", (unsigned long long)done, (unsigned long long)total);
    if (note && *note)
        n += snprintf(out + n, size - (size_t)n, "  %.64s", note);
    if (left > 0 && done < total) {
        cli_format_seconds(left, time);
        n += snprintf(out + n, size - (size_t)n, "  %s left", time);
    }
    if (rate > 0)
        snprintf(out + n, size - (size_t)n, "  %.1f images/s", rate);
}

/* The text matters more than the bar: what is left of the line is the bar's. */
static void draw_bar(cli_progress *progress, uint64_t done, uint64_t total, const char *text)
{
    char bar[MAX_CELLS + 1], line[320];
    size_t columns = terminal_width() - 1, used = strlen(progress->label) + strlen(text) + strlen(" [] ");
    size_t cells = columns > used ? columns - used : 0;
    if (cells > MAX_CELLS)
        cells = MAX_CELLS;
    size_t full = (size_t)((double)done / (double)total * (double)cells);
    memset(bar, '.', cells);
    memset(bar, '#', full < cells ? full : cells);
    bar[cells] = '\0';
    snprintf(line, sizeof line, cells < MIN_CELLS ? "%s%.0s  %s" : "%s [%s] %s", progress->label, bar, text);
    /* A line that wraps could not be taken away again. */
    fprintf(stderr, "\r%.*s\033[K", (int)columns, line);
    fflush(stderr);
    progress->drawn = true;
}

void cli_progress_show(cli_progress *progress, const char *label, uint64_t done, uint64_t total, double rate,
                       double seconds_left, const char *note)
{
    char text[192];
    if (progress->quiet || total == 0)
        return;
    if (strncmp(label, progress->label, sizeof progress->label - 1) != 0) {
        snprintf(progress->label, sizeof progress->label, "%s", label);
        progress->last_drawn = progress->terminal ? 0 : cli_now();
    }
    double now = cli_now();
    if (now - progress->last_drawn < (progress->terminal ? REDRAW_SECONDS : LINE_SECONDS) &&
        !(progress->terminal && done == total))
        return;
    progress->last_drawn = now;
    describe(text, sizeof text, done, total, rate, seconds_left, note);
    if (progress->terminal)
        draw_bar(progress, done, total, text);
    else
        fprintf(stderr, "%s: %s\n", progress->label, text);
}
