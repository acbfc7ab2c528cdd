#include "helpers.h"

#include "core/base/file.h"

char warned[1024];
int warnings;

static void keep_warning(void *ctx, int32_t level, const char *text)
{
    (void)ctx;
    if (level != THAW_LOG_WARN)
        return;
    warnings++;
    snprintf(warned, sizeof warned, "%s", text);
}

const thaw_log warning_log = {keep_warning, NULL, THAW_LOG_WARN};

int start_picky(void **state)
{
    uint8_t *library = NULL;
    size_t bytes = 0;
    thaw_error err = {0};
    if (thaw_make_dirs(WORK_DIR, &err) != THAW_OK ||
        thaw_read_file(CPU_PLUGIN, (size_t)256 << 20, &library, &bytes, &err) != THAW_OK ||
        thaw_write_file(INNER_PLUGIN, library, bytes, &err) != THAW_OK) {
        print_error("%s\n", err.text);
        free(library);
        return -1;
    }
    free(library);
    setenv("THAW_PICKY_INNER", INNER_PLUGIN, 1);
    const char *const plugins[] = {CPU_PLUGIN, PICKY_PLUGIN};
    thaw_runtime_options options = {.threads = 2, .plugins = plugins, .n_plugins = 2, .no_search = true};
    thaw_runtime *runtime = NULL;
    if (thaw_runtime_create(&options, &runtime, &err) != THAW_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    *state = runtime;
    return 0;
}

int stop_picky(void **state)
{
    thaw_runtime_free(*state);
    return 0;
}

thaw_dev *open_dev(thaw_runtime *runtime, const char *name)
{
    thaw_dev *dev = NULL;
    thaw_error err = {0};
    if (thaw_runtime_open(runtime, name, &dev, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return dev;
}

void relu_graph(thaw_graph *graph, int32_t n)
{
    uint32_t in[2], out;
    memset(graph, 0, sizeof *graph);
    assert_int_equal(thaw_graph_tensor(graph, "dy", THAW_T_FEED, THAW_F32, n, 5, 7, 64, &in[0], NULL), 0);
    assert_int_equal(thaw_graph_tensor(graph, "y", THAW_T_FEED, THAW_F32, n, 5, 7, 64, &in[1], NULL), 0);
    assert_int_equal(thaw_graph_tensor(graph, "dx", THAW_T_TEMP, THAW_F32, n, 5, 7, 64, &out, NULL), 0);
    graph->tensors[out].output = true;
    assert_int_equal(thaw_graph_op(graph, THAW_OP_RELU_BWD, "relu", in, 2, &out, 1, NULL, NULL), 0);
}

placed place_relu(thaw_dev *dev, thaw_dev *fallback, const thaw_choices *choices)
{
    placed found = {"-", ""};
    thaw_graph graph;
    thaw_program *program = NULL;
    thaw_error err = {0};
    thaw_program_options options = {.dev = dev, .fallback_dev = fallback, .choices = choices};
    options.log = &warning_log;
    relu_graph(&graph, 2);
    if (thaw_program_create(&graph, NULL, &options, &program, &err) != THAW_OK)
        fail_msg("%s", err.text);
    const thaw_plan_row *row = &thaw_program_plan(program)->rows[0];
    if (strcmp(row->device, dev->name) == 0)
        snprintf(found.algo, sizeof found.algo, "%s", row->algo);
    snprintf(found.reason, sizeof found.reason, "%s", row->reason);
    thaw_program_free(program);
    thaw_graph_free(&graph);
    return found;
}
