#include "helpers.h"

#include <dirent.h>
#include <ftw.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/rng.h"

char *temporary_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = thaw_path_join(base && *base ? base : "/tmp", "thaw-test-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static int remove_one(const char *path, const struct stat *sb, int kind, struct FTW *where)
{
    (void)sb;
    (void)kind;
    (void)where;
    return remove(path);
}

void temporary_remove(char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

void put_folder(const char *dir, const char *path)
{
    char *full = thaw_path_join(dir, path);
    assert_int_equal(thaw_make_dirs(full, NULL), THAW_OK);
    free(full);
}

void put_file(const char *dir, const char *path, const void *data, size_t size)
{
    char *full = thaw_path_join(dir, path);
    char *slash = strrchr(full, '/');
    *slash = '\0';
    assert_int_equal(thaw_make_dirs(full, NULL), THAW_OK);
    *slash = '/';
    assert_int_equal(thaw_write_file(full, data, size, NULL), THAW_OK);
    free(full);
}

uint8_t *read_fixture(const char *name, size_t *size)
{
    uint8_t *data = NULL;
    char *path = thaw_path_join(THAW_TEST_FILES, name);
    thaw_error err = {0};
    if (thaw_read_file(path, (size_t)1 << 24, &data, size, &err) != THAW_OK)
        fail_msg("%s", err.text);
    free(path);
    return data;
}

uint8_t *make_bmp(uint32_t width, uint32_t height, uint32_t seed, size_t *size)
{
    size_t pitch = ((size_t)width * 3 + 3) / 4 * 4;
    *size = 54 + pitch * height;
    uint8_t *d = calloc(*size, 1);
    assert_non_null(d);
    memcpy(d, "BM", 2);
    d[10] = 54;
    d[14] = 40;
    for (uint32_t b = 0; b < 4; b++) {
        d[18 + b] = (uint8_t)(width >> (8 * b));
        d[22 + b] = (uint8_t)(height >> (8 * b));
    }
    d[26] = 1;
    d[28] = 24;
    for (uint32_t i = 0; i < (uint32_t)(pitch * height); i++)
        d[54 + i] = (uint8_t)thaw_random_u32(seed, THAW_RNG_TEST, 0, 0, i);
    return d;
}

static int is_image(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && entry->d_name[0] != '.' && strcmp(dot, ".rgb") != 0;
}

char **image_names(void)
{
    struct dirent **entries = NULL;
    int n = scandir(THAW_TEST_FILES "/data/images", &entries, is_image, alphasort);
    assert_true(n > 30);
    char **names = calloc((size_t)n + 1, sizeof *names);
    assert_non_null(names);
    for (int i = 0; i < n; i++) {
        names[i] = thaw_path_join("data/images", entries[i]->d_name);
        assert_non_null(names[i]);
        free(entries[i]);
    }
    free(entries);
    return names;
}

void free_names(char **names)
{
    for (char **p = names; *p; p++)
        free(*p);
    free(names);
}
