/* matrix.h: what a device can do, by op and type of data, and by kind of check. */
#ifndef THAW_CHECK_MATRIX_H
#define THAW_CHECK_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/check/check.h"

/* Different reasons of one cell that are kept; a device that names the shape has one for each case. */
#define THAW_CHECK_MAX_REASONS 4u

typedef struct thaw_check_reason {
    char *text; /* owned */
    size_t cases;
} thaw_check_reason;

typedef struct thaw_check_cell {
    size_t cases, passed, failed, declined;
    size_t executed; /* cases in which a kernel of the device ran */
    double worst;
    size_t n_reasons; /* why cases were declined, the first ones */
    thaw_check_reason reasons[THAW_CHECK_MAX_REASONS];
} thaw_check_cell;

typedef struct thaw_check_row {
    const char *op;
    uint32_t kind;                               /* THAW_OP_*, or 0 */
    char data[THAW_CHECK_DATA_MAX];              /* as thaw_check_case.data */
    thaw_check_cell cells[THAW_CHECK_MAX_KINDS]; /* by number of the kind of check */
} thaw_check_row;

/* Zero it to begin. Rows are sorted by op; those of one op are in the order in which they came. */
struct thaw_check_matrix {
    thaw_check_row *rows;
    size_t count, capacity;
};

/* Counts one result. kind_of_check: its number. */
thaw_status thaw_check_matrix_add(thaw_check_matrix *matrix, const thaw_check_case *result,
                                  uint32_t kind_of_check, thaw_error *err);
/* Zeroes it as well. */
void thaw_check_matrix_free(thaw_check_matrix *matrix);

#endif
