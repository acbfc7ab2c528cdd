/* detect.c: which reader a file is for, by what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/model/h5_import.h"
#include "core/model/import.h"
#include "core/model/safetensors.h"

typedef enum { UNKNOWN = 0, SAFETENSORS, HDF5, ZIP, TFJS_JSON, TFJS_MODULE } container;

static thaw_status first_bytes(const char *path, unsigned char head[16], size_t *n, thaw_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return thaw_fail_errno(err, errno, "cannot open %s", path);
    ssize_t got = read(fd, head, 16);
    int e = errno;
    close(fd);
    if (got < 0)
        return thaw_fail_errno(err, e, "cannot read %s", path);
    *n = (size_t)got;
    return THAW_OK;
}

static thaw_status find_container(const char *path, container *out, thaw_error *err)
{
    unsigned char head[16] = {0};
    size_t n = 0;
    bool module = false;
    *out = UNKNOWN;
    if (thaw_is_dir(path)) {
        if (thaw_is_tfjs(path, &module))
            *out = module ? TFJS_MODULE : TFJS_JSON;
        return THAW_OK;
    }
    thaw_status st = first_bytes(path, head, &n, err);
    if (st != THAW_OK)
        return st;
    if (n >= 8 && memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0)
        *out = HDF5;
    else if (n >= 4 && memcmp(head, "PK\x03\x04", 4) == 0)
        *out = ZIP;
    else if (n >= 9 && head[8] == '{' && head[5] == 0 && head[6] == 0 && head[7] == 0)
        *out = SAFETENSORS; /* no header has 2^40 bytes */
    else if (n >= 9 && memchr(head, 0, n) == NULL && thaw_is_tfjs(path, &module))
        *out = module ? TFJS_MODULE : TFJS_JSON;
    return THAW_OK;
}

static thaw_status load_foreign(container kind, const char *path, const thaw_import_options *options,
                                thaw_model **out, thaw_error *err)
{
    switch (kind) {
    case HDF5:
        return thaw_load_hdf5(path, options, out, err);
    case ZIP:
        return thaw_load_keras_zip(path, options, out, err);
    case TFJS_JSON:
    case TFJS_MODULE:
        return thaw_load_tfjs(path, options, out, err);
    default:
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s is no model that thaw can read: thaw's own .safetensors, Keras .h5, .weights.h5 "
                         "or .keras, or the folder of a TensorFlow.js layers model",
                         path);
    }
}

thaw_status thaw_model_load(const char *path, const thaw_import_options *options, thaw_model **out,
                            thaw_error *err)
{
    container kind = UNKNOWN;
    thaw_status st = find_container(path, &kind, err);
    if (st != THAW_OK)
        return st;
    return kind == SAFETENSORS ? thaw_load_own(path, out, NULL, err)
                               : load_foreign(kind, path, options, out, err);
}

thaw_status thaw_model_open(const char *path, const thaw_import_options *options, thaw_model **out,
                            thaw_error *err)
{
    container kind = UNKNOWN;
    thaw_status st = find_container(path, &kind, err);
    if (st != THAW_OK)
        return st;
    return kind == SAFETENSORS ? thaw_open_own(path, out, err) : load_foreign(kind, path, options, out, err);
}

static const char *safetensors_name(const char *path)
{
    thaw_st_file f;
    if (thaw_st_open(path, &f, NULL) != THAW_OK)
        return NULL;
    const char *format = thaw_st_text(&f, "format");
    bool own = format && strcmp(format, "thaw") == 0;
    thaw_st_close(&f);
    return own ? "thaw safetensors" : "safetensors";
}

static const char *hdf5_name(const char *path)
{
    thaw_h5 h5 = {0};
    thaw_h5_layout layout =
        thaw_h5_open(path, NULL, 0, &h5, NULL) == THAW_OK ? thaw_h5_find_layout(&h5) : THAW_H5_UNKNOWN;
    thaw_h5_close(&h5);
    switch (layout) {
    case THAW_H5_LEGACY_WEIGHTS:
        return "Keras legacy HDF5 (weights only)";
    case THAW_H5_LEGACY_MODEL:
        return "Keras legacy HDF5 (whole model)";
    case THAW_H5_KERAS3:
        return "Keras 3 weights HDF5";
    case THAW_H5_UNKNOWN:
        break;
    }
    return NULL;
}

const char *thaw_model_format(const char *path)
{
    container kind = UNKNOWN;
    if (find_container(path, &kind, NULL) != THAW_OK)
        return NULL;
    switch (kind) {
    case SAFETENSORS:
        return safetensors_name(path);
    case HDF5:
        return hdf5_name(path);
    case ZIP:
        return "Keras archive";
    case TFJS_JSON:
        return "TensorFlow.js layers model";
    case TFJS_MODULE:
        return "TensorFlow.js layers model (JavaScript modules)";
    case UNKNOWN:
        break;
    }
    return NULL;
}
