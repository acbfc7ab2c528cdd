/* ops.c: each op of a program alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/bench/room.h"

#define SAMPLE 0.002 /* seconds of a sample at least, */
/* as far as so many runs take that long: more of them are no program's, and a queue is not endless. */
#define MAX_TIMES 256u
/* An optimizer step of more tensors than a case can hold is timed in pieces of so many. */
#define ADAM_PIECE 4u

/* ---- the list --------------------------------------------------------------------------------------- */

static uint64_t bytes_of(const thaw_op *op)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        const thaw_tensor *t = i < op->n_in ? op->in[i] : op->out[i - op->n_in];
        bytes +=
            (uint64_t)t->n * (uint64_t)t->h * (uint64_t)t->w * (uint64_t)t->c * thaw_dtype_bytes(t->dtype);
    }
    return bytes;
}

/* Tensors first … first + n - 1 of an ADAM and no others. */
static bool adam_piece(const thaw_op *whole, uint32_t first, uint32_t n, check_case *out)
{
    const thaw_tensor *in[1 + 4 * ADAM_PIECE], *outputs[3 * ADAM_PIECE];
    thaw_op piece = *whole;
    in[0] = whole->in[0];
    for (uint32_t i = 0; i < 4 * n; i++)
        in[1 + i] = whole->in[1 + 4 * first + i];
    for (uint32_t i = 0; i < 3 * n; i++)
        outputs[i] = whole->out[3 * first + i];
    piece.in = in;
    piece.out = outputs;
    piece.n_in = 1 + 4 * n;
    piece.n_out = 3 * n;
    return thaw_check_case_of(&piece, 0, out);
}

static bool add_adam_pieces(const thaw_op *op, bench_op_entry *entry)
{
    const uint32_t tensors = op->n_out / 3;
    for (uint32_t first = 0; first < tensors; first += ADAM_PIECE) {
        uint32_t n = tensors - first < ADAM_PIECE ? tensors - first : ADAM_PIECE;
        if (!adam_piece(op, first, n, &entry->cases[entry->n_cases++]))
            return false;
    }
    return true;
}

static thaw_status make_cases(const thaw_op *op, bench_op_entry *entry, thaw_error *err)
{
    const bool pieces = op->kind == THAW_OP_ADAM && op->n_in + op->n_out > CHECK_MAX_ARGS;
    const size_t n = pieces ? (op->n_out / 3 + ADAM_PIECE - 1) / ADAM_PIECE : 1;
    entry->cases = thaw_calloc(n, sizeof *entry->cases);
    if (!entry->cases)
        return thaw_fail_memory(err, n * sizeof *entry->cases, "the cases of an op");
    if (!pieces)
        entry->n_cases = 1;
    if (pieces ? !add_adam_pieces(op, entry) : !thaw_check_case_of(op, 0, &entry->cases[0]))
        snprintf(entry->row.error, sizeof entry->row.error, "it has too many tensors to be timed alone");
    return THAW_OK;
}

static bench_op_entry *find(bench_ops *ops, const char *signature, const char *algorithm)
{
    for (size_t i = 0; i < ops->count; i++)
        if (strcmp(ops->items[i].row.signature, signature) == 0 &&
            strcmp(ops->items[i].row.algorithm, algorithm) == 0)
            return &ops->items[i];
    return NULL;
}

static thaw_status add_op(bench_ops *ops, const thaw_op *op, const bench_op *row, thaw_error *err)
{
    void *items = ops->items;
    bench_op_entry *entry = find(ops, row->signature, row->algorithm);
    if (entry) {
        entry->row.places += row->places;
        return THAW_OK;
    }
    if (!thaw_grow(&items, &ops->capacity, ops->count + 1, sizeof *ops->items))
        return thaw_fail_memory(err, sizeof *ops->items, "a list of ops");
    ops->items = items;
    entry = &ops->items[ops->count++];
    *entry = (bench_op_entry){.row = *row};
    return make_cases(op, entry, err);
}

