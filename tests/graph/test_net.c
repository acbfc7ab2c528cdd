/* The table of layers, the choice of what trains, and the cut, against Keras. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/graph/net.h"

static thaw_net net;

static int build(void **state)
{
    (void)state;
    return thaw_net_inception_v3(THAW_FULL_INPUT_SIZE, &net, NULL);
}

/* Field number i of a line of tab-separated values. */
static void field(const char *line, int i, char *out, size_t cap)
{
    while (i-- > 0 && (line = strchr(line, '\t')))
        line++;
    size_t n = line ? strcspn(line, "\t\n") : 0;
    snprintf(out, cap, "%.*s", (int)n, line ? line : "");
}

static FILE *open_table(const char *name, char *line, size_t cap)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", DATA_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, (int)cap, f)); /* heading */
    return f;
}

static void layers_equal_the_table(void **state)
{
    (void)state;
    char line[1024], want[256], got[256];
    FILE *f = open_table("keras_layers.tsv", line, sizeof line);
    uint32_t n = 0;
    for (; fgets(line, sizeof line, f); n++) {
        assert_true(n < THAW_N_LAYERS);
        const thaw_layer *l = &net.layers[n];
        field(line, 1, want, sizeof want);
        assert_string_equal(l->name, want);
        field(line, 8, want, sizeof want);
        snprintf(got, sizeof got, "%dx%dx%d", l->h, l->w, l->c);
        assert_string_equal(got, want);
        field(line, 9, want, sizeof want);
        got[0] = '\0';
        for (uint32_t j = 0; j < l->n_in; j++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", j ? "," : "",
                     net.layers[l->in[j]].name);
        assert_string_equal(got, want);
    }
    fclose(f);
    assert_int_equal(n, THAW_N_LAYERS);
}

static void convolutions_equal_the_table(void **state)
{
    (void)state;
    char line[1024], want[256], got[256];
    FILE *f = open_table("keras_convs.tsv", line, sizeof line);
    uint32_t n = 0;
    uint64_t macs = 0;
    for (; fgets(line, sizeof line, f); n++) {
        field(line, 1, want, sizeof want);
        const thaw_layer *l = &net.layers[thaw_net_find(&net, want)];
        const thaw_layer *x = &net.layers[l->in[0]];
        assert_int_equal(l->k, n);
        snprintf(got, sizeof got, "%dx%d\t%d\t%d\t%d\t%s\t%dx%d\t%dx%d", l->kh, l->kw, x->c, l->c, l->stride,
                 l->same && (l->kh > 1 || l->kw > 1) ? "same" : "", x->h, x->w, l->h, l->w);
        char pad[16], parts[7][32];
        for (int i = 0; i < 5; i++)
            field(line, 4 + (i < 4 ? i : i), parts[i], sizeof parts[i]);
        field(line, 8, pad, sizeof pad);
        field(line, 9, parts[5], sizeof parts[5]);
        char out_size[32];
        field(line, 10, out_size, sizeof out_size);
        bool one = strcmp(parts[0], "1x1") == 0;
        snprintf(want, sizeof want, "%s\t%s\t%s\t%s\t%s\t%s\t%s", parts[0], parts[1], parts[2], parts[3],
                 !one && strcmp(pad, "same") == 0 ? "same" : "", parts[5], out_size);
        assert_string_equal(got, want);
        macs += (uint64_t)(l->kh * l->kw) * (uint64_t)x->c * (uint64_t)l->c * (uint64_t)l->h * (uint64_t)l->w;
    }
    fclose(f);
    assert_int_equal(n, THAW_N_CONVS);
    assert_int_equal(macs, 5711168096);
}

static void check_summary(uint32_t n, uint32_t convs, uint32_t betas, uint64_t parameters, bool clean)
{
    bool trainable[THAW_N_LAYERS];
    thaw_train_summary s;
    assert_int_equal(thaw_net_unfreeze_last(n, trainable, NULL), THAW_OK);
    thaw_net_summarise(&net, trainable, &s);
    assert_int_equal(s.layers, n);
    assert_int_equal(s.convs, convs);
    assert_int_equal(s.betas, betas);
    assert_int_equal(s.parameters, parameters);
    assert_int_equal(s.clean, clean);
}

