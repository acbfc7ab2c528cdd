/* test_report.c: a check as thaw.h shows it: what is listed is what runs, and the matrix has it all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/kinds.h"
#include "helpers.h"
#include "thaw/thaw.h"

static thaw_context *context;

/* What callbacks were told. */
typedef struct {
    size_t begun, ended, total, declined;
    char names[2048][128]; /* of on_begin */
    size_t stop_after;     /* cases after which the flag is set; 0: never */
    volatile sig_atomic_t stop;
} record;

static void on_begin(void *ctx, const thaw_proof_case *c)
{
    record *r = ctx;
    assert_int_equal(c->index, r->begun);
    assert_true(c->total > c->index);
    assert_non_null(c->kind);
    assert_non_null(c->data);
    assert_string_equal(c->text, "");
    if (r->begun < sizeof r->names / sizeof r->names[0])
        snprintf(r->names[r->begun], sizeof r->names[0], "%s", c->name);
    r->begun++;
    r->total = c->total;
}

static void on_case(void *ctx, const thaw_proof_case *c)
{
    record *r = ctx;
    assert_int_equal(c->index, r->ended);
    assert_int_equal(r->begun, r->ended + 1);
    assert_string_equal(c->name, r->names[r->ended]);
    r->declined += c->result == THAW_PROOF_DECLINED;
    r->stop = ++r->ended == r->stop_after;
}

static thaw_proof_options options_for(const char *device, record *r)
{
    thaw_proof_options options;
    memset(r, 0, sizeof *r);
    thaw_proof_options_init(&options, sizeof options);
    options.device = device;
    options.on_begin = on_begin;
    options.on_case = on_case;
    options.ctx = r;
    options.cancel = &r->stop;
    options.matrix = 1;
    return options;
}

static thaw_status prove(const thaw_proof_options *options, thaw_proof *proof, thaw_error *err)
{
    memset(err, 0, sizeof *err);
    return thaw_prove_device(context, options, proof, sizeof *proof, err);
}

static const thaw_proof_cell *find(const thaw_proof_matrix *matrix, const char *op, const char *data,
                                   const char *kind)
{
    for (size_t r = 0; r < matrix->n_rows; r++)
        for (uint32_t k = 0; k < matrix->n_kinds; k++)
            if (strcmp(matrix->rows[r]->op, op) == 0 && strcmp(matrix->rows[r]->data, data) == 0 &&
                strcmp(matrix->kinds[k], kind) == 0)
                return matrix->rows[r]->cells[k];
    fail_msg("no cell %s %s %s", op, data, kind);
    return NULL;
}

static record run_record, list_record;

static void what_is_listed_runs(void **state)
{
    (void)state;
    thaw_proof proof;
    thaw_error err = {0};
    thaw_proof_options options = options_for("cpu:0", &run_record);
    options.op = "add,relu_bwd,cast";
    options.kind = "values,misuse";
    options.repeat = 2;
    assert_int_equal(prove(&options, &proof, &err), THAW_OK);
    thaw_proof_matrix_free(proof.matrix);
    options.ctx = memset(&list_record, 0, sizeof list_record);
    assert_int_equal(thaw_proof_list(&options, &err), THAW_OK);
    assert_int_equal(list_record.begun, run_record.ended);
    assert_int_equal(list_record.total, run_record.total);
    assert_int_equal(list_record.begun, list_record.total);
    assert_int_equal(proof.cases, run_record.ended);
    assert_memory_equal(list_record.names, run_record.names, sizeof run_record.names);
}

static void every_type_has_a_name(void **state)
{
    (void)state;
    check_list list;
    thaw_error err = {0};
    assert_int_equal(thaw_check_cases(1, &list, &err), THAW_OK);
    for (size_t i = 0; i < list.count; i++)
        if (!thaw_check_kind_name((uint32_t)list.items[i].type))
            fail_msg("%s: type %d has no line in kinds.c", list.items[i].name, (int)list.items[i].type);
    thaw_check_list_free(&list);
}

static void the_matrix_counts_every_case(void **state)
{
    (void)state;
    thaw_proof proof;
    thaw_error err;
    size_t cases = 0, declined = 0;
    thaw_proof_options options = options_for("toy:0", &run_record);
    prove(&options, &proof, &err);
    assert_non_null(proof.matrix);
    const thaw_proof_matrix *m = proof.matrix;
    for (size_t r = 0; r < m->n_rows; r++)
        for (uint32_t k = 0; k < m->n_kinds; k++) {
            const thaw_proof_cell *cell = m->rows[r]->cells[k];
            assert_int_equal(cell->cases, cell->passed + cell->failed + cell->declined);
            assert_int_equal(cell->declined > 0, cell->n_reasons > 0);
            cases += cell->cases;
            declined += cell->declined;
        }
    assert_int_equal(cases, run_record.ended);
    assert_int_equal(declined, run_record.declined);
    assert_int_equal(proof.declined, run_record.declined);
    const thaw_proof_cell *cell = find(m, "cast", "u8→f32", "values");
    assert_int_equal(cell->declined, cell->cases);
    assert_string_equal(cell->reasons[0].text, "not among the ops of the toy");
    assert_int_equal(cell->reasons[0].cases, cell->cases);
    cell = find(m, "conv2d", "tf32", "values");
    assert_true(cell->passed > 0 && cell->executed == cell->passed);
    /* What is declined is the backward op. */
    cell = find(m, "conv2d", "f32", "adjoint");
    assert_non_null(strstr(cell->reasons[0].text, "conv2d_bwd_"));
    thaw_proof_matrix_free(proof.matrix);
}

