/* proof_matrix.c: the matrix of a check as thaw.h shows it. */
#include <stdlib.h>

#include "core/api/api.h"
#include "core/base/memory.h"
#include "core/check/matrix.h"

/* The report with what its pointers need: row by row, n_kinds cells each. */
typedef struct held_matrix {
    thaw_proof_matrix report; /* first: it is what the caller has */
    thaw_check_matrix own;    /* has the texts */
    const char *kinds[THAW_CHECK_MAX_KINDS];
    thaw_proof_row *rows;
    const thaw_proof_row **row_pointers;
    thaw_proof_cell *cells;
    const thaw_proof_cell **cell_pointers;
    thaw_proof_reason *reasons;
} held_matrix;

static void fill_cell(const thaw_check_cell *from, thaw_proof_reason *reasons, thaw_proof_cell *to)
{
    for (size_t i = 0; i < from->n_reasons; i++)
        reasons[i] = (thaw_proof_reason){from->reasons[i].text, from->reasons[i].cases};
    *to = (thaw_proof_cell){.cases = from->cases,
                            .passed = from->passed,
                            .failed = from->failed,
                            .declined = from->declined,
                            .executed = from->executed,
                            .worst = from->worst,
                            .n_reasons = from->n_reasons,
                            .reasons = reasons};
}

static void fill_rows(held_matrix *held)
{
    const uint32_t n_kinds = held->report.n_kinds;
    for (size_t r = 0; r < held->own.count; r++) {
        const thaw_check_row *row = &held->own.rows[r];
        for (uint32_t k = 0; k < n_kinds; k++) {
            size_t at = r * n_kinds + k;
            fill_cell(&row->cells[k], &held->reasons[at * THAW_CHECK_MAX_REASONS], &held->cells[at]);
            held->cell_pointers[at] = &held->cells[at];
        }
        held->rows[r] = (thaw_proof_row){row->op, row->data, &held->cell_pointers[r * n_kinds]};
        held->row_pointers[r] = &held->rows[r];
    }
}

thaw_status thaw_hold_matrix(thaw_check_matrix *matrix, thaw_proof_matrix **out, thaw_error *err)
{
    held_matrix *held = thaw_calloc(1, sizeof *held);
    if (!held) {
        thaw_check_matrix_free(matrix);
        return thaw_fail_memory(err, sizeof *held, "the matrix of a check");
    }
    held->own = *matrix;
    *matrix = (thaw_check_matrix){0};
    uint32_t n_kinds = 0;
    for (; thaw_check_kind_name(n_kinds); n_kinds++)
        held->kinds[n_kinds] = thaw_check_kind_name(n_kinds);
    /* Rows are few: ops times types of data. */
    size_t n_rows = held->own.count, n_cells = n_rows * n_kinds;
    held->rows = thaw_calloc(n_rows, sizeof *held->rows);
    held->row_pointers = thaw_calloc(n_rows, sizeof *held->row_pointers);
    held->cells = thaw_calloc(n_cells, sizeof *held->cells);
    held->cell_pointers = thaw_calloc(n_cells, sizeof *held->cell_pointers);
    held->reasons = thaw_calloc(n_cells * THAW_CHECK_MAX_REASONS, sizeof *held->reasons);
    held->report = (thaw_proof_matrix){.struct_size = sizeof held->report,
                                       .n_kinds = n_kinds,
                                       .kinds = held->kinds,
                                       .n_rows = n_rows,
                                       .rows = held->row_pointers};
    if (!held->rows || !held->row_pointers || !held->cells || !held->cell_pointers || !held->reasons) {
        thaw_proof_matrix_free(&held->report);
        return thaw_fail_memory(err, n_cells * sizeof *held->cells, "the matrix of a check");
    }
    fill_rows(held);
    *out = &held->report;
    return THAW_OK;
}

void thaw_proof_matrix_free(thaw_proof_matrix *matrix)
{
    held_matrix *held = (held_matrix *)matrix;
    if (!held)
        return;
    thaw_check_matrix_free(&held->own);
    free(held->rows);
    free(held->row_pointers);
    free(held->cells);
    free(held->cell_pointers);
    free(held->reasons);
    free(held);
}
