/* y = x*scale + shift, from one number format to another. FROM and TO are the types as they lie in memory,
 * LOAD and STORE the conversions from and to float: f32, half, brain or byte. SCALED 0: x as it is; COPY 1:
 * the very bits.
 *
 * The 16-bit formats are made of integers, because a device may round otherwise, know no subnormal numbers,
 * or lack the type. */

static inline VEC(float) load_f32(const __global float *p)
{
    return VGET(p);
}

static inline VEC(float) load_byte(const __global uchar *p)
{
    return VTO(float, VGET(p));
}

static inline VEC(float) load_brain(const __global ushort *p)
{
    return VBITS(float, VTO(uint, VGET(p)) << 16);
}

/* A subnormal half is a whole number of 2^-24, which a float holds exactly. */
static inline VEC(float) load_half(const __global ushort *p)
{
    const VEC(uint) h = VTO(uint, VGET(p)), a = h & 0x7fffu;
    const VEC(uint) normal = (a << 13) + (112u << 23);
    const VEC(uint) small = VBITS(uint, VTO(float, a) * 0x1p-24f);
    VEC(uint) u = select(normal, small, a < 0x400u);
    u = select(u, normal + (112u << 23), a >= 0x7c00u);
    return VBITS(float, u | (h & 0x8000u) << 16);
}

static inline void store_f32(VEC(float) v, __global float *p)
{
    VPUT(v, p);
}

/* To nearest even, by a carry into the part that stays; a NaN keeps its upper bits and becomes quiet. */
static inline void store_brain(VEC(float) v, __global ushort *p)
{
    const VEC(uint) u = VBITS(uint, v);
    const VEC(uint) rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    VPUT(VTO(ushort, select(rounded, u >> 16 | 0x40u, (u & 0x7fffffffu) > 0x7f800000u)), p);
}

/* Next to 1/2 the last bit of a float is the smallest half, so that the sum rounds the subnormal ones. */
static inline void store_half(VEC(float) v, __global ushort *p)
{
    const VEC(uint) u = VBITS(uint, v), a = u & 0x7fffffffu;
    const VEC(uint) small = VBITS(uint, VBITS(float, a) + 0.5f) - (126u << 23);
    const VEC(uint) normal = (a - (112u << 23) + 0xfffu + (a >> 13 & 1u)) >> 13;
    VEC(uint) h = select(normal, small, a < 113u << 23);
    h = select(h, (VEC(uint))(0x7c00u), a >= 143u << 23);
    h = select(h, (VEC(uint))(0x7e00u), a > 0x7f800000u);
    VPUT(VTO(ushort, h | (u >> 16 & 0x8000u)), p);
}

__kernel void cast(TENSOR(const FROM, x), const ulong x_pitch, TENSOR(TO, y), const ulong y_pitch, SHARE,
                   const float scale, const float shift)
{
    OPEN(const FROM, x);
    OPEN(TO, y);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const __global FROM *from = x + p * x_pitch + c;
            __global TO *to = y + p * y_pitch + c;
#if COPY
            VPUT(VGET(from), to);
#elif SCALED
            STORE(LOAD(from) * scale + shift, to);
#else
            STORE(LOAD(from), to);
#endif
        }
    }
}
