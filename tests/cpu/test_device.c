/* The device itself: options, memory, and descriptors that lie. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static void options_are_checked(void **state)
{
    (void)state;
    session s;
    thaw_error err = {0};
    session_load(&s, &serial_host);
    const char *const wrong[] = {"isa=sse9", "threads=3",       "isa",    "isa=avx2 ",
                                 "=",        "isa=generic,x=1", "amx=on", "amx=offf"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(s.plugin->device_open(0, wrong[i], &s.dev, &s.ops, &err), THAW_E_INVALID);
        assert_non_null(strstr(err.text, "reference"));
        assert_null(s.dev);
    }
    assert_int_equal(s.plugin->device_open(1, NULL, &s.dev, &s.ops, &err), THAW_E_NOT_FOUND);
    const char *const right[] = {
        NULL, "", "isa=auto", "isa=reference", "isa=generic", "amx=off", "isa=generic,amx=auto"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(s.plugin->device_open(0, right[i], &s.dev, &s.ops, &err), THAW_OK);
        s.ops->close(s.dev);
        s.dev = NULL;
    }
    session_close(&s);
}

static void describes_itself_within_the_size_given(void **state)
{
    (void)state;
    session s;
    thaw_error err = {0};
    thaw_device_info info;
    session_load(&s, &serial_host);
    memset(&info, 0x5a, sizeof info);
    info.struct_size = THAW_DEVICE_INFO_V1_SIZE - 1;
    assert_int_equal(s.plugin->device_describe(0, &info, &err), THAW_E_INVALID);
    info.struct_size = sizeof info;
    assert_int_equal(s.plugin->device_describe(0, &info, &err), THAW_OK);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(info.type, THAW_DEVICE_CPU);
    assert_int_equal(info.compute_units, 1);
    assert_true(info.name[0] != '\0' && info.memory_bytes > 0);
    assert_non_null(strstr(info.detail, "generic"));
    session_close(&s);
}

static void refuses_another_abi(void **state)
{
    (void)state;
    session s;
    thaw_plugin_entry_fn entry;
    thaw_host short_host = serial_host;
    thaw_error err = {0};
    session_load(&s, &serial_host);
    *(void **)&entry = dlsym(s.library, "thaw_plugin_entry");
    assert_null(entry(THAW_ABI_MAJOR + 1, 0));
    assert_non_null(entry(THAW_ABI_MAJOR, 77));
    short_host.struct_size = THAW_HOST_V1_SIZE - 8;
    assert_int_equal(s.plugin->init(&short_host, &err), THAW_E_ABI);
    session_close(&s);
}

static void copies_stay_within_their_buffers(void **state)
{
    (void)state;
    session s;
    thaw_error err = {0};
    thaw_buffer *buf = NULL, *large = NULL;
    uint32_t words[4] = {1, 2, 3, 4}, back[4] = {0};
    assert_true(session_open(&s, &serial_host, NULL));
    assert_int_equal(s.ops->buffer_create(s.dev, 0, &buf, &err), THAW_E_INVALID);
    assert_int_equal(s.ops->buffer_create(s.dev, UINT64_MAX, &buf, &err), THAW_E_DEVICE_MEMORY);
    assert_int_equal(s.ops->buffer_create(s.dev, 64, &buf, &err), THAW_OK);
    assert_int_equal(s.ops->buffer_create(s.dev, 5u << 20, &large, &err), THAW_OK);
    thaw_slice begin = {buf, 0}, end = {buf, 48}, over = {buf, 52}, far = {buf, UINT64_MAX - 4};
    assert_int_equal(s.ops->upload(s.stream, begin, words, 16, &err), THAW_OK);
    assert_int_equal(s.ops->copy(s.stream, end, begin, 16, &err), THAW_OK);
    assert_int_equal(s.ops->download(s.stream, back, end, 16, &err), THAW_OK);
    assert_memory_equal(words, back, sizeof words);
    assert_int_equal(s.ops->fill(s.stream, end, 7, 8, &err), THAW_OK);
    assert_int_equal(s.ops->download(s.stream, back, end, 16, &err), THAW_OK);
    assert_true(back[0] == 7 && back[1] == 7 && back[2] == 3);
    assert_int_equal(s.ops->fill(s.stream, end, 7, 6, &err), THAW_E_INVALID);
    assert_int_equal(s.ops->upload(s.stream, over, words, 16, &err), THAW_E_INVALID);
    assert_int_equal(s.ops->download(s.stream, back, far, 16, &err), THAW_E_INVALID);
    assert_int_equal(s.ops->copy(s.stream, begin, far, 16, &err), THAW_E_INVALID);
    assert_int_equal(s.ops->upload(s.stream, (thaw_slice){NULL, 0}, words, 16, &err), THAW_E_INVALID);
    s.ops->buffer_destroy(s.dev, buf);
    s.ops->buffer_destroy(s.dev, large);
    s.ops->buffer_destroy(s.dev, NULL);
    session_close(&s);
}

/* In pieces, for the host's threads: whole, and nothing beside it. */
static void large_copies_are_whole(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, ROOM = 4 * MIB, FROM = 3, TO = 5 };
    static const size_t sizes[] = {MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 7};
    session s;
    thaw_error err = {0};
    thaw_buffer *a = NULL, *b = NULL;
    uint8_t *sent = malloc(ROOM), *back = malloc(ROOM);
    assert_true(sent && back && session_open(&s, &serial_host, NULL));
    for (size_t i = 0; i < ROOM; i++)
        sent[i] = (uint8_t)(1 + (i >> 10) * 31 + i);
    assert_int_equal(s.ops->buffer_create(s.dev, ROOM, &a, &err), THAW_OK);
    assert_int_equal(s.ops->buffer_create(s.dev, ROOM, &b, &err), THAW_OK);
    assert_int_equal(s.ops->upload(s.stream, (thaw_slice){a, 0}, sent, ROOM, &err), THAW_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const thaw_slice to = {b, TO}, from = {a, FROM};
        assert_int_equal(s.ops->fill(s.stream, (thaw_slice){b, 0}, 0xeeeeeeee, ROOM, &err), THAW_OK);
        assert_int_equal(s.ops->copy(s.stream, to, from, sizes[i], &err), THAW_OK);
        assert_int_equal(s.ops->download(s.stream, back, (thaw_slice){b, 0}, ROOM, &err), THAW_OK);
        assert_memory_equal(back + TO, sent + FROM, sizes[i]);
        assert_true(back[TO - 1] == 0xee && back[TO + sizes[i]] == 0xee);
    }
    s.ops->buffer_destroy(s.dev, a);
    s.ops->buffer_destroy(s.dev, b);
    session_close(&s);
    free(sent);
    free(back);
}

