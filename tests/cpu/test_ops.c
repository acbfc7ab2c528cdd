/* Every instruction set against the reference, and the same bits for any number of threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static const char *const fast[] = {"isa=generic", "isa=avx2", "isa=avx512"};

static void compare_f32(const op_case *c, uint32_t k, const float *is, const float *must, const char *isa)
{
    float largest = 0;
    for (size_t i = 0; i < elements(&c->out[k]); i++)
        largest = isfinite(must[i]) ? fmaxf(largest, fabsf(must[i])) : largest;
    for (size_t i = 0; i < elements(&c->out[k]); i++) {
        if (isnan(must[i]) && isnan(is[i]))
            continue;
        if (!(fabsf(is[i] - must[i]) <= 2e-6f * largest))
            fail_msg("kind %u, %s, output %u, element %zu: %g, must be %g", c->kind, isa, k, i, (double)is[i],
                     (double)must[i]);
    }
}

static void compare(const op_case *c, void *is[MAX_OUT], void *must[MAX_OUT], const char *isa)
{
    for (uint32_t k = 0; k < c->n_out; k++) {
        if (c->out[k].dtype == THAW_F32)
            compare_f32(c, k, is[k], must[k], isa);
        else if (memcmp(is[k], must[k], elements(&c->out[k]) * dtype_bytes(c->out[k].dtype)) != 0)
            fail_msg("kind %u, %s, output %u differs", c->kind, isa, k);
    }
}

static void same_bits(const op_case *c, void *a[MAX_OUT], void *b[MAX_OUT])
{
    for (uint32_t k = 0; k < c->n_out; k++)
        assert_memory_equal(a[k], b[k], elements(&c->out[k]) * dtype_bytes(c->out[k].dtype));
}

static void every_isa_agrees_with_the_reference(void **state)
{
    (void)state;
    op_case c;
    size_t cases = 0, compared = 0;
    for (; case_make(cases, &c); cases++) {
        void *must[MAX_OUT], *is[MAX_OUT], *again[MAX_OUT];
        assert_true(case_run_on(&serial_host, "isa=reference", &c, false, must));
        for (size_t f = 0; f < sizeof fast / sizeof fast[0]; f++) {
            if (!case_run_on(&serial_host, fast[f], &c, false, is))
                continue;
            compare(&c, is, must, fast[f]);
            assert_true(case_run_on(&shuffled_host, fast[f], &c, true, again));
            same_bits(&c, is, again);
            results_free(&c, is);
            results_free(&c, again);
            compared++;
        }
        assert_true(case_run_on(&shuffled_host, "isa=reference", &c, true, again));
        same_bits(&c, must, again);
        results_free(&c, again);
        results_free(&c, must);
        case_free(&c);
    }
    assert_true(compared >= cases);
}

/* Convolutions excepted, whose sums have the order of their vectors. */
static void all_vectors_give_the_same_bits(void **state)
{
    (void)state;
    op_case c;
    for (size_t i = 0; case_make(i, &c); i++) {
        void *generic[MAX_OUT], *is[MAX_OUT];
        bool convolution = c.kind <= THAW_OP_CONV2D_BWD_FILTER;
        if (!convolution)
            assert_true(case_run_on(&serial_host, fast[0], &c, false, generic));
        for (size_t f = 1; !convolution && f < sizeof fast / sizeof fast[0]; f++) {
            if (!case_run_on(&serial_host, fast[f], &c, false, is))
                continue;
            same_bits(&c, generic, is);
            results_free(&c, is);
        }
        if (!convolution)
            results_free(&c, generic);
        case_free(&c);
    }
}

static void every_kind_has_a_case(void **state)
{
    (void)state;
    bool seen[THAW_OP_KIND_END] = {false};
    op_case c;
    for (size_t i = 0; case_make(i, &c); i++) {
        seen[c.kind] = true;
        case_free(&c);
    }
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++)
        assert_true(seen[kind]);
}

/* The last image of a batch alone gives the bits that it had in the batch. */
static void a_row_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    const uint32_t kinds[] = {THAW_OP_AFFINE, THAW_OP_MAXPOOL, THAW_OP_AVGPOOL, THAW_OP_GLOBAL_AVGPOOL,
                              THAW_OP_SOFTMAX_XENT};
    op_case c;
    for (size_t i = 0; case_make(i, &c); i++) {
        bool wanted = false;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            wanted |= c.kind == kinds[k];
        if (wanted) {
            void *all[MAX_OUT], *one[MAX_OUT];
            assert_true(case_run_on(&serial_host, "isa=auto", &c, false, all));
            op_case last = c;
            size_t skip = elements(&c.in[0]) / (size_t)c.in[0].n * (size_t)(c.in[0].n - 1);
            last.data[0] = (float *)c.data[0] + skip;
            last.in[0].n = last.out[0].n = 1;
            if (c.kind == THAW_OP_SOFTMAX_XENT) {
                last.data[1] = (int32_t *)c.data[1] + c.in[0].n - 1;
                last.in[1].c = last.out[1].c = 1;
            } else if (c.n_out == 2) {
                last.out[1].n = 1;
            }
            assert_true(case_run_on(&serial_host, "isa=auto", &last, false, one));
            size_t row = elements(&last.out[0]);
            assert_memory_equal(one[0], (float *)all[0] + elements(&c.out[0]) - row, row * sizeof(float));
            results_free(&c, all);
            results_free(&last, one);
        }
        case_free(&c);
    }
}

