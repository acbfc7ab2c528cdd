#include "core/model/h5_import.h"

#include <stdio.h>

thaw_h5_layout thaw_h5_find_layout(const thaw_h5 *h5)
{
    if (thaw_h5_has_attribute(h5, "", "layer_names") || thaw_h5_has_attribute(h5, "", "layer_names0"))
        return THAW_H5_LEGACY_WEIGHTS;
    if (thaw_h5_look(h5, "model_weights") == THAW_H5_GROUP)
        return THAW_H5_LEGACY_MODEL;
    if (thaw_h5_look(h5, "layers") == THAW_H5_GROUP ||
        thaw_h5_look(h5, "_layer_checkpoint_dependencies") == THAW_H5_GROUP)
        return THAW_H5_KERAS3;
    return THAW_H5_UNKNOWN;
}

thaw_status thaw_h5_import_head(const thaw_h5 *h5, const thaw_h5_dense *dense, size_t n, thaw_model *model,
                                thaw_import_note note, thaw_error *err)
{
    if (n == 0)
        return THAW_OK;
    if (n > 1 || dense->dims[0] != THAW_N_FEATURES || dense->dims[1] == 0 ||
        dense->dims[1] > THAW_MAX_CLASSES) {
        snprintf(note, sizeof(thaw_import_note), " (without its head: %zu Dense, the first %zux%zu)", n,
                 dense->dims[0], dense->dims[1]);
        return THAW_OK;
    }
    thaw_status st = thaw_model_set_head(model, (uint32_t)dense->dims[1], NULL, err);
    const thaw_weight *w = &model->weights[THAW_W_HEAD_KERNEL];
    if (st == THAW_OK)
        st = thaw_h5_read(h5, dense->kernel, w[0].data, w[0].count, err);
    if (st == THAW_OK && dense->bias)
        st = thaw_h5_read(h5, dense->bias, w[1].data, w[1].count, err);
    return st;
}

thaw_status thaw_h5_import(const thaw_h5 *h5, const char *name, const char *kind,
                           const thaw_import_options *options, thaw_model **out, thaw_error *err)
{
    thaw_h5_layout layout = thaw_h5_find_layout(h5);
    if (layout == THAW_H5_UNKNOWN)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s is an HDF5 file, but has none of the layouts in which Keras stores weights "
                         "(layer_names, model_weights or layers)",
                         name);
    thaw_model *model = NULL;
    thaw_import_note note = "";
    thaw_status st = thaw_model_create(&model, err);
    if (st == THAW_OK)
        st = layout == THAW_H5_KERAS3
                 ? thaw_h5_import_keras3(h5, model, note, err)
                 : thaw_h5_import_legacy(h5, layout == THAW_H5_LEGACY_MODEL ? "model_weights" : "", model,
                                         note, err);
    if (st == THAW_OK)
        st = thaw_finish_import(model, name, kind, note, options, err);
    if (st == THAW_OK)
        *out = model;
    else
        thaw_model_free(model);
    return st;
}

thaw_status thaw_load_hdf5(const char *path, const thaw_import_options *options, thaw_model **out,
                           thaw_error *err)
{
    thaw_h5 h5 = {0};
    thaw_status st = thaw_h5_open(path, NULL, 0, &h5, err);
    if (st == THAW_OK)
        st = thaw_h5_import(&h5, path, "Keras HDF5 file", options, out, err);
    thaw_h5_close(&h5);
    return st;
}
