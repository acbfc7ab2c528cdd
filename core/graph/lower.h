/* lower.h: from the 311 layers to a graph of ops for one purpose. */
#ifndef THAW_GRAPH_LOWER_H
#define THAW_GRAPH_LOWER_H

#include "core/graph/graph.h"
#include "core/graph/net.h"

/* Weights in host memory by THAW_W_INDEX, f32, dense; not owned. Entries of layers that a graph does not
 * contain, or that it takes as variables, may be NULL. */
typedef struct thaw_weights_view {
    const float *data[THAW_N_WEIGHTS];
    uint32_t n_classes; /* 0: no head */
    /* Of kernels of convolutions that are NULL in data. It outlives what is lowered. */
    thaw_weight_source source;
} thaw_weights_view;

typedef struct thaw_lower_spec {
    const thaw_net *net;
    const thaw_weights_view *weights;
    bool pool_include_pad; /* convention of the average pools */
    int32_t batch;         /* rows of the images, cut tensors and labels */

    /* Where it begins: the image (NULL), or the tensors of a cut; those of an empty cut are the pooled
     * features. */
    const thaw_cut *from;
    thaw_dtype feature_dtype; /* f32 or f16: of cut tensors that are fed or kept. Pooled features are f32. */

    /* What is a variable: the convolutions and betas of trainable layers (NULL: none; with bn = BATCH also
     * their moving statistics), and the head. Everything else is CONST. */
    const bool *trainable;
    bool head_trainable;
    thaw_bn_mode bn;
    thaw_var_list *vars; /* variables found or added here; may be NULL if there are none */

    /* Where it ends; any combination. */
    const uint32_t *keep; /* layers whose outputs are wanted: any kind but BN; ascending */
    size_t n_keep;
    bool pooled;    /* the 2048 features */
    bool probs;     /* softmax of the head */
    bool metrics;   /* labels are fed; sum of the losses and number of hits */
    bool train;     /* implies metrics: dropout, batch statistics if bn = BATCH, backward, Adam */
    bool no_update; /* train without the optimizer step, every gradient an output (for tests) */

    float dropout; /* [0,1) */
    uint64_t seed;
} thaw_lower_spec;

/* A variable that is trained, and the tensor that holds its gradient. */
typedef struct thaw_gradient {
    uint32_t var; /* in the list */
    uint32_t tensor;
} thaw_gradient;

/* Tensor ids of a lowered graph; THAW_NO_TENSOR for what it does not have. */
typedef struct thaw_lowered {
    thaw_graph graph;
    uint32_t image;               /* feed [batch,s,s,3] */
    uint32_t cut[THAW_MAX_CUT];   /* feeds, as thaw_cut.layers */
    uint32_t pooled_in;           /* feed [batch,1,1,2048] */
    uint32_t label;               /* feed i32 [1,1,1,batch] */
    uint32_t dropout_key;         /* feed u32 [1,1,batch,2]: {image id, epoch} of each row */
    uint32_t hyper;               /* feed f32 [8], see THAW_OP_ADAM */
    uint32_t kept[THAW_N_LAYERS]; /* outputs, as spec.keep */
    uint32_t pooled;              /* output [batch,1,1,2048] */
    uint32_t probs;               /* output [batch,1,1,classes] */
    uint32_t metrics;             /* output [2]: sum of the rows' losses, number of hits */
    size_t n_gradients;
    thaw_gradient *gradients; /* owned */
} thaw_lowered;

/* Builds, folds and fuses. weights must outlive out->graph. */
thaw_status thaw_lower(const thaw_lower_spec *spec, thaw_lowered *out, thaw_error *err);
void thaw_lowered_free(thaw_lowered *lowered); /* contents only */

#endif