/* Philox4x32-10 written a second time, itself held against the known answers of Random123 (kat_vectors). */
static void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    memcpy(out, counter, 16);
    for (int r = 0; r < 10; r++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t p = 0xD2511F53ull * out[0], q = 0xCD9E8D57ull * out[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ out[1] ^ k0, (uint32_t)q, (uint32_t)(p >> 32) ^ out[3] ^ k1,
                            (uint32_t)p};
        memcpy(out, next, 16);
    }
}

static void dropout_follows_philox(void **state)
{
    (void)state;
    const uint32_t zero[4] = {0}, known[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    const uint32_t ones[4] = {~0u, ~0u, ~0u, ~0u};
    const uint32_t known_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    uint32_t out[4];
    philox_block(zero, zero, out);
    assert_memory_equal(out, known, sizeof out);
    philox_block(ones, ones, out);
    assert_memory_equal(out, known_ones, sizeof out);

    op_case c;
    size_t i = 0;
    while (case_make(i++, &c) && c.kind != THAW_OP_DROPOUT)
        case_free(&c);
    void *results[MAX_OUT];
    assert_true(case_run_on(&serial_host, "isa=auto", &c, false, results));
    const uint32_t key[2] = {(uint32_t)c.attr.dropout.seed, (uint32_t)(c.attr.dropout.seed >> 32)};
    const uint32_t limit = (uint32_t)floor((double)c.attr.dropout.rate * 4294967296.0);
    for (uint32_t n = 0; n < (uint32_t)c.in[0].n; n++) {
        const uint32_t *row = (const uint32_t *)c.data[1] + 2 * n;
        for (uint32_t e = 0; e < (uint32_t)c.in[0].c; e++) {
            size_t at = (size_t)n * (size_t)c.in[0].c + e;
            philox_block((uint32_t[]){e / 4, 1, row[0], row[1]}, key, out);
            assert_int_equal(((uint8_t *)results[1])[at], out[e % 4] >= limit);
        }
    }
    results_free(&c, results);
    case_free(&c);
}

/* Every input of the role CONST, of every op: the values are those of the same inputs given at each run. */
static void constant_inputs_give_the_same_values(void **state)
{
    (void)state;
    op_case c;
    for (size_t i = 0; case_make(i, &c); i++) {
        void *given[MAX_OUT], *constant[MAX_OUT];
        bool in_place = false;
        for (uint32_t k = 0; k < c.n_out; k++)
            in_place |= c.in_place[k] >= 0 && c.kind == THAW_OP_ADAM;
        for (uint32_t k = 0; k < c.n_in; k++)
            c.in[k].pixel_pitch = c.in[k].c; /* as const_data lies */
        if (!in_place) {
            assert_true(case_run_on(&serial_host, "isa=reference", &c, false, given));
            for (uint32_t k = 0; k < c.n_in; k++)
                c.in[k].role = THAW_ROLE_CONST;
            assert_true(case_run_on(&serial_host, "isa=reference", &c, false, constant));
            for (uint32_t k = 0; k < c.n_out; k++)
                assert_memory_equal(given[k], constant[k], elements(&c.out[k]) * dtype_bytes(c.out[k].dtype));
            results_free(&c, constant);
            assert_true(case_run_on(&serial_host, "isa=auto", &c, false, constant));
            results_free(&c, constant);
            results_free(&c, given);
        }
        case_free(&c);
    }
}

static void a_label_outside_the_classes_gives_nan(void **state)
{
    (void)state;
    op_case c;
    size_t i = 0;
    while (case_make(i++, &c) && c.kind != THAW_OP_SOFTMAX_XENT)
        case_free(&c);
    ((int32_t *)c.data[1])[0] = c.in[0].c;
    ((int32_t *)c.data[1])[1] = INT32_MIN;
    void *results[MAX_OUT];
    assert_true(case_run_on(&serial_host, "isa=auto", &c, false, results));
    assert_true(isnan(((float *)results[1])[0]) && isnan(((float *)results[1])[1]));
    assert_true(isfinite(((float *)results[1])[2]));
    results_free(&c, results);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_case),
        cmocka_unit_test(every_isa_agrees_with_the_reference),
        cmocka_unit_test(all_vectors_give_the_same_bits),
        cmocka_unit_test(a_row_does_not_depend_on_the_batch),
        cmocka_unit_test(dropout_follows_philox),
        cmocka_unit_test(constant_inputs_give_the_same_values),
        cmocka_unit_test(a_label_outside_the_classes_gives_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
