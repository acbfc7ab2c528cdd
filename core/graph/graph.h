/* graph.h: ops and tensors as a program means them, for no device in particular. */
#ifndef THAW_GRAPH_GRAPH_H
#define THAW_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/graph/constant.h"
#include "thaw_ops.h"
#include "thaw_plugin.h"

#define THAW_NO_TENSOR UINT32_MAX

typedef enum {
    THAW_T_TEMP = 0, /* exists from the op that writes it to the last that reads it */
    THAW_T_CONST,    /* data known now and for ever */
    THAW_T_VAR,      /* lives in a thaw_vars, from run to run */
    THAW_T_FEED      /* handed in at each run */
} thaw_storage;

/* A tensor of the graph; ids are positions in thaw_graph.tensors. With a parent it is a slice of the
 * parent's channels: c channels from channel_offset on, same n, h, w, and no storage of its own; a parent
 * has no parent. */
typedef struct thaw_gtensor {
    char name[64];
    thaw_dtype dtype;
    thaw_storage storage;
    int32_t n, h, w, c;
    uint32_t parent;
    uint32_t channel_offset;
    uint32_t var;                    /* VAR: index in the thaw_var_list */
    const void *data;                /* CONST: dense; or NULL, and */
    const thaw_const_recipe *recipe; /* how to compute it: f32, rows of c values */
    void *owned;        /* CONST: what the graph frees, or NULL if data and recipe belong to someone else */
    bool output;        /* may be fetched after a run */
    bool saved;         /* written by a forward op for a backward op */
    bool requires_grad; /* a VAR that is trained, or depends on one */
} thaw_gtensor;

typedef union thaw_attr {
    uint32_t struct_size; /* of the member in use */
    thaw_conv_attr conv;
    thaw_affine_attr affine;
    thaw_bn_attr bn;
    thaw_pool_attr pool;
    thaw_dropout_attr dropout;
    thaw_xent_attr xent;
    thaw_cast_attr cast;
} thaw_attr;

typedef struct thaw_gop {
    uint32_t kind; /* THAW_OP_* */
    uint32_t n_in, n_out;
    uint32_t *in, *out; /* tensor ids, owned */
    thaw_attr attr;
    thaw_precision precision;
    uint32_t flags; /* THAW_OP_EXACT or 0 */
    uint32_t rows;  /* of the batch that one run of it computes; 0: all of them (stages.h) */
    char label[64]; /* the layer it stands for, for people */
} thaw_gop;

/* Ops in an order in which they can run. */
typedef struct thaw_graph {
    thaw_gtensor *tensors;
    size_t n_tensors, tensor_capacity;
    thaw_gop *ops;
    size_t n_ops, op_capacity;
    uint32_t batch; /* n of all but CONST that an op with `rows` reads or writes; 0: no op has rows */
} thaw_graph;

/* The variables that the programs of one phase share. */
typedef struct thaw_var_info {
    char name[64]; /* a weight's canonical name, or "adam/m/<name>", "adam/v/<name>" */
    int32_t n, h, w, c;
} thaw_var_info;
typedef struct thaw_var_list {
    thaw_var_info *items;
    size_t count, capacity;
} thaw_var_list;

void thaw_graph_free(thaw_graph *graph); /* contents only */
void thaw_var_list_free(thaw_var_list *list);

/* Index of the variable of that name, added if new. UINT32_MAX when memory is exhausted or the shape
 * differs from the one it was added with. */
uint32_t thaw_var_get(thaw_var_list *list, const char *name, int32_t n, int32_t h, int32_t w, int32_t c);
/* UINT32_MAX if there is none. */
uint32_t thaw_var_find(const thaw_var_list *list, const char *name);

/* Adds a tensor; *out is its id. Pointers into graph->tensors are invalid afterwards. */
thaw_status thaw_graph_tensor(thaw_graph *graph, const char *name, thaw_storage storage, thaw_dtype dtype,
                              int32_t n, int32_t h, int32_t w, int32_t c, uint32_t *out, thaw_error *err);
