/* fixture.c: a model and images for the peers. Usage: onnx_fixture DIR PHOTO…
 *
 * DIR/model.safetensors: with the weights of THAW_NSFWJS_DIR, or random ones where that is not set, and a
 * random head. DIR/0.bmp, …: a piece of each photo in the network's own size, which nobody has to resize. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/data/data.h"
#include "helpers.h"

#define SIDE 299u

static thaw_status write_model(const char *dir, thaw_error *err)
{
    char path[1024];
    thaw_model *model = NULL;
    const char *weights = getenv("THAW_NSFWJS_DIR");
    thaw_status st =
        weights ? thaw_model_load(weights, NULL, &model, err) : make_random_base(SIDE, &model, err);
    if (st == THAW_OK)
        st = add_random_head(model, err);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    if (st == THAW_OK)
        st = thaw_model_save(model, path, NULL, err);
    thaw_model_free(model);
    return st;
}

/* A photo that is too small is repeated. */
static thaw_status write_piece(const char *dir, int number, const char *photo, thaw_error *err)
{
    char path[1024];
    uint8_t *data = NULL, *rgb = malloc((size_t)SIDE * SIDE * 3);
    size_t size = 0;
    thaw_image image = {0};
    thaw_status st = rgb ? thaw_read_file(photo, (size_t)1 << 28, &data, &size, err) : THAW_E_NO_MEMORY;
    if (st == THAW_OK)
        st = thaw_image_decode(data, size, photo, &image, err);
    for (size_t i = 0; st == THAW_OK && i < (size_t)SIDE * SIDE * 3; i++) {
        size_t x = i / 3 % SIDE % image.width, y = i / 3 / SIDE % image.height;
        rgb[i] = image.rgb[(y * image.width + x) * 3 + i % 3];
    }
    snprintf(path, sizeof path, "%s/%d.bmp", dir, number);
    if (st == THAW_OK)
        st = write_bmp(path, SIDE, rgb, err);
    thaw_image_free(&image);
    free(data);
    free(rgb);
    return st;
}

int main(int argc, char **argv)
{
    thaw_error err = {0};
    if (argc < 3)
        return 2;
    thaw_status st = write_model(argv[1], &err);
    for (int i = 2; st == THAW_OK && i < argc; i++)
        st = write_piece(argv[1], i - 2, argv[i], &err);
    if (st != THAW_OK)
        fprintf(stderr, "%s\n", err.text);
    return st != THAW_OK;
}