static thaw_status query(session *s, const op_case *c, thaw_error *err)
{
    const thaw_tensor *ins[MAX_IN], *outs[MAX_OUT];
    thaw_op op = case_op(c, ins, outs);
    thaw_op_info info = {.struct_size = sizeof info};
    err->text[0] = '\0';
    return s->ops->op_query(s->dev, &op, THAW_ALGO_DEFAULT, &info, err);
}

static void expect_invalid(session *s, const op_case *c, const char *what)
{
    thaw_error err = {0};
    if (query(s, c, &err) != THAW_E_INVALID || err.text[0] == '\0')
        fail_msg("kind %u with wrong %s was taken (%s)", c->kind, what, err.text);
}

/* Every field of a tensor, wrong in several ways. */
static void spoil_tensor(session *s, op_case *c, thaw_tensor *t)
{
    const thaw_tensor good = *t;
    t->struct_size = THAW_TENSOR_V1_SIZE - 1;
    expect_invalid(s, c, "struct_size");
    *t = good;
    t->dtype = 99;
    expect_invalid(s, c, "dtype");
    t->dtype = THAW_I32 + (good.dtype == THAW_I32);
    expect_invalid(s, c, "dtype");
    *t = good;
    t->role = -1;
    expect_invalid(s, c, "role");
    *t = good;
    t->pixel_pitch = good.c - 1;
    expect_invalid(s, c, "pixel_pitch");
    t->pixel_pitch = INT64_MAX;
    expect_invalid(s, c, "huge pixel_pitch");
    *t = good;
    int32_t *dims[] = {&t->n, &t->h, &t->w, &t->c};
    const int32_t bad[] = {0, -1, INT_MIN, INT_MAX};
    for (int d = 0; d < 4; d++) {
        for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
            *dims[d] = bad[b];
            expect_invalid(s, c, "dimension");
            *t = good;
        }
    }
    if (c->kind == THAW_OP_METRICS && t == &c->in[0])
        return; /* the number of classes is the op's own to choose */
    t->c = good.c + 1;
    t->pixel_pitch = good.pixel_pitch + 1;
    expect_invalid(s, c, "c");
    *t = good;
}

