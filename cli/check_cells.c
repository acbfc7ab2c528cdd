/* check_cells.c: see check.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

void check_notes_free(check_notes *notes)
{
    free(notes->texts);
    *notes = (check_notes){0};
}

/* From 1; 0 when memory is exhausted. */
static size_t number_of(check_notes *notes, const char *text)
{
    for (size_t i = 0; i < notes->count; i++)
        if (strcmp(notes->texts[i], text) == 0)
            return i + 1;
    const char **texts = realloc(notes->texts, (notes->count + 1) * sizeof *texts);
    if (!texts)
        return 0;
    notes->texts = texts;
    texts[notes->count++] = text;
    return notes->count;
}

/* The numbers of all reasons in some cells, each once, as far as there is room; "…" if there were more. */
static void cite(const thaw_proof_cell *const *cells, uint32_t n, bool markdown, check_notes *notes,
                 char *out, size_t size)
{
    size_t used = 0, explained = 0, declined = 0;
    char mark[32];
    out[0] = '\0';
    for (uint32_t k = 0; k < n; k++) {
        declined += cells[k]->declined;
        for (size_t i = 0; i < cells[k]->n_reasons; i++) {
            snprintf(mark, sizeof mark, markdown ? "[^%zu]" : "[%zu]",
                     number_of(notes, cells[k]->reasons[i].text));
            bool there = strstr(out, mark) != NULL;
            if (!there && used + strlen(mark) + sizeof "…" > size)
                continue;
            explained += cells[k]->reasons[i].cases;
            if (!there)
                used += (size_t)snprintf(out + used, size - used, "%s", mark);
        }
    }
    if (explained < declined)
        snprintf(out + used, size - used, "…");
}

void check_cell(const thaw_proof_cell *const *cells, uint32_t n, bool markdown, check_notes *notes,
                char out[CHECK_CELL_MAX])
{
    size_t cases = 0, passed = 0, failed = 0, declined = 0;
    char marks[64] = "";
    for (uint32_t k = 0; k < n; k++) {
        cases += cells[k]->cases;
        passed += cells[k]->passed;
        failed += cells[k]->failed;
        declined += cells[k]->declined;
    }
    if (declined > 0)
        cite(cells, n, markdown, notes, marks, sizeof marks);
    /* Text is short of room: what "declined" means there is said below the table. */
    const char *said = markdown ? "passed " : "", *declines = markdown ? "declined" : "";
    if (cases == 0)
        snprintf(out, CHECK_CELL_MAX, "-");
    else if (failed > 0)
        snprintf(out, CHECK_CELL_MAX, "FAILED %zu of %zu", failed, cases);
    else if (declined == 0)
        snprintf(out, CHECK_CELL_MAX, "%s%zu", said, passed);
    else if (passed == 0)
        snprintf(out, CHECK_CELL_MAX, "%s%s", declines, marks);
    else
        snprintf(out, CHECK_CELL_MAX, "%s%zu, %s%s%zu%s%s", said, passed, declines, *declines ? " " : "",
                 declined, *declines ? "" : " ", marks);
}

bool check_has_kind(const thaw_proof_matrix *matrix, uint32_t kind)
{
    for (size_t r = 0; r < matrix->n_rows; r++)
        if (matrix->rows[r]->cells[kind]->cases > 0)
            return true;
    return false;
}

static size_t times_declined(const thaw_proof_matrix *matrix, const thaw_proof_row *row, const char *reason)
{
    size_t cases = 0;
    for (uint32_t k = 0; k < matrix->n_kinds; k++)
        for (size_t i = 0; i < row->cells[k]->n_reasons; i++)
            if (strcmp(row->cells[k]->reasons[i].text, reason) == 0)
                cases += row->cells[k]->reasons[i].cases;
    return cases;
}

/* Whether all cases of all rows of an op were declined, and for this reason alone. */
static bool whole_op(const thaw_proof_matrix *matrix, const char *op, const char *reason)
{
    for (size_t r = 0; r < matrix->n_rows; r++) {
        size_t cases = 0;
        for (uint32_t k = 0; k < matrix->n_kinds; k++)
            cases += matrix->rows[r]->cells[k]->cases;
        if (strcmp(matrix->rows[r]->op, op) == 0 && times_declined(matrix, matrix->rows[r], reason) != cases)
            return false;
    }
    return true;
}

void check_declined_rows(const thaw_proof_matrix *matrix, const char *reason, char out[CHECK_ROWS_MAX],
                         size_t *cases)
{
    const char *whole = "";
    size_t used = 0;
    *cases = 0;
    out[0] = '\0';
    for (size_t r = 0; r < matrix->n_rows; r++) {
        const thaw_proof_row *row = matrix->rows[r];
        size_t times = times_declined(matrix, row, reason);
        *cases += times;
        /* Whole words only. */
        bool room = used + strlen(row->op) + strlen(row->data) + sizeof ",  " <= CHECK_ROWS_MAX;
        if (times == 0 || !room || strcmp(row->op, whole) == 0)
            continue;
        bool all = whole_op(matrix, row->op, reason);
        if (all)
            whole = row->op;
        used += (size_t)sprintf(out + used, "%s%s%s%s", used ? ", " : "", row->op, all ? "" : " ",
                                all ? "" : row->data);
    }
}
