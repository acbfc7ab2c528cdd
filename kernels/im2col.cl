/* im2col.cl: what stands around a library's matrix product to make a convolution of it. `matrix` has a row
 * for each destination pixel of the images at hand and a column for each (tap, source channel). */

/* One element an item: rows*kh*kw*src_c of them. src begins at the first image at hand. */
__kernel void im2col(TENSOR(const float, src), TENSOR(float, matrix), const uint rows, const int src_h,
                     const int src_w, const uint src_c, const ulong src_pitch, const uint dst_h,
                     const uint dst_w, const uint kh, const uint kw, const int stride_h, const int stride_w,
                     const int pad_top, const int pad_left)
{
    OPEN(const float, src);
    OPEN(float, matrix);
    const uint columns = kh * kw * src_c, id = (uint)get_global_id(0), row = id / columns;
    if (row >= rows)
        return;
    const uint column = id % columns, tap = column / src_c, image = row / dst_w / dst_h;
    const int y = (int)(row / dst_w % dst_h) * stride_h - pad_top + (int)(tap / kw);
    const int x = (int)(row % dst_w) * stride_w - pad_left + (int)(tap % kw);
    const bool inside = (uint)y < (uint)src_h && (uint)x < (uint)src_w;
    matrix[id] =
        inside ? src[(((ulong)image * src_h + y) * src_w + x) * src_pitch + column % src_c] : 0.0f;
}

/* The adjoint, as a gather: one element of src an item, count of them, its taps in order. */
__kernel void col2im(TENSOR(const float, matrix), TENSOR(float, src), const ulong count, const int src_h,
                     const int src_w, const uint src_c, const ulong src_pitch, const int dst_h,
                     const int dst_w, const int kh, const int kw, const int stride_h, const int stride_w,
                     const int pad_top, const int pad_left)
{
    OPEN(const float, matrix);
    OPEN(float, src);
    const ulong id = get_global_id(0);
    if (id >= count)
        return;
    const ulong pixel = id / src_c;
    const uint c = (uint)(id % src_c);
    const int x = (int)(pixel % src_w), y = (int)(pixel / src_w % src_h);
    const ulong image = pixel / src_w / src_h;
    float sum = 0.0f;
    for (int i = 0; i < kh; i++) {
        const int up = y + pad_top - i;
        if (up < 0 || up % stride_h != 0 || up / stride_h >= dst_h)
            continue;
        for (int j = 0; j < kw; j++) {
            const int left = x + pad_left - j;
            if (left < 0 || left % stride_w != 0 || left / stride_w >= dst_w)
                continue;
            const ulong row = (image * dst_h + up / stride_h) * dst_w + left / stride_w;
            sum += matrix[(row * (ulong)(kh * kw) + (ulong)(i * kw + j)) * src_c + c];
        }
    }
    src[pixel * src_pitch + c] = sum;
}

/* y = relu?(y + bias), count elements in place, one an item. */
__kernel void bias_relu(TENSOR(const float, bias), TENSOR(float, y), const ulong count, const uint channels,
                        const ulong pitch, const int has_bias, const int relu_out)
{
    OPEN(const float, bias);
    OPEN(float, y);
    const ulong id = get_global_id(0);
    if (id >= count)
        return;
    const uint c = (uint)(id % channels);
    __global float *to = y + (id / channels * pitch + c);
    const float z = has_bias ? *to + bias[c] : *to;
    *to = relu_out ? relu(z) : z;
}