static void lying_tensors_are_refused(void **state)
{
    (void)state;
    session s;
    op_case c;
    thaw_error err;
    assert_true(session_open(&s, &serial_host, NULL));
    for (size_t i = 0; case_make(i, &c); i++) {
        assert_int_equal(query(&s, &c, &err), THAW_OK);
        for (uint32_t k = 0; k < c.n_in; k++)
            spoil_tensor(&s, &c, &c.in[k]);
        for (uint32_t k = 0; k < c.n_out; k++) {
            spoil_tensor(&s, &c, &c.out[k]);
            c.out[k].role = THAW_ROLE_CONST;
            expect_invalid(&s, &c, "CONST output");
            c.out[k].role = THAW_ROLE_ACTIVATION;
        }
        case_free(&c);
    }
    session_close(&s);
}

static void lying_heads_are_refused(void **state)
{
    (void)state;
    session s;
    op_case c;
    assert_true(session_open(&s, &serial_host, NULL));
    for (size_t i = 0; case_make(i, &c); i++) {
        const thaw_tensor *ins[MAX_IN], *outs[MAX_OUT];
        thaw_op good = case_op(&c, ins, outs), op;
        thaw_op_info info = {.struct_size = sizeof info};
        thaw_error err = {0};
#define REFUSED(field, value, expected)                                                                      \
    op = good;                                                                                               \
    op.field = (value);                                                                                      \
    assert_int_equal(s.ops->op_query(s.dev, &op, THAW_ALGO_DEFAULT, &info, &err), (expected));               \
    assert_true(err.text[0] != '\0')
        REFUSED(struct_size, THAW_OP_V1_SIZE - 1, THAW_E_INVALID);
        REFUSED(kind, 0, THAW_E_UNSUPPORTED);
        REFUSED(kind, THAW_OP_KIND_END, THAW_E_UNSUPPORTED);
        REFUSED(n_in, 0, THAW_E_INVALID);
        REFUSED(n_out, 0, THAW_E_INVALID);
        REFUSED(n_in, UINT32_MAX, c.kind == THAW_OP_ADAM ? THAW_E_UNSUPPORTED : THAW_E_INVALID);
        REFUSED(in, NULL, THAW_E_INVALID);
        REFUSED(out, NULL, THAW_E_INVALID);
        REFUSED(precision, 9, THAW_E_INVALID);
#undef REFUSED
        ins[c.n_in - 1] = NULL;
        assert_int_equal(s.ops->op_query(s.dev, &good, THAW_ALGO_DEFAULT, &info, &err), THAW_E_INVALID);
        ins[c.n_in - 1] = &c.in[c.n_in - 1];
        assert_int_equal(s.ops->op_query(s.dev, &good, 1000, &info, &err), THAW_E_UNSUPPORTED);
        case_free(&c);
    }
    assert_int_equal(s.ops->op_query(s.dev, NULL, 0, NULL, NULL), THAW_E_INVALID);
    session_close(&s);
}

