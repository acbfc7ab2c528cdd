/* check_json.c: `thaw check --json`; docs/check.md describes it. */
#include "check.h"

void check_json_begin(check_run *run, const check_result *result)
{
    const thaw_device_report *d = &result->about;
    cli_json *json = &run->json;
    cli_json_object(json, NULL);
    cli_json_text(json, "device", result->name);
    cli_json_text(json, "title", d->title);
    cli_json_text(json, "vendor", d->vendor);
    cli_json_text(json, "driver", d->driver);
    cli_json_text(json, "plugin", d->plugin_id);
    cli_json_text(json, "plugin_version", d->plugin_version);
    cli_json_text(json, "plugin_path", d->plugin_path);
    cli_json_text(json, "thaw", thaw_version());
    cli_json_text(json, "reference", run->args->reference);
    cli_json_count(json, "seed", run->args->seed);
    cli_json_count(json, "repeat", run->args->repeat);
    cli_json_array(json, "cases");
}

void check_json_case(check_run *run, const thaw_proof_case *c, const char *replay)
{
    cli_json *json = &run->json;
    cli_json_object(json, NULL);
    cli_json_text(json, "op", c->op);
    cli_json_text(json, "data", c->data);
    cli_json_text(json, "kind", c->kind);
    cli_json_text(json, "name", c->name);
    cli_json_count(json, "seed", c->seed);
    cli_json_text(json, "result", c->result == THAW_PROOF_FAILED ? "failed" : check_result_name(c->result));
    cli_json_count(json, "kernels", c->kernels);
    cli_json_real(json, "worst", c->worst);
    cli_json_real(json, "seconds", c->seconds);
    cli_json_text(json, "text", c->text);
    if (c->result == THAW_PROOF_FAILED)
        cli_json_text(json, "replay", replay);
    cli_json_end(json, '}');
}

static void write_cell(cli_json *json, const thaw_proof_row *row, const char *kind,
                       const thaw_proof_cell *cell)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "op", row->op);
    cli_json_text(json, "data", row->data);
    cli_json_text(json, "kind", kind);
    cli_json_count(json, "cases", cell->cases);
    cli_json_count(json, "passed", cell->passed);
    cli_json_count(json, "failed", cell->failed);
    cli_json_count(json, "declined", cell->declined);
    cli_json_count(json, "executed", cell->executed);
    cli_json_real(json, "worst", cell->worst);
    cli_json_array(json, "reasons");
    for (size_t i = 0; i < cell->n_reasons; i++) {
        cli_json_object(json, NULL);
        cli_json_text(json, "text", cell->reasons[i].text);
        cli_json_count(json, "cases", cell->reasons[i].cases);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_end(json, '}');
}

static void write_matrix(cli_json *json, const thaw_proof_matrix *matrix)
{
    cli_json_array(json, "matrix");
    for (size_t r = 0; matrix && r < matrix->n_rows; r++)
        for (uint32_t k = 0; k < matrix->n_kinds; k++)
            if (matrix->rows[r]->cells[k]->cases > 0)
                write_cell(json, matrix->rows[r], matrix->kinds[k], matrix->rows[r]->cells[k]);
    cli_json_end(json, ']');
}

static void write_share(cli_json *json, const thaw_share *share)
{
    cli_json_object(json, "share");
    cli_json_count(json, "batch", share->batch);
    cli_json_count(json, "places", share->places);
    cli_json_count(json, "taken", share->taken);
    cli_json_count(json, "macs", share->macs);
    cli_json_count(json, "taken_macs", share->taken_macs);
    cli_json_array(json, "ops");
    for (uint32_t i = 0; i < share->n_ops; i++) {
        const thaw_share_op *op = &share->ops[i];
        cli_json_object(json, NULL);
        cli_json_text(json, "op", op->op);
        cli_json_count(json, "places", op->places);
        cli_json_count(json, "taken", op->taken);
        cli_json_count(json, "macs", op->macs);
        cli_json_count(json, "taken_macs", op->taken_macs);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_end(json, '}');
}

void check_json_end(check_run *run, const check_result *result)
{
    cli_json *json = &run->json;
    const thaw_proof *proof = &result->proof;
    cli_json_end(json, ']');
    write_matrix(json, proof->matrix);
    if (result->has_share)
        write_share(json, &result->share);
    else
        cli_json_raw(json, "share", NULL);
    cli_json_count(json, "passed", proof->passed);
    cli_json_count(json, "failed", proof->failed);
    cli_json_count(json, "declined", proof->declined);
    cli_json_count(json, "executed", proof->executed);
    cli_json_real(json, "seconds", proof->seconds);
    cli_json_text(json, "error", result->status != THAW_OK ? result->err.text : NULL);
    cli_json_end(json, '}');
}
