/* Programs on devices that decline: parts, the fallback, the copies in between, and what cannot be. */
#include "core/runtime/schedule.h"
#include "small_net.h"

static thaw_runtime *rt;
static char logged[4096];
static int warnings;

static void count_warnings(void *ctx, int32_t level, const char *text)
{
    (void)ctx;
    if (level == THAW_LOG_WARN) {
        warnings++;
        snprintf(logged, sizeof logged, "%s", text);
    }
}

static const thaw_log counting = {count_warnings, NULL, THAW_LOG_WARN};

static int load_toy(void **state)
{
    (void)state;
    const char *const files[] = {THAW_TOY_DIR "/thaw-toy.so"};
    thaw_runtime_options options = {.threads = 1, .plugins = files, .n_plugins = 1, .no_search = true};
    return thaw_runtime_create(&options, &rt, NULL);
}

static int unload_toy(void **state)
{
    (void)state;
    thaw_runtime_free(rt);
    return 0;
}

static thaw_dev *open_dev(const char *name)
{
    thaw_dev *dev = NULL;
    assert_int_equal(thaw_runtime_open(rt, name, &dev, NULL), THAW_OK);
    return dev;
}

typedef struct results {
    float r[NET_R], db[5], acc[5];
    size_t fallback_ops, rows, on_device;
    uint64_t fallback_bytes;
    char first_ops[256];
} results;

static void run_net(const char *device, const char *fallback, results *out)
{
    small_net net;
    thaw_vars *vars;
    thaw_program *program;
    thaw_error err = {0};
    float x[NET_X];
    small_net_build(&net);
    memset(out, 0, sizeof *out);
    thaw_program_options options = {.dev = open_dev(device), .log = &counting};
    options.fallback_dev = fallback ? open_dev(fallback) : NULL;
    assert_int_equal(thaw_vars_create(options.dev, &net.vars, &vars, &err), THAW_OK);
    if (thaw_program_create(&net.graph, vars, &options, &program, &err) != THAW_OK)
        fail_msg("%s", err.text);
    for (uint32_t run = 0; run < 3; run++) {
        fill_pattern(x, NET_X, 5 + run);
        thaw_binding feed = {.tensor = net.x, .data = x},
                     fetches[] = {{.tensor = net.db, .data = out->db}, {.tensor = net.r, .data = out->r}};
        if (thaw_program_run(program, &feed, 1, fetches, 2, &err) != THAW_OK)
            fail_msg("%s: %s", device, err.text);
    }
    assert_int_equal(thaw_vars_get(vars, 0, out->acc, NULL), THAW_OK);
    const thaw_plan_summary *plan = thaw_program_plan(program);
    out->fallback_ops = plan->fallback_ops;
    out->fallback_bytes = plan->fallback_bytes;
    out->rows = plan->n_rows;
    for (size_t i = 0; i < plan->n_rows; i++) {
        size_t n = strlen(out->first_ops);
        bool home = strcmp(plan->rows[i].device, device) == 0;
        snprintf(out->first_ops + n, sizeof out->first_ops - n, "%s%s ", plan->rows[i].op, home ? "" : "!");
        assert_string_equal(plan->rows[i].algo, "loops");
        assert_true(plan->rows[i].reason[0] != '\0');
    }
    thaw_program_free(program);
    thaw_vars_free(vars);
    thaw_runtime_close(rt, options.dev);
    thaw_runtime_close(rt, options.fallback_dev);
    small_net_free(&net);
}

static void expect_same(const results *a, const results *b)
{
    assert_memory_equal(a->r, b->r, sizeof a->r);
    assert_memory_equal(a->db, b->db, sizeof a->db);
    assert_memory_equal(a->acc, b->acc, sizeof a->acc);
}

