/* keras_zip.c: Keras 3's .keras archive: a zip whose member model.weights.h5 is as h5_keras3.c says. */
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "core/model/h5_import.h"

#define MEMBER "model.weights.h5"

static thaw_status member_size(zip_t *archive, const char *path, size_t *size, thaw_error *err)
{
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_stat(archive, MEMBER, 0, &info) != 0 || !(info.valid & ZIP_STAT_SIZE))
        return thaw_fail(err, THAW_E_FORMAT, "%s is a zip archive without " MEMBER ", so no Keras model",
                         path);
    /* The size is what the archive says; no more than that is ever unpacked. */
    if (info.size == 0 || info.size > THAW_MAX_IMAGE)
        return thaw_fail(err, THAW_E_UNSUPPORTED,
                         "%s: " MEMBER " would have %llu bytes; 1 to %zu can be read", path,
                         (unsigned long long)info.size, THAW_MAX_IMAGE);
    *size = (size_t)info.size;
    return THAW_OK;
}

static thaw_status unpack(zip_t *archive, const char *path, unsigned char **out, size_t *size,
                          thaw_error *err)
{
    thaw_status st = member_size(archive, path, size, err);
    if (st != THAW_OK)
        return st;
    zip_file_t *member = zip_fopen(archive, MEMBER, 0);
    if (!member)
        return thaw_fail(err, THAW_E_FORMAT, "%s: cannot open " MEMBER ": %s", path, zip_strerror(archive));
    unsigned char *bytes = malloc(*size);
    size_t have = 0;
    if (!bytes)
        st = thaw_fail_memory(err, *size, MEMBER);
    while (st == THAW_OK && have < *size) {
        zip_int64_t n = zip_fread(member, bytes + have, *size - have);
        if (n <= 0)
            st = thaw_fail(err, THAW_E_FORMAT, "%s: " MEMBER " breaks off at byte %zu of %zu: %s", path, have,
                           *size, n < 0 ? zip_file_strerror(member) : "the archive is damaged");
        else
            have += (size_t)n;
    }
    /* Only a read past the end makes libzip compare the checksum. */
    unsigned char more;
    if (st == THAW_OK && zip_fread(member, &more, 1) != 0)
        st = thaw_fail(err, THAW_E_FORMAT, "%s: " MEMBER " is damaged (%s)", path, zip_file_strerror(member));
    zip_fclose(member);
    if (st == THAW_OK)
        *out = bytes;
    else
        free(bytes);
    return st;
}

thaw_status thaw_load_keras_zip(const char *path, const thaw_import_options *options, thaw_model **out,
                                thaw_error *err)
{
    int code = 0;
    zip_t *archive = zip_open(path, ZIP_RDONLY, &code);
    if (!archive) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        thaw_status st = thaw_fail(err, code == ZIP_ER_MEMORY ? THAW_E_NO_MEMORY : THAW_E_FORMAT,
                                   "%s: cannot open the archive: %s; it is cut short or damaged", path,
                                   zip_error_strerror(&why));
        zip_error_fini(&why);
        return st;
    }
    unsigned char *image = NULL;
    size_t size = 0;
    thaw_h5 h5 = {0};
    thaw_status st = unpack(archive, path, &image, &size, err);
    zip_discard(archive);
    if (st == THAW_OK)
        st = thaw_h5_open(path, image, size, &h5, err);
    if (st == THAW_OK)
        st = thaw_h5_import(&h5, path, "Keras archive", options, out, err);
    thaw_h5_close(&h5);
    free(image);
    return st;
}
