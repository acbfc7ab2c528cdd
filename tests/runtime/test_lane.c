/* Runs in parts, programs that share a lane, kernels prepared side by side. */
#include "../plugins/toy.h"
#include "small_net.h"

static const char *device;
static thaw_runtime *rt;
static thaw_dev *dev;

static int open_device(void **state)
{
    (void)state;
    const char *const files[] = {THAW_TOY_DIR "/thaw-toy.so"};
    bool toy = strncmp(device, "toy", 3) == 0;
    thaw_runtime_options options = {.threads = 2, .plugins = files, .n_plugins = 1, .no_search = toy};
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

/* sum[2] = the pixels of x summed, and acc += sum. */
typedef struct summing {
    thaw_program *program;
    uint32_t x, sum;
    int32_t pixels;
} summing;

static void create(summing *s, int32_t pixels, thaw_vars *vars, thaw_var_list *list, thaw_lane *lane)
{
    thaw_graph g = {0};
    thaw_error err = {0};
    thaw_program_options options = {.dev = dev, .lane = lane};
    s->pixels = pixels;
    s->x = tensor(&g, "x", THAW_T_FEED, 1, 1, pixels, 2);
    uint32_t acc = variable(&g, list, "acc", 2), double_x = tensor(&g, "2x", THAW_T_TEMP, 1, 1, pixels, 2);
    s->sum = tensor(&g, "sum", THAW_T_TEMP, 1, 1, 1, 2);
    g.tensors[s->sum].output = true;
    op(&g, THAW_OP_ADD, "double", IDS(s->x, s->x), IDS(double_x), NULL);
    op(&g, THAW_OP_BIAS_GRAD, "sum", IDS(double_x), IDS(s->sum), NULL);
    op(&g, THAW_OP_ADD, "collect", IDS(acc, s->sum), IDS(acc), NULL);
    if (thaw_program_create(&g, vars, &options, &s->program, &err) != THAW_OK)
        fail_msg("%s", err.text);
    thaw_graph_free(&g);
}

static void set_all(float *x, int32_t n, float value)
{
    for (int32_t i = 0; i < n; i++)
        x[i] = value;
}

static void ok(thaw_status st, const thaw_error *err)
{
    if (st != THAW_OK)
        fail_msg("%s", err->text);
}

/* Each run is fed while the one before is under way, from one and the same memory. */
static void feeds_travel_beside_a_run(void **state)
{
    (void)state;
    enum { PIXELS = 300 };
    summing s;
    thaw_vars *vars;
    thaw_var_list list = {0};
    thaw_error err = {0};
    static float x[2 * PIXELS];
    float sum[2], acc[2], total = 0;
    thaw_binding feed, fetch;
    (void)thaw_var_get(&list, "acc", 1, 1, 1, 2);
    ok(thaw_vars_create(dev, &list, &vars, &err), &err);
    create(&s, PIXELS, vars, &list, NULL);
    feed = (thaw_binding){.tensor = s.x, .data = x};
    fetch = (thaw_binding){.tensor = s.sum, .data = sum};
    set_all(x, 2 * PIXELS, 1);
    ok(thaw_program_stage(s.program, &feed, 1, &err), &err);
    ok(thaw_program_wait(s.program, &err), &err);
    for (int run = 1; run <= 5; run++) {
        ok(thaw_program_begin(s.program, &fetch, 1, &err), &err);
        set_all(x, 2 * PIXELS, (float)(run + 1)); /* ours since the last wait */
        ok(thaw_program_stage(s.program, &feed, 1, &err), &err);
        ok(thaw_program_wait(s.program, &err), &err);
        set_all(x, 2 * PIXELS, -1000); /* and again */
        assert_true(sum[0] == (float)(2 * PIXELS * run) && sum[1] == sum[0]);
        total += sum[0];
    }
    ok(thaw_vars_get(vars, 0, acc, &err), &err);
    assert_true(acc[0] == total); /* what was staged for a sixth run changed nothing */
    thaw_program_free(s.program);
    thaw_vars_free(vars);
    thaw_var_list_free(&list);
}

static void programs_share_a_lane(void **state)
{
    (void)state;
    enum { MANY = 300, FEW = 7 };
    summing many, few, alone;
    thaw_vars *vars;
    thaw_lane *lane;
    thaw_var_list list = {0};
    thaw_error err = {0};
    static float x[2 * MANY], y[2 * FEW];
    float sum_x[2], sum_y[2];
    (void)thaw_var_get(&list, "acc", 1, 1, 1, 2);
    ok(thaw_vars_create(dev, &list, &vars, &err), &err);
    ok(thaw_lane_create(dev, &lane, &err), &err);
    create(&many, MANY, vars, &list, lane);
    uint64_t bytes = thaw_lane_bytes(lane);
    assert_true(bytes >= thaw_program_plan(many.program)->arena_bytes);
    create(&few, FEW, vars, &list, lane);
    assert_true(thaw_lane_bytes(lane) == bytes);
    create(&alone, FEW, vars, &list, NULL);

    set_all(x, 2 * MANY, 3);
    set_all(y, 2 * FEW, 5);
    thaw_binding feed_x = {.tensor = many.x, .data = x}, feed_y = {.tensor = few.x, .data = y};
    thaw_binding fetch_x = {.tensor = many.sum, .data = sum_x}, fetch_y = {.tensor = few.sum, .data = sum_y};
    for (int round = 0; round < 3; round++) {
        ok(thaw_program_stage(many.program, &feed_x, 1, &err), &err);
        ok(thaw_program_begin(many.program, &fetch_x, 1, &err), &err);
        ok(thaw_program_stage(few.program, &feed_y, 1, &err), &err);
        ok(thaw_program_wait(many.program, &err), &err);
        ok(thaw_program_begin(few.program, &fetch_y, 1, &err), &err);
        ok(thaw_program_wait(few.program, &err), &err);
        assert_true(sum_x[0] == 6.0f * MANY && sum_y[0] == 10.0f * FEW);
    }

    /* Out of order: nothing happens. */
    assert_int_equal(thaw_program_begin(many.program, &fetch_x, 1, &err), THAW_E_INVALID);
    ok(thaw_program_stage(few.program, &feed_y, 1, &err), &err);
    ok(thaw_program_run(many.program, &feed_x, 1, &fetch_x, 1, &err), &err);
    assert_int_equal(thaw_program_begin(few.program, &fetch_y, 1, &err), THAW_E_INVALID);
    ok(thaw_program_stage(few.program, &feed_y, 1, &err), &err);
    ok(thaw_program_begin(few.program, &fetch_y, 1, &err), &err);
    ok(thaw_program_stage(few.program, &feed_y, 1, &err), &err);
    assert_int_equal(thaw_program_begin(few.program, &fetch_y, 1, &err), THAW_E_INVALID);

    /* Freed in the middle of all that. */
    thaw_program_free(many.program);
    thaw_program_free(few.program);
    thaw_program_free(alone.program);
    thaw_lane_free(lane);
    thaw_vars_free(vars);
    thaw_var_list_free(&list);
}

/* ---- preparation, on toy:6 ------------------------------------------------------------------------- */

static void count_calls(void *ctx, size_t done, size_t total)
{
    size_t *calls = ctx;
    calls[0]++;
    calls[1] = done;
    assert_true(done <= total);
}

/* One op for each number of channels, with labels "op 0", … */
static thaw_status prepare(const int32_t *channels, size_t n, uint32_t threads, size_t calls[2],
                           thaw_error *err)
{
    static float scale[16];
    thaw_graph g = {0};
    thaw_dev *slow;
    thaw_program *program = NULL;
    thaw_attr attr = affine_attr(0);
    assert_int_equal(thaw_runtime_open(rt, "toy:6", &slow, NULL), THAW_OK);
    for (size_t i = 0; i < n; i++) {
        char label[24];
        snprintf(label, sizeof label, "op %zu", i);
        uint32_t s = constant(&g, "scale", 1, 1, 1, channels[i], scale);
        uint32_t x = tensor(&g, "x", THAW_T_FEED, 1, 1, 3, channels[i]);
        uint32_t y = tensor(&g, "y", THAW_T_TEMP, 1, 1, 3, channels[i]);
        op(&g, THAW_OP_AFFINE, label, IDS(x, s), IDS(y), &attr);
    }
    thaw_program_options options = {
        .dev = slow, .prepare_threads = threads, .progress = count_calls, .progress_ctx = calls};
    thaw_status st = thaw_program_create(&g, NULL, &options, &program, err);
    thaw_program_free(program);
    thaw_graph_free(&g);
    thaw_runtime_close(rt, slow);
    return st;
}

static void the_first_failure_is_told(void **state)
{
    (void)state;
    const int32_t channels[] = {TOY_GOOD, TOY_FAILS_LATE, TOY_GOOD, TOY_FAILS_SOON, TOY_FAILS_SOON, TOY_GOOD};
    for (uint32_t i = 0; i < 12; i++) {
        size_t calls[2] = {0, 0};
        thaw_error err = {0};
        assert_int_equal(prepare(channels, 6, 1 + i % 6, calls, &err), THAW_E_UNSUPPORTED);
        assert_non_null(strstr(err.text, "(op 1)"));
        assert_int_equal(calls[0], 0);
    }
}

static void long_preparation_is_reported(void **state)
{
    (void)state;
    const int32_t channels[] = {TOY_SLOW, TOY_SLOW, TOY_SLOW, TOY_SLOW};
    size_t calls[2] = {0, 0};
    thaw_error err = {0};
    ok(prepare(channels, 4, 2, calls, &err), &err);
    assert_int_equal(calls[0], 1);
    assert_true(calls[1] >= 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feeds_travel_beside_a_run),
        cmocka_unit_test(programs_share_a_lane),
        cmocka_unit_test(the_first_failure_is_told),
        cmocka_unit_test(long_preparation_is_reported),
    };
    device = argc > 1 ? argv[1] : "toy:0";
    return cmocka_run_group_tests(tests, open_device, close_device);
}
