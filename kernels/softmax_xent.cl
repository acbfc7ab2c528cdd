/* Softmax, its cross-entropy loss, and the gradient of both together. A label outside the classes gives a
 * loss of NaN and no gradient of its own; nothing is read outside the row. */

/* A work-item has a row: rows are short and few. */
__kernel void softmax_xent(TENSOR(const float, logits), const ulong logits_pitch, TENSOR(const int, label),
                           TENSOR(float, prob), const ulong prob_pitch, TENSOR(float, loss), const uint rows,
                           const int classes)
{
    const uint n = get_global_id(0);
    if (n >= rows)
        return;
    OPEN(const float, logits);
    OPEN(const int, label);
    OPEN(float, prob);
    OPEN(float, loss);
    const __global float *z = logits + n * logits_pitch;
    __global float *p = prob + n * prob_pitch;
    float most = z[0], sum = 0.0f;
    for (int c = 1; c < classes; c++)
        most = z[c] > most ? z[c] : most;
    for (int c = 0; c < classes; c++) {
        const float e = exp(z[c] - most);
        p[c] = e;
        sum += e;
    }
    for (int c = 0; c < classes; c++)
        p[c] /= sum;
    const int right = label[n];
    loss[n] = right >= 0 && right < classes ? log(sum) - (z[right] - most) : NAN;
}

__kernel void softmax_xent_bwd(TENSOR(const float, prob), const ulong prob_pitch, TENSOR(const int, label),
                               TENSOR(float, dlogits), const ulong dlogits_pitch, SHARE, const float scale)
{
    OPEN(const float, prob);
    OPEN(const int, label);
    OPEN(float, dlogits);
    const share my = my_share(SHARED);
    for (ulong n = my.p0; n < my.p1; n++) {
        const uint right = label[n];
        for (uint c = my.c0; c < my.c1; c++)
            dlogits[n * dlogits_pitch + c] = (prob[n * prob_pitch + c] - (c == right ? 1.0f : 0.0f)) * scale;
    }
}
