/* image.h: ops that treat one image at a time: each part of one is a primitive for a single image, run once
 * for every image of the batch. A row's bits then cannot depend on the batch, and images and parts are what
 * the host's threads share out.
 *
 * oneDNN's fast code wants images without gaps between pixels; one that lies in a concatenation is copied, in
 * memory of the worker. Weights that the primitive wants in another order are reordered once if they are
 * CONST, at each run otherwise. */
#ifndef THAW_ONEDNN_IMAGE_H
#define THAW_ONEDNN_IMAGE_H

#include "plugins/onednn/primitive.h"

typedef struct {
    dnnl_primitive_desc_t pd;         /* owned */
    dnnl_primitive_desc_t reorder_pd; /* owned: of the weights; NULL where they are taken as they are */
    lib_window window;                /* n is 1 */
    bool reorder;                     /* set by describe: the weights want another order */
    int32_t first;                    /* of its output channels, among the weights' */
} image_part;

typedef struct {
    int x, y, w;      /* DNNL_ARG_* of input 0, of the outputs, of input 1; w 0: no weights */
    uint32_t n_parts; /* one for each output */
    image_part parts[THAW_CONV_MAX_OUT];
    size_t weights[THAW_CONV_MAX_OUT]; /* offsets of reordered weights, bytes in all behind the last */
    size_t weights_bytes;
    size_t stage_x, stage_y, scratch; /* bytes for each worker */
    size_t worker_bytes;              /* of all three */
} image_plan;

/* Fills x, y, w and parts. False: `why` says why not. Parts that are filled are released either way. */
typedef bool (*image_describe)(const struct thaw_device *dev, const backend_op *op, image_plan *plan,
                               char *why, size_t cap);

/* What an onednn_algo needs; see there. */
bool image_accepts(const struct thaw_device *dev, const backend_op *op, image_describe describe,
                   size_t *workspace, char *why, size_t cap);
thaw_status image_prepare(const struct thaw_device *dev, const backend_op *op, image_describe describe,
                          const void *const *const_data, void **state, thaw_error *err);
void image_destroy(const struct thaw_device *dev, void *state);
thaw_status image_run(const onednn_call *call, thaw_error *err);

/* Defines an algorithm of images. */
#define IMAGE_ALGO(symbol, text, op_kind, describe)                                                          \
    static bool symbol##_accepts(const struct thaw_device *dev, const backend_op *op, size_t *workspace,     \
                                 char *why, size_t cap)                                                      \
    {                                                                                                        \
        return image_accepts(dev, op, describe, workspace, why, cap);                                        \
    }                                                                                                        \
    static thaw_status symbol##_prepare(const struct thaw_device *dev, const backend_op *op,                 \
                                        const void *const *const_data, void **state, thaw_error *err)        \
    {                                                                                                        \
        return image_prepare(dev, op, describe, const_data, state, err);                                     \
    }                                                                                                        \
    const onednn_algo symbol = {.name = text,                                                                \
                                .kind = op_kind,                                                             \
                                .accepts = symbol##_accepts,                                                 \
                                .keeps = 1u << 1, /* the weights */                                          \
                                .prepare = symbol##_prepare,                                                 \
                                .destroy = image_destroy,                                                    \
                                .run = image_run}

/* Copies an image (or several, one behind the other) out of a tensor and back. */
void image_pack(float *to, const float *from, const thaw_tensor *t, size_t pixels);
void image_unpack(float *to, const float *from, const thaw_tensor *t, size_t pixels);

#endif
