/* lowering.h: what the files of the lowering share. */
#ifndef THAW_GRAPH_LOWERING_H
#define THAW_GRAPH_LOWERING_H

#include "core/graph/lower.h"

typedef struct lowering {
    const thaw_lower_spec *spec;
    thaw_lowered *out;
    thaw_graph *graph; /* out->graph */
    thaw_error *err;
    bool needed[THAW_N_LAYERS];
    bool kept[THAW_N_LAYERS];
    bool fed[THAW_N_LAYERS];        /* by the cut */
    uint32_t tensor[THAW_N_LAYERS]; /* what stands for the layer's output so far, or THAW_NO_TENSOR */
    /* Where a layer that feeds a concatenation writes: the concatenation's tensor, and the first channel. */
    uint32_t home[THAW_N_LAYERS], home_channel[THAW_N_LAYERS];
} lowering;

/* ---- pieces, each of which returns a status and fills l->err ---- */

/* The convolution, batch normalisation and ReLU that end in ReLU layer `relu`. lower_conv.c */
thaw_status thaw_lower_conv_bn_relu(lowering *l, uint32_t relu);
/* A convolution whose raw output is wanted. */
thaw_status thaw_lower_raw_conv(lowering *l, uint32_t conv);

/* Pooled features, dropout, dense layer, softmax, loss, metrics; then, to train, the backward pass and the
 * optimizer. features: [batch,h,w,2048] or, already pooled, [batch,1,1,2048]. lower_head.c */
thaw_status thaw_lower_head(lowering *l, uint32_t features, bool is_pooled);

/* Makes one convolution with several outputs of the 1x1 convolutions that read the same tensor and whose
 * weights are CONST: one pass over the input instead of three or four. merge.c */
thaw_status thaw_merge_siblings(thaw_graph *graph, thaw_error *err);

/* Makes one op of the gradients in data of 1x1 convolutions that are added up because their forward ops read
 * the same tensor. After thaw_backward. join.c */
thaw_status thaw_join_gradients(thaw_graph *graph, thaw_error *err);

/* ---- helpers. lowering.c ---- */

/* A whole tensor shaped like a layer's output, for the batch. */
thaw_status thaw_lower_layer_tensor(lowering *l, const char *name, thaw_storage storage, thaw_dtype dtype,
                                    uint32_t like, uint32_t *out);
/* A tensor for a layer's output: in its home if it has one. */
thaw_status thaw_lower_output(lowering *l, uint32_t layer, uint32_t *out);
/* CONST with memory of the graph's own, zeroed, to be filled through *data. */
thaw_status thaw_lower_const(lowering *l, const char *name, int32_t n, int32_t h, int32_t w, int32_t c,
                             float **data, uint32_t *out);
/* Whether the model has the weight, in memory or elsewhere. */
bool thaw_lower_has(const lowering *l, size_t index);
/* CONST that is computed of the part when it is needed. */
thaw_status thaw_lower_recipe(lowering *l, const char *name, int32_t n, int32_t h, int32_t w, int32_t c,
                              const thaw_const_part *part, uint32_t *out);
/* CONST that points to the weight, or VAR; n, h, w, c is its shape. */
thaw_status thaw_lower_weight(lowering *l, size_t index, bool variable, bool trained, int32_t n, int32_t h,
                              int32_t w, int32_t c, uint32_t *out);
/* Ties a VAR tensor to the variable of its name, which is added if new. */
thaw_status thaw_lower_var(lowering *l, uint32_t tensor);

#endif
