/* probe_mma.cl: does the device do what mma.clh takes for granted? */
#define WARPS 1
#include "mma.clh"

/* One warp. in: a 16x8, b 8x8, one number to round; out: a*b 16x8, the number rounded, 4 zeros. */
__kernel __attribute__((reqd_work_group_size(32, 1, 1))) void probe_mma(TENSOR(const float, in),
                                                                        TENSOR(float, out))
{
    OPEN(const float, in);
    OPEN(float, out);
    __local float a[128] __attribute__((aligned(16)));
    __local float b[64] __attribute__((aligned(16)));
    __local float none[4] __attribute__((aligned(16)));
    EXCHANGE_MEMORY
    const int lane = get_local_id(0), g = lane >> 2, t = lane & 3;
    if (lane < 4)
        none[lane] = 7.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    CP_ASYNC16(a + 4 * lane, in + 4 * lane, true);
    CP_ASYNC4(b + lane, in + 128 + lane, true);
    CP_COMMIT;
    CP_ASYNC4(b + 32 + lane, in + 160 + lane, true);
    if (lane == 0)
        CP_ASYNC16(none, in, false);
    CP_COMMIT;
    CP_WAIT(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint fa[4] = {TO_TF32(a[g * 8 + t]), TO_TF32(a[(g + 8) * 8 + t]), TO_TF32(a[g * 8 + t + 4]),
                        TO_TF32(a[(g + 8) * 8 + t + 4])};
    const uint fb[2] = {TO_TF32(b[t * 8 + g]), TO_TF32(b[(t + 4) * 8 + g])};
    float d[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#if THAW_PTX
    MMA_TF32(d, fa, fb);
#else
    mma_tf32(exchange_memory, d, fa, fb);
#endif
    for (int i = 0; i < 4; i++)
        out[(g + (i >> 1) * 8) * 8 + 2 * t + (i & 1)] = d[i];
    if (lane == 0)
        out[128] = as_float(TO_TF32(in[192]));
    if (lane < 4)
        out[129 + lane] = none[lane];
}
