/* layout.c: the layout of ABI 1.0, field by field, and every number that was given out. Compiled as C11 and
 * as C++17; nothing of it runs. What is appended later makes a struct larger and moves nothing. Pointers have
 * 64 bits. */
#include <assert.h>
#include <stddef.h>

#include "thaw_ext.h"
#include "thaw_ops.h"
#include "thaw_plugin.h"

#define SIZE(type, bytes)       static_assert(sizeof(type) >= (bytes), #type)
#define AT(type, field, offset) static_assert(offsetof(type, field) == (offset), #type "." #field)
#define VALUE(name, number)     static_assert((name) == (number), #name)

VALUE(THAW_ABI_MAJOR, 1);
VALUE(THAW_MIN_ALIGN, 64);
VALUE(THAW_ALGO_DEFAULT, 0xffffffff);
VALUE(THAW_CONV_MAX_OUT, 8);
VALUE(THAW_ADD_MAX_IN, 16);
VALUE(THAW_TENSOR_V1_SIZE, 40);
VALUE(THAW_OP_V1_SIZE, 56);
VALUE(THAW_HOST_V1_SIZE, 64);
VALUE(THAW_DEVICE_INFO_V1_SIZE, 440);
VALUE(THAW_OP_INFO_V1_SIZE, 184);
VALUE(THAW_DEVICE_OPS_V1_SIZE, 152);
VALUE(THAW_PLUGIN_V1_SIZE, 80);
VALUE(THAW_PEAK_V1_SIZE, 16);
VALUE(THAW_INTERPOSE_V1_SIZE, 48);

VALUE(THAW_OK, 0);
VALUE(THAW_E_INVALID, 1);
VALUE(THAW_E_UNSUPPORTED, 2);
VALUE(THAW_E_NO_MEMORY, 3);
VALUE(THAW_E_DEVICE_MEMORY, 4);
VALUE(THAW_E_DEVICE_LOST, 5);
VALUE(THAW_E_IO, 6);
VALUE(THAW_E_FORMAT, 7);
VALUE(THAW_E_NOT_FOUND, 8);
VALUE(THAW_E_ABI, 9);
VALUE(THAW_E_CANCELLED, 10);
VALUE(THAW_E_INTERNAL, 11);
VALUE(THAW_E_CHECK, 12);
VALUE(THAW_F32, 0);
VALUE(THAW_F16, 1);
VALUE(THAW_BF16, 2);
VALUE(THAW_U8, 3);
VALUE(THAW_I32, 4);
VALUE(THAW_U32, 5);
VALUE(THAW_ROLE_ACTIVATION, 0);
VALUE(THAW_ROLE_CONST, 1);
VALUE(THAW_ROLE_MUTABLE, 2);
VALUE(THAW_ROLE_SAVED, 3);
VALUE(THAW_PREC_F32, 0);
VALUE(THAW_PREC_TF32, 1);
VALUE(THAW_OP_EXACT, 1);
VALUE(THAW_PREC_BF16, 2);
VALUE(THAW_PREC_F16, 3);
VALUE(THAW_LOG_ERROR, 0);
VALUE(THAW_LOG_WARN, 1);
VALUE(THAW_LOG_INFO, 2);
VALUE(THAW_LOG_DEBUG, 3);
VALUE(THAW_DEVICE_CPU, 1);
VALUE(THAW_DEVICE_GPU, 2);
VALUE(THAW_DEVICE_OTHER, 3);
VALUE(THAW_OP_CONV2D, 1);
VALUE(THAW_OP_CONV2D_BWD_DATA, 2);
VALUE(THAW_OP_CONV2D_BWD_FILTER, 3);
VALUE(THAW_OP_AFFINE, 4);
VALUE(THAW_OP_BN_FOLD, 5);
VALUE(THAW_OP_BN_TRAIN, 6);
VALUE(THAW_OP_BN_TRAIN_BWD, 7);
VALUE(THAW_OP_MAXPOOL, 8);
VALUE(THAW_OP_MAXPOOL_BWD, 9);
VALUE(THAW_OP_AVGPOOL, 10);
VALUE(THAW_OP_AVGPOOL_BWD, 11);
VALUE(THAW_OP_GLOBAL_AVGPOOL, 12);
VALUE(THAW_OP_GLOBAL_AVGPOOL_BWD, 13);
VALUE(THAW_OP_DROPOUT, 14);
VALUE(THAW_OP_DROPOUT_BWD, 15);
VALUE(THAW_OP_SOFTMAX_XENT, 16);
VALUE(THAW_OP_SOFTMAX_XENT_BWD, 17);
VALUE(THAW_OP_METRICS, 18);
VALUE(THAW_OP_RELU_BWD, 19);
VALUE(THAW_OP_BIAS_GRAD, 20);
VALUE(THAW_OP_ADD, 21);
VALUE(THAW_OP_CAST, 22);
VALUE(THAW_OP_ADAM, 23);
static_assert(THAW_OP_KIND_END > THAW_OP_ADAM, "the end");