static void the_same_bits_wherever_it_runs(void **state)
{
    (void)state;
    results whole, other;
    warnings = 0;
    run_net("toy:0", NULL, &whole);
    assert_int_equal(warnings, 0);
    assert_string_equal(whole.first_ops, "conv2d avgpool affine relu_bwd bias_grad add ");
    for (size_t i = 0; i < 5; i++)
        assert_true(whole.db[i] == whole.db[i] && whole.acc[i] == whole.acc[i]);
    assert_true(whole.acc[0] != 0);

    run_net("toy:1", "toy:0", &other);
    expect_same(&whole, &other);
    assert_string_equal(other.first_ops, "conv2d! avgpool! affine! relu_bwd! bias_grad add ");
    /* The variable goes to the fallback, which adds it, and r comes back from it. */
    assert_int_equal(other.fallback_bytes, 4 * (NET_R + 5));
    assert_int_equal(other.fallback_ops, 4);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(logged, "4 of 6 ops run on toy:0"));
    assert_non_null(strstr(logged, "siblings"));
    assert_non_null(strstr(logged, "no convolution here"));

    /* In several small arenas. */
    run_net("toy:2", NULL, &other);
    expect_same(&whole, &other);
}

static void declined_ops_are_offered_in_parts(void **state)
{
    (void)state;
    results whole, other;
    run_net("toy:0", NULL, &whole);
    run_net("toy:3", NULL, &other);
    expect_same(&whole, &other);
    assert_string_equal(other.first_ops,
                        "conv2d conv2d affine affine avgpool affine affine relu_bwd bias_grad add ");
    run_net("toy:4", "toy:0", &other);
    expect_same(&whole, &other);
    assert_string_equal(other.first_ops,
                        "conv2d conv2d affine! affine! avgpool affine! affine! relu_bwd bias_grad add ");
    /* A fallback, too, may take only parts. */
    run_net("toy:1", "toy:3", &other);
    expect_same(&whole, &other);
    assert_int_equal(other.fallback_ops, 8);
}

static thaw_status create(thaw_graph *g, thaw_var_list *list, const char *device, const char *fallback,
                          thaw_fallback mode, thaw_plan_summary *plan, thaw_error *err)
{
    thaw_vars *vars = NULL;
    thaw_program *program = NULL;
    thaw_program_options options = {.dev = open_dev(device), .fallback = mode, .log = &counting};
    options.fallback_dev = fallback ? open_dev(fallback) : NULL;
    if (list)
        assert_int_equal(thaw_vars_create(options.dev, list, &vars, NULL), THAW_OK);
    thaw_status st = thaw_program_create(g, vars, &options, &program, err);
    if (st == THAW_OK && plan)
        *plan = *thaw_program_plan(program);
    thaw_program_free(program);
    thaw_vars_free(vars);
    thaw_runtime_close(rt, options.dev);
    thaw_runtime_close(rt, options.fallback_dev);
    return st;
}

static void the_fallback_can_be_forbidden_or_silent(void **state)
{
    (void)state;
    small_net net;
    thaw_error err;
    small_net_build(&net);
    warnings = 0;
    assert_int_equal(create(&net.graph, &net.vars, "toy:1", "toy:0", THAW_FALLBACK_ALLOW, NULL, &err),
                     THAW_OK);
    assert_int_equal(warnings, 0);
    assert_int_equal(create(&net.graph, &net.vars, "toy:1", "toy:0", THAW_FALLBACK_ERROR, NULL, &err),
                     THAW_E_UNSUPPORTED);
    const char *const words[] = {"conv2d", "siblings", "2x5x4x2", "no convolution here", "--fallback"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(err.text, words[i]))
            fail_msg("\"%s\" is not in: %s", words[i], err.text);
    assert_int_equal(create(&net.graph, &net.vars, "toy:1", NULL, THAW_FALLBACK_WARN, NULL, &err),
                     THAW_E_UNSUPPORTED);
    assert_int_equal(create(&net.graph, NULL, "toy:0", NULL, THAW_FALLBACK_WARN, NULL, &err), THAW_E_INVALID);
    small_net_free(&net);
}

