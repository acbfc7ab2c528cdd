/* bench_ops.c: the table of ops; the page's script sorts and filters it. */
#include <math.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "html.h"

static const bench_op *op_cell(const bench_comparison *c, size_t row, size_t column)
{
    return c->op_cells[row * c->n_columns + column];
}

/* Any column's, for what all have in common. */
static const bench_op *any_op(const bench_comparison *c, size_t row)
{
    size_t i = 0;
    while (!op_cell(c, row, i))
        i++;
    return op_cell(c, row, i);
}

/* What is sorted by is the number, not its text. */
static void number_cell(FILE *f, double x, const char *text)
{
    if (isnan(x))
        cli_html(f, "<td class=\"num none\">\xe2\x80\x93</td>");
    else
        cli_html(f, "<td class=\"num\" data-v=\"%.9f\">%s</td>", x, text);
}

static void speed_cell(FILE *f, const bench_op *op)
{
    char speed[32], percent[32];
    if (!op || isnan(op->gflops)) {
        number_cell(f, NAN, "");
        return;
    }
    cli_bench_number(op->gflops, speed);
    cli_bench_percent(op->share_of_peak, percent);
    cli_html(f, "<td class=\"num\" data-v=\"%.9f\">%s<small>%s of peak</small></td>", op->gflops, speed,
             percent);
}

static void device_cells(FILE *f, const bench_op *op, const bench_op *base, bool first)
{
    char text[40];
    double seconds = op && !*op->error ? op->seconds.median : NAN;
    if (op && *op->error)
        cli_html(f, "<td class=\"num bad\" title=\"%s\">failed</td>", op->error);
    else if (isnan(seconds))
        number_cell(f, NAN, "");
    else
        cli_html(f, "<td class=\"num\" data-v=\"%.9f\">%.3f<small>%s</small></td>", 1e3 * seconds,
                 1e3 * seconds, op->algorithm);
    cli_bench_percent(op ? op->share_of_program : NAN, text);
    number_cell(f, op ? op->share_of_program : NAN, text);
    speed_cell(f, op);
    if (first)
        return;
    double ratio = base && !*base->error ? cli_bench_quotient(base->seconds.median, seconds) : NAN;
    cli_page_times(ratio, text);
    number_cell(f, ratio, text);
}

static void op_row(FILE *f, const bench_comparison *c, size_t row)
{
    const bench_op *op = any_op(c, row);
    char text[32];
    cli_html(f, "<tr><td>%s</td><td class=\"num\" data-v=\"%.0f\">%.0f</td>", op->program, op->batch,
             op->batch);
    cli_html(f, "<th scope=\"row\" title=\"%s\">%s<small>%s%s%s</small></th>", op->signature, op->op,
             op->label, *op->label && *op->shape ? " \xc2\xb7 " : "", op->shape);
    snprintf(text, sizeof text, "%.0f", op->places);
    number_cell(f, op->places, text);
    cli_bench_number(op->macs / 1e9, text);
    number_cell(f, op->macs / 1e9, text);
    for (size_t i = 0; i < c->n_columns; i++)
        device_cells(f, op_cell(c, row, i), op_cell(c, row, 0), i == 0);
    cli_html(f, "</tr>\n");
}

static void ops_head(FILE *f, const bench_comparison *c)
{
    cli_html(f, "<thead><tr><th colspan=\"5\"></th>");
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_html(f, "<th colspan=\"%d\" scope=\"colgroup\" class=\"group-head\">", i == 0 ? 3 : 4);
        cli_page_device(f, c, i);
        cli_html(f, "</th>");
    }
    cli_html(f, "</tr>\n<tr class=\"keys\"><th scope=\"col\">program</th><th scope=\"col\">batch</th>"
                "<th scope=\"col\">op</th><th scope=\"col\">places</th><th scope=\"col\">GMAC</th>");
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_html(f,
                 "<th scope=\"col\">ms</th><th scope=\"col\">of program</th><th scope=\"col\">GFLOP/s</th>");
        if (i > 0)
            cli_html(f, "<th scope=\"col\">to A</th>");
    }
    cli_html(f, "</tr></thead>\n");
}

void cli_page_ops(FILE *f, const bench_comparison *c)
{
    if (c->n_op_rows == 0)
        return;
    cli_html(f,
             "<section id=\"ops\"><h2>Ops</h2>\n<p>%zu ops, the costliest of A first. The time is of one "
             "place; an "
             "op that occurs at several places of a program is measured once. Below it stands the "
             "algorithm.</p>\n",
             c->n_op_rows);
    cli_html(f,
             "<p class=\"tools\" hidden><label>Show ops with <input type=\"search\" id=\"filter\" "
             "placeholder=\"conv2d 3x3 prefix\"></label> <span id=\"shown\" role=\"status\"></span></p>\n");
    cli_html(f, "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Ops\"><table "
                "id=\"ops-table\">\n");
    ops_head(f, c);
    cli_html(f, "<tbody>\n");
    for (size_t r = 0; r < c->n_op_rows; r++)
        op_row(f, c, r);
    cli_html(
        f,
        "</tbody></table></div>\n<p class=\"note paper\">On paper the first 40 stand here.</p></section>\n");
}