static_assert(sizeof(thaw_error) == 512, "it never grows");
AT(thaw_error, status, 0);
AT(thaw_error, native, 4);
AT(thaw_error, text, 8);

SIZE(thaw_tensor, 40);
AT(thaw_tensor, struct_size, 0);
AT(thaw_tensor, dtype, 4);
AT(thaw_tensor, role, 8);
AT(thaw_tensor, n, 12);
AT(thaw_tensor, h, 16);
AT(thaw_tensor, w, 20);
AT(thaw_tensor, c, 24);
AT(thaw_tensor, pixel_pitch, 32);

SIZE(thaw_op, 56);
AT(thaw_op, struct_size, 0);
AT(thaw_op, kind, 4);
AT(thaw_op, n_in, 8);
AT(thaw_op, n_out, 12);
AT(thaw_op, in, 16);
AT(thaw_op, out, 24);
AT(thaw_op, attr, 32);
AT(thaw_op, precision, 40);
AT(thaw_op, flags, 44);
AT(thaw_op, runs, 48);

static_assert(sizeof(thaw_slice) == 16, "it has no struct_size: it never grows");
AT(thaw_slice, buffer, 0);
AT(thaw_slice, offset, 8);

SIZE(thaw_host, 64);
AT(thaw_host, struct_size, 0);
AT(thaw_host, abi_minor, 4);
AT(thaw_host, ctx, 8);
AT(thaw_host, log, 16);
AT(thaw_host, alloc, 24);
AT(thaw_host, free, 32);
AT(thaw_host, thread_count, 40);
AT(thaw_host, parallel_for, 48);
AT(thaw_host, get_extension, 56);

SIZE(thaw_device_info, 440);
AT(thaw_device_info, struct_size, 0);
AT(thaw_device_info, type, 4);
AT(thaw_device_info, name, 8);
AT(thaw_device_info, vendor, 136);
AT(thaw_device_info, driver, 200);
AT(thaw_device_info, detail, 264);
AT(thaw_device_info, memory_bytes, 392);
AT(thaw_device_info, max_alloc_bytes, 400);
AT(thaw_device_info, cache_bytes, 408);
AT(thaw_device_info, offset_align, 416);
AT(thaw_device_info, compute_units, 420);
AT(thaw_device_info, preferred_batch, 424);
AT(thaw_device_info, reserved, 428);
AT(thaw_device_info, peak_gflops, 432);
AT(thaw_device_info, near_cache_bytes, 440);

SIZE(thaw_op_info, 184);
AT(thaw_op_info, struct_size, 0);
AT(thaw_op_info, n_algos, 4);
AT(thaw_op_info, algo, 8);
AT(thaw_op_info, deterministic, 12);
AT(thaw_op_info, workspace_bytes, 16);
AT(thaw_op_info, name, 24);
AT(thaw_op_info, reason, 56);

