/* thaw_ops.h: the closed set of ops, with their exact meaning.
 *
 * How to read an op. Its comment begins with what it is; then follow, each where it applies and always in
 * this order: "in" and "out", the tensors with their shapes; "=", the formula; "pad", what lies outside the
 * image; "round", the arithmetic and how near the result must be; "edge", odd values; "saved", what an
 * output is kept for and means; "place", which output may take the place of which input; "attr", the struct
 * thaw_op.attr points to. Include it as `<thaw/thaw_ops.h>`. Compiles alone as C99, C11 and C++. Apache-2.0.
 *
 * Tensors. [N,H,W,C] is n, h, w, c. [C] is a vector, [1,1,1,C]. All are f32 unless another type is named,
 * and every one may have pixel_pitch > c, except the weights of a convolution and their gradient, which are
 * dense. Sizes are at least 1 and at most 2^30. Optional tensors stand last and are left out by n_in and
 * n_out. There is no dense op: a dense layer is CONV2D with a 1x1 kernel over a 1x1 image.
 *
 * Roles. An input may have any role; an output has any but CONST. An op reads a CONST input from what it
 * got at op_prepare, and every other one at each run.
 *
 * Windows. Along an axis of size S, a window of K cells every s, moved forward by pad cells, gives O places;
 * place o covers the cells o*s - pad … o*s - pad + K - 1. s >= 1, 0 <= pad < K, K and s at most 4096. Every
 * window touches the image, (O-1)*s - pad < S, and none that fits is left out,
 * O >= floor((S + pad - K)/s) + 1. The padding at the far end follows from the shapes,
 * max(0, (O-1)*s + K - pad - S), and may differ from pad; cells that no window reaches (fewer than s, at the
 * far end) are not read, and their gradient is 0. Keras' "valid" is pad = 0; its "same" is O = ceil(S/s) and
 * pad = floor(t/2), t = max(0, (O-1)*s + K - S): an odd cell of padding falls to the far end.
 *
 * Accuracy. Products and sums are f32 or wider. thaw_op.precision may be less than f32 for CONV2D* alone:
 * their factors may then be rounded to that format, to nearest, while the sums stay f32. `thaw check`
 * compares with plain C that computes in double. With K the length of the longest sum, u = 2^-24 and
 * f = 16 + 2*sqrt(K), it allows an output of rule
 *   exact     nothing, zeros of either sign being equal
 *   relative  u*f*|value|
 *   norm      u*f*(largest |value| of the tensor, or a floor that the case sets)
 *   sum       u*f*(A + largest A of the tensor / 16), A being the op on the absolute values of its inputs;
 *             with tf32 or f16 2^-10*A more, with bf16 2^-7*A more;
 *             of an op with THAW_OP_EXACT u*f*A + what its precision adds
 * and one unit in the last place of f16 and bf16 results. f32 numbers below 2^-126 may be taken for 0 and
 * given as 0, except where the rule is exact.
 *
 * Determinism. A sum has a fixed order, given by the shapes: the same bits each run and for any number of
 * threads. A row of the batch has the same bits whatever else is in the batch and wherever it stands in it
 * (BN_TRAIN, BN_TRAIN_BWD and sums over the batch excepted).
 *
 * Odd values. Infinities and NaN go through as IEEE arithmetic has them, so that a broken weight shows in
 * the loss; relu(z) is 0 where z < 0 and z elsewhere, NaN included. By the rules norm and sum a NaN will do
 * in the place of an infinity, by sum also where A is infinite: who computes with differences subtracts
 * infinities. relu of minus infinity is 0 or minus infinity. The sign of a zero and the bits of a NaN are
 * free.
 *
 * In place. Where an op says so, an output's slice may be the very slice of the input that is named, with
 * the same pixel_pitch, and need not be. Otherwise no output overlaps any input or another output; channels
 * of one concatenation do not overlap. */
