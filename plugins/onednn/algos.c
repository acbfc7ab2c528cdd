#include "plugins/onednn/ops/ops.h"
#include "plugins/onednn/plain/plain.h"

/* oneDNN's own first; of one kind the better one first. */
static const onednn_algo *const algos[] = {
    &onednn_conv,
    &onednn_conv_plain,
    &onednn_conv_bwd_data,
    &onednn_conv_bwd_data_plain,
    &onednn_conv_bwd_filter,
    &onednn_avgpool,
    &onednn_avgpool_bwd,
    &onednn_global_avgpool,
};

const onednn_algo *onednn_algo_at(size_t i)
{
    const size_t n = sizeof algos / sizeof algos[0];
    return i < n ? algos[i] : i - n < onednn_n_plain ? &onednn_plain[i - n] : NULL;
}