static void attributes_are_checked(void **state)
{
    (void)state;
    session s;
    op_case c;
    size_t checked = 0;
    assert_true(session_open(&s, &serial_host, NULL));
    for (size_t i = 0; case_make(i, &c); i++) {
        const op_case good = c;
#define WRONG(field, value)                                                                                  \
    c.attr.field = (value);                                                                                  \
    expect_invalid(&s, &c, #field);                                                                          \
    c.attr = good.attr;                                                                                      \
    checked++
        if (c.kind >= THAW_OP_CONV2D && c.kind <= THAW_OP_CONV2D_BWD_FILTER) {
            WRONG(conv.struct_size, 4);
            WRONG(conv.stride_h, 0);
            WRONG(conv.stride_w, INT_MIN);
            WRONG(conv.stride_w, INT_MAX);
            WRONG(conv.pad_top, 3);
            WRONG(conv.pad_left, -1);
            WRONG(conv.relu_mask, 1u << 31);
        } else if (c.kind >= THAW_OP_MAXPOOL && c.kind <= THAW_OP_AVGPOOL_BWD) {
            WRONG(pool.kh, 0);
            WRONG(pool.kw, INT_MAX);
            WRONG(pool.stride_h, -1);
            WRONG(pool.pad_left, 3);
            WRONG(pool.stride_w, 5);
        } else if (c.kind == THAW_OP_DROPOUT) {
            WRONG(dropout.rate, 1.0f);
            WRONG(dropout.rate, -0.5f);
            WRONG(dropout.struct_size, 0);
        } else if (c.kind == THAW_OP_BN_TRAIN) {
            WRONG(bn.eps, -1.0f);
            WRONG(bn.momentum, 2.0f);
        }
#undef WRONG
        case_free(&c);
    }
    assert_true(checked > 40);
    session_close(&s);
}

/* Arguments that leave their buffers, at the moment they are used. */
static void arguments_are_checked(void **state)
{
    (void)state;
    session s;
    op_case c;
    const thaw_tensor *ins[MAX_IN], *outs[MAX_OUT];
    thaw_kernel *kernel = NULL;
    thaw_buffer *buf = NULL;
    thaw_error err = {0};
    thaw_slice none = {NULL, 0};
    assert_true(session_open(&s, &serial_host, NULL));
    case_init(&c, THAW_OP_RELU_BWD);
    case_in_f32(&c, 1, 2, 2, 3, 1);
    case_in_f32(&c, 1, 2, 2, 3, 1);
    case_out_f32(&c, 1, 2, 2, 3, 1);
    thaw_op op = case_op(&c, ins, outs);
    assert_int_equal(s.ops->op_prepare(s.dev, &op, THAW_ALGO_DEFAULT, NULL, &kernel, &err), THAW_OK);
    assert_int_equal(s.ops->buffer_create(s.dev, 3 * 60, &buf, &err), THAW_OK);
    const uint64_t extent = 60; /* 4 pixels of pitch 4 floats, the last without its gap */
    thaw_slice args[3] = {{buf, 0}, {buf, extent}, {buf, 2 * extent}};
    assert_int_equal(s.ops->fill(s.stream, args[0], 0, 180, &err), THAW_OK);
    assert_int_equal(s.ops->op_enqueue(s.stream, kernel, args, 3, none, &err), THAW_OK);
    assert_int_equal(s.ops->op_enqueue(s.stream, kernel, args, 2, none, &err), THAW_E_INVALID);
    args[2].offset += 4;
    assert_int_equal(s.ops->op_enqueue(s.stream, kernel, args, 3, none, &err), THAW_E_INVALID);
    args[2].offset = 2;
    assert_int_equal(s.ops->op_enqueue(s.stream, kernel, args, 3, none, &err), THAW_E_INVALID);
    args[2] = none;
    assert_int_equal(s.ops->op_enqueue(s.stream, kernel, args, 3, none, &err), THAW_E_INVALID);
    s.ops->kernel_destroy(s.dev, kernel);
    s.ops->buffer_destroy(s.dev, buf);
    c.in[1].role = THAW_ROLE_CONST;
    assert_int_equal(s.ops->op_prepare(s.dev, &op, THAW_ALGO_DEFAULT, NULL, &kernel, &err), THAW_E_INVALID);
    case_free(&c);
    session_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),     cmocka_unit_test(describes_itself_within_the_size_given),
        cmocka_unit_test(refuses_another_abi),     cmocka_unit_test(copies_stay_within_their_buffers),
        cmocka_unit_test(large_copies_are_whole),  cmocka_unit_test(lying_tensors_are_refused),
        cmocka_unit_test(lying_heads_are_refused), cmocka_unit_test(attributes_are_checked),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
