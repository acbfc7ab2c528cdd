/* Damaged files: an error or an image, never a crash, never much memory. */
#include <sys/resource.h>

#include "core/base/rng.h"
#include "helpers.h"

static thaw_status decode_copy(const uint8_t *data, size_t size, thaw_error *err)
{
    /* An allocation of the exact size, so that a sanitizer sees a read behind it. */
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    thaw_image image;
    thaw_status st = thaw_image_decode(copy, size, "cut", &image, err);
    if (st == THAW_OK)
        thaw_image_free(&image);
    else
        assert_null(image.rgb);
    free(copy);
    return st;
}

static void test_cuts(void **state)
{
    (void)state;
    char **names = image_names();
    for (char **p = names; *p; p++) {
        size_t size = 0;
        uint8_t *file = read_fixture(*p, &size);
        for (size_t cut = 0; cut<size; cut += size> 1500 ? 1 + cut % 7 : 1) {
            thaw_error err = {0};
            if (decode_copy(file, cut, &err) != THAW_E_FORMAT)
                fail_msg("%s cut to %zu of %zu bytes: %s", *p, cut, size, err.text);
            assert_true(err.text[0] != '\0');
        }
        /* The last byte too. */
        assert_int_equal(decode_copy(file, size - 1, NULL), THAW_E_FORMAT);
        free(file);
    }
    free_names(names);
}

static void test_flips(void **state)
{
    (void)state;
    char **names = image_names();
    uint32_t k = 0, images = 0;
    for (char **p = names; *p; p++) {
        size_t size = 0;
        uint8_t *file = read_fixture(*p, &size);
        for (uint32_t round = 0; round < 60; round++) {
            uint32_t n = 1 + round % 3;
            uint8_t old[3];
            size_t at[3];
            for (uint32_t i = 0; i < n; i++) {
                at[i] = thaw_random_u32(11, THAW_RNG_TEST, 0, 0, k++) % size;
                old[i] = file[at[i]];
                file[at[i]] = (uint8_t)thaw_random_u32(11, THAW_RNG_TEST, 1, 0, k++);
            }
            thaw_error err = {0};
            thaw_status st = decode_copy(file, size, &err);
            assert_true(st == THAW_OK || (st == THAW_E_FORMAT && err.text[0]) || st == THAW_E_NO_MEMORY);
            images += st == THAW_OK;
            for (uint32_t i = n; i-- > 0;)
                file[at[i]] = old[i];
        }
        free(file);
    }
    assert_true(images > 0);
    free_names(names);
}

/* A header that claims a huge image is refused before memory is taken for it. */
static void test_huge_claims(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t width, height; /* where the header has them */
        bool big_endian, wide;
    } kinds[] = {{"data/images/rgb8.png", 16, 20, true, true},
                 {"data/images/bmp24.bmp", 18, 22, false, true},
                 {"data/images/gif_plain.gif", 0, 0, false, false},
                 {"data/images/baseline.jpg", 0, 0, true, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size = 0, w = kinds[i].width, h = kinds[i].height;
        uint8_t *file = read_fixture(kinds[i].name, &size);
        /* A GIF's image descriptor follows the colour table of 256 entries. */
        for (size_t at = 0; !w && at + 9 < size; at++) {
            if (kinds[i].big_endian && file[at] == 0xff && file[at + 1] == 0xc0) {
                h = at + 5;
                w = at + 7;
            } else if (!kinds[i].big_endian && file[at] == 0x2c && at >= 781) {
                w = at + 5;
                h = at + 7;
            }
        }
        assert_true(w != 0);
        for (size_t b = 0; b < (kinds[i].wide ? 4u : 2u); b++) {
            bool top = kinds[i].wide && b == (kinds[i].big_endian ? 0u : 3u);
            file[w + b] = file[h + b] = top ? 0x7f : 0xff;
        }
        thaw_error err = {0};
        assert_int_equal(decode_copy(file, size, &err), THAW_E_FORMAT);
        free(file);
    }
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(usage.ru_maxrss < 400 * 1024); /* KiB; the images would be gigabytes */
}

/* A damaged checksum of a PNG chunk that matters is an error, of one that does not is none. Of the end chunk,
 * which is empty, libpng 1.6.48 and later take any. */
static void test_png_checksums(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *file = read_fixture("data/images/rgb8.png", &size);
    for (size_t at = 8; at + 12 <= size;) {
        size_t n = (size_t)file[at + 2] << 8 | file[at + 3];
        bool ancillary = file[at + 4] & 0x20, end = memcmp(file + at + 4, "IEND", 4) == 0;
        file[at + 8 + n] ^= 1;
        thaw_error err = {0};
        thaw_status st = decode_copy(file, size, &err);
        if (!end)
            assert_int_equal(st, ancillary ? THAW_OK : THAW_E_FORMAT);
        if (st != THAW_OK)
            assert_non_null(strstr(err.text, "CRC"));
        file[at + 8 + n] ^= 1;
        at += n + 12;
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_huge_claims),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_png_checksums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
