/* thaw_ops.h: the closed set of ops, with their exact meaning.
 *
 * Conventions. x is [N,H,W,C] unless said otherwise; all tensors f32 unless said otherwise. Every
 * activation tensor may have pixel_pitch > c. Sums are deterministic: a fixed order, the same bits each
 * run and for any number of threads, and a row of the batch has the same bits whatever else is in the
 * batch (BN_TRAIN* and sums over the batch excepted). "in place" after an output means that its slice
 * may be the very slice of the input that is named. Otherwise no output overlaps any input.
 * There is no dense op: a dense layer is CONV2D with a 1x1 kernel over a 1x1 image.
 * Compiles alone as C99, C11 and C++. Apache-2.0. */
#ifndef THAW_OPS_H
#define THAW_OPS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* in: x, w [kh,kw,C,O] of any role, bias [O] (optional); out: y0 … yk, 1 to 8 of them.
     * z[n,y,x,o] = bias[o] + sum over i<kh, j<kw, c of x[n, y*stride_h - pad_top + i,
     * x*stride_w - pad_left + j, c] * w[i,j,c,o], reads outside the image being 0 (cross-correlation).
     * The outputs share N,H,W and split O: output k holds its own c channels, after those of the
     * outputs before it. Bit k of relu_mask: output k is max(z, 0). attr: thaw_conv_attr. */
    THAW_OP_CONV2D = 1,
    /* in: dy [N,OH,OW,O], w; out: dx: the adjoint of CONV2D (one output, no bias, no relu) in x.
     * attr: thaw_conv_attr of the forward op, relu_mask 0. */
    THAW_OP_CONV2D_BWD_DATA = 2,
    /* in: x, dy; out: dw [kh,kw,C,O] dense: the adjoint of CONV2D in w. attr as BWD_DATA. */
    THAW_OP_CONV2D_BWD_FILTER = 3,

    /* in: x, scale [C], shift [C] (optional); out: y = relu?(x*scale[c] + shift[c]), in place of x.
     * attr: thaw_affine_attr. Also used on weights: a channel is the last axis. */
    THAW_OP_AFFINE = 4,
    /* in: beta [C], mean [C], var [C]; out: scale [C] = 1/sqrt(var + eps),
     * shift [C] = beta - mean*scale. attr: thaw_bn_attr (eps). */
    THAW_OP_BN_FOLD = 5,
    /* Batch normalisation with the batch's own statistics, no gamma.
     * in: x, beta [C], moving_mean [C], moving_var [C];
     * out: y, save_mean [C], save_inv_std [C], new moving_mean (in place), new moving_var (in place).
     * mean and population variance over N*H*W; inv_std = 1/sqrt(var + eps);
     * y = relu?((x - mean)*inv_std + beta); moving = moving*momentum + batch*(1 - momentum), with the
     * population variance. attr: thaw_bn_attr. */
    THAW_OP_BN_TRAIN = 6,
    /* in: g [N,H,W,C] (gradient behind the relu mask), x, save_mean, save_inv_std; out: dx, dbeta [C].
     * dbeta = sum g; xhat = (x - mean)*inv_std;
     * dx = inv_std * (g - dbeta/M - xhat * (sum g*xhat)/M), M = N*H*W. attr: thaw_bn_attr. */
    THAW_OP_BN_TRAIN_BWD = 7,

    /* in: x; out: y, argmax u8 (optional, SAVED). Maximum over the window's cells inside the image;
     * argmax = i*kw + j of the first maximum in row order. A NaN in the window gives NaN.
     * attr: thaw_pool_attr. */
    THAW_OP_MAXPOOL = 8,
    /* in: dy, argmax; out: dx: each dy added to the cell that argmax names. attr: thaw_pool_attr. */
    THAW_OP_MAXPOOL_BWD = 9,
    /* in: x, bias [C] (optional); out: y = relu?(mean over the window + bias). The mean divides by the
     * cells inside the image, or by kh*kw if include_pad. attr: thaw_pool_attr. */
    THAW_OP_AVGPOOL = 10,
    /* in: dy; out: dx: the adjoint of AVGPOOL without bias and relu. attr: thaw_pool_attr. */
    THAW_OP_AVGPOOL_BWD = 11,
    /* in: x; out: y [N,1,1,C]: mean over H*W. */
    THAW_OP_GLOBAL_AVGPOOL = 12,
    /* in: dy [N,1,1,C]; out: dx [N,H,W,C] = dy / (H*W). */
    THAW_OP_GLOBAL_AVGPOOL_BWD = 13,

    /* in: x [N,1,1,C], key u32 [1,1,N,2]; out: y, mask u8 [N,1,1,C] (SAVED): 1 kept, 0 dropped.
     * Word e%4 of Philox4x32-10 with key (seed & 0xffffffff, seed >> 32) and counter
     * (e/4, 1, key[n][0], key[n][1]), for channel e, is kept if it is >= floor(rate * 2^32).
     * y = kept ? x * (1/(1 - rate)) : 0, the factor rounded to f32. y in place of x.
     * attr: thaw_dropout_attr. */
    THAW_OP_DROPOUT = 14,
    /* in: dy, mask; out: dx = mask ? dy * (1/(1 - rate)) : 0, in place of dy. */
    THAW_OP_DROPOUT_BWD = 15,

    /* in: logits [N,1,1,C], label i32 [1,1,1,N], each in [0,C); out: prob [N,1,1,C],
     * loss [1,1,1,N]. prob = softmax; loss = log(sum exp(z - max)) - (z[label] - max). */
    THAW_OP_SOFTMAX_XENT = 16,
    /* in: prob, label; out: dlogits = (prob - onehot(label)) * scale. attr: thaw_xent_attr. */
    THAW_OP_SOFTMAX_XENT_BWD = 17,
    /* in: prob, label, loss; out: metrics [1,1,1,2]: sum of loss, number of rows whose first maximum
     * is the label. The maximum is class 0 until a later class is greater than it: comparisons with
     * NaN being false, a row that is NaN throughout counts as class 0. */
    THAW_OP_METRICS = 18,

    /* in: dy, y; out: dx = y > 0 ? dy : 0, in place of dy. */
    THAW_OP_RELU_BWD = 19,
    /* in: dy [N,H,W,C]; out: db [C]: sum over N,H,W. */
    THAW_OP_BIAS_GRAD = 20,
    /* in: a0 … ak, 2 to 16 of one shape; out: y = ((a0 + a1) + a2) + …, in place of a0. */
    THAW_OP_ADD = 21,
    /* in: x of f32, f16, bf16 or u8; out: y of f32, f16 or bf16, same shape:
     * y = round_to_nearest_even(x*scale + shift); exact copy if scale 1 and shift 0 and equal types.
     * attr: thaw_cast_attr. Also the copy into and out of a slice of a concatenation. */
    THAW_OP_CAST = 22,
    /* Adam as Keras has it ("epsilon hat"), for k tensors at once.
     * in: hyper f32 [8] = {alpha, 1 - beta1, 1 - beta2, epsilon, 0, 0, 0, 0}, then k times
     * w MUTABLE, g, m MUTABLE, v MUTABLE of one shape each; out: k times w, m, v, in place.
     * m += (g - m)*hyper[1]; v += (g*g - v)*hyper[2]; w -= m*alpha / (sqrt(v) + epsilon),
     * alpha = lr*sqrt(1 - beta2^t)/(1 - beta1^t) made by the host. */
    THAW_OP_ADAM = 23,

    THAW_OP_KIND_END = 24
};

