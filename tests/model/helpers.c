#include "helpers.h"

#include <ftw.h>
#include <unistd.h>
#include <zlib.h>

char *temporary_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = thaw_path_join(base && base[0] ? base : "/tmp", "thaw-model-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void)sb;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temporary_remove(char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(dir);
}

char *in_folder(const char *dir, const char *name)
{
    char *path = thaw_path_join(dir, name);
    assert_non_null(path);
    return path;
}

void put_file(const char *dir, const char *name, const void *data, size_t size)
{
    char *path = in_folder(dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    free(path);
}

void put_fixture(const char *dir, const char *fixture, const char *name)
{
    static char block[1 << 18];
    char *source = in_folder(MODEL_FIXTURES, fixture), *path = in_folder(dir, name);
    gzFile in = gzopen(source, "rb");
    FILE *out = fopen(path, "wb");
    assert_non_null(in);
    assert_non_null(out);
    int n;
    while ((n = gzread(in, block, sizeof block)) > 0)
        assert_int_equal(fwrite(block, 1, (size_t)n, out), n);
    assert_int_equal(n, 0);
    gzclose(in);
    assert_int_equal(fclose(out), 0);
    free(source);
    free(path);
}

float fixture_value(size_t index)
{
    return (float)(index / THAW_W_PER_CONV) + 0.25f * (float)(index % THAW_W_PER_CONV);
}

void assert_fixture_values(const thaw_model *model)
{
    size_t wrong = 0, total = 0;
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++) {
        const thaw_weight *w = &model->weights[i];
        assert_non_null(w->data);
        total += w->count;
        for (size_t j = 0; j < w->count; j++)
            wrong += w->data[j] != fixture_value(i);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(total, 21802784);
}

thaw_model *make_base(void)
{
    thaw_model *model = NULL;
    assert_int_equal(thaw_model_create(&model, NULL), THAW_OK);
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++) {
        thaw_weight *w = &model->weights[i];
        assert_int_equal(thaw_model_alloc_weight(model, i, NULL), THAW_OK);
        for (size_t j = 0; j < w->count; j++)
            w->data[j] = fixture_value(i);
    }
    return model;
}

thaw_model *load(const char *path)
{
    thaw_error err = {0};
    thaw_model *model = NULL;
    if (thaw_model_load(path, NULL, &model, &err) != THAW_OK)
        fail_msg("%s", err.text);
    return model;
}

void assert_refused(const char *path, thaw_status status, const char *text, const char *other)
{
    thaw_error err = {0};
    thaw_model *model = NULL;
    thaw_status st = thaw_model_load(path, NULL, &model, &err);
    if (st != status || !strstr(err.text, text) || !strstr(err.text, other))
        fail_msg("expected status %d with '%s' and '%s', got %d: %s", status, text, other, st, err.text);
    assert_int_equal(err.status, status);
    assert_null(model);
}
