/* check.h: what the files of `thaw check` share. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli.h"
#include "json.h"

typedef struct check_args {
    cli_common common;
    cli_list devices, ops, kinds; /* as given; devices: none means all, or those of file */
    char *op, *kind;              /* ops and kinds with commas between; owned; NULL: all */
    const char *reference, *name;
    const char *weights, *image; /* instead of cases: a model's own convolutions */
    const char *file;            /* the plugin, or NULL */
    uint32_t seed, repeat;
    bool list, markdown, fail_fast;
} check_args;

/* The first case of an op that failed. */
typedef struct check_failure {
    char op[32];
    char *name, *text, *replay; /* owned */
} check_failure;

/* A device, and what became of it. */
typedef struct check_result {
    const char *name;         /* as it is opened */
    thaw_device_report about; /* nothing but "" where the device is not listed */
    thaw_proof proof;
    thaw_status status;
    thaw_error err;
    thaw_share share;
    bool has_share; /* only asked for where something was declined */
    check_failure *failures;
    size_t n_failures;
} check_result;

typedef struct check_run {
    const check_args *args;
    thaw_context *context;
    const volatile sig_atomic_t *signalled;
    volatile sig_atomic_t stop; /* that, or nobody can read what is printed */
    cli_progress progress;
    cli_json json;
    check_result *results;
    size_t n_results;
    check_result *now; /* under way */
    char *replay;      /* of the case under way; owned */
} check_run;

/* Checks the devices that args name, and prints; the exit code (check_run.c). */
int check_devices(check_args *args);
/* --weights: the errors of each device's algorithms on a model's own numbers; the exit code
 * (check_rounding.c). */
int check_rounding(check_run *run, const char *const *names, size_t n);
/* What selects cases; the rest has its defaults. */
thaw_proof_options check_options(const check_args *args);
/* "passed", "FAILED", "declined". */
const char *check_result_name(int32_t result);

/* ---- the command that runs one case again (check_replay.c) ---------------------------------------- */

/* To be pasted into a shell. NULL when memory is exhausted; freed by free(). */
char *check_replay(const check_args *args, const char *device, const thaw_proof_case *c);

/* ---- which cases there are (check_list.c) ----------------------------------------------------------- */

/* -1, or the exit code after a message if --op or --kind names what is not there. Joins the lists. */
int check_select(const cli_usage *usage, check_args *args);
/* Whether any case is selected; false after a message with the nearest ones. */
bool check_any(const check_args *args);
/* --list; what: NULL, "ops" or "kinds". */
int check_list(const check_args *args, const char *what);

/* ---- cells of the matrix (check_cells.c) ------------------------------------------------------------ */

/* Different reasons, numbered from 1 in the order of their first cell. Freed by check_notes_free. */
typedef struct check_notes {
    const char **texts; /* the matrices' */
    size_t count;
} check_notes;
void check_notes_free(check_notes *notes);

#define CHECK_CELL_MAX 160
/* Some cells of a row as one: "12" passed, "12, 3 [1]" (3 were declined), "[1]", "FAILED 2 of 7"; "-" where
 * there is no case. In Markdown: "passed 12", "passed 12, declined 3[^1]", "declined[^1]". */
void check_cell(const thaw_proof_cell *const *cells, uint32_t n, bool markdown, check_notes *notes,
                char out[CHECK_CELL_MAX]);
/* Whether any row of the matrix has cases of a kind. */
bool check_has_kind(const thaw_proof_matrix *matrix, uint32_t kind);
#define CHECK_ROWS_MAX 1024
/* "conv2d, cast f32→f16": the ops, or rows of them, that were declined for this reason; *cases: how often. */
void check_declined_rows(const thaw_proof_matrix *matrix, const char *reason, char out[CHECK_ROWS_MAX],
                         size_t *cases);

/* The matrix as text (check_table.c). */
void check_table(const thaw_proof_matrix *matrix, check_notes *notes);

/* ---- the three outputs ------------------------------------------------------------------------------ */

void check_text_begin(const check_result *result);
void check_text_case(const check_run *run, const thaw_proof_case *c, const char *replay);
void check_text_end(const check_run *run, const check_result *result);

void check_json_begin(check_run *run, const check_result *result);
void check_json_case(check_run *run, const thaw_proof_case *c, const char *replay);
void check_json_end(check_run *run, const check_result *result);

/* After all devices: the table over them, where there are several, and a section for each. */
void check_markdown(const check_run *run);

#endif
