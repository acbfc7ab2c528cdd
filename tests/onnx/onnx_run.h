/* onnx_run.h: runs the operators that thaw's ONNX files are made of, in plain C, as ONNX's Operators.md says
 * what they mean and not as thaw computes them. */
#ifndef TESTS_ONNX_ONNX_RUN_H
#define TESTS_ONNX_ONNX_RUN_H

#include "onnx_file.h"

/* n values of one image, under the name that they have in the graph. */
typedef struct onnx_wanted {
    const char *name;
    size_t n;
    float *out;
} onnx_wanted;

/* One image: input is [3, h, w], as the graph's input says. NULL, or what does not fit, until the next call.
 */
const char *onnx_run(const onnx_file *file, const float *input, size_t n_wanted, const onnx_wanted *wanted);

#endif
