#!/bin/sh
# rusticl.sh THAW KEEP: a second compiler and runtime, Mesa's, on the CPU: what only PoCL lets pass shows here. Its
# compiler knows no vectors of 8 and works for long, hence one case of each kind.
. "$(dirname "$0")/lib.sh"
export RUSTICL_ENABLE=llvmpipe
platform rusticl.icd mesa-opencl-icd
while read -r op case; do
    proves --device opencl:0 --op "$op" --case "$case"
done <<END
device /
conv2d 3x3_3-32
conv2d_bwd_data 3x3_3-32
conv2d_bwd_filter 3x3_3-32
affine 3x2x7x33
bn_fold /33
bn_train 3x2x7x33
bn_train_bwd 3x2x7x33
maxpool 3x1x1x5
maxpool_bwd 3x1x1x5
avgpool 3x1x1x5
avgpool_bwd 3x1x1x5
global_avgpool 1x7x2x33
global_avgpool_bwd 1x7x2x33
dropout 3x5
dropout_bwd 3x5
softmax_xent 7x33
softmax_xent_bwd 7x33
metrics 7x33
relu_bwd 3x2x7x33
bias_grad 3x2x7x33
add 2_3x2x7x33
cast u8-f32
adam 4-tensors
END
finish
