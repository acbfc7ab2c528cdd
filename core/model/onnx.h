/* onnx.h: the model as other programs run it. */
#ifndef THAW_MODEL_ONNX_H
#define THAW_MODEL_ONNX_H

#include "core/model/model.h"

/* Writes an ONNX file (IR 7, operator set 13) for inference, atomically: after a failure the old file is
 * still there. One node for each layer of Keras, under its name; weights under "<layer>/<variable>".
 *
 *   input   image          f32 [N, 3, size, size], RGB, each value pixel*scale + shift
 *   output  probabilities  f32 [N, classes]; for a base without head instead
 *           features       f32 [N, 2048], the mean of the last 8x8 (or smaller) image of each channel
 *
 * Batch normalisation stays a node of its own and uses the moving statistics; dropout is left out. How a file
 * becomes the input stands in the metadata, under the keys of thaw's own file, and the class names as well.
 * producer_version: of the program that writes.
 *
 * THAW_E_INVALID or THAW_E_FORMAT, before anything is written: a base that is not complete, an input size
 * that the network does not take. THAW_E_UNSUPPORTED: 2 GiB or more, which no reader of Protocol Buffers
 * takes. Beside the model it takes the memory of the largest kernel. [thread-safe] */
thaw_status thaw_model_save_onnx(const thaw_model *model, const char *producer_version, const char *path,
                                 thaw_error *err);

#endif