static void a_write_away_from_home_comes_home(void **state)
{
    (void)state;
    thaw_graph g = {0};
    thaw_var_list list = {0};
    thaw_vars *vars;
    thaw_program *program;
    const float two[4] = {2, 2, 2, 2}, start[4] = {1, 2, 3, 4};
    float got[4];
    uint32_t v = variable(&g, &list, "v", 4), c = constant(&g, "two", 1, 1, 1, 4, two);
    thaw_attr attr = affine_attr(0);
    op(&g, THAW_OP_AFFINE, "double", IDS(v, c), IDS(v), &attr);
    g.tensors[v].output = true;
    thaw_program_options options = {.dev = open_dev("toy:1"), .fallback_dev = open_dev("toy:0")};
    assert_int_equal(thaw_vars_create(options.dev, &list, &vars, NULL), THAW_OK);
    assert_int_equal(thaw_vars_set(vars, 0, start, NULL), THAW_OK);
    assert_int_equal(thaw_program_create(&g, vars, &options, &program, NULL), THAW_OK);
    assert_int_equal(thaw_program_plan(program)->fallback_bytes, 2 * 16);
    for (int run = 0; run < 2; run++)
        assert_int_equal(
            thaw_program_run(program, NULL, 0, &(thaw_binding){.tensor = v, .data = got}, 1, NULL), THAW_OK);
    assert_true(got[0] == 4 && got[3] == 16);
    assert_int_equal(thaw_vars_get(vars, 0, got, NULL), THAW_OK);
    assert_true(got[0] == 4 && got[1] == 8 && got[2] == 12 && got[3] == 16);
    thaw_program_free(program);
    thaw_vars_free(vars);
    thaw_runtime_close(rt, options.dev);
    thaw_runtime_close(rt, options.fallback_dev);
    thaw_graph_free(&g);
    thaw_var_list_free(&list);
}

/* x -> affine -> affine -> … -> y, n of them. */
static void chain(thaw_graph *g, size_t n, int32_t c, const float *scale)
{
    uint32_t from = tensor(g, "x", THAW_T_FEED, 1, 1, 1, c), s = constant(g, "s", 1, 1, 1, c, scale);
    thaw_attr attr = affine_attr(0);
    for (size_t i = 0; i < n; i++) {
        uint32_t to = tensor(g, "t", THAW_T_TEMP, 1, 1, 1, c);
        op(g, THAW_OP_AFFINE, "link", IDS(from, s), IDS(to), &attr);
        from = to;
    }
    g->tensors[from].output = true;
}

static void dying_inputs_give_up_their_place(void **state)
{
    (void)state;
    static const float scale[1025];
    thaw_graph g = {0};
    thaw_plan_summary plan;
    chain(&g, 6, 256, scale);
    assert_int_equal(create(&g, NULL, "toy:0", NULL, THAW_FALLBACK_WARN, &plan, NULL), THAW_OK);
    /* The feed and one place for all between; the output takes the feed's. */
    assert_int_equal(plan.arena_bytes, 2 * 1024);
    assert_int_equal(plan.arena_naive_bytes, 7 * 1024);
    thaw_graph_free(&g);
}

/* Whether two tensors lie in one place, in a graph that runs on toy:0 alone. */
static bool share(const thaw_graph *g, uint32_t a, uint32_t b)
{
    thaw_program_options options = {.dev = open_dev("toy:0")};
    thaw_placement placement;
    thaw_schedule s;
    assert_int_equal(thaw_place(g, &options, &placement, NULL), THAW_OK);
    assert_int_equal(thaw_schedule_make(&placement, 64, &s, NULL), THAW_OK);
    assert_int_equal(thaw_schedule_items(&placement, &s, false, NULL), THAW_OK);
    bool same = s.units[s.unit_of[a]].item[0] == s.units[s.unit_of[b]].item[0];
    assert_true(s.units[s.unit_of[a]].item[0] < s.n_items[0]);
    thaw_schedule_free(&s);
    thaw_placement_free(&placement);
    thaw_runtime_close(rt, options.dev);
    return same;
}

static void needed_inputs_keep_their_place(void **state)
{
    (void)state;
    static const float scale[8];
    for (int reason = 0; reason < 4; reason++) {
        thaw_graph g = {0};
        thaw_attr attr = affine_attr(0);
        chain(&g, 1, 8, scale);
        g.tensors[2].output = reason == 3;
        uint32_t next = tensor(&g, "next", THAW_T_TEMP, 1, 1, 1, 8);
        uint32_t last = tensor(&g, "last", THAW_T_TEMP, 1, 1, 1, 8);
        /* 1: both inputs are the same tensor; 2: an input is read again; 3: it is an output */
        if (reason == 1)
            op(&g, THAW_OP_ADD, "twice", IDS(2, 2), IDS(next), NULL);
        else
            op(&g, THAW_OP_AFFINE, "next", IDS(2, 1), IDS(next), &attr);
        if (reason == 2)
            op(&g, THAW_OP_ADD, "again", IDS(next, 2), IDS(last), NULL);
        else
            op(&g, THAW_OP_AFFINE, "last", IDS(next, 1), IDS(last), &attr);
        assert_int_equal(share(&g, 2, next), reason == 0);
        assert_true(share(&g, next, last));
        assert_false(share(&g, 0, 2)); /* a feed stays as it is */
        thaw_graph_free(&g);
    }
}