#define THAW_CONV_MAX_OUT 8u
#define THAW_ADD_MAX_IN 16u

typedef struct thaw_conv_attr {
    uint32_t struct_size;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left; /* the other two sides follow from the shapes */
    uint32_t relu_mask;        /* bit k: output k */
} thaw_conv_attr;

typedef struct thaw_affine_attr {
    uint32_t struct_size;
    uint32_t relu;
} thaw_affine_attr;

typedef struct thaw_bn_attr {
    uint32_t struct_size;
    float eps;
    float momentum; /* of the moving statistics; BN_TRAIN only */
    uint32_t relu;  /* BN_TRAIN only */
} thaw_bn_attr;

typedef struct thaw_pool_attr {
    uint32_t struct_size;
    int32_t kh, kw;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    uint32_t include_pad; /* AVGPOOL* only */
    uint32_t relu;        /* AVGPOOL only */
} thaw_pool_attr;

typedef struct thaw_dropout_attr {
    uint32_t struct_size;
    float rate; /* [0,1) */
    uint64_t seed;
} thaw_dropout_attr;

typedef struct thaw_xent_attr {
    uint32_t struct_size;
    float scale; /* 1 / rows of the batch */
} thaw_xent_attr;

typedef struct thaw_cast_attr {
    uint32_t struct_size;
    float scale, shift;
} thaw_cast_attr;

#ifdef __cplusplus
}
#endif

#endif
