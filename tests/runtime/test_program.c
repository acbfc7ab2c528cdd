/* Programs against values worked out by hand, on the device that the command line names. */
#include <errno.h>
#include <stdatomic.h>

#include "small_net.h"

static const char *device;
static thaw_runtime *rt;
static thaw_dev *dev;

/* ---- counting what core allocates, and having it fail ---------------------------------------------- */

static atomic_size_t allocations;
static size_t fail_in; /* the allocation of that number from now fails; 0: none does */

static bool fails_now(void)
{
    allocations++;
    return fail_in > 0 && --fail_in == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
int __real_posix_memalign(void **p, size_t align, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t m)
{
    return fails_now() ? NULL : __real_calloc(n, m);
}
void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    return fails_now() ? ENOMEM : __real_posix_memalign(p, align, n);
}
char *__wrap_strdup(const char *s)
{
    return fails_now() ? NULL : __real_strdup(s);
}

/* ---- the device ---------------------------------------------------------------------------------- */

static int open_device(void **state)
{
    (void)state;
    const char *const files[] = {THAW_TOY_DIR "/thaw-toy.so"};
    bool toy = strncmp(device, "toy", 3) == 0;
    thaw_runtime_options options = {.threads = 2, .plugins = files, .n_plugins = toy, .no_search = toy};
    thaw_error err = {0};
    if (thaw_runtime_create(&options, &rt, &err) != THAW_OK ||
        thaw_runtime_open(rt, device, &dev, &err) != THAW_OK) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    thaw_runtime_close(rt, dev);
    thaw_runtime_free(rt);
    return 0;
}

