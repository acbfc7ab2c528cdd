/* cases_odd.c: cases of values again with odd values in them: the "edge" lines of thaw_ops.h, and infinities
 * and NaN for every op.
 *
 * Not tried is what is left open there: a kernel's infinities and NaN where its window hangs over the image.
 */
#include <string.h>

#include "core/check/case.h"

#define MOST_INPUTS 4

static const struct {
    const char *of; /* the name of a case of values */
    const char *suffix;
    struct {
        uint32_t input;
        check_fill fill;
    } change[MOST_INPUTS]; /* ended by FILL_UNIFORM */
} table[] = {
    {"conv2d/odd_3x3_5-7_s2.2_p0.1.0.1_2x7x6_bias_relu_const_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/odd_5x5_5-33_s1.1_p2.2.2.2_1x7x7_bias_relu_const_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/odd_1x1_3-7_s1.1_p0.0.0.0_3x2x7_bias_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/siblings_3x3_9-33_s1.1_p1.1.1.1_2x7x6_bias_relu_const_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/tf32_3x3_3-34_s2.2_p0.0.0.0_2x9x11_bias_relu_const_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/bf16_3x3_3-34_s2.2_p0.0.0.0_2x9x11_bias_relu_const_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/bf16_3x3_48-64_s1.1_p1.1.1.1_1x8x8_bias_relu_const_slice", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d/odd_3x3_5-33_s1.1_p0.0.0.0_1x7x7_bias_relu_const_slice",
     "odd-w",
     {{1, FILL_SELDOM_ODD}, {2, FILL_SELDOM_ODD}}},
    {"conv2d/odd_1x1_5-33_s2.2_p0.0.0.0_2x7x7", "odd-w", {{1, FILL_SELDOM_ODD}}},
    {"conv2d/odd_5x5_5-33_s1.1_p2.2.2.2_1x7x7_bias_relu_const_slice", "odd-bias", {{2, FILL_ODD}}},
    {"conv2d_bwd_data/odd_3x3_5-7_s2.2_p0.1.0.1_2x7x6", "odd-dy", {{0, FILL_SELDOM_ODD}}},
    {"conv2d_bwd_data/odd_5x5_3-7_s1.1_p2.2.2.2_3x2x1", "odd-dy", {{0, FILL_SELDOM_ODD}}},
    {"conv2d_bwd_data/odd_1x1_3-7_s1.1_p0.0.0.0_3x2x7", "odd-w", {{1, FILL_SELDOM_ODD}}},
    {"conv2d_bwd_filter/odd_3x3_5-7_s2.2_p0.1.0.1_2x7x6", "odd-x", {{0, FILL_SELDOM_ODD}}},
    {"conv2d_bwd_filter/odd_3x3_5-33_s1.1_p0.0.0.0_1x7x7", "odd-dy", {{1, FILL_SELDOM_ODD}}},
    {"affine/3x2x7x33_shift_relu", "odd", {{0, FILL_ODD}, {1, FILL_ODD}, {2, FILL_ODD}}},
    {"affine/3x2x7x33_slice", "odd", {{0, FILL_ODD}, {1, FILL_ODD}}},
    {"bn_fold/448", "odd", {{0, FILL_ODD}, {1, FILL_ODD}, {2, FILL_ODD}}},
    {"bn_train/3x2x7x33_relu_in-place",
     "odd",
     {{0, FILL_SELDOM_ODD}, {1, FILL_SELDOM_ODD}, {2, FILL_ODD}, {3, FILL_ODD}}},
    {"bn_train_bwd/3x2x7x33", "odd", {{0, FILL_SELDOM_ODD}}},
    {"maxpool/2x3_s1.2_p1.0.0.2_2x5x7x3", "odd", {{0, FILL_ODD}}},
    {"maxpool/3x3_s1.1_p1.1.1.1_1x2x7x33", "odd", {{0, FILL_ODD}}},
    {"maxpool/3x3_s1.1_p1.1.1.1_1x2x7x33", "zeros", {{0, FILL_RECTIFIED}}},
    {"maxpool/1x1_s2.3_p0.0.0.0_1x5x7x17", "odd", {{0, FILL_ODD}}},
    {"maxpool_bwd/3x3_s1.1_p1.1.1.1_1x2x7x33", "any-argmax", {{0, FILL_ODD}, {1, FILL_ANY_ARGMAX}}},
    {"maxpool_bwd/2x3_s1.2_p1.0.0.2_2x5x7x3", "any-argmax", {{0, FILL_ODD}, {1, FILL_ANY_ARGMAX}}},
    {"avgpool/3x3_s1.1_p1.1.1.1_1x2x7x33_bias_relu_slice",
     "odd",
     {{0, FILL_SELDOM_ODD}, {1, FILL_SELDOM_ODD}}},
    {"avgpool/2x3_s1.2_p1.0.0.2_2x5x7x3_with-pad", "odd", {{0, FILL_SELDOM_ODD}}},
    {"avgpool_bwd/3x3_s1.1_p1.1.1.1_1x2x7x33", "odd", {{0, FILL_SELDOM_ODD}}},
    {"global_avgpool/1x7x2x33", "odd", {{0, FILL_SELDOM_ODD}}},
    {"global_avgpool_bwd/1x7x2x33", "odd", {{0, FILL_ODD}}},
    {"dropout/2x2048_rate0.2", "odd", {{0, FILL_ODD}}},
    {"dropout_bwd/2x2048_rate0.2", "odd", {{0, FILL_ODD}}},
    {"softmax_xent/7x33", "odd", {{0, FILL_SELDOM_ODD}}},
    {"softmax_xent/32x5", "no-label", {{1, FILL_ANY_LABEL}}},
    {"softmax_xent_bwd/7x33", "odd", {{0, FILL_ODD}}},
    {"softmax_xent_bwd/32x5", "no-label", {{1, FILL_ANY_LABEL}}},
    {"metrics/32x5", "odd", {{0, FILL_ODD}}},
    {"metrics/32x5", "no-label", {{1, FILL_ANY_LABEL}}},
    {"metrics/32x5", "odd-loss", {{2, FILL_ODD}}},
    {"relu_bwd/3x2x7x33", "odd", {{0, FILL_ODD}, {1, FILL_ODD}}},
    {"bias_grad/32x8x8x20_slice", "odd", {{0, FILL_ONCE_ODD}}},
    {"add/5_3x2x7x33_in-place_slice", "odd", {{0, FILL_ODD}, {1, FILL_ODD}}},
    {"cast/f32-f32_3x2x7x33_scaled", "odd", {{0, FILL_ODD}}},
    {"cast/f32-f16_3x2x7x33_scaled", "odd", {{0, FILL_ODD}}},
    {"cast/f32-bf16_3x2x7x33_scaled", "odd", {{0, FILL_ODD}}},
    {"adam/4-tensors_1-steps_in-place", "odd", {{5, FILL_ODD}, {6, FILL_ODD}, {7, FILL_ODD}, {8, FILL_ODD}}},
};

void thaw_check_cases_odd(check_list *list)
{
    size_t n = list->count;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        for (size_t i = 0; i < n && !list->failed; i++) {
            if (list->items[i].type != CHECK_VALUES || strcmp(list->items[i].name, table[row].of) != 0)
                continue;
            thaw_check_again_as(list, &list->items[i], CHECK_VALUES, table[row].suffix);
            check_case *c = &list->items[list->count - 1];
            for (size_t k = 0; k < MOST_INPUTS && table[row].change[k].fill != FILL_UNIFORM; k++)
                c->arg[table[row].change[k].input].fill = table[row].change[k].fill;
            break;
        }
}