#ifndef THAW_OPS_H
#define THAW_OPS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* Convolution (cross-correlation) of an image, with bias and relu.
     * in:    x [N,H,W,C]; w [KH,KW,C,O]; bias [O], optional
     * out:   y0 … yk, 1 to 8 of them: yk [N,OH,OW,Ok], the Ok adding up to O
     * =      z[n,p,q,o] = bias[o] + sum over i < KH, j < KW, c < C of
     *        x[n, p*stride_h - pad_top + i, q*stride_w - pad_left + j, c] * w[i,j,c,o].
     *        Output k holds the Ok channels of z that follow those of the outputs before it, through relu
     *        if bit k of relu_mask is set
     * pad:   reads outside the image are 0: they add nothing, or NaN where the w that they meet is infinite
     *        or NaN
     * round: sum rule, K = KH*KW*C
     * attr:  thaw_conv_attr; a bit of relu_mask above the last output is an error */
    THAW_OP_CONV2D = 1,
    /* Gradient of CONV2D in x: its adjoint, for one output without bias and relu.
     * in:    dy [N,OH,OW,O]; w [KH,KW,C,O]
     * out:   dx [N,H,W,C]
     * =      dx[n,y,x,c] = sum over i, j, o of dy[n,p,q,o] * w[i,j,c,o], for the p and q, if there are such,
     *        with p*stride_h - pad_top + i = y and q*stride_w - pad_left + j = x
     * pad:   places outside dy are 0, as reads outside the image are to CONV2D; so is a cell that no window
     *        reaches
     * round: sum rule, K = KH*KW*O
     * attr:  thaw_conv_attr of the forward op, relu_mask 0 */
    THAW_OP_CONV2D_BWD_DATA = 2,
    /* Gradient of CONV2D in w: its adjoint, for one output without bias and relu.
     * in:    x [N,H,W,C]; dy [N,OH,OW,O]
     * out:   dw [KH,KW,C,O]
     * =      dw[i,j,c,o] = sum over n, p, q of
     *        x[n, p*stride_h - pad_top + i, q*stride_w - pad_left + j, c] * dy[n,p,q,o]
     * pad:   reads outside the image are 0: they add nothing, or NaN where the dy that they meet is infinite
     *        or NaN
     * round: sum rule, K = N*OH*OW
     * attr:  thaw_conv_attr of the forward op, relu_mask 0 */
    THAW_OP_CONV2D_BWD_FILTER = 3,

    /* A factor and a summand for each channel. Also used on weights, where a channel is the last axis.
     * in:    x [N,H,W,C]; scale [C]; shift [C], optional
     * out:   y [N,H,W,C]
     * =      z = x*scale[c] + shift[c]; y = relu(z) if attr says so, else z
     * round: sum rule, K = 2; the product may be rounded before it is added to, or not
     * place: y of x
     * attr:  thaw_affine_attr */
    THAW_OP_AFFINE = 4,
    /* Batch normalisation by moving statistics as a factor and a summand, for AFFINE.
     * in:    beta [C]; mean [C]; var [C]
     * out:   scale [C]; shift [C]
     * =      scale = 1/sqrt(var + eps); shift = beta - mean*scale
     * round: scale relative, shift norm; shift may be made from scale before or after its rounding
     * attr:  thaw_bn_attr; only eps is read */
    THAW_OP_BN_FOLD = 5,
    /* Batch normalisation by the batch's own statistics, without gamma.
     * in:    x [N,H,W,C]; beta [C]; moving_mean [C]; moving_var [C]
     * out:   y [N,H,W,C]; save_mean [C]; save_inv_std [C]; new moving_mean [C]; new moving_var [C]
     * =      mean and var = mean and population variance of x over N*H*W (divided by N*H*W);
     *        inv_std = 1/sqrt(var + eps); z = (x - mean)*inv_std + beta; y = relu(z) if attr says so, else z;
     *        new moving_mean = moving_mean*momentum + mean*(1 - momentum), new moving_var alike with var
     * round: norm rule, K = N*H*W; a variance from f32 sums of x and x*x is not near enough
     * saved: save_mean = mean and save_inv_std = inv_std, for BN_TRAIN_BWD
     * place: new moving_mean of moving_mean; new moving_var of moving_var
     * attr:  thaw_bn_attr */
    THAW_OP_BN_TRAIN = 6,
    /* Gradient of BN_TRAIN.
     * in:    g [N,H,W,C], the gradient of z (RELU_BWD comes before); x [N,H,W,C]; save_mean [C];
     *        save_inv_std [C]
     * out:   dx [N,H,W,C]; dbeta [C]
     * =      M = N*H*W; dbeta = sum of g; xhat = (x - save_mean)*save_inv_std;
     *        dx = save_inv_std * (g - dbeta/M - xhat * (sum of g*xhat)/M), the sums over N*H*W
     * round: norm rule, K = N*H*W
     * attr:  thaw_bn_attr of the forward op; nothing in it is read */
    THAW_OP_BN_TRAIN_BWD = 7,

    /* Maximum over a window.
     * in:    x [N,H,W,C]
     * out:   y [N,OH,OW,C]; argmax u8 [N,OH,OW,C], optional
     * =      y = the maximum of the window's cells
     * pad:   cells outside the image do not count
     * round: exact
     * edge:  a NaN in the window gives NaN, and counts as a maximum for argmax
     * saved: argmax = i*kw + j, row i and column j of the window, of the first maximum in row order, for
     *        MAXPOOL_BWD; with it kh*kw is at most 256
     * attr:  thaw_pool_attr; include_pad and relu are not read */
    THAW_OP_MAXPOOL = 8,
    /* Gradient of MAXPOOL.
     * in:    dy [N,OH,OW,C]; argmax u8 [N,OH,OW,C]
     * out:   dx [N,H,W,C]
     * =      dx[n,y,x,c] = sum of those dy[n,p,q,c] whose argmax names the cell (y,x), 0 where there is none
     * round: sum rule, K = kh*kw; gather rather than scatter, for a fixed order
     * edge:  an argmax that names no cell of the image adds nothing, and nothing is written outside
     * attr:  thaw_pool_attr of the forward op */
    THAW_OP_MAXPOOL_BWD = 9,
    /* Mean over a window, with bias and relu.
     * in:    x [N,H,W,C]; bias [C], optional
     * out:   y [N,OH,OW,C]
     * =      z = (sum of the window's cells)/D + bias[c]; D = number of its cells inside the image, or kh*kw
     *        if include_pad; y = relu(z) if attr says so, else z
     * pad:   cells outside the image add nothing
     * round: sum rule, K = kh*kw
     * attr:  thaw_pool_attr */
    THAW_OP_AVGPOOL = 10,
    /* Gradient of AVGPOOL in x: its adjoint, without bias and relu.
     * in:    dy [N,OH,OW,C]
     * out:   dx [N,H,W,C]
     * =      dx[n,y,x,c] = sum of dy[n,p,q,c]/D[p,q] over the windows (p,q) that cover the cell (y,x), D as
     *        in AVGPOOL
     * round: sum rule, K = kh*kw
     * attr:  thaw_pool_attr of the forward op; relu is not read */
    THAW_OP_AVGPOOL_BWD = 11,
    /* Mean over the whole image.
     * in:    x [N,H,W,C]
     * out:   y [N,1,1,C]
     * =      y[n,c] = (sum over H*W of x)/(H*W)
     * round: sum rule, K = H*W
     * attr:  none */
    THAW_OP_GLOBAL_AVGPOOL = 12,
    /* Gradient of GLOBAL_AVGPOOL.
     * in:    dy [N,1,1,C]
     * out:   dx [N,H,W,C]
     * =      dx[n,y,x,c] = dy[n,c]/(H*W)
     * round: sum rule, K = 1
     * attr:  none */
    THAW_OP_GLOBAL_AVGPOOL_BWD = 13,

    /* Dropout by a counter-based random number, so that it depends on image and epoch alone.
     * in:    x [N,1,1,C]; key u32 [1,1,N,2], two words for each row
     * out:   y [N,1,1,C]; mask u8 [N,1,1,C]
     * =      word(n,c) = word c%4 of Philox4x32-10 with key (seed & 0xffffffff, seed >> 32) and counter
     *        (c/4, 1, key[n][0], key[n][1]); kept = word >= floor(rate * 2^32), computed in double;
     *        y = kept ? x*F : 0, F = 1/(1 - rate) rounded to f32
     * round: y relative, mask exact
     * edge:  what is dropped is 0, also where x is NaN
     * saved: mask = 1 kept, 0 dropped, for DROPOUT_BWD
     * place: y of x
     * attr:  thaw_dropout_attr */
    THAW_OP_DROPOUT = 14,
    /* Gradient of DROPOUT.
     * in:    dy [N,1,1,C]; mask u8 [N,1,1,C]
     * out:   dx [N,1,1,C]
     * =      dx = mask ? dy*F : 0, F as in DROPOUT
     * round: sum rule, K = 1
     * place: dx of dy
     * attr:  thaw_dropout_attr of the forward op; only rate is read */
    THAW_OP_DROPOUT_BWD = 15,

    /* Softmax and the loss of cross-entropy, for each row.
     * in:    logits [N,1,1,C]; label i32 [N], each in [0,C)
     * out:   prob [N,1,1,C]; loss [N]
     * =      m = the row's maximum; prob = exp(z - m)/(sum of exp(z - m));
     *        loss = log(sum of exp(z - m)) - (z[label] - m)
     * round: norm rule, K = C
     * edge:  a NaN in the row makes all of its prob and its loss NaN; a label outside [0,C) gives a loss of
     *        NaN, and nothing is read outside the row
     * saved: prob is what SOFTMAX_XENT_BWD reads, as an ACTIVATION
     * attr:  none */
    THAW_OP_SOFTMAX_XENT = 16,
    /* Gradient of the loss in the logits.
     * in:    prob [N,1,1,C]; label i32 [N]
     * out:   dlogits [N,1,1,C]
     * =      dlogits[n,c] = (prob[n,c] - (c == label[n] ? 1 : 0)) * scale
     * round: relative
     * edge:  a label outside [0,C) subtracts nothing
     * attr:  thaw_xent_attr */
    THAW_OP_SOFTMAX_XENT_BWD = 17,
    /* What a run reports.
     * in:    prob [N,1,1,C]; label i32 [N]; loss [N]
     * out:   metrics [2]
     * =      metrics[0] = sum of loss; metrics[1] = number of rows whose first maximum is the label
     * round: norm rule, K = N
     * edge:  the maximum is class 0 until a later class is greater than it: comparisons with NaN being
     *        false, a row that is NaN throughout counts as class 0
     * attr:  none */
    THAW_OP_METRICS = 18,

    /* Gradient of a relu, by what came out of it.
     * in:    dy [N,H,W,C]; y [N,H,W,C], the relu's output
     * out:   dx [N,H,W,C]
     * =      dx = y > 0 ? dy : 0
     * round: exact
     * edge:  where y is NaN, 0
     * place: dx of dy
     * attr:  none */
    THAW_OP_RELU_BWD = 19,
    /* Gradient of a bias.
     * in:    dy [N,H,W,C]
     * out:   db [C]
     * =      db[c] = sum over N, H, W of dy
     * round: sum rule, K = N*H*W
     * attr:  none */
    THAW_OP_BIAS_GRAD = 20,
    /* Sum of tensors of one shape.
     * in:    a0 … ak, 2 to 16 of them, [N,H,W,C]
     * out:   y [N,H,W,C]
     * =      y = ((a0 + a1) + a2) + …
     * round: each addition to f32; sum rule, K = number of inputs
     * place: y of a0
     * attr:  none */
    THAW_OP_ADD = 21,
    /* Another type, another scale, or a copy into or out of a slice of a concatenation.
     * in:    x f32, f16, bf16 or u8 [N,H,W,C]
     * out:   y f32, f16 or bf16 [N,H,W,C]
     * =      y = x*scale + shift
     * round: to nearest even; exact if scale is 1 and shift 0, else sum rule with K = 2
     * edge:  with scale 1 and shift 0 subnormal numbers of every type are kept, what is too large for f16
     *        becomes infinity, and equal types give a copy of the bits
     * attr:  thaw_cast_attr */
    THAW_OP_CAST = 22,
    /* Adam as Keras has it ("epsilon hat"), for k tensors at once.
     * in:    hyper [8]; then k times w, g, m, v of one shape [N,H,W,C] each; w, m and v are MUTABLE; k is 190
     *        where the whole network trains
     * out:   k times new w, new m, new v
     * =      new m = m + (g - m)*hyper[1]; new v = v + (g*g - v)*hyper[2];
     *        new w = w - new m*hyper[0] / (sqrt(new v) + hyper[3]).
     *        hyper = {alpha, 1 - beta1, 1 - beta2, epsilon, 0, 0, 0, 0} is made by the host,
     *        alpha = lr*sqrt(1 - beta2^t)/(1 - beta1^t)
     * round: norm rule, K = 1 for one step
     * place: new w of w; new m of m; new v of v
     * attr:  none */
    THAW_OP_ADAM = 23,

    THAW_OP_KIND_END = 24 /* one more than the last; grows with the ABI's minor version */
};

