/* Nothing but fused multiply-adds: twelve chains that do not wait for each other, each a vector of WIDTH. */
#if WIDTH == 1
#define V float
#define SUM(a) (a)
#else
#define V      VECTOR(float, WIDTH)
#define SUM(a) ((a).s0)
#endif

#define STEP(a) a = FMA(a, factor, summand);
#define ALL                                                                                                  \
    STEP(a0) STEP(a1) STEP(a2) STEP(a3) STEP(a4) STEP(a5)                                                    \
    STEP(a6) STEP(a7) STEP(a8) STEP(a9) STEP(a10) STEP(a11)

/* rounds of twelve; out: one number of each work-item, so that no compiler can leave the work out. */
__kernel void peak(TENSOR(float, out), const float f, const float s, const int rounds)
{
    OPEN(float, out);
    const V factor = (V)(f), summand = (V)(s);
    const int item = get_global_id(0);
    V a0 = (V)(s * (float)(item + 1)), a1 = a0 + summand, a2 = a1 + summand, a3 = a2 + summand;
    V a4 = a3 + summand, a5 = a4 + summand, a6 = a5 + summand, a7 = a6 + summand;
    V a8 = a7 + summand, a9 = a8 + summand, a10 = a9 + summand, a11 = a10 + summand;
    for (int i = 0; i < rounds; i += 4) {
        ALL ALL ALL ALL
    }
    const V all = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + ((a8 + a9) + (a10 + a11));
    out[item] = SUM(all);
}