static thaw_status note_op(const thaw_placement *placement, size_t i, const bench_device *device,
                           const bench_section *section, bench_ops *out, thaw_error *err)
{
    const thaw_gop *op = &placement->graph.ops[i];
    const thaw_placed_op *placed = &placement->ops[i];
    const thaw_gtensor *y = &placement->graph.tensors[op->out[0]];
    bench_op row = {.program = section->kind,
                    .batch = section->batch,
                    .op = thaw_op_facts_of(op->kind)->name,
                    .places = thaw_op_times(&placement->graph, op),
                    .macs = thaw_op_macs(&placement->graph, op) / thaw_op_times(&placement->graph, op)};
    thaw_op_desc desc;
    thaw_status st = thaw_op_describe(&placement->graph, i, BENCH_RUNS, &desc, err);
    if (st != THAW_OK)
        return st;
    thaw_op_signature(&desc.op, row.signature);
    row.bytes = bytes_of(&desc.op);
    snprintf(row.label, sizeof row.label, "%s", op->label);
    snprintf(row.shape, sizeof row.shape, "%dx%dx%dx%d", op->rows > 0 ? (int32_t)op->rows : y->n, y->h, y->w,
             y->c);
    snprintf(row.algorithm, sizeof row.algorithm, "%s", placed->info.name);
    if (placed->dev != THAW_HOME)
        snprintf(row.error, sizeof row.error, "runs on %s: %s", device->where.fallback_dev->name,
                 placed->reason);
    st = add_op(out, &desc.op, &row, err);
    thaw_op_desc_free(&desc);
    return st;
}

thaw_status bench_ops_gather(const thaw_placement *placement, const bench_device *device,
                             const bench_section *section, bench_ops *out, thaw_error *err)
{
    thaw_status st = THAW_OK;
    bench_ops_free(out);
    for (size_t i = 0; st == THAW_OK && i < placement->graph.n_ops; i++)
        st = note_op(placement, i, device, section, out, err);
    return st;
}

void bench_ops_free(bench_ops *ops)
{
    for (size_t i = 0; i < ops->count; i++)
        free(ops->items[i].cases);
    free(ops->items);
    *ops = (bench_ops){0};
}

/* ---- timing ----------------------------------------------------------------------------------------- */

/* Adds the samples of one case to those of the op's other pieces. *n: repetitions, chosen at the first. */
static thaw_status time_kernel(const bench_run *run, tune_bench *bench, thaw_kernel *kernel, double *samples,
                               uint32_t *n, thaw_error *err)
{
    const bench_options *o = run->options;
    double once = 0, spent = 0;
    thaw_status st = THAW_OK;
    /* The first run does not count: some drivers compile in it. */
    for (uint32_t i = 0; st == THAW_OK && i < 2; i++)
        st = tune_bench_time(bench, kernel, 1, &once, err);
    double wanted = SAMPLE / (once > 1e-9 ? once : 1e-9);
    uint32_t times = wanted < 1 ? 1 : wanted > MAX_TIMES ? MAX_TIMES : (uint32_t)(wanted + 1), i = 0;
    const uint32_t fixed = *n;
    for (; st == THAW_OK && !bench_stopped(run) &&
           (fixed > 0 ? i < fixed : bench_again(o, i, spent, o->op_seconds));
         i++) {
        double seconds;
        st = tune_bench_time(bench, kernel, times, &seconds, err);
        samples[i] += seconds;
        spent += seconds * times;
    }
    *n = i;
    return st;
}

static thaw_status time_case(const bench_run *run, const check_side *side, const bench_op *row,
                             const check_case *c, double *samples, uint32_t *n, thaw_error *err)
{
    tune_bench bench;
    thaw_op_info info;
    thaw_kernel *kernel = NULL;
    thaw_status st = tune_bench_open(side, c, &bench, err);
    if (st == THAW_OK && !thaw_choices_named(side->dev, &bench.desc.op, row->algorithm, &info))
        st = thaw_fail(err, THAW_E_UNSUPPORTED, "the algorithm %s is not offered for the op alone",
                       row->algorithm);
    if (st == THAW_OK)
        st = tune_bench_prepare(&bench, &info, &kernel, err);
    if (st == THAW_OK)
        st = time_kernel(run, &bench, kernel, samples, n, err);
    thaw_error ignored;
    if (st != THAW_OK)
        side->dev->ops.stream_sync(side->stream, &ignored); /* an error may have left work behind */
    side->dev->ops.kernel_destroy(side->dev->handle, kernel);
    tune_bench_close(&bench);
    return st;
}

