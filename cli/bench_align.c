/* bench_align.c: the same section, batch or op of several devices side by side. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_comparison.h"

static bool no_memory(void)
{
    fprintf(stderr, "thaw: out of memory while comparing\n");
    return false;
}

/* ---- figures ---------------------------------------------------------------------------------------- */

const bench_section *cli_bench_cell(const bench_comparison *c, size_t row, size_t column)
{
    return c->cells[row * c->n_columns + column];
}

double cli_bench_rate(const bench_section *section)
{
    return section && !*section->error ? section->images_per_second : NAN;
}

double cli_bench_quotient(double x, double base)
{
    return base > 0 ? x / base : NAN;
}

double cli_bench_ratio(const bench_comparison *c, size_t row, size_t column)
{
    return cli_bench_quotient(cli_bench_rate(cli_bench_cell(c, row, column)),
                              cli_bench_rate(cli_bench_cell(c, row, 0)));
}

double cli_bench_spread(const bench_stat *s)
{
    return cli_bench_quotient(s->max - s->min, s->median);
}

double cli_bench_cost(const bench_op *op)
{
    double seconds = op->seconds.median * (op->places >= 1 ? op->places : 1);
    return isnan(seconds) ? 0 : seconds;
}

size_t cli_bench_batches(const bench_comparison *c, size_t first)
{
    size_t n = 1;
    while (first + n < c->n_rows && strcmp(c->rows[first + n].name, c->rows[first].name) == 0)
        n++;
    return n;
}

/* ---- columns ---------------------------------------------------------------------------------------- */

static bool same_machine(const bench_file *a, const bench_file *b)
{
    return strcmp(a->host.cpu, b->host.cpu) == 0 && strcmp(a->host.os, b->host.os) == 0 &&
           !(a->host.memory_bytes < b->host.memory_bytes) && !(a->host.memory_bytes > b->host.memory_bytes);
}

static bool add_columns(bench_comparison *c, const bench_file *files, size_t n)
{
    for (size_t f = 0; f < n; f++) {
        c->several_machines = c->several_machines || !same_machine(&files[0], &files[f]);
        for (size_t d = 0; d < files[f].n_devices; d++) {
            if (c->n_columns == BENCH_MAX_COLUMNS) {
                fprintf(stderr, "thaw: more than %d devices: compare fewer files at a time\n",
                        BENCH_MAX_COLUMNS);
                return false;
            }
            c->columns[c->n_columns++] = (bench_column){.file = &files[f], .device = &files[f].devices[d]};
        }
    }
    return true;
}

/* The column that a person calls by a device's name or a letter; false after a message. */
static bool find_column(const bench_comparison *c, const char *name, size_t *column)
{
    size_t found = 0;
    if (name[0] >= 'A' && name[0] < 'A' + (int)c->n_columns && !name[1]) {
        *column = (size_t)(name[0] - 'A');
        return true;
    }
    for (size_t i = c->n_columns; i-- > 0;) {
        if (strcmp(c->columns[i].device->name, name) != 0)
            continue;
        *column = i;
        found++;
    }
    if (found == 1)
        return true;
    if (found == 0)
        fprintf(stderr,
                "thaw: --baseline %s: no device has that name or letter; the letters go from A to %c\n", name,
                'A' + (int)c->n_columns - 1);
    else
        fprintf(stderr, "thaw: --baseline %s: %zu devices have that name; give a letter, the first is %c\n",
                name, found, 'A' + (int)*column);
    return false;
}

/* The baseline, its file's other devices, all others: a file's devices stay together. */
static int place_of(const bench_column *k, const bench_column *baseline)
{
    return k->device == baseline->device ? 0 : k->file == baseline->file ? 1 : 2;
}

static bool order_columns(bench_comparison *c, const char *baseline)
{
    bench_column sorted[BENCH_MAX_COLUMNS];
    size_t first = 0, n = 0;
    if (baseline && !find_column(c, baseline, &first))
        return false;
    for (int place = 0; place < 3; place++)
        for (size_t i = 0; i < c->n_columns; i++)
            if (place_of(&c->columns[i], &c->columns[first]) == place)
                sorted[n++] = c->columns[i];
    for (size_t i = 0; i < n; i++) {
        c->columns[i] = sorted[i];
        c->columns[i].letter[0] = (char)('A' + (int)i);
    }
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

/* Along the way of the data; what a later version measures comes behind. */
static int order_of(const char *name)
{
    static const char *const known[] = {"prefix", "head", "finetune", "forward", "train"};
    int i = 0;
    while (i < (int)(sizeof known / sizeof known[0]) && strcmp(known[i], name) != 0)
        i++;
    return i;
}

static int compare_rows(const void *pa, const void *pb)
{
    const bench_row *a = pa, *b = pb;
    int order = order_of(a->name) - order_of(b->name);
    if (order == 0)
        order = strcmp(a->name, b->name);
    return order ? order : (a->batch > b->batch) - (a->batch < b->batch);
}

static bool add_rows(bench_comparison *c)
{
    size_t total = 0, n = 0;
    for (size_t i = 0; i < c->n_columns; i++)
        total += c->columns[i].device->n_sections;
    c->rows = calloc(total + 1, sizeof *c->rows);
    if (!c->rows)
        return no_memory();
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        for (size_t s = 0; s < d->n_sections; s++)
            c->rows[n++] = (bench_row){d->sections[s].name, d->sections[s].batch};
    }
    qsort(c->rows, n, sizeof *c->rows, compare_rows);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_rows(&c->rows[i], &c->rows[c->n_rows - 1]) != 0)
            c->rows[c->n_rows++] = c->rows[i];
    }
    return true;
}