static void small_allocations_make_several_arenas(void **state)
{
    (void)state;
    static const float scale[1025];
    thaw_graph g = {0};
    thaw_plan_summary plan;
    thaw_error err;
    chain(&g, 3, 1024, scale);
    assert_int_equal(create(&g, NULL, "toy:2", NULL, THAW_FALLBACK_WARN, &plan, NULL), THAW_OK);
    assert_int_equal(plan.n_arenas, 2);
    thaw_graph_free(&g);
    chain(&g, 1, 1025, scale);
    assert_int_equal(create(&g, NULL, "toy:2", NULL, THAW_FALLBACK_WARN, &plan, &err), THAW_E_DEVICE_MEMORY);
    assert_non_null(strstr(err.text, "toy:2: x: "));
    assert_non_null(strstr(err.text, "4100"));
    thaw_graph_free(&g);
}

static void out_of_memory_says_what_there_is(void **state)
{
    (void)state;
    static float scale[200000];
    thaw_graph g = {0};
    thaw_error err;
    chain(&g, 2, 200000, scale);
    assert_int_equal(create(&g, NULL, "toy:0", NULL, THAW_FALLBACK_WARN, NULL, &err), THAW_E_DEVICE_MEMORY);
    assert_non_null(strstr(err.text, "2400000 bytes"));
    assert_non_null(strstr(err.text, "1.0 MiB"));
    thaw_graph_free(&g);
    chain(&g, 2, 16, scale);
    assert_int_equal(create(&g, NULL, "toy:5", NULL, THAW_FALLBACK_WARN, NULL, &err), THAW_E_DEVICE_MEMORY);
    assert_non_null(strstr(err.text, "link"));
    assert_non_null(strstr(err.text, "no room for the kernel"));
    thaw_graph_free(&g);
}

static void impossible_graphs_are_refused(void **state)
{
    (void)state;
    static const float scale[8];
    thaw_error err;
    for (int fault = 0; fault < 6; fault++) {
        thaw_graph g = {0};
        thaw_attr attr = affine_attr(0);
        chain(&g, 1, 8, scale);
        uint32_t unwritten = tensor(&g, "unwritten", THAW_T_TEMP, 1, 1, 1, 8);
        if (fault == 0)
            g.tensors[1].output = true; /* the constant */
        else if (fault == 1)
            g.tensors[unwritten].output = true;
        else if (fault == 2)
            g.tensors[slice(&g, "part", 2, 0, 4)].output = true;
        else if (fault == 3)
            op(&g, THAW_OP_AFFINE, "reader", IDS(unwritten, 1), IDS(2), &attr);
        else if (fault == 4)
            op(&g, THAW_OP_AFFINE, "writer", IDS(2, 1), IDS(0), &attr);
        else
            g.tensors[1].data = NULL;
        assert_int_equal(create(&g, NULL, "toy:0", NULL, THAW_FALLBACK_WARN, NULL, &err), THAW_E_INVALID);
        thaw_graph_free(&g);
    }
}

/* ---- devices that lie ------------------------------------------------------------------------------ */

static thaw_device_ops honest;

static thaw_status no_buffer(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    (void)dev, (void)bytes, (void)out, (void)err;
    return THAW_OK;
}

static thaw_status no_stream(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    (void)dev, (void)out, (void)err;
    return THAW_OK;
}

static thaw_status no_kernel(thaw_device *dev, const thaw_op *o, uint32_t algo, const void *const *data,
                             thaw_kernel **out, thaw_error *err)
{
    (void)dev, (void)o, (void)algo, (void)data, (void)out, (void)err;
    return THAW_OK;
}