/* What the same op took in a program before, if it was there. */
static const bench_op *timed_before(const bench_device *device, const bench_op *row)
{
    for (size_t i = 0; i < device->n_ops; i++) {
        const bench_op *o = &device->ops[i];
        if (!o->error[0] && strcmp(o->signature, row->signature) == 0 &&
            strcmp(o->algorithm, row->algorithm) == 0)
            return o;
    }
    return NULL;
}

static thaw_status time_op(const bench_run *run, const check_side *side, const bench_op_entry *entry,
                           double *samples, bench_op *row, thaw_error *err)
{
    uint32_t n = 0;
    thaw_status st = THAW_OK;
    memset(samples, 0, run->options->repeat * sizeof *samples);
    for (size_t i = 0; st == THAW_OK && i < entry->n_cases && !bench_stopped(run); i++)
        st = time_case(run, side, &entry->row, &entry->cases[i], samples, &n, err);
    if (st == THAW_OK && !bench_stopped(run))
        row->seconds = thaw_bench_stat_of(samples, n);
    return st;
}

static thaw_status append(bench_device *device, const bench_op *row, thaw_error *err)
{
    void *items = device->ops;
    if (!thaw_grow(&items, &device->op_capacity, device->n_ops + 1, sizeof *row))
        return thaw_fail_memory(err, sizeof *row, "a table of ops");
    device->ops = items;
    device->ops[device->n_ops++] = *row;
    return THAW_OK;
}

static thaw_status measure_op(bench_run *run, bench_device *device, const check_side *side,
                              const bench_op_entry *entry, double *samples, thaw_error *err)
{
    bench_op row = entry->row;
    thaw_error why = {0};
    const bench_op *before = timed_before(device, &row);
    thaw_status st = THAW_OK;
    if (before)
        row.seconds = before->seconds;
    else if (!row.error[0])
        st = time_op(run, side, entry, samples, &row, &why);
    if (st != THAW_OK)
        snprintf(row.error, sizeof row.error, "%.*s", (int)sizeof row.error - 1, why.text);
    bench_look_after(device, st);
    return row.seconds.n > 0 || row.error[0] ? append(device, &row, err) : THAW_OK;
}

static void share_out(bench_op *rows, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += rows[i].seconds.median * (double)rows[i].places;
    for (size_t i = 0; i < n; i++)
        rows[i].share = sum > 0 ? rows[i].seconds.median * (double)rows[i].places / sum : 0;
}

static thaw_status measure_list(bench_run *run, bench_device *device, const bench_ops *ops, double *samples,
                                thaw_error *err)
{
    check_side side = {.dev = device->where.dev};
    char what[32];
    thaw_error why = {0};
    thaw_status st = thaw_check_stream(&side, &side.stream, &why);
    if (st != THAW_OK) {
        bench_note_down(device, "its ops were not timed: %s", why.text);
        return THAW_OK;
    }
    snprintf(what, sizeof what, "ops of %s", thaw_bench_kind_name(ops->items[0].row.program));
    for (size_t i = 0; st == THAW_OK && i < ops->count && !device->lost && !bench_stopped(run); i++) {
        bench_tell(run, device, what, ops->items[i].row.batch, BENCH_MEASURING, (uint32_t)i + 1,
                   (uint32_t)ops->count);
        st = measure_op(run, device, &side, &ops->items[i], samples, err);
    }
    side.dev->ops.stream_destroy(side.dev->handle, side.stream);
    return st;
}

thaw_status bench_measure_ops(bench_run *run, bench_device *device, const bench_ops *ops, thaw_error *err)
{
    const size_t first = device->n_ops;
    if (ops->count == 0 || device->lost)
        return THAW_OK;
    double *samples = thaw_calloc(run->options->repeat, sizeof *samples);
    thaw_status st = samples ? measure_list(run, device, ops, samples, err)
                             : thaw_fail_memory(err, run->options->repeat * sizeof *samples, "samples");
    free(samples);
    share_out(device->ops + first, device->n_ops - first);
    return st == THAW_OK && bench_stopped(run) ? bench_fail_stopped(err) : st;
}
