/* bench_svg.c: see bench_svg.h. */
#include "bench_svg.h"

#include <math.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "html.h"

void cli_svg_open(FILE *f, const char *id, double height, const char *title, const char *about)
{
    cli_html(f, "<figure class=\"plot\"><figcaption>%s</figcaption>\n", title);
    cli_html(f,
             "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\">"
             "<title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s</desc>\n",
             SVG_WIDTH, height, id, id, id, title, id, about);
}

void cli_svg_close(FILE *f, const char *note)
{
    cli_html(f, "</svg>\n");
    if (*note)
        cli_html(f, "<p class=\"note\">%s</p>\n", note);
    cli_html(f, "</figure>\n");
}

void cli_svg_letter(FILE *f, size_t column, double x, double y, const char *anchor)
{
    const char letter[2] = {(char)('A' + (int)column)};
    cli_html(f, "<text class=\"letter k%zu\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
             column % BENCH_COLOURS, x, y, anchor, letter);
}

double cli_svg_step(double range, int n)
{
    double power = pow(10, floor(log10(range / n))), rest = range / n / power;
    return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

void cli_svg_tick(double x, char out[32])
{
    if (x >= 1000)
        cli_bench_number(x, out);
    else
        snprintf(out, 32, "%.4g", x);
}

void cli_svg_spread(double *y, size_t n, double gap, double lowest)
{
    for (size_t i = 1; i < n; i++)
        y[i] = y[i] < y[i - 1] + gap ? y[i - 1] + gap : y[i];
    for (size_t i = n; i-- > 0;) {
        double most = i + 1 < n ? y[i + 1] - gap : lowest;
        y[i] = y[i] > most ? most : y[i];
    }
}

const char *cli_svg_about(const char *section)
{
    static const char *const about[][2] = {
        {"prefix", "the frozen part of the network, forwards"},
        {"head", "a training step of the new head"},
        {"finetune", "a training step of the unfrozen end"},
        {"forward", "the whole network, forwards"},
        {"train", "a training step of all layers"},
    };
    for (size_t i = 0; i < sizeof about / sizeof about[0]; i++) {
        if (strcmp(about[i][0], section) == 0)
            return about[i][1];
    }
    return "";
}
