/* net.h: InceptionV3 as Keras sees it: 311 layers in the order of model.layers. */
#ifndef THAW_GRAPH_NET_H
#define THAW_GRAPH_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/graph/weight_index.h"

#define THAW_N_LAYERS        311u
#define THAW_MIN_INPUT_SIZE  75
#define THAW_FULL_INPUT_SIZE 299

typedef enum {
    THAW_LAYER_INPUT = 0,
    THAW_LAYER_CONV, /* no bias */
    THAW_LAYER_BN,   /* no gamma */
    THAW_LAYER_RELU,
    THAW_LAYER_MAXPOOL, /* 3x3, stride 2, valid */
    THAW_LAYER_AVGPOOL, /* 3x3, stride 1, same */
    THAW_LAYER_CONCAT
} thaw_layer_kind;

typedef struct thaw_layer {
    thaw_layer_kind kind;
    char name[32];  /* "conv2d_83", "mixed9_0" */
    char block[16]; /* "stem", "mixed0" … "mixed10" */
    uint32_t k;     /* CONV, BN, RELU: number of the convolution */
    int32_t kh, kw, stride;
    bool same;       /* padding "same": (k-1)/2 on each side; else none */
    int32_t h, w, c; /* output */
    uint32_t n_in;
    uint32_t in[4]; /* positions in thaw_net.layers */
} thaw_layer;

typedef struct thaw_net {
    int32_t input_size;
    thaw_layer layers[THAW_N_LAYERS];
} thaw_net;

/* The base (no top) for square images of input_size pixels, >= 75. */
thaw_status thaw_net_inception_v3(int32_t input_size, thaw_net *net, thaw_error *err);

/* Position of the layer of that name; THAW_N_LAYERS if there is none. */
uint32_t thaw_net_find(const thaw_net *net, const char *name);

/* ---- what trains ------------------------------------------------------------------------------- */

/* trainable[i] for each layer, as `for l in base.layers[:-n]: l.trainable = False` leaves it. n <= 311. */
thaw_status thaw_net_unfreeze_last(uint32_t n, bool trainable[THAW_N_LAYERS], thaw_error *err);
/* From a block or layer on, to the end: name is "stem", "mixed0" … "mixed10", or a layer's name. */
thaw_status thaw_net_unfreeze_from(const thaw_net *net, const char *name, bool trainable[THAW_N_LAYERS],
                                   thaw_error *err);

/* What a choice of trainable layers comes to. */
typedef struct thaw_train_summary {
    uint32_t layers, convs, betas;
    uint64_t parameters;
    uint32_t first; /* position of the first trainable layer, THAW_N_LAYERS if none */
    bool clean;     /* the choice ends at a block's border */
} thaw_train_summary;
void thaw_net_summarise(const thaw_net *net, const bool trainable[THAW_N_LAYERS], thaw_train_summary *out);

/* ---- the cut ----------------------------------------------------------------------------------- */

#define THAW_MAX_CUT 16u

/* Where the network splits into what depends on nothing trainable and the rest. n = 0: nothing of the base
 * trains, and the only tensor that crosses is the 2048 pooled features. */
typedef struct thaw_cut {
    uint32_t n;
    uint32_t layers[THAW_MAX_CUT]; /* whose outputs cross, in rising order */
    bool live[THAW_N_LAYERS];      /* depends on something trainable, or is recomputed behind the cut */
} thaw_cut;

/* The cut goes by tensors: a frozen convolution whose batch normalisation trains crosses raw. An average
 * pool in front of a convolution that is live is recomputed, because the pool commutes with it. */
thaw_status thaw_net_cut(const thaw_net *net, const bool trainable[THAW_N_LAYERS], thaw_cut *cut,
                         thaw_error *err);

#endif
