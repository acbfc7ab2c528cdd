/* bench_figure.c: see bench_figure.h. */
#include "bench_figure.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "table.h"

void cli_bench_number(double x, char out[32])
{
    if (isnan(x))
        snprintf(out, 32, "-");
    else if (x >= 1e15)
        snprintf(out, 32, "%.3g", x);
    else if (x >= 999.5)
        cli_format_count((uint64_t)(x + 0.5), out);
    else if (x >= 99.95)
        snprintf(out, 32, "%.0f", x);
    else if (x >= 9.995)
        snprintf(out, 32, "%.1f", x);
    else if (x >= 0.9995)
        snprintf(out, 32, "%.2f", x);
    else if (x > 0)
        snprintf(out, 32, "%#.3g", x);
    else
        snprintf(out, 32, "0");
}

static void with_unit(double x, const char *unit, char out[32])
{
    char number[32];
    cli_bench_number(x, number);
    snprintf(out, 32, "%.27s%s", number, isnan(x) ? "" : unit);
}

void cli_bench_times(double ratio, char out[32])
{
    with_unit(ratio, "x", out);
}

void cli_bench_percent(double share, char out[32])
{
    if (isnan(share))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "%.*f %%", share < 0.0995 ? 1 : 0, 100 * share);
}

void cli_bench_duration(double seconds, char out[32])
{
    if (seconds < 1)
        with_unit(1e3 * seconds, " ms", out);
    else
        with_unit(seconds, " s", out);
}

void cli_bench_bytes(double bytes, char out[32])
{
    if (isnan(bytes))
        snprintf(out, 32, "-");
    else
        cli_format_bytes(bytes, out);
}

static const char *skip_characters(const char *text, size_t n)
{
    for (; *text && n > 0; n--) {
        int length = cli_utf8_length(text);
        text += length ? length : 1;
    }
    return text;
}

void cli_bench_elide(const char *text, size_t width, char *out)
{
    const char *end = text + strlen(text);
    size_t count = 0, head = width / 2, tail = width - head - 1;
    for (const char *p = text; *p; p = skip_characters(p, 1))
        count++;
    if (count <= width) {
        memcpy(out, text, (size_t)(end - text) + 1);
        return;
    }
    const char *left = skip_characters(text, head), *right = skip_characters(text, count - tail);
    memcpy(out, text, (size_t)(left - text));
    out += left - text;
    memcpy(out, "\xe2\x80\xa6", 3);
    memcpy(out + 3, right, (size_t)(end - right) + 1);
}
