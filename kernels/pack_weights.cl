/* pack_weights.cl: weights that change between runs, as the convolutions read them.
 *
 * dst[((panel*taps + tap)*len + k)*width + j] = src[tap*tap_pitch + k*k_pitch + column*col_pitch], column
 * being panel*width + j; 0 for columns from `columns` on. Backward, source and output channels change
 * places: k_pitch is 1 and col_pitch that of a row. A bias is one tap of len 1.
 *
 * Work-items: (width, blocks of block_len k, panels*taps). */
__kernel void pack_weights(TENSOR(const float, src), TENSOR(float, dst), const ulong taps, const ulong len,
                           const ulong columns, const ulong tap_pitch, const ulong k_pitch,
                           const ulong col_pitch, const ulong block_len)
{
    OPEN(const float, src);
    OPEN(float, dst);
    const ulong j = get_global_id(0), width = get_global_size(0);
    const ulong panel = get_global_id(2) / taps, tap = get_global_id(2) % taps;
    const ulong column = panel * width + j;
    const ulong first = get_global_id(1) * block_len, end = min(first + block_len, len);
    const bool inside = column < columns;
    src += tap * tap_pitch + (inside ? column : 0) * col_pitch;
    dst += get_global_id(2) * len * width + j;
    for (ulong k = first; k < end; k++)
        dst[k * width] = inside ? src[k * k_pitch] : 0.0f;
}
