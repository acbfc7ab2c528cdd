/* The resize against the formula written down plainly, one pixel at a time. */
#include <math.h>

#include "helpers.h"

static float plain(const thaw_image *im, uint32_t out_h, uint32_t out_w, uint32_t y, uint32_t x, uint32_t c)
{
    float sy = ((float)y + 0.5f) * ((float)im->height / (float)out_h) - 0.5f;
    float sx = ((float)x + 0.5f) * ((float)im->width / (float)out_w) - 0.5f;
    int y0 = (int)floorf(sy), x0 = (int)floorf(sx);
    int y1 = (int)ceilf(sy), x1 = (int)ceilf(sx);
    float ly = sy - (float)y0, lx = sx - (float)x0;
    int ylow = y0 < 0 ? 0 : y0, xlow = x0 < 0 ? 0 : x0;
    int yhigh = y1 >= (int)im->height ? (int)im->height - 1 : y1;
    int xhigh = x1 >= (int)im->width ? (int)im->width - 1 : x1;
    const uint8_t *p = im->rgb + c;
    float tl = p[((size_t)ylow * im->width + (size_t)xlow) * 3];
    float tr = p[((size_t)ylow * im->width + (size_t)xhigh) * 3];
    float bl = p[((size_t)yhigh * im->width + (size_t)xlow) * 3];
    float br = p[((size_t)yhigh * im->width + (size_t)xhigh) * 3];
    float top = tl + (tr - tl) * lx, bottom = bl + (br - bl) * lx;
    return top + (bottom - top) * ly;
}

static thaw_image make_image(uint32_t width, uint32_t height)
{
    thaw_image im = {.width = width, .height = height, .rgb = malloc((size_t)width * height * 3)};
    assert_non_null(im.rgb);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        im.rgb[i] = (uint8_t)((i / 3 % width) * 7 + i / 3 / width * 3 + i % 3 * 50 + i % 11);
    return im;
}

static void check(uint32_t in_w, uint32_t in_h, uint32_t out_w, uint32_t out_h)
{
    thaw_image im = make_image(in_w, in_h);
    float *out = malloc((size_t)out_w * out_h * 3 * sizeof *out);
    assert_non_null(out);
    thaw_image_resize(&im, out_h, out_w, out);
    for (uint32_t y = 0; y < out_h; y++)
        for (uint32_t x = 0; x < out_w; x++)
            for (uint32_t c = 0; c < 3; c++) {
                float got = out[((size_t)y * out_w + x) * 3 + c], want = plain(&im, out_h, out_w, y, x, c);
                if (memcmp(&got, &want, sizeof got) != 0)
                    fail_msg("%ux%u to %ux%u at %u,%u,%u: %.9g, not %.9g", in_w, in_h, out_w, out_h, x, y, c,
                             (double)got, (double)want);
            }
    free(out);
    thaw_image_free(&im);
}

static void test_sizes(void **state)
{
    (void)state;
    static const uint32_t in[] = {299, 300, 150, 1000};
    for (size_t i = 0; i < 4; i++)
        check(in[i], in[3 - i], 299, 299);
    check(1, 1, 299, 299);
    check(1, 5, 7, 1);
    check(640, 3, 1200, 4);
    check(3, 2, 2, 3);
}

static void test_same_size_is_a_cast(void **state)
{
    (void)state;
    thaw_image im = make_image(299, 40);
    float *out = malloc((size_t)299 * 40 * 3 * sizeof *out);
    assert_non_null(out);
    thaw_image_resize(&im, 40, 299, out);
    for (size_t i = 0; i < (size_t)299 * 40 * 3; i++)
        assert_true(out[i] == (float)im.rgb[i]);
    free(out);
    thaw_image_free(&im);
}

/* Values worked out by hand: two pixels to four, centres at -0.25, 0.25, 0.75 and 1.25. */
static void test_by_hand(void **state)
{
    (void)state;
    uint8_t pixels[6] = {0, 0, 0, 100, 200, 40};
    thaw_image im = {.width = 2, .height = 1, .rgb = pixels};
    float out[12];
    static const float want[12] = {0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40};
    thaw_image_resize(&im, 1, 4, out);
    for (size_t i = 0; i < 12; i++)
        assert_true(out[i] == want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_same_size_is_a_cast),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
