/* Programs whose ops run on some rows of the batch at a time, against the same ones on all rows at once, on
 * the device that the command line names, with the fallback that it names. */
#include "core/runtime/schedule.h"
#include "small_net.h"

static const char *device, *fallback;
static thaw_runtime *rt;
static thaw_program_options options;

static int open_devices(void **state)
{
    (void)state;
    const char *const files[] = {THAW_TOY_DIR "/thaw-toy.so"};
    bool toy = strncmp(device, "toy", 3) == 0;
    thaw_runtime_options with = {.threads = 2, .plugins = files, .n_plugins = toy, .no_search = toy};
    options = (thaw_program_options){.prepare_threads = 1};
    return thaw_runtime_create(&with, &rt, NULL) != THAW_OK ||
           thaw_runtime_open(rt, device, &options.dev, NULL) != THAW_OK ||
           (fallback && thaw_runtime_open(rt, fallback, &options.fallback_dev, NULL) != THAW_OK);
}

static int close_devices(void **state)
{
    (void)state;
    thaw_runtime_close(rt, options.fallback_dev);
    thaw_runtime_close(rt, options.dev);
    thaw_runtime_free(rt);
    return 0;
}

/* ---- a net ------------------------------------------------------------------------------------------- */

/* A concatenation that is written in two ops and read in two, a feed that the first op reads and a late one,
 * an output in the middle, ops that may work in place, and rows of an output that are no multiple of the
 * alignment. */
#define N_ROWS 6
#define N_OPS  10
#define PIXELS (4 * 4)

typedef struct row_net {
    thaw_graph graph;
    uint32_t x, middle, last, mean;
    float w[3 * 3 * 4 * 5], bias[5], pool_bias[3], scale[5], w1[5 * 4], w2[5 * 4];
} row_net;

typedef struct values {
    float middle[N_ROWS][PIXELS * 4], last[N_ROWS][PIXELS * 4], mean[N_ROWS][4];
} values;

static uint32_t rows_of(thaw_graph *g, const char *name, int32_t c)
{
    return tensor(g, name, THAW_T_TEMP, N_ROWS, 4, 4, c);
}

static void build(row_net *n)
{
    memset(n, 0, sizeof *n);
    thaw_graph *g = &n->graph;
    fill_pattern(n->w, 180, 1);
    fill_pattern(n->bias, 5, 2);
    fill_pattern(n->pool_bias, 3, 3);
    fill_pattern(n->scale, 5, 4);
    fill_pattern(n->w1, 20, 5);
    fill_pattern(n->w2, 20, 6);
    n->x = tensor(g, "x", THAW_T_FEED, N_ROWS, 4, 4, 4);
    uint32_t w = constant(g, "w", 3, 3, 4, 5, n->w), b = constant(g, "b", 1, 1, 1, 5, n->bias);
    uint32_t pb = constant(g, "pb", 1, 1, 1, 3, n->pool_bias), s = constant(g, "s", 1, 1, 1, 5, n->scale);
    uint32_t w1 = constant(g, "w1", 1, 1, 5, 4, n->w1), w2 = constant(g, "w2", 1, 1, 5, 4, n->w2);
    uint32_t cat = rows_of(g, "cat", 5), z = rows_of(g, "z", 3), y = rows_of(g, "y", 5);
    uint32_t cat0 = slice(g, "cat0", cat, 0, 2), cat1 = slice(g, "cat1", cat, 2, 3);
    uint32_t u = rows_of(g, "u", 5), k = rows_of(g, "k", 4), q = rows_of(g, "q", 4), t = rows_of(g, "t", 4);
    n->middle = rows_of(g, "middle", 4);
    n->last = rows_of(g, "last", 4);
    n->mean = tensor(g, "mean", THAW_T_TEMP, N_ROWS, 1, 1, 4);
    g->tensors[n->middle].output = g->tensors[n->last].output = g->tensors[n->mean].output = true;
    thaw_attr conv = conv_attr(1, 1), plain = conv_attr(0, 0), affine = affine_attr(0), relu = affine_attr(1);
    thaw_attr pool = {.pool = {sizeof(thaw_pool_attr), 3, 3, 1, 1, 1, 1, 0, 1}};
    thaw_attr all = {.pool = {sizeof(thaw_pool_attr), 4, 4, 1, 1, 0, 0, 0, 0}};
    op(g, THAW_OP_CONV2D, "siblings", IDS(n->x, w, b), IDS(cat0, z), &conv);
    op(g, THAW_OP_AVGPOOL, "pool", IDS(z, pb), IDS(cat1), &pool);
    op(g, THAW_OP_AFFINE, "scale", IDS(cat, s, b), IDS(y), &affine);
    op(g, THAW_OP_AFFINE, "again", IDS(y, s), IDS(u), &relu);
    op(g, THAW_OP_CONV2D, "middle", IDS(u, w1), IDS(n->middle), &plain);
    op(g, THAW_OP_ADD, "feed", IDS(n->middle, n->x), IDS(k), NULL);
    op(g, THAW_OP_CONV2D, "late", IDS(cat, w2), IDS(q), &plain);
    op(g, THAW_OP_ADD, "both", IDS(k, q), IDS(t), NULL);
    op(g, THAW_OP_ADD, "last", IDS(t, k), IDS(n->last), NULL);
    op(g, THAW_OP_AVGPOOL, "mean", IDS(n->last), IDS(n->mean), &all);
    assert_int_equal(g->n_ops, N_OPS);
    g->batch = N_ROWS;
}

