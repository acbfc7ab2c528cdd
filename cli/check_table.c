/* check_table.c: the matrix of a check as text, in as many tables as it takes not to be too wide. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"
#include "table.h"

#define MAX_KINDS   64
#define PIPE_WIDTH  110
#define GAP         2 /* between columns */
#define WORST_WIDTH 7

/* Kinds first … last - 1, of which those with cases are shown. */
typedef struct section {
    const thaw_proof_matrix *matrix;
    check_notes *notes;
    uint32_t first, last;
} section;

static size_t width_of_output(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return PIPE_WIDTH;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Of op and data, which every table begins with. */
static size_t width_of_heads(const thaw_proof_matrix *matrix)
{
    size_t op = strlen("op"), data = strlen("data");
    for (size_t r = 0; r < matrix->n_rows; r++) {
        op = larger(op, strlen(matrix->rows[r]->op));
        data = larger(data, strlen(matrix->rows[r]->data));
    }
    return op + GAP + data;
}

static size_t width_of_kind(const thaw_proof_matrix *matrix, uint32_t kind, check_notes *notes)
{
    char text[CHECK_CELL_MAX];
    size_t width = strlen(matrix->kinds[kind]);
    for (size_t r = 0; r < matrix->n_rows; r++) {
        check_cell(&matrix->rows[r]->cells[kind], 1, false, notes, text);
        width = larger(width, strlen(text));
    }
    return width;
}

static bool has_cases(const section *s, const thaw_proof_row *row)
{
    for (uint32_t k = s->first; k < s->last; k++)
        if (row->cells[k]->cases > 0)
            return true;
    return false;
}

static double worst_of(const section *s, const thaw_proof_row *row)
{
    double worst = 0;
    for (uint32_t k = s->first; k < s->last; k++)
        if (row->cells[k]->worst > worst)
            worst = row->cells[k]->worst;
    return worst;
}

static void print_row(cli_table *table, const section *s, const thaw_proof_row *row)
{
    char text[CHECK_CELL_MAX];
    cli_table_cell(table, "%s", row->op);
    cli_table_cell(table, "%s", *row->data ? row->data : "-");
    for (uint32_t k = s->first; k < s->last; k++) {
        if (!check_has_kind(s->matrix, k))
            continue;
        check_cell(&row->cells[k], 1, false, s->notes, text);
        cli_table_cell(table, "%s", text);
    }
    double worst = worst_of(s, row);
    cli_table_cell(table, worst < 1000 ? "%.2f" : "%.1e", worst);
}

static void print_section(const section *s)
{
    char align[MAX_KINDS + 4] = "ll";
    size_t columns = 2;
    cli_table table;
    for (uint32_t k = s->first; k < s->last && columns < MAX_KINDS; k++)
        if (check_has_kind(s->matrix, k))
            align[columns++] = 'r';
    align[columns] = 'r';
    cli_table_begin(&table, align);
    cli_table_cell(&table, "op");
    cli_table_cell(&table, "data");
    for (uint32_t k = s->first; k < s->last; k++)
        if (check_has_kind(s->matrix, k))
            cli_table_cell(&table, "%s", s->matrix->kinds[k]);
    cli_table_cell(&table, "worst");
    for (size_t r = 0; r < s->matrix->n_rows; r++)
        if (has_cases(s, s->matrix->rows[r]))
            print_row(&table, s, s->matrix->rows[r]);
    cli_table_end(&table, stdout, "");
}

void check_table(const thaw_proof_matrix *matrix, check_notes *notes)
{
    section s = {.matrix = matrix, .notes = notes};
    const size_t room = width_of_output(), start = width_of_heads(matrix) + GAP + WORST_WIDTH;
    size_t used = start;
    for (uint32_t k = 0; k < matrix->n_kinds; k++) {
        if (!check_has_kind(matrix, k))
            continue;
        size_t width = width_of_kind(matrix, k, notes) + GAP;
        if (used > start && used + width > room) {
            s.last = k;
            print_section(&s);
            putchar('\n');
            s.first = k;
            used = start;
        }
        used += width;
    }
    s.last = matrix->n_kinds;
    print_section(&s);
    printf("(a number: cases that passed; %sworst: the largest error as a share of what is allowed)\n",
           notes->count ? "[k]: declined for reason k; " : "");
}