static thaw_program *compile(const thaw_graph *g, thaw_vars *vars)
{
    thaw_program *program = NULL;
    thaw_error err = {0};
    thaw_program_options options = {.dev = dev};
    if (thaw_program_create(g, vars, &options, &program, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return program;
}

/* ---- values -------------------------------------------------------------------------------------- */

static void a_convolution_by_hand(void **state)
{
    (void)state;
    const float w[4] = {1, 2, 3, 4}, bias[1] = {-50}, x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const float want[4] = {0, 0, 17, 27}; /* 37, 47, 67, 77, less 50, not below 0 */
    float got[4];
    thaw_graph g = {0};
    thaw_attr attr = conv_attr(0, 1);
    uint32_t tx = tensor(&g, "x", THAW_T_FEED, 1, 3, 3, 1), tw = constant(&g, "w", 2, 2, 1, 1, w);
    uint32_t tb = constant(&g, "b", 1, 1, 1, 1, bias), ty = tensor(&g, "y", THAW_T_TEMP, 1, 2, 2, 1);
    g.tensors[ty].output = true;
    op(&g, THAW_OP_CONV2D, "conv", IDS(tx, tw, tb), IDS(ty), &attr);
    thaw_program *program = compile(&g, NULL);
    thaw_graph_free(&g);
    thaw_error err = {0};
    if (thaw_program_run(program, &(thaw_binding){.tensor = tx, .data = (void *)(uintptr_t)x}, 1,
                         &(thaw_binding){.tensor = ty, .data = got}, 1, &err) != THAW_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(got, want, sizeof want);
    const thaw_plan_summary *plan = thaw_program_plan(program);
    assert_int_equal(plan->n_rows, 1);
    assert_string_equal(plan->rows[0].op, "conv2d");
    assert_string_equal(plan->rows[0].label, "conv");
    assert_string_equal(plan->rows[0].shape, "1x2x2x1");
    assert_string_equal(plan->rows[0].device, device);
    assert_int_equal(plan->rows[0].macs, 16);
    assert_int_equal(plan->rows[0].bytes, 16);
    assert_true(plan->arena_bytes >= 36 + 16);
    thaw_program_free(program);
}

/* acc += sum over pixels of x, run by run. */
static void variables_outlive_runs(void **state)
{
    (void)state;
    thaw_graph g = {0};
    thaw_var_list list = {0};
    thaw_vars *vars;
    float x[6] = {1, 10, 2, 20, 3, 30}, got[2], sum[2];
    uint32_t tx = tensor(&g, "x", THAW_T_FEED, 1, 1, 3, 2), acc = variable(&g, &list, "acc", 2);
    uint32_t other = variable(&g, &list, "other", 3), db = tensor(&g, "db", THAW_T_TEMP, 1, 1, 1, 2);
    g.tensors[db].output = true;
    op(&g, THAW_OP_BIAS_GRAD, "sum", IDS(tx), IDS(db), NULL);
    op(&g, THAW_OP_ADD, "collect", IDS(acc, db), IDS(acc), NULL);
    assert_int_equal(thaw_vars_create(dev, &list, &vars, NULL), THAW_OK);
    assert_int_equal(thaw_vars_count(vars), 2);
    assert_int_equal(thaw_vars_bytes(vars), 20);
    assert_string_equal(thaw_vars_info(vars, g.tensors[other].var)->name, "other");
    assert_int_equal(thaw_vars_get(vars, 0, got, NULL), THAW_OK);
    assert_true(got[0] == 0 && got[1] == 0);
    assert_int_equal(thaw_vars_set(vars, 0, (const float[]){100, 1000}, NULL), THAW_OK);
    assert_int_equal(thaw_vars_set(vars, 2, x, NULL), THAW_E_INVALID);
    thaw_program *program = compile(&g, vars);
    for (int run = 0; run < 3; run++) {
        assert_int_equal(thaw_program_run(program, &(thaw_binding){.tensor = tx, .data = x}, 1,
                                          &(thaw_binding){.tensor = db, .data = sum}, 1, NULL),
                         THAW_OK);
        x[0] += 1;
    }
    assert_int_equal(thaw_vars_get(vars, 0, got, NULL), THAW_OK);
    assert_true(got[0] == 100 + 6 + 7 + 8 && got[1] == 1000 + 180);
    assert_true(sum[0] == 8 && sum[1] == 60);
    thaw_program_free(program);
    thaw_vars_free(vars);
    thaw_graph_free(&g);
    thaw_var_list_free(&list);
}

static void a_run_allocates_nothing(void **state)
{
    (void)state;
    small_net net;
    thaw_vars *vars;
    float x[NET_X], r[NET_R], again[NET_R], db[5];
    small_net_build(&net);
    fill_pattern(x, NET_X, 1);
    assert_int_equal(thaw_vars_create(dev, &net.vars, &vars, NULL), THAW_OK);
    thaw_program *program = compile(&net.graph, vars);
    thaw_binding feed = {.tensor = net.x, .data = x},
                 fetches[] = {{.tensor = net.r, .data = r}, {.tensor = net.db, .data = db}};
    const float zero[5] = {0};
    thaw_status st = thaw_program_run(program, &feed, 1, fetches, 2, NULL);
    size_t before = allocations;
    for (int i = 0; i < 3 && st == THAW_OK; i++)
        st = thaw_program_run(program, &feed, 1, fetches, 2, NULL);
    assert_int_equal(st, THAW_OK);
    assert_int_equal(allocations, before);
    assert_true(before > 0);

    /* The same state gives the same bits. */
    assert_int_equal(thaw_vars_set(vars, 0, zero, NULL), THAW_OK);
    assert_int_equal(thaw_program_run(program, &feed, 1, fetches, 2, NULL), THAW_OK);
    memcpy(again, r, sizeof r);
    assert_int_equal(thaw_vars_set(vars, 0, zero, NULL), THAW_OK);
    assert_int_equal(thaw_program_run(program, &feed, 1, fetches, 1, NULL), THAW_OK);
    assert_memory_equal(r, again, sizeof r);
    thaw_program_free(program);
    thaw_vars_free(vars);
    small_net_free(&net);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    small_net net;
    small_net_build(&net);
    thaw_program_options options = {.dev = dev, .prepare_threads = 1};
    thaw_status st = THAW_E_NO_MEMORY;
    size_t n = 0;
    while (st != THAW_OK) {
        thaw_vars *vars = NULL;
        thaw_program *program = NULL;
        fail_in = ++n;
        st = thaw_vars_create(dev, &net.vars, &vars, NULL);
        if (st == THAW_OK)
            st = thaw_program_create(&net.graph, vars, &options, &program, NULL);
        fail_in = 0;
        bool memory = st == THAW_E_NO_MEMORY || st == THAW_E_DEVICE_MEMORY;
        assert_true(st == THAW_OK ? program != NULL : memory && !program);
        thaw_program_free(program);
        thaw_vars_free(vars);
    }
    assert_true(n > 20);
    small_net_free(&net);
}

/* A graph that knows no batch copies its tensors whole, but for those whose rows lie apart. */
static void rows_may_lie_apart(void **state)
{
    (void)state;
    thaw_graph g = {0};
    float rows[3][2] = {{5, -6}, {-3, 4}, {1, 2}}, got[3][2];
    uint32_t tx = tensor(&g, "x", THAW_T_FEED, 3, 1, 1, 2), ty = tensor(&g, "y", THAW_T_TEMP, 3, 1, 1, 2);
    g.tensors[ty].output = true;
    op(&g, THAW_OP_ADD, "twice", IDS(tx, tx), IDS(ty), NULL);
    thaw_program *program = compile(&g, NULL);
    thaw_graph_free(&g);
    void *from[] = {rows[2], rows[1], rows[0]}, *to[] = {got[1], got[2], got[0]};
    thaw_binding feed = {.tensor = tx, .rows = from}, fetch = {.tensor = ty, .rows = to};
    assert_int_equal(thaw_program_run(program, &feed, 1, &fetch, 1, NULL), THAW_OK);
    assert_memory_equal(got, ((float[3][2]){{10, -12}, {2, 4}, {-6, 8}}), sizeof got);
    /* What was bound once is not bound for the next run. */
    assert_int_equal(thaw_program_run(program, NULL, 0, NULL, 0, NULL), THAW_E_INVALID);
    thaw_program_free(program);
}

static void bindings_are_checked(void **state)
{
    (void)state;
    small_net net;
    thaw_vars *vars;
    thaw_error err;
    float x[NET_X] = {0}, db[5];
    small_net_build(&net);
    assert_int_equal(thaw_vars_create(dev, &net.vars, &vars, NULL), THAW_OK);
    thaw_program *program = compile(&net.graph, vars);
    thaw_binding feeds[] = {{.tensor = net.x, .data = x}, {.tensor = net.x, .data = x}},
                 nothing = {.tensor = net.x, .data = NULL}, fetch = {.tensor = net.db, .data = db};
    assert_int_equal(thaw_program_run(program, NULL, 0, NULL, 0, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "the feed x is missing"));
    assert_int_equal(thaw_program_run(program, feeds, 2, NULL, 0, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "twice"));
    assert_int_equal(thaw_program_run(program, &nothing, 1, NULL, 0, &err), THAW_E_INVALID);
    assert_int_equal(thaw_program_run(program, &fetch, 1, NULL, 0, &err), THAW_E_INVALID);
    assert_int_equal(thaw_program_run(program, feeds, 1, feeds, 1, &err), THAW_E_INVALID);
    assert_int_equal(thaw_program_run(program, feeds, 1, NULL, 0, &err), THAW_OK);
    thaw_program_free(program);
    thaw_vars_free(vars);
    small_net_free(&net);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_convolution_by_hand),   cmocka_unit_test(variables_outlive_runs),
        cmocka_unit_test(a_run_allocates_nothing), cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(rows_may_lie_apart),      cmocka_unit_test(bindings_are_checked),
    };
    device = argc > 1 ? argv[1] : "toy:0";
    return cmocka_run_group_tests(tests, open_device, close_device);
}
