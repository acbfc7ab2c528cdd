/* check_text.c: `thaw check` for people: failures as they happen, then the matrix and what to do next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "table.h"

#define MAX_NEXT 3

const char *check_result_name(int32_t result)
{
    return result == THAW_PROOF_PASSED ? "passed" : result == THAW_PROOF_FAILED ? "FAILED" : "declined";
}

void check_text_begin(const check_result *result)
{
    const thaw_device_report *d = &result->about;
    /* One that is not listed will not open. */
    if (*d->plugin_id)
        printf("== %s: %s (plugin %s %s)\n", result->name, *d->title ? d->title : "?", d->plugin_id,
               d->plugin_version);
    fflush(stdout);
}

void check_text_case(const check_run *run, const thaw_proof_case *c, const char *replay)
{
    if (c->result != THAW_PROOF_FAILED) {
        printf("%-8s %s%s%s\n", check_result_name(c->result), c->name, *c->text ? ": " : "", c->text);
    } else {
        printf("FAILED   %s: %s\n", c->name, c->text);
        printf("         %s\n", replay ? replay : "(no memory for the command that runs it again)");
    }
    if (!run->args->common.verbose)
        fflush(stdout);
}

/* ---- what is next ---------------------------------------------------------------------------------------
 */

static void print_declined(const thaw_proof_matrix *matrix, const check_notes *notes)
{
    char rows[CHECK_ROWS_MAX];
    if (notes->count > 0)
        printf("\ndeclined (the CPU device computes an op that is):\n");
    for (size_t i = 0; i < notes->count; i++) {
        size_t cases;
        check_declined_rows(matrix, notes->texts[i], rows, &cases);
        printf("  [%zu] %s\n      %zu cases: %s\n", i + 1, notes->texts[i], cases, rows);
    }
}

static int by_what_is_left(const void *a, const void *b)
{
    const thaw_share_op *x = a, *y = b;
    uint64_t macs_x = x->macs - x->taken_macs, macs_y = y->macs - y->taken_macs;
    size_t places_x = x->places - x->taken, places_y = y->places - y->taken;
    if (macs_x != macs_y)
        return macs_x < macs_y ? 1 : -1;
    return places_x < places_y ? 1 : places_x > places_y ? -1 : strcmp(x->op, y->op);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100 * (double)part / (double)whole : 0;
}

static void print_share(const char *device, const thaw_share *share)
{
    thaw_share sorted = *share;
    if (share->taken == share->places) {
        printf("\n%s takes all %zu ops of a fine-tuning step.\n", device, share->places);
        return;
    }
    printf("\nOf a fine-tuning step (the default recipe, %u photos) %s takes %zu of %zu ops and %.1f %% of "
           "the\n"
           "multiply-accumulates.\nnext:",
           (unsigned)share->batch, device, share->taken, share->places,
           percent(share->taken_macs, share->macs));
    qsort(sorted.ops, sorted.n_ops, sizeof sorted.ops[0], by_what_is_left);
    for (uint32_t i = 0; i < sorted.n_ops && i < MAX_NEXT; i++) {
        const thaw_share_op *op = &sorted.ops[i];
        if (op->taken == op->places)
            break;
        printf("%s %s (%zu of %zu ops, %.1f %%)", i ? "," : "", op->op, op->places - op->taken, op->places,
               percent(op->macs - op->taken_macs, share->macs));
    }
    printf("\n");
}

/* The first failure of each op has been printed. */
static void print_further(const check_run *run, const check_result *result)
{
    size_t further = result->proof.failed - result->n_failures, named = 0;
    if (run->args->common.verbose || further == 0)
        return;
    printf("\n%zu further cases failed (-v prints each):", further);
    for (uint32_t i = 0; i < result->proof.n_ops; i++) {
        const thaw_proof_op *op = &result->proof.ops[i];
        if (op->failed > 1)
            printf("%s %s %zu", named++ ? "," : "", op->op, op->failed - 1);
    }
    printf("\n");
}

void check_text_end(const check_run *run, const check_result *result)
{
    const thaw_proof *proof = &result->proof;
    check_notes notes = {0};
    char seconds[24];
    if (proof->cases == 0)
        return;
    if (proof->matrix) {
        if (run->args->common.verbose || result->n_failures > 0)
            printf("\n");
        check_table(proof->matrix, &notes);
        print_declined(proof->matrix, &notes);
    }
    if (result->has_share)
        print_share(result->name, &result->share);
    print_further(run, result);
    cli_format_seconds(proof->seconds, seconds);
    printf("\n%s: %zu cases: %zu passed, %zu failed, %zu declined; seed %llu, %s\n", result->name,
           proof->cases, proof->passed, proof->failed, proof->declined, (unsigned long long)proof->seed,
           seconds);
    fflush(stdout);
    check_notes_free(&notes);
}