/* A failure that leaves an address behind, which nobody may destroy. */
static thaw_status half_a_kernel(thaw_device *dev, const thaw_op *o, uint32_t algo, const void *const *data,
                                 thaw_kernel **out, thaw_error *err)
{
    (void)dev, (void)o, (void)algo, (void)data, (void)err;
    *out = (thaw_kernel *)(uintptr_t)64;
    return THAW_E_INTERNAL;
}

static thaw_status half_a_stream(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    (void)dev, (void)err;
    *out = (thaw_stream *)(uintptr_t)64;
    return THAW_E_INTERNAL;
}

/* Text without an end, name without an end, and more workspace than there are bytes. */
static thaw_status query_nonsense(thaw_device *dev, const thaw_op *o, uint32_t algo, thaw_op_info *info,
                                  thaw_error *err)
{
    thaw_status st = honest.op_query(dev, o, algo, info, err);
    memset(info->name, 'n', sizeof info->name);
    memset(info->reason, 'r', sizeof info->reason);
    info->workspace_bytes = UINT64_MAX;
    return st;
}

static thaw_status refuse_without_end(thaw_device *dev, const thaw_op *o, uint32_t algo, thaw_op_info *info,
                                      thaw_error *err)
{
    (void)dev, (void)o, (void)algo, (void)info;
    memset(err->text, 'x', sizeof err->text);
    return THAW_E_UNSUPPORTED;
}

static thaw_status create_both(thaw_dev *dev, const small_net *net, thaw_error *err)
{
    thaw_program_options options = {.dev = dev};
    thaw_vars *vars = NULL;
    thaw_program *program = NULL;
    thaw_status st = thaw_vars_create(dev, &net->vars, &vars, err);
    if (st == THAW_OK)
        st = thaw_program_create(&net->graph, vars, &options, &program, err);
    thaw_program_free(program);
    thaw_vars_free(vars);
    return st;
}

static void what_a_device_hands_out_is_checked(void **state)
{
    (void)state;
    small_net net;
    thaw_dev *dev = open_dev("toy:0");
    small_net_build(&net);
    honest = dev->ops;
    static const struct {
        const char *text;
        thaw_status status;
    } want[] = {{"", THAW_OK},
                {"hands out nothing", THAW_E_INTERNAL},
                {"hands out nothing", THAW_E_INTERNAL},
                {"hands out nothing", THAW_E_INTERNAL},
                {"cannot prepare", THAW_E_INTERNAL},
                {"cannot create a stream", THAW_E_INTERNAL},
                {"workspace", THAW_E_DEVICE_MEMORY},
                {"no device takes it", THAW_E_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        thaw_dev lying = *dev;
        thaw_error err = {0};
        if (i == 1)
            lying.ops.buffer_create = no_buffer;
        else if (i == 2)
            lying.ops.stream_create = no_stream;
        else if (i == 3)
            lying.ops.op_prepare = no_kernel;
        else if (i == 4)
            lying.ops.op_prepare = half_a_kernel;
        else if (i == 5)
            lying.ops.stream_create = half_a_stream;
        else if (i == 6)
            lying.ops.op_query = query_nonsense;
        else if (i == 7)
            lying.ops.op_query = refuse_without_end;
        assert_int_equal(create_both(&lying, &net, &err), want[i].status);
        assert_non_null(strstr(err.text, want[i].text));
    }
    small_net_free(&net);
    thaw_runtime_close(rt, dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits_wherever_it_runs),
        cmocka_unit_test(declined_ops_are_offered_in_parts),
        cmocka_unit_test(the_fallback_can_be_forbidden_or_silent),
        cmocka_unit_test(a_write_away_from_home_comes_home),
        cmocka_unit_test(dying_inputs_give_up_their_place),
        cmocka_unit_test(needed_inputs_keep_their_place),
        cmocka_unit_test(small_allocations_make_several_arenas),
        cmocka_unit_test(out_of_memory_says_what_there_is),
        cmocka_unit_test(impossible_graphs_are_refused),
        cmocka_unit_test(what_a_device_hands_out_is_checked),
    };
    return cmocka_run_group_tests(tests, load_toy, unload_toy);
}