#define THAW_CONV_MAX_OUT 8u  /* outputs of a CONV2D */
#define THAW_ADD_MAX_IN   16u /* inputs of an ADD */

/* Of CONV2D and its gradients. */
typedef struct thaw_conv_attr {
    uint32_t struct_size;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left; /* the other two sides follow from the shapes */
    uint32_t relu_mask;        /* bit k: output k */
} thaw_conv_attr;

/* Of AFFINE. */
typedef struct thaw_affine_attr {
    uint32_t struct_size;
    uint32_t relu; /* not 0: y is relu(z) */
} thaw_affine_attr;

/* Of BN_FOLD, BN_TRAIN and BN_TRAIN_BWD. */
typedef struct thaw_bn_attr {
    uint32_t struct_size;
    float eps;      /* finite, not negative */
    float momentum; /* of the moving statistics, 0 to 1; BN_TRAIN only */
    uint32_t relu;  /* not 0: y is relu(z); BN_TRAIN only */
} thaw_bn_attr;

/* Of the pools that have a window. */
typedef struct thaw_pool_attr {
    uint32_t struct_size;
    int32_t kh, kw; /* of the window */
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left; /* the other two sides follow from the shapes */
    uint32_t include_pad;      /* not 0: a mean divides by kh*kw; AVGPOOL and AVGPOOL_BWD only */
    uint32_t relu;             /* not 0: y is relu(z); AVGPOOL only */
} thaw_pool_attr;

/* Of DROPOUT and DROPOUT_BWD. */
typedef struct thaw_dropout_attr {
    uint32_t struct_size;
    float rate;    /* [0,1) */
    uint64_t seed; /* of the run */
} thaw_dropout_attr;

/* Of SOFTMAX_XENT_BWD. */
typedef struct thaw_xent_attr {
    uint32_t struct_size;
    float scale; /* 1 / rows of the batch */
} thaw_xent_attr;

/* Of CAST. */
typedef struct thaw_cast_attr {
    uint32_t struct_size;
    float scale, shift;
} thaw_cast_attr;

#ifdef __cplusplus
}
#endif

#endif