/* A slice of c channels of parent (whose own parent, if any, is resolved). */
thaw_status thaw_graph_slice(thaw_graph *graph, const char *name, uint32_t parent, uint32_t channel_offset,
                             int32_t c, uint32_t *out, thaw_error *err);
/* Appends an op, after its shapes, types and arity have been checked against thaw_ops.h. ids are copied.
 * attr may be NULL for kinds without. */
thaw_status thaw_graph_op(thaw_graph *graph, uint32_t kind, const char *label, const uint32_t *in,
                          uint32_t n_in, const uint32_t *out, uint32_t n_out, const thaw_attr *attr,
                          thaw_error *err);

/* "f32", "tf32", "bf16" or "f16"; "?" for an unknown one. */
const char *thaw_precision_name(thaw_precision precision);
/* The least precision of the multiplications of every convolution, its gradients included. */
void thaw_graph_set_precision(thaw_graph *graph, thaw_precision precision);
/* Products of every convolution, its gradients included, are those of its own factors: THAW_OP_EXACT. */
void thaw_graph_set_exact(thaw_graph *graph);

/* Root of a tensor: its parent, or itself. */
uint32_t thaw_graph_root(const thaw_graph *graph, uint32_t tensor);
/* Elements of one pixel to the next: the root's channels. */
int64_t thaw_graph_pitch(const thaw_graph *graph, uint32_t tensor);
/* Bytes of a dense tensor of this shape and type. */
size_t thaw_graph_bytes(const thaw_graph *graph, uint32_t tensor);
size_t thaw_dtype_bytes(thaw_dtype dtype);
/* The values of a CONST: its data, or those that its recipe makes, in *computed, which the caller frees (else
 * NULL). [thread-safe] */
thaw_status thaw_graph_values(const thaw_graph *graph, uint32_t tensor, const void **data, void **computed,
                              thaw_error *err);

/* Fixed facts of an op kind. */
typedef struct thaw_op_facts {
    const char *name;    /* "conv2d" */
    uint32_t attr_bytes; /* 0: no attributes */
    uint32_t in_place;   /* bit i: output i may share its slice with input in_place_of[i] */
    uint8_t in_place_of[8];
} thaw_op_facts;
/* NULL for an unknown kind. ADAM is in place throughout: output 3i+j of input 1+4i+{0,2,3}[j], not listed. */
const thaw_op_facts *thaw_op_facts_of(uint32_t kind);
/* Multiply-accumulates of an op (convolutions) on all rows, 0 for the others. */
uint64_t thaw_op_macs(const thaw_graph *graph, const thaw_gop *op);
/* How often an op runs in one run of the graph. */
uint32_t thaw_op_times(const thaw_graph *graph, const thaw_gop *op);

/* Describes op number i as the ABI wants it, with the rows of one run of it. runs: of the whole graph; the op
 * runs more often where it has fewer rows. scratch holds the descriptors; both live until thaw_op_desc_free.
 * Roles: CONST, MUTABLE (VAR), SAVED, ACTIVATION. */
typedef struct thaw_op_desc {
    thaw_op op;
    thaw_tensor *tensors; /* n_in + n_out */
    const thaw_tensor **pointers;
    const void **const_data; /* n_in; NULL for what is not CONST, or has to be computed */
    void **computed;         /* n_in: owned; NULL as a whole before thaw_op_compute_consts */
} thaw_op_desc;
thaw_status thaw_op_describe(const thaw_graph *graph, size_t i, uint64_t runs, thaw_op_desc *out,
                             thaw_error *err);
/* [thread-safe] Computes what const_data lacks, for op_prepare. graph and i as for thaw_op_describe. */
thaw_status thaw_op_compute_consts(const thaw_graph *graph, size_t i, thaw_op_desc *desc, thaw_error *err);
void thaw_op_desc_free(thaw_op_desc *desc);

#endif