static thaw_program *compile(const row_net *n)
{
    thaw_program *program = NULL;
    thaw_error err = {0};
    if (thaw_program_create(&n->graph, NULL, &options, &program, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return program;
}

static void run_rows(thaw_program *program, const row_net *n, uint32_t rows, uint32_t seed, values *out)
{
    float x[N_ROWS * PIXELS * 4];
    thaw_error err = {0};
    fill_pattern(x, N_ROWS * PIXELS * 4, seed);
    memset(out, 0xff, sizeof *out);
    thaw_binding feed = {.tensor = n->x, .data = x};
    thaw_binding fetches[] = {{.tensor = n->middle, .data = out->middle},
                              {.tensor = n->last, .data = out->last},
                              {.tensor = n->mean, .data = out->mean}};
    if (thaw_program_set_rows(program, rows, &err) != THAW_OK ||
        thaw_program_run(program, &feed, 1, fetches, 3, &err) != THAW_OK)
        fail_msg("%s", err.text);
}

/* The same with rows that lie apart, those of the feed in reverse order; what nobody computes has no place.
 */
static void run_rows_apart(thaw_program *program, const row_net *n, uint32_t rows, uint32_t seed, values *out)
{
    float x[N_ROWS * PIXELS * 4], back[N_ROWS][PIXELS * 4];
    void *feeds[N_ROWS] = {NULL}, *middle[N_ROWS] = {NULL}, *last[N_ROWS] = {NULL};
    thaw_error err = {0};
    fill_pattern(x, N_ROWS * PIXELS * 4, seed);
    memset(out, 0xff, sizeof *out);
    for (uint32_t r = 0; r < rows; r++) {
        feeds[r] = memcpy(back[N_ROWS - 1 - r], x + r * PIXELS * 4, sizeof back[0]);
        middle[r] = out->middle[r];
        last[r] = out->last[r];
    }
    thaw_binding feed = {.tensor = n->x, .rows = feeds};
    thaw_binding fetches[] = {{.tensor = n->middle, .rows = middle},
                              {.tensor = n->last, .rows = last},
                              {.tensor = n->mean, .data = out->mean}};
    if (thaw_program_set_rows(program, rows, &err) != THAW_OK ||
        thaw_program_run(program, &feed, 1, fetches, 3, &err) != THAW_OK)
        fail_msg("%s", err.text);
}

/* Ops before a, before b, and behind take so many rows each; 0: all. */
static void set_stages(row_net *n, size_t a, size_t b, const uint32_t rows[3])
{
    for (size_t i = 0; i < N_OPS; i++)
        n->graph.ops[i].rows = rows[i < a ? 0 : i < b ? 1 : 2];
}

static bool same_algorithms(const thaw_program *a, const thaw_program *b)
{
    const thaw_plan_summary *x = thaw_program_plan(a), *y = thaw_program_plan(b);
    assert_int_equal(x->n_rows, y->n_rows);
    for (size_t i = 0; i < x->n_rows; i++)
        if (strcmp(x->rows[i].algo, y->rows[i].algo) != 0)
            return false;
    return true;
}

static void expect_rows(const values *want, const values *got, uint32_t rows)
{
    static const unsigned char untouched[sizeof(values)] = {0};
    assert_memory_equal(want->middle, got->middle, rows * sizeof want->middle[0]);
    assert_memory_equal(want->last, got->last, rows * sizeof want->last[0]);
    assert_memory_equal(want->mean, got->mean, rows * sizeof want->mean[0]);
    for (size_t i = rows * sizeof want->last[0]; i < sizeof got->last; i++)
        assert_int_equal(((const unsigned char *)got->last)[i] ^ 0xff, untouched[i]);
}

/* ---- bits -------------------------------------------------------------------------------------------- */

static const uint32_t sizes[] = {0, 1, 2, 3};

/* Every place of two borders, and every number of rows before, between and behind them. */
static void every_cut_gives_the_same_bits(void **state)
{
    (void)state;
    row_net n;
    values want, got;
    size_t compared = 0, step = strncmp(device, "cpu", 3) == 0 ? 7 : 1; /* it packs weights */
    build(&n);
    thaw_program *whole = compile(&n);
    run_rows(whole, &n, N_ROWS, 9, &want);
    for (size_t a = 1; a <= N_OPS; a++)
        for (size_t b = a; b <= N_OPS; b += a % 3 + 1)
            for (size_t k = 0; k < 4 * 4 * 4; k += step) {
                const uint32_t rows[3] = {sizes[k % 4], sizes[k / 4 % 4], sizes[k / 16]};
                set_stages(&n, a, b, rows);
                thaw_program *program = compile(&n);
                if (same_algorithms(whole, program)) {
                    run_rows(program, &n, N_ROWS, 10, &got); /* leaves something behind */
                    run_rows(program, &n, N_ROWS, 9, &got);
                    expect_rows(&want, &got, N_ROWS);
                    compared++;
                }
                thaw_program_free(program);
            }
    assert_true(compared > 100);
    thaw_program_free(whole);
    thaw_graph_free(&n.graph);
}

/* Turns that are about the rows behind are left out, and nothing is fetched of them. */
static void fewer_rows_are_the_first_rows(void **state)
{
    (void)state;
    row_net n;
    values want, got;
    thaw_error err;
    const uint32_t stages[] = {1, 2, 3};
    build(&n);
    thaw_program *whole = compile(&n);
    run_rows(whole, &n, N_ROWS, 9, &want);
    set_stages(&n, 3, 6, stages);
    thaw_program *program = compile(&n);
    for (uint32_t rows = N_ROWS; rows > 0; rows--) {
        run_rows(program, &n, rows, 9, &got);
        expect_rows(&want, &got, rows);
        run_rows_apart(program, &n, rows, 9, &got);
        expect_rows(&want, &got, rows);
        run_rows(whole, &n, rows, 9, &got);
        expect_rows(&want, &got, rows);
    }
    assert_int_equal(thaw_program_set_rows(program, 0, &err), THAW_E_INVALID);
    assert_int_equal(thaw_program_set_rows(program, N_ROWS + 1, &err), THAW_E_INVALID);
    thaw_program_free(program);
    thaw_program_free(whole);
    thaw_graph_free(&n.graph);
}

/* Rows of 80 bytes: four begin at a multiple of 64. */
static void a_turn_begins_aligned(void **state)
{
    (void)state;
    static const float scale[5] = {1, 2, 3, 4, 5};
    static const uint32_t takes[][3] = {{1, 1, 1}, {2, 2, 1}, {4, 8, 1}, {8, 4, 1}, {4, 1, 0}, {1, 2, 0}};
    thaw_attr attr = affine_attr(0);
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++) {
        thaw_graph g = {.batch = 8};
        thaw_program *program = NULL;
        thaw_error err = {0};
        float in[8 * 20], out[8 * 20];
        uint32_t x = tensor(&g, "x", THAW_T_FEED, 8, 2, 2, 5), s = constant(&g, "s", 1, 1, 1, 5, scale);
        uint32_t y = tensor(&g, "y", THAW_T_TEMP, 8, 2, 2, 5), z = tensor(&g, "z", THAW_T_TEMP, 8, 2, 2, 5);
        g.tensors[z].output = true;
        op(&g, THAW_OP_AFFINE, "first", IDS(x, s), IDS(y), &attr);
        op(&g, THAW_OP_AFFINE, "second", IDS(y, s), IDS(z), &attr);
        g.ops[0].rows = takes[i][0];
        g.ops[1].rows = takes[i][1];
        thaw_status st = thaw_program_create(&g, NULL, &options, &program, &err);
        if (takes[i][2]) {
            fill_pattern(in, 160, 3);
            thaw_binding feed = {.tensor = x, .data = in}, fetch = {.tensor = z, .data = out};
            assert_int_equal(st, THAW_OK);
            assert_int_equal(thaw_program_run(program, &feed, 1, &fetch, 1, NULL), THAW_OK);
            for (size_t k = 0; k < 160; k++)
                assert_true(out[k] == in[k] * scale[k % 5] * scale[k % 5]);
        } else {
            assert_int_equal(st, THAW_E_INVALID);
            assert_non_null(strstr(err.text, "tensor y: turns of"));
        }
        thaw_program_free(program);
        thaw_graph_free(&g);
    }
}

/* ---- the plan ---------------------------------------------------------------------------------------- */

static void the_plan_speaks_of_turns(void **state)
{
    (void)state;
    row_net n;
    const uint32_t stages[] = {1, 2, 0};
    build(&n);
    thaw_program *whole = compile(&n);
    set_stages(&n, 5, 9, stages);
    thaw_program *program = compile(&n);
    const thaw_plan_summary *all = thaw_program_plan(whole), *some = thaw_program_plan(program);
    assert_true(some->arena_naive_bytes < all->arena_naive_bytes);
    assert_int_equal(some->fallback_bytes, all->fallback_bytes);
    for (size_t i = 0; i < some->n_rows; i++) {
        const thaw_plan_row *row = &some->rows[i];
        assert_int_equal(all->rows[i].times, 1);
        assert_int_equal(row->macs, all->rows[i].macs);
        if (strcmp(row->label, "scale") == 0) {
            assert_int_equal(row->times, 6);
            assert_string_equal(row->shape, "1x4x4x5");
            assert_int_equal(row->bytes * 6, all->rows[i].bytes);
        } else if (strcmp(row->label, "late") == 0 && strcmp(row->op, "conv2d") == 0) {
            assert_int_equal(row->times, 3);
            assert_string_equal(row->shape, "2x4x4x4");
        } else if (strcmp(row->label, "mean") == 0) {
            assert_int_equal(row->times, 1);
            assert_string_equal(row->shape, "6x1x1x4");
        }
    }
    thaw_program_free(program);
    set_stages(&n, N_OPS, N_OPS, stages);
    program = compile(&n);
    some = thaw_program_plan(program);
    assert_true(some->arena_naive_bytes < all->arena_naive_bytes);
    /* A workspace ten times as large as all tensors of this net decides by itself. */
    assert_true(some->workspace_bytes > 0 || some->arena_bytes < all->arena_bytes);
    thaw_program_free(program);
    thaw_program_free(whole);
    thaw_graph_free(&n.graph);
}

static void impossible_stages_are_refused(void **state)
{
    (void)state;
    row_net n;
    thaw_program *program = NULL;
    thaw_error err = {0};
    build(&n);
    n.graph.ops[2].rows = 4;
    assert_int_equal(thaw_program_create(&n.graph, NULL, &options, &program, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "scale: 4 rows at a time do not divide a batch of 6"));
    n.graph.ops[2].rows = 2;
    n.graph.batch = 0;
    assert_int_equal(thaw_program_create(&n.graph, NULL, &options, &program, &err), THAW_E_INVALID);
    n.graph.batch = 2;
    assert_int_equal(thaw_program_create(&n.graph, NULL, &options, &program, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "(scale) cannot compute some rows before the others"));
    assert_null(program);
    thaw_graph_free(&n.graph);
}

/* What has no rows has none to leave out. */
static void a_graph_without_rows_runs_whole(void **state)
{
    (void)state;
    small_net net;
    thaw_vars *vars;
    thaw_program *program = NULL;
    small_net_build(&net);
    assert_int_equal(thaw_vars_create(options.dev, &net.vars, &vars, NULL), THAW_OK);
    assert_int_equal(thaw_program_create(&net.graph, vars, &options, &program, NULL), THAW_OK);
    assert_int_equal(thaw_program_set_rows(program, 1, NULL), THAW_E_INVALID);
    assert_int_equal(thaw_program_set_rows(program, 2, NULL), THAW_E_INVALID);
    thaw_program_free(program);
    thaw_vars_free(vars);
    small_net_free(&net);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_bits), cmocka_unit_test(fewer_rows_are_the_first_rows),
        cmocka_unit_test(a_turn_begins_aligned),         cmocka_unit_test(the_plan_speaks_of_turns),
        cmocka_unit_test(impossible_stages_are_refused), cmocka_unit_test(a_graph_without_rows_runs_whole),
    };
    device = argc > 1 ? argv[1] : "toy:0";
    fallback = argc > 2 ? argv[2] : NULL;
    return cmocka_run_group_tests(tests, open_devices, close_devices);
}
