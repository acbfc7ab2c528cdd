/* check_markdown.c: `thaw check --markdown`: the same bytes for the same devices, so that a page that is made
 * of it changes only where they do. */
#include <stdio.h>
#include <string.h>

#include "check.h"

/* What a plugin says of itself, on one line and without a meaning of its own in a table. */
static void print_text(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            putchar(' ');
        else if (strchr("\\`*_|<>[]#~&", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

/* In a list. */
static void print_command(const char *text)
{
    printf("\n\n   ```\n   ");
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' ? '?' : *text);
    printf("\n   ```\n");
}

static void print_row_head(const thaw_proof_row *row)
{
    printf("| %s | %s |", row->op, *row->data ? row->data : "-");
}

static void print_rule(uint32_t columns)
{
    printf("|---|---|");
    for (uint32_t i = 0; i < columns; i++)
        printf("---|");
    putchar('\n');
}

/* Footnotes have numbers of their own in the whole page: those of a table are the ones from `first` on. */
static void print_notes(const check_notes *notes, size_t first)
{
    if (first < notes->count)
        putchar('\n');
    for (size_t i = first; i < notes->count; i++) {
        printf("[^%zu]: ", i + 1);
        print_text(notes->texts[i]);
        putchar('\n');
    }
}

/* ---- one device ---------------------------------------------------------------------------------------- */

static void print_matrix(const thaw_proof_matrix *matrix, check_notes *notes)
{
    char text[CHECK_CELL_MAX];
    size_t first = notes->count;
    uint32_t columns = 0;
    printf("\n| op | data |");
    for (uint32_t k = 0; k < matrix->n_kinds; k++) {
        if (check_has_kind(matrix, k)) {
            printf(" %s |", matrix->kinds[k]);
            columns++;
        }
    }
    putchar('\n');
    print_rule(columns);
    for (size_t r = 0; r < matrix->n_rows; r++) {
        print_row_head(matrix->rows[r]);
        for (uint32_t k = 0; k < matrix->n_kinds; k++) {
            if (!check_has_kind(matrix, k))
                continue;
            check_cell(&matrix->rows[r]->cells[k], 1, true, notes, text);
            printf(" %s |", text);
        }
        putchar('\n');
    }
    print_notes(notes, first);
}

static void print_about(const check_run *run, const check_result *result)
{
    const thaw_device_report *d = &result->about;
    printf("## ");
    print_text(result->name);
    printf("\n\n- thaw %s, seed %u", thaw_version(), (unsigned)run->args->seed);
    if (run->args->repeat > 1)
        printf(" and the %u behind it", (unsigned)run->args->repeat - 1);
    printf("\n- device: ");
    print_text(*d->title ? d->title : result->name);
    if (*d->vendor) {
        printf(", ");
        print_text(d->vendor);
    }
    printf("\n- driver: ");
    print_text(*d->driver ? d->driver : "not named");
    printf("\n- plugin: %s ", d->plugin_id);
    print_text(d->plugin_version);
    printf("\n- %zu cases: %zu passed, %zu failed, %zu declined\n", result->proof.cases, result->proof.passed,
           result->proof.failed, result->proof.declined);
    if (result->status != THAW_OK && result->status != THAW_E_CHECK) {
        printf("- not complete: ");
        print_text(result->err.text);
        putchar('\n');
    }
}

static void print_failures(const check_result *result)
{
    if (result->n_failures > 0)
        printf("\nThe first case of each op that failed, and how to run it again:\n");
    for (size_t i = 0; i < result->n_failures; i++) {
        const check_failure *f = &result->failures[i];
        printf("\n%zu. ", i + 1);
        print_text(f->name ? f->name : f->op);
        printf(": ");
        print_text(f->text ? f->text : "");
        print_command(f->replay ? f->replay : "(no memory for the command)");
    }
}

/* ---- several devices ----------------------------------------------------------------------------------- */

static const thaw_proof_row *find_row(const check_result *result, const thaw_proof_row *like)
{
    const thaw_proof_matrix *matrix = result->proof.matrix;
    for (size_t r = 0; matrix && r < matrix->n_rows; r++)
        if (strcmp(matrix->rows[r]->op, like->op) == 0 && strcmp(matrix->rows[r]->data, like->data) == 0)
            return matrix->rows[r];
    return NULL;
}

/* The device that got furthest has all the rows: every device is asked the same, in the same order. */
static const thaw_proof_matrix *longest(const check_run *run)
{
    const thaw_proof_matrix *best = NULL;
    for (size_t i = 0; i < run->n_results; i++) {
        const thaw_proof_matrix *matrix = run->results[i].proof.matrix;
        if (matrix && (!best || matrix->n_rows > best->n_rows))
            best = matrix;
    }
    return best;
}

static void print_together(const check_run *run, check_notes *notes)
{
    const thaw_proof_matrix *rows = longest(run);
    char text[CHECK_CELL_MAX];
    if (!rows)
        return;
    printf("## all devices\n\n| op | data |");
    for (size_t i = 0; i < run->n_results; i++) {
        putchar(' ');
        print_text(run->results[i].name);
        printf(" |");
    }
    putchar('\n');
    print_rule((uint32_t)run->n_results);
    for (size_t r = 0; r < rows->n_rows; r++) {
        print_row_head(rows->rows[r]);
        for (size_t i = 0; i < run->n_results; i++) {
            const thaw_proof_row *row = find_row(&run->results[i], rows->rows[r]);
            if (row)
                check_cell(row->cells, run->results[i].proof.matrix->n_kinds, true, notes, text);
            printf(" %s |", row ? text : "-");
        }
        putchar('\n');
    }
    print_notes(notes, 0);
    putchar('\n');
}

void check_markdown(const check_run *run)
{
    check_notes notes = {0};
    if (run->n_results > 1)
        print_together(run, &notes);
    for (size_t i = 0; i < run->n_results; i++) {
        const check_result *result = &run->results[i];
        if (i > 0)
            putchar('\n');
        print_about(run, result);
        if (result->proof.matrix && result->proof.cases > 0)
            print_matrix(result->proof.matrix, &notes);
        print_failures(result);
    }
    check_notes_free(&notes);
}