static const bench_section *find_section(const bench_device *d, const bench_row *row)
{
    for (size_t s = 0; s < d->n_sections; s++) {
        const bench_row own = {d->sections[s].name, d->sections[s].batch};
        if (compare_rows(&own, row) == 0)
            return &d->sections[s];
    }
    return NULL;
}

static bool fill_cells(bench_comparison *c)
{
    c->cells = calloc(c->n_rows * c->n_columns + 1, sizeof *c->cells);
    if (!c->cells)
        return no_memory();
    for (size_t r = 0; r < c->n_rows; r++) {
        for (size_t i = 0; i < c->n_columns; i++)
            c->cells[r * c->n_columns + i] = find_section(c->columns[i].device, &c->rows[r]);
    }
    return true;
}

static void sum_up(const bench_comparison *c, size_t column, double *mean, size_t *rows)
{
    double logs = 0;
    *rows = 0;
    for (size_t r = 0; r < c->n_rows; r++) {
        double ratio = cli_bench_ratio(c, r, column);
        if (!(ratio > 0))
            continue;
        logs += log(ratio);
        (*rows)++;
    }
    *mean = *rows ? exp(logs / (double)*rows) : NAN;
}

/* ---- ops -------------------------------------------------------------------------------------------- */

typedef struct op_entry {
    const bench_op *op;
    size_t column;
} op_entry;

/* The signature says all that a device computes; a file without has to do with what a person reads. */
static int compare_ops(const bench_op *a, const bench_op *b)
{
    int order = strcmp(a->program, b->program);
    if (order == 0)
        order = (a->batch > b->batch) - (a->batch < b->batch);
    if (order == 0)
        order = strcmp(a->op, b->op);
    if (order == 0)
        order = strcmp(a->signature, b->signature);
    if (order == 0 && !*a->signature)
        order = strcmp(a->label, b->label);
    if (order == 0 && !*a->signature)
        order = strcmp(a->shape, b->shape);
    return order;
}

static int compare_entries(const void *pa, const void *pb)
{
    const op_entry *a = pa, *b = pb;
    int order = compare_ops(a->op, b->op);
    if (order == 0)
        order = (a->column > b->column) - (a->column < b->column);
    return order ? order : (a->op > b->op) - (a->op < b->op);
}

/* Groups of equal ops by the cost on the first device that has them. */
typedef struct op_group {
    const op_entry *entries;
    size_t count;
} op_group;

static int compare_groups(const void *pa, const void *pb)
{
    const op_group *a = pa, *b = pb;
    double ca = cli_bench_cost(a->entries->op), cb = cli_bench_cost(b->entries->op);
    return ca != cb ? (ca < cb) - (ca > cb) : (a->entries > b->entries) - (a->entries < b->entries);
}

static size_t group_entries(const op_entry *entries, size_t n, op_group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_ops(entries[i].op, entries[i - 1].op) != 0)
            groups[count++] = (op_group){&entries[i], 0};
        groups[count - 1].count++;
    }
    return count;
}

static size_t list_ops(const bench_comparison *c, op_entry *entries)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        for (size_t k = 0; k < d->n_ops; k++)
            entries[n++] = (op_entry){&d->ops[k], i};
    }
    return n;
}

static bool align_ops(bench_comparison *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_columns; i++)
        n += c->columns[i].device->n_ops;
    op_entry *entries = calloc(n + 1, sizeof *entries);
    op_group *groups = calloc(n + 1, sizeof *groups);
    bool ok = entries && groups;
    if (ok) {
        list_ops(c, entries);
        qsort(entries, n, sizeof *entries, compare_entries);
        c->n_op_rows = group_entries(entries, n, groups);
        qsort(groups, c->n_op_rows, sizeof *groups, compare_groups);
        c->op_cells = calloc(c->n_op_rows * c->n_columns + 1, sizeof *c->op_cells);
        ok = c->op_cells != NULL;
    }
    for (size_t g = 0; ok && g < c->n_op_rows; g++) {
        for (size_t k = groups[g].count; k-- > 0;) /* of two in one column, the first stays */
            c->op_cells[g * c->n_columns + groups[g].entries[k].column] = groups[g].entries[k].op;
    }
    free(entries);
    free(groups);
    return ok ? true : no_memory();
}

/* ---- all -------------------------------------------------------------------------------------------- */

bool cli_bench_align(const bench_file *files, size_t n, const char *baseline, bench_comparison *c)
{
    *c = (bench_comparison){0};
    if (!add_columns(c, files, n) || !order_columns(c, baseline) || !add_rows(c) || !fill_cells(c) ||
        !align_ops(c))
        return false;
    for (size_t i = 0; i < c->n_columns; i++)
        sum_up(c, i, &c->columns[i].overall, &c->columns[i].overall_rows);
    return true;
}

void cli_bench_comparison_free(bench_comparison *c)
{
    for (size_t i = 0; i < c->n_warnings; i++)
        free(c->warnings[i].text);
    free(c->warnings);
    free(c->rows);
    free(c->cells);
    free(c->op_cells);
    *c = (bench_comparison){0};
}
