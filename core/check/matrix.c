/* matrix.c: see matrix.h. */
#include "core/check/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* The row of an op with a type of data, made if need be. NULL when memory is exhausted. */
static thaw_check_row *row_of(thaw_check_matrix *matrix, const thaw_check_case *result)
{
    size_t at = 0;
    for (; at < matrix->count && matrix->rows[at].kind <= result->kind; at++)
        if (matrix->rows[at].kind == result->kind && strcmp(matrix->rows[at].data, result->data) == 0)
            return &matrix->rows[at];
    void *rows = matrix->rows;
    bool grown = thaw_grow(&rows, &matrix->capacity, matrix->count + 1, sizeof *matrix->rows);
    matrix->rows = rows;
    if (!grown)
        return NULL;
    thaw_check_row *row = &matrix->rows[at];
    memmove(row + 1, row, (matrix->count - at) * sizeof *row);
    matrix->count++;
    memset(row, 0, sizeof *row);
    row->op = result->op;
    row->kind = result->kind;
    snprintf(row->data, sizeof row->data, "%s", result->data);
    return row;
}

static bool add_reason(thaw_check_cell *cell, const char *text)
{
    for (size_t i = 0; i < cell->n_reasons; i++) {
        if (strcmp(cell->reasons[i].text, text) == 0) {
            cell->reasons[i].cases++;
            return true;
        }
    }
    if (cell->n_reasons == THAW_CHECK_MAX_REASONS)
        return true;
    char *copy = thaw_strdup(text);
    if (copy)
        cell->reasons[cell->n_reasons++] = (thaw_check_reason){copy, 1};
    return copy != NULL;
}

thaw_status thaw_check_matrix_add(thaw_check_matrix *matrix, const thaw_check_case *result,
                                  uint32_t kind_of_check, thaw_error *err)
{
    thaw_check_row *row = row_of(matrix, result);
    if (!row)
        return thaw_fail_memory(err, sizeof *row, "the matrix of a check");
    thaw_check_cell *cell = &row->cells[kind_of_check];
    cell->cases++;
    cell->executed += result->kernels > 0;
    if (result->worst > cell->worst)
        cell->worst = result->worst;
    cell->passed += result->result == THAW_CHECK_PASSED;
    cell->failed += result->result == THAW_CHECK_FAILED;
    cell->declined += result->result == THAW_CHECK_DECLINED;
    if (result->result == THAW_CHECK_DECLINED && !add_reason(cell, result->text))
        return thaw_fail_memory(err, strlen(result->text), "a reason");
    return THAW_OK;
}

void thaw_check_matrix_free(thaw_check_matrix *matrix)
{
    for (size_t r = 0; r < matrix->count; r++)
        for (size_t k = 0; k < THAW_CHECK_MAX_KINDS; k++)
            for (size_t i = 0; i < matrix->rows[r].cells[k].n_reasons; i++)
                free(matrix->rows[r].cells[k].reasons[i].text);
    free(matrix->rows);
    *matrix = (thaw_check_matrix){0};
}