static void summaries_equal_keras(void **state)
{
    (void)state;
    check_summary(50, 12, 15, 7173312, false);
    check_summary(311 - 249, 18, 18, 11114880, true);
    check_summary(311 - 280, 9, 9, 6073536, true);
    check_summary(311 - 229, 24, 24, 12811904, true);
    check_summary(311 - 172, 41, 42, 16215936, false);
    check_summary(311 - 100, 64, 64, 19626368, true);
    check_summary(311, 94, 94, 21768352, true);
    check_summary(0, 0, 0, 0, true);
}

static void expect_cut(const bool *trainable, const char *const *names)
{
    thaw_cut cut;
    assert_int_equal(thaw_net_cut(&net, trainable, &cut, NULL), THAW_OK);
    uint32_t n = 0;
    for (; names[n]; n++) {
        assert_true(n < cut.n);
        assert_string_equal(net.layers[cut.layers[n]].name, names[n]);
    }
    assert_int_equal(cut.n, n);
}

static void cuts_go_by_tensors(void **state)
{
    (void)state;
    bool trainable[THAW_N_LAYERS];
    thaw_net_unfreeze_last(50, trainable, NULL);
    expect_cut(trainable,
               (const char *[]){"mixed8", "activation_81", "conv2d_78", "conv2d_79", "conv2d_82", NULL});
    thaw_net_unfreeze_last(62, trainable, NULL);
    expect_cut(trainable, (const char *[]){"mixed8", NULL});
    thaw_net_unfreeze_last(311, trainable, NULL);
    expect_cut(trainable, (const char *[]){"input_layer", NULL});
    thaw_net_unfreeze_last(0, trainable, NULL);
    expect_cut(trainable, (const char *[]){NULL});
    for (uint32_t n = 0; n <= THAW_N_LAYERS; n++) {
        thaw_cut cut;
        thaw_net_unfreeze_last(n, trainable, NULL);
        assert_int_equal(thaw_net_cut(&net, trainable, &cut, NULL), THAW_OK);
    }
}

static void blocks_and_layers_can_be_named(void **state)
{
    (void)state;
    bool a[THAW_N_LAYERS], b[THAW_N_LAYERS];
    thaw_error err;
    assert_int_equal(thaw_net_unfreeze_from(&net, "mixed9", a, NULL), THAW_OK);
    thaw_net_unfreeze_last(311 - 249, b, NULL);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(thaw_net_unfreeze_from(&net, "conv2d_83", a, NULL), THAW_OK);
    thaw_net_unfreeze_last(50, b, NULL);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(thaw_net_unfreeze_from(&net, "stem", a, NULL), THAW_OK);
    thaw_net_unfreeze_last(311, b, NULL);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(thaw_net_unfreeze_from(&net, "mixed11", a, &err), THAW_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "mixed11"));
    assert_int_equal(thaw_net_unfreeze_last(312, a, &err), THAW_E_INVALID);
}

static void odd_sizes(void **state)
{
    (void)state;
    static thaw_net other;
    thaw_error err;
    assert_int_equal(thaw_net_inception_v3(75, &other, NULL), THAW_OK);
    assert_int_equal(other.layers[THAW_N_LAYERS - 1].h, 1);
    assert_int_equal(thaw_net_inception_v3(74, &other, &err), THAW_E_INVALID);
    assert_int_equal(thaw_net_inception_v3(-1, &other, &err), THAW_E_INVALID);
    assert_int_equal(thaw_net_inception_v3(1 << 20, &other, &err), THAW_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_equal_the_table),         cmocka_unit_test(convolutions_equal_the_table),
        cmocka_unit_test(summaries_equal_keras),          cmocka_unit_test(cuts_go_by_tensors),
        cmocka_unit_test(blocks_and_layers_can_be_named), cmocka_unit_test(odd_sizes),
    };
    return cmocka_run_group_tests(tests, build, NULL);
}
