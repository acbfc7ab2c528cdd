/* pack_pixels.cl: the channels of a tensor in panels of WIDTH (-D): [panel][pixel][WIDTH], 0 beyond the
 * tensor's channels.
 *
 * A work-group is one work-item. It does few pixels, so that their lines stay in the first cache, where a
 * pitch that is a power of two has them all compete for one set, until the neighbouring panel has read the
 * rest of them. */
static inline void pack(__global const float *src, __global float *dst, int count)
{
    if (count >= WIDTH) {
        for (int j = 0; j < WIDTH; j++)
            dst[j] = src[j];
    } else {
        for (int j = 0; j < WIDTH; j++)
            dst[j] = j < count ? src[j] : 0.0f;
    }
}

/* Groups: (blocks of block_pixels pixels, groups of group_panels panels). */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
pack_pixels(TENSOR(const float, src), TENSOR(float, dst), const ulong pixels, const int channels,
            const ulong pitch, const int block_pixels, const int group_panels)
{
    OPEN(const float, src);
    OPEN(float, dst);
    const ulong first = get_group_id(0) * block_pixels, end = min(first + block_pixels, pixels);
    const int first_panel = (int)get_group_id(1) * group_panels;
    const int end_panel = min(first_panel + group_panels, (channels + WIDTH - 1) / WIDTH);
    for (int panel = first_panel; panel < end_panel; panel++) {
        for (ulong p = first; p < end; p++)
            pack(src + p * pitch + panel * WIDTH, dst + (panel * pixels + p) * WIDTH,
                 channels - panel * WIDTH);
    }
}
