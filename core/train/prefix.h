/* prefix.h: the frozen part of the network as a program, from images to rows of features. */
#ifndef THAW_TRAIN_PREFIX_H
#define THAW_TRAIN_PREFIX_H

#include "core/graph/lower.h"
#include "core/train/train.h"

#define THAW_MAX_FEATURES (THAW_MAX_CUT + 1u)

/* Its tensors are those of the cut, in its order, and then the pooled features if they are asked for. The
 * same program serves every use of a run, so that a row has the same bits whether it is cached or not. */
typedef struct thaw_prefix {
    thaw_program *program;
    uint32_t batch; /* rows of a run at most; fewer are padded with zeros */
    size_t image_values;
    uint32_t image; /* tensor ids */
    uint32_t tensor[THAW_MAX_FEATURES];
    size_t n; /* tensors */
    size_t row_bytes[THAW_MAX_FEATURES];
    bool in_turns;                 /* while it computes, nobody else should: it takes all processors */
    float *images;                 /* [batch, image_values]: filled by the caller */
    void *out[THAW_MAX_FEATURES];  /* [batch, row_bytes]: of the last run that has ended; NULL before one */
    void *next[THAW_MAX_FEATURES]; /* of the run under way; then they change places */
    uint64_t macs;                 /* of one image */
    uint64_t runs;                 /* that have begun */
    const thaw_runtime *runtime;   /* is told of them; may be NULL */
} thaw_prefix;

typedef struct thaw_prefix_spec {
    const thaw_model *model;
    const thaw_net *net;
    const thaw_cut *cut; /* NULL: only pooled features */
    bool pooled;
    thaw_dtype feature_dtype;
    uint64_t images; /* of the whole set, whichever of them will pass; 0 unknown */
    uint32_t batch;  /* 0: where->prefix_batch, else what the device prefers, else 4, but about as many as
                      * images; halved until it fits */
} thaw_prefix_spec;

/* Hands on to a graph's convolutions what `where` permits and orders: to those of a frozen part as it stands;
 * to what trains and to the head without BF16, whose errors would go into the gradients. */
void thaw_permit_frozen(thaw_graph *graph, const thaw_where *where);
void thaw_permit_trained(thaw_graph *graph, const thaw_where *where);

/* listener may be NULL. Freed by thaw_prefix_free, also after an error. */
thaw_status thaw_prefix_create(const thaw_prefix_spec *spec, const thaw_where *where,
                               const thaw_listener *listener, thaw_prefix *out, thaw_error *err);
void thaw_prefix_free(thaw_prefix *prefix);
/* Starts a run on the first `rows` of images, which fetches the tensors whose bit is set in mask, once the
 * run before has ended: its results lie in out until the next call. images is the caller's again. */
thaw_status thaw_prefix_begin(thaw_prefix *prefix, uint32_t rows, uint32_t mask, thaw_error *err);
/* The same for all tensors, but results go where the caller wants them: row i of tensor t to places[t][i],
 * until the run has been waited for. */
thaw_status thaw_prefix_begin_to(thaw_prefix *prefix, uint32_t rows, void *const *const *places,
                                 thaw_error *err);
/* Waits for the run under way; its results are in out. */
thaw_status thaw_prefix_wait(thaw_prefix *prefix, thaw_error *err);
/* Both. */
thaw_status thaw_prefix_run(thaw_prefix *prefix, uint32_t rows, uint32_t mask, thaw_error *err);

/* Rows that the loader of a prefix may hold ready. */
size_t thaw_loader_ahead(const thaw_prefix *prefix);
/* Around thaw_prefix_begin, or _run: loads on only where the prefix leaves processors to do so. */
void thaw_loader_give_way(thaw_loader *loader, const thaw_prefix *prefix);
void thaw_loader_go_on(thaw_loader *loader, const thaw_prefix *prefix);

/* Shared with whoever lowers something: the model's weights, and the options of a program. */
void thaw_weights_of(const thaw_model *model, thaw_weights_view *view);
thaw_program_options thaw_program_options_of(const thaw_where *where, uint64_t runs);
uint64_t thaw_graph_macs(const thaw_graph *graph);

#endif