SIZE(thaw_device_ops, 152);
AT(thaw_device_ops, struct_size, 0);
AT(thaw_device_ops, reserved, 4);
AT(thaw_device_ops, close, 8);
AT(thaw_device_ops, buffer_create, 16);
AT(thaw_device_ops, buffer_destroy, 24);
AT(thaw_device_ops, stream_create, 32);
AT(thaw_device_ops, stream_destroy, 40);
AT(thaw_device_ops, stream_sync, 48);
AT(thaw_device_ops, upload, 56);
AT(thaw_device_ops, download, 64);
AT(thaw_device_ops, copy, 72);
AT(thaw_device_ops, fill, 80);
AT(thaw_device_ops, event_create, 88);
AT(thaw_device_ops, event_destroy, 96);
AT(thaw_device_ops, event_record, 104);
AT(thaw_device_ops, stream_wait, 112);
AT(thaw_device_ops, op_query, 120);
AT(thaw_device_ops, op_prepare, 128);
AT(thaw_device_ops, kernel_destroy, 136);
AT(thaw_device_ops, op_enqueue, 144);

SIZE(thaw_plugin, 80);
AT(thaw_plugin, struct_size, 0);
AT(thaw_plugin, abi_major, 4);
AT(thaw_plugin, abi_minor, 8);
AT(thaw_plugin, reserved, 12);
AT(thaw_plugin, id, 16);
AT(thaw_plugin, version, 24);
AT(thaw_plugin, init, 32);
AT(thaw_plugin, shutdown, 40);
AT(thaw_plugin, device_count, 48);
AT(thaw_plugin, device_describe, 56);
AT(thaw_plugin, device_open, 64);
AT(thaw_plugin, get_extension, 72);

SIZE(thaw_conv_attr, 24);
AT(thaw_conv_attr, struct_size, 0);
AT(thaw_conv_attr, stride_h, 4);
AT(thaw_conv_attr, stride_w, 8);
AT(thaw_conv_attr, pad_top, 12);
AT(thaw_conv_attr, pad_left, 16);
AT(thaw_conv_attr, relu_mask, 20);

SIZE(thaw_affine_attr, 8);
AT(thaw_affine_attr, struct_size, 0);
AT(thaw_affine_attr, relu, 4);

SIZE(thaw_bn_attr, 16);
AT(thaw_bn_attr, struct_size, 0);
AT(thaw_bn_attr, eps, 4);
AT(thaw_bn_attr, momentum, 8);
AT(thaw_bn_attr, relu, 12);

SIZE(thaw_pool_attr, 36);
AT(thaw_pool_attr, struct_size, 0);
AT(thaw_pool_attr, kh, 4);
AT(thaw_pool_attr, kw, 8);
AT(thaw_pool_attr, stride_h, 12);
AT(thaw_pool_attr, stride_w, 16);
AT(thaw_pool_attr, pad_top, 20);
AT(thaw_pool_attr, pad_left, 24);
AT(thaw_pool_attr, include_pad, 28);
AT(thaw_pool_attr, relu, 32);

SIZE(thaw_dropout_attr, 16);
AT(thaw_dropout_attr, struct_size, 0);
AT(thaw_dropout_attr, rate, 4);
AT(thaw_dropout_attr, seed, 8);

SIZE(thaw_xent_attr, 8);
AT(thaw_xent_attr, struct_size, 0);
AT(thaw_xent_attr, scale, 4);

SIZE(thaw_cast_attr, 12);
AT(thaw_cast_attr, struct_size, 0);
AT(thaw_cast_attr, scale, 4);
AT(thaw_cast_attr, shift, 8);

SIZE(thaw_peak, 16);
AT(thaw_peak, struct_size, 0);
AT(thaw_peak, reserved, 4);
AT(thaw_peak, fma_gflops, 8);

SIZE(thaw_interpose, 48);
AT(thaw_interpose, struct_size, 0);
AT(thaw_interpose, reserved, 4);
AT(thaw_interpose, start, 8);
AT(thaw_interpose, wrap, 16);
AT(thaw_interpose, span_begin, 24);
AT(thaw_interpose, span_end, 32);
AT(thaw_interpose, finish, 40);
