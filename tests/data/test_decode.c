/* Images of every kind against their pixels. NAME.rgb: width, height (32-bit, little end first), RGB. The
 * lossless ones were drawn by a script that knew the pixels; those of the JPEG files were decoded by
 * TensorFlow 2.21 (tf.io.decode_image, channels=3). */
#include "helpers.h"

/* libjpeg-turbo gives TensorFlow's very pixels; stb_image's exact DCT stays near them. */
static int jpeg_tolerance(void)
{
    return strncmp(thaw_image_decoder(), "libjpeg-turbo", 13) == 0 ? 0 : 6;
}

static uint8_t *expected_pixels(const char *name, uint32_t *width, uint32_t *height)
{
    char path[256];
    size_t size = 0;
    snprintf(path, sizeof path, "%.*s.rgb", (int)(strrchr(name, '.') - name), name);
    uint8_t *data = read_fixture(path, &size);
    assert_true(size >= 8);
    memcpy(width, data, 4);
    memcpy(height, data + 4, 4);
    assert_int_equal(size, 8 + (size_t)*width * *height * 3);
    memmove(data, data + 8, size - 8);
    return data;
}

static void check_image(const char *name)
{
    size_t size = 0;
    uint8_t *file = read_fixture(name, &size);
    thaw_image image;
    thaw_error err = {0};
    if (thaw_image_decode(file, size, name, &image, &err) != THAW_OK)
        fail_msg("%s", err.text);
    uint32_t width = 0, height = 0;
    uint8_t *want = expected_pixels(name, &width, &height);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    int tolerance = strstr(name, ".jpg") ? jpeg_tolerance() : 0;
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        if (abs(image.rgb[i] - want[i]) > tolerance)
            fail_msg("%s: pixel %zu is %d, not %d", name, i / 3, image.rgb[i], want[i]);
    thaw_image_free(&image);
    assert_null(image.rgb);
    free(want);
    free(file);
}

static void test_all_kinds(void **state)
{
    (void)state;
    char **names = image_names();
    for (char **p = names; *p; p++)
        check_image(*p);
    free_names(names);
}

/* Inks 200, 100, 30 and 60, each of 255. */
static void test_cmyk(void **state)
{
    (void)state;
    static const int want[3] = {(255 - 200) * (255 - 60) / 255, (255 - 100) * (255 - 60) / 255,
                                (255 - 30) * (255 - 60) / 255};
    size_t size = 0;
    uint8_t *file = read_fixture("data/images/cmyk.jpg", &size);
    thaw_image image;
    assert_int_equal(thaw_image_decode(file, size, "cmyk", &image, NULL), THAW_OK);
    assert_int_equal(image.width, 16);
    for (size_t i = 0; i < 16 * 16 * 3; i++)
        assert_in_range(image.rgb[i], want[i % 3] - 2, want[i % 3] + 2);
    thaw_image_free(&image);
    free(file);
}

static void test_content_counts(void **state)
{
    (void)state;
    thaw_image image;
    thaw_error err = {0};
    assert_int_equal(thaw_image_decode((const uint8_t *)"", 0, "e.png", &image, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "e.png: the file is empty"));
    assert_int_equal(thaw_image_decode((const uint8_t *)"hello, world", 12, "t.jpg", &image, &err),
                     THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "t.jpg"));
    assert_null(image.rgb);
    size_t n = strlen(thaw_image_decoder());
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_cmyk),
        cmocka_unit_test(test_content_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
