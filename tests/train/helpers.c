#include "helpers.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/rng.h"

#define PICTURE 80
#define SEED    5

const char *at(const world *w, const char *name)
{
    static char buffers[64][160];
    static unsigned next;
    char *out = buffers[next++ % 64];
    snprintf(out, sizeof buffers[0], "%s/%s", w->dir, name);
    return out;
}

void expect(thaw_status expected, thaw_status st, const thaw_error *err)
{
    if (st != expected)
        print_error("status %d: %s\n", (int)st, err->text);
    assert_int_equal(st, expected);
}

void expect_text(const thaw_error *err, const char *part)
{
    if (!strstr(err->text, part))
        print_error("\"%s\" is not in \"%s\"\n", part, err->text);
    assert_non_null(strstr(err->text, part));
}

void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

void write_bmp(const char *path, int size, const uint8_t *rgb)
{
    uint8_t header[54] = {'B', 'M'};
    put32(header + 10, 54);
    put32(header + 14, 40);
    put32(header + 18, (uint32_t)size);
    put32(header + 22, (uint32_t)size);
    header[26] = 1;
    header[28] = 24;
    size_t row = ((size_t)size * 3 + 3) / 4 * 4, bytes = row * (size_t)size;
    put32(header + 2, (uint32_t)(54 + bytes));
    put32(header + 34, (uint32_t)bytes);
    uint8_t *data = calloc(1, bytes);
    assert_non_null(data);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            for (int c = 0; c < 3; c++)
                data[(size_t)(size - 1 - y) * row + (size_t)x * 3 + (size_t)c] =
                    rgb[(y * size + x) * 3 + 2 - c];
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(header, 1, sizeof header, f), sizeof header);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
    free(data);
}

/* Stripes: each class has a direction and a colour of its own; the noise is the image's. */
static void write_picture(const char *path, int class, int number)
{
    static uint8_t rgb[PICTURE * PICTURE * 3];
    for (int y = 0; y < PICTURE; y++)
        for (int x = 0; x < PICTURE; x++)
            for (int c = 0; c < 3; c++) {
                int i = (y * PICTURE + x) * 3 + c;
                int along = class == 0 ? x : class == 1 ? y : x + y;
                float noise = thaw_random_uniform(SEED, THAW_RNG_TEST, (uint32_t)(class * 1000 + number), 1,
                                                  (uint32_t)i);
                float value = ((along + number) / 8 % 2 ? 20.0f : 0.0f) + (c == class ? 200.0f : 0.0f);
                rgb[i] = (uint8_t)(value + noise * 30.0f);
            }
    write_bmp(path, PICTURE, rgb);
}

static void write_pictures(const world *w, int per_class)
{
    static const char *const names[N_CLASSES] = {"across", "down", "slant"};
    char path[160];
    thaw_error err;
    for (int c = 0; c < N_CLASSES; c++) {
        snprintf(path, sizeof path, "%s/photos/%s", w->dir, names[c]);
        expect(THAW_OK, thaw_make_dirs(path, &err), &err);
        for (int i = 0; i < per_class; i++) {
            snprintf(path, sizeof path, "%s/photos/%s/%02d.bmp", w->dir, names[c], i);
            write_picture(path, c, i);
        }
    }
}

/* Kernels as He has them, so that activations keep their size through 94 layers. */
static void write_weights(const world *w)
{
    thaw_model *m;
    thaw_error err;
    expect(THAW_OK, thaw_model_create(&m, &err), &err);
    m->pre.input_size = 75;
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++) {
        thaw_weight *t = &m->weights[i];
        expect(THAW_OK, thaw_model_alloc_weight(m, i, &err), &err);
        size_t what = i % THAW_W_PER_CONV;
        float limit = what == THAW_W_KERNEL ? sqrtf(6.0f / (float)(t->dims[0] * t->dims[1] * t->dims[2])) : 0;
        float other = what == THAW_W_VAR ? 1.0f : 0.0f;
        uint32_t state = (uint32_t)i * 2654435761u + 1;
        for (size_t j = 0; j < t->count; j++) {
            state = state * 1664525u + 1013904223u;
            t->data[j] = what == THAW_W_KERNEL ? ((float)(state >> 8) * 0x1p-23f - 1.0f) * limit : other;
        }
    }
    expect(THAW_OK, thaw_model_save(m, at(w, "weights.safetensors"), NULL, &err), &err);
    thaw_model_free(m);
}

static void open_device(world *w, uint32_t threads)
{
    static const char *const plugins[] = {CPU_PLUGIN};
    thaw_runtime_options options = {
        .threads = threads, .plugins = plugins, .n_plugins = 1, .no_search = true};
    thaw_error err;
    expect(THAW_OK, thaw_runtime_create(&options, &w->runtime, &err), &err);
    w->where = (thaw_where){.decode_threads = threads};
    expect(THAW_OK, thaw_runtime_open(w->runtime, "cpu:0", &w->where.dev, &err), &err);
}

static void close_device(world *w)
{
    thaw_runtime_close(w->runtime, w->where.dev);
    thaw_runtime_free(w->runtime);
}

void world_reopen(world *w, uint32_t threads)
{
    close_device(w);
    open_device(w, threads);
}

void world_create(world *w, uint32_t threads, int per_class)
{
    memset(w, 0, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "/tmp/thaw-train-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    write_pictures(w, per_class);
    write_weights(w);
    open_device(w, threads);
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char child[512];
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        struct stat s;
        if (lstat(child, &s) == 0 && S_ISDIR(s.st_mode))
            remove_tree(child);
        else
            unlink(child);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

void world_free(world *w)
{
    close_device(w);
    remove_tree(w->dir);
}

void small_options(const world *w, const char *output, thaw_train_options *o)
{
    thaw_train_defaults(o);
    o->dir = at(w, "photos");
    o->weights = at(w, "weights.safetensors");
    o->output = output;
    o->batch_size = 10;
    o->epochs[0] = o->epochs[1] = 1;
    o->cache = THAW_CACHE_RAM;
}

void train(const world *w, const thaw_train_options *o, const thaw_listener *listener, thaw_train_result *out)
{
    thaw_error err = {0};
    expect(THAW_OK, thaw_train(o, &w->where, listener, out, &err), &err);
    assert_non_null(out->model);
}

bool same_weight(const thaw_model *a, const thaw_model *b, size_t i)
{
    const size_t count = a->weights[i].count;
    if (count != b->weights[i].count)
        return false;
    if (count == 0)
        return true;
    float *x = malloc(count * sizeof *x), *y = malloc(count * sizeof *y);
    thaw_error err = {0};
    assert_true(x && y);
    expect(THAW_OK, thaw_model_read(a, i, x, &err), &err);
    expect(THAW_OK, thaw_model_read(b, i, y, &err), &err);
    bool same = memcmp(x, y, count * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

bool same_tensors(const thaw_model *a, const thaw_model *b)
{
    size_t i = 0;
    while (i < THAW_N_WEIGHTS && same_weight(a, b, i))
        i++;
    return i == THAW_N_WEIGHTS;
}

void expect_same_model(const thaw_model *a, const thaw_model *b)
{
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        if (!same_weight(a, b, i))
            fail_msg("%s differs", a->weights[i].name);
    assert_string_equal(a->history, b->history);
    assert_string_equal(a->trainable, b->trainable);
}
