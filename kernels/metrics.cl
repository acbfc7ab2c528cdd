/* Sum of the losses, and number of rows whose first maximum is the label. */

/* right[n]: is it? A work-item has a row. */
__kernel void metrics_rows(TENSOR(const float, prob), const ulong prob_pitch, TENSOR(const int, label),
                           TENSOR(float, right), const uint rows, const int classes)
{
    const uint n = get_global_id(0);
    if (n >= rows)
        return;
    OPEN(const float, prob);
    OPEN(const int, label);
    OPEN(float, right);
    const __global float *p = prob + n * prob_pitch;
    int best = 0;
    for (int c = 1; c < classes; c++)
        best = p[c] > p[best] ? c : best;
    right[n] = best == label[n] ? 1.0f : 0.0f;
}

/* Work-item 0 adds the losses, 1 the others; 64 rows at a time, so that the error grows slowly. */
__kernel void metrics_sum(TENSOR(const float, loss), TENSOR(const float, right), TENSOR(float, metrics),
                          const uint rows)
{
    const uint item = get_global_id(0);
    if (item >= 2)
        return;
    OPEN(const float, loss);
    OPEN(const float, right);
    OPEN(float, metrics);
    const __global float *from = item == 0 ? loss : right;
    float sum = 0.0f;
    for (uint first = 0; first < rows; first += 64) {
        float part = 0.0f;
        for (uint n = first; n < min(first + 64, rows); n++)
            part += from[n];
        sum += part;
    }
    metrics[item] = sum;
}