static void a_filter_takes_one_case_or_says_what_there_is(void **state)
{
    (void)state;
    thaw_proof proof;
    thaw_error err;
    thaw_proof_options options = options_for("cpu:0", &run_record);
    options.name = "=add/2_2x5x7x64";
    assert_int_equal(prove(&options, &proof, &err), THAW_OK);
    assert_int_equal(proof.cases, 1);
    thaw_proof_matrix_free(proof.matrix);
    options.name = "=add/2_2x5x7x6";
    assert_int_equal(prove(&options, &proof, &err), THAW_E_CHECK);
    assert_int_equal(proof.cases, 0);
    thaw_proof_matrix_free(proof.matrix);
    options.name = NULL;
    options.op = "add,sub";
    assert_int_equal(prove(&options, &proof, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "\"sub\""));
    assert_non_null(strstr(err.text, "adam"));
    thaw_proof_matrix_free(proof.matrix);
    options.op = NULL;
    options.kind = "value";
    assert_int_equal(thaw_proof_list(&options, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "adjoint"));
    options.on_begin = NULL;
    assert_int_equal(thaw_proof_list(&options, &err), THAW_E_INVALID);
}

static void stops_between_cases(void **state)
{
    (void)state;
    thaw_proof proof;
    thaw_error err;
    thaw_proof_options options = options_for("cpu:0", &run_record);
    run_record.stop_after = 5;
    assert_int_equal(prove(&options, &proof, &err), THAW_E_CANCELLED);
    assert_int_equal(proof.cases, 5);
    assert_int_equal(run_record.ended, 5);
    assert_non_null(strstr(err.text, "stopped after 5 of "));
    assert_int_equal(proof.matrix->n_rows, 1);
    thaw_proof_matrix_free(proof.matrix);
}

/* Structs as they were before they grew. */
static void older_callers_are_served(void **state)
{
    (void)state;
    thaw_error err = {0};
    struct {
        thaw_proof proof;
        char behind[64];
    } out;
    const size_t old_options = offsetof(thaw_proof_options, kind), old_proof = offsetof(thaw_proof, matrix);
    thaw_proof_options options;
    memset(&options, 0xff, sizeof options);
    thaw_proof_options_init(&options, old_options);
    options.device = "cpu:0";
    options.op = "add";
    memset(&out, 0x5a, sizeof out);
    assert_int_equal(thaw_prove_device(context, &options, &out.proof, old_proof, &err), THAW_OK);
    assert_true(out.proof.cases > 10);
    for (const char *p = (const char *)&out.proof + old_proof; p < out.behind + sizeof out.behind; p++)
        assert_int_equal(*p, 0x5a);
    /* Asks for a matrix that it has no place for. */
    record *r = &run_record;
    options = options_for("cpu:0", r);
    options.op = "add";
    assert_int_equal(thaw_prove_device(context, &options, &out.proof, old_proof, &err), THAW_OK);
}

static void tells_how_much_of_a_step_a_device_takes(void **state)
{
    (void)state;
    thaw_error err = {0};
    thaw_share cpu, toy;
    uint64_t macs = 0;
    assert_int_equal(thaw_device_share(context, "cpu:0", &cpu, sizeof cpu, &err), THAW_OK);
    assert_int_equal(cpu.taken, cpu.places);
    assert_int_equal(cpu.taken_macs, cpu.macs);
    for (uint32_t i = 0; i < cpu.n_ops; i++)
        macs += cpu.ops[i].macs;
    assert_int_equal(macs, cpu.macs);
    /* It has the forward convolutions, and neither of their backward ops. */
    assert_int_equal(thaw_device_share(context, "toy:0", &toy, sizeof toy, &err), THAW_OK);
    assert_int_equal(toy.macs, cpu.macs);
    assert_true(toy.taken_macs > 0 && toy.taken_macs < toy.macs / 2);
    for (uint32_t i = 0; i < toy.n_ops; i++) {
        bool forward = strcmp(toy.ops[i].op, "conv2d") == 0;
        if (forward || strncmp(toy.ops[i].op, "conv2d_bwd", 10) == 0)
            assert_int_equal(toy.ops[i].taken, forward ? toy.ops[i].places : 0);
    }
    assert_int_equal(thaw_device_share(context, "nobody:0", &toy, sizeof toy, &err), THAW_E_NOT_FOUND);
}

static int start(void **state)
{
    (void)state;
    static const char *const plugins[] = {CPU_PLUGIN, TOY_PLUGIN};
    thaw_context_options options;
    thaw_error err = {0};
    thaw_context_options_init(&options, sizeof options);
    options.threads = 2;
    options.plugins = plugins;
    options.n_plugins = 2;
    options.no_search = 1;
    if (thaw_context_create(&options, &context, &err) == THAW_OK)
        return 0;
    print_error("%s\n", err.text);
    return -1;
}

static int stop(void **state)
{
    (void)state;
    thaw_context_free(context);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_listed_runs),
                                       cmocka_unit_test(every_type_has_a_name),
                                       cmocka_unit_test(the_matrix_counts_every_case),
                                       cmocka_unit_test(a_filter_takes_one_case_or_says_what_there_is),
                                       cmocka_unit_test(stops_between_cases),
                                       cmocka_unit_test(older_callers_are_served),
                                       cmocka_unit_test(tells_how_much_of_a_step_a_device_takes)};
    return cmocka_run_group_tests(tests, start, stop);
}
