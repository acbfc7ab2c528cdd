/* Batch normalisation with the batch's own statistics, and its way back. Sums over the batch go in parts, as
 * in bias_grad.cl: first the parts, then their join, then the values. */

/* Mean of a part, from its first pixel on, and the sum of the squared distances from that very mean: neither
 * loses digits where the values lie far from zero. */
__kernel void bn_train_parts(TENSOR(const float, x), const ulong x_pitch, TENSOR(float, means),
                             TENSOR(float, squares), SHARE, const uint length, const uint count)
{
    OPEN(const float, x);
    OPEN(float, means);
    OPEN(float, squares);
    const share my = my_share(SHARED);
    for (ulong part = my.p0; part < my.p1; part++) {
        const ulong first = part * length, last = min(first + length, (ulong)count);
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) mean[WIDE], sum[WIDE];
            EACH sum[v] = 0.0f;
            EACH mean[v] = VGET(x + first * x_pitch + c + v * LANES);
            for (ulong p = first; p < last; p++)
                EACH sum[v] += VGET(x + p * x_pitch + c + v * LANES) - mean[v];
            EACH mean[v] += sum[v] / (float)(last - first);
            EACH sum[v] = 0.0f;
            for (ulong p = first; p < last; p++) {
                EACH {
                    const VEC(float) d = VGET(x + p * x_pitch + c + v * LANES) - mean[v];
                    sum[v] += d * d;
                }
            }
            EACH VPUT(mean[v], means + part * channels + c + v * LANES);
            EACH VPUT(sum[v], squares + part * channels + c + v * LANES);
        }
    }
}

/* Mean and variance of all parts together: the distances within a part, and those of the parts' means. */
__kernel void bn_train_join(TENSOR(const float, means), TENSOR(const float, squares),
                            TENSOR(const float, moving_mean), TENSOR(const float, moving_var),
                            TENSOR(float, save_mean), TENSOR(float, save_inv_std), TENSOR(float, new_mean),
                            TENSOR(float, new_var), SHARE, const uint length, const uint count,
                            const uint parts, const float eps, const float keep, const float take)
{
    OPEN(const float, means);
    OPEN(const float, squares);
    OPEN(const float, moving_mean);
    OPEN(const float, moving_var);
    OPEN(float, save_mean);
    OPEN(float, save_inv_std);
    OPEN(float, new_mean);
    OPEN(float, new_var);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const VEC(float) origin = VGET(means + c);
            VEC(float) sum = 0.0f, square = 0.0f;
            for (uint part = 0; part < parts; part++) {
                const float pixels_of_part = min(length, count - part * length);
                sum += (VGET(means + (ulong)part * channels + c) - origin) * pixels_of_part;
            }
            const VEC(float) mean = origin + sum / (float)count;
            for (uint part = 0; part < parts; part++) {
                const float pixels_of_part = min(length, count - part * length);
                const VEC(float) d = VGET(means + (ulong)part * channels + c) - mean;
                square += VGET(squares + (ulong)part * channels + c) + d * d * pixels_of_part;
            }
            const VEC(float) var = square / (float)count;
            VPUT(mean, save_mean + c);
            VPUT(1.0f / sqrt(var + eps), save_inv_std + c);
            VPUT(VGET(moving_mean + c) * keep + mean * take, new_mean + c);
            VPUT(VGET(moving_var + c) * keep + var * take, new_var + c);
        }
    }
}

__kernel void bn_train_values(TENSOR(const float, x), const ulong x_pitch, TENSOR(const float, beta),
                              TENSOR(const float, save_mean), TENSOR(const float, save_inv_std),
                              TENSOR(float, y), const ulong y_pitch, SHARE, const int rectify)
{
    OPEN(const float, x);
    OPEN(const float, beta);
    OPEN(const float, save_mean);
    OPEN(const float, save_inv_std);
    OPEN(float, y);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const VEC(float) d = VGET(x + p * x_pitch + c) - VGET(save_mean + c);
            const VEC(float) z = d * VGET(save_inv_std + c) + VGET(beta + c);
            VPUT(rectify ? VRELU(z) : z, y + p * y_pitch + c);
        }
    }
}

/* Sums of g and of g*xhat. */
__kernel void bn_train_bwd_parts(TENSOR(const float, g), const ulong g_pitch, TENSOR(const float, x),
                                 const ulong x_pitch, TENSOR(const float, save_mean),
                                 TENSOR(const float, save_inv_std), TENSOR(float, sums),
                                 TENSOR(float, products), SHARE, const uint length, const uint count)
{
    OPEN(const float, g);
    OPEN(const float, x);
    OPEN(const float, save_mean);
    OPEN(const float, save_inv_std);
    OPEN(float, sums);
    OPEN(float, products);
    const share my = my_share(SHARED);
    for (ulong part = my.p0; part < my.p1; part++) {
        const ulong first = part * length, last = min(first + length, (ulong)count);
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) mean[WIDE], inv_std[WIDE], sum[WIDE], product[WIDE];
            EACH mean[v] = VGET(save_mean + c + v * LANES);
            EACH inv_std[v] = VGET(save_inv_std + c + v * LANES);
            EACH sum[v] = 0.0f;
            EACH product[v] = 0.0f;
            for (ulong p = first; p < last; p++) {
                EACH {
                    const VEC(float) d = VGET(g + p * g_pitch + c + v * LANES);
                    sum[v] += d;
                    product[v] += d * ((VGET(x + p * x_pitch + c + v * LANES) - mean[v]) * inv_std[v]);
                }
            }
            EACH VPUT(sum[v], sums + part * channels + c + v * LANES);
            EACH VPUT(product[v], products + part * channels + c + v * LANES);
        }
    }
}

/* dbeta, and both means over the batch. */
__kernel void bn_train_bwd_join(TENSOR(const float, sums), TENSOR(const float, products),
                                TENSOR(float, dbeta), TENSOR(float, mean_g), TENSOR(float, mean_product),
                                SHARE, const uint count, const uint parts)
{
    OPEN(const float, sums);
    OPEN(const float, products);
    OPEN(float, dbeta);
    OPEN(float, mean_g);
    OPEN(float, mean_product);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            VEC(float) sum = 0.0f, product = 0.0f;
            for (uint part = 0; part < parts; part++) {
                sum += VGET(sums + (ulong)part * channels + c);
                product += VGET(products + (ulong)part * channels + c);
            }
            VPUT(sum, dbeta + c);
            VPUT(sum / (float)count, mean_g + c);
            VPUT(product / (float)count, mean_product + c);
        }
    }
}

__kernel void bn_train_bwd_values(TENSOR(const float, g), const ulong g_pitch, TENSOR(const float, x),
                                  const ulong x_pitch, TENSOR(const float, save_mean),
                                  TENSOR(const float, save_inv_std), TENSOR(const float, mean_g),
                                  TENSOR(const float, mean_product), TENSOR(float, dx), const ulong dx_pitch,
                                  SHARE)
{
    OPEN(const float, g);
    OPEN(const float, x);
    OPEN(const float, save_mean);
    OPEN(const float, save_inv_std);
    OPEN(const float, mean_g);
    OPEN(const float, mean_product);
    OPEN(float, dx);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const VEC(float) inv_std = VGET(save_inv_std + c);
            const VEC(float) xhat = (VGET(x + p * x_pitch + c) - VGET(save_mean + c)) * inv_std;
            const VEC(float) d = VGET(g + p * g_pitch + c) - VGET(mean_g + c) - xhat * VGET(mean_product + c);
            VPUT(inv_std * d, dx + p * dx_pitch + c);
        }
    }
}
