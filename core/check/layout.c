/* layout.c: where the arguments of a case lie, and whether what lies around them was left alone. */
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"

#define GUARD_BYTES ((size_t)256)

static size_t dtype_bytes(thaw_dtype dtype)
{
    return dtype == THAW_U8 ? 1 : dtype == THAW_F16 || dtype == THAW_BF16 ? 2 : 4;
}

static bool place_arg(const check_arg *arg, size_t align, uint32_t i, check_layout *l)
{
    size_t guard = align > GUARD_BYTES ? align : GUARD_BYTES;
    size_t count, bytes, end;
    l->bytes_per[i] = dtype_bytes(arg->dtype);
    l->pitch[i] = (size_t)arg->before + (size_t)arg->c + (size_t)arg->behind;
    if (!thaw_mul((size_t)arg->n, (size_t)arg->h, &l->pixels[i]) ||
        !thaw_mul(l->pixels[i], (size_t)arg->w, &l->pixels[i]) ||
        !thaw_mul(l->pixels[i], l->pitch[i], &count) || !thaw_mul(count, l->bytes_per[i], &bytes) ||
        !thaw_add(bytes, 2 * guard + align, &bytes) || !thaw_add(l->total, bytes, &end))
        return false;
    l->region[i] = l->total;
    l->region_bytes[i] = bytes & ~(align - 1);
    l->first[i] = l->total + guard + (size_t)arg->before * l->bytes_per[i];
    l->total += l->region_bytes[i];
    return true;
}

thaw_status thaw_check_layout(const check_case *c, size_t align, check_layout *layout, thaw_error *err)
{
    memset(layout, 0, sizeof *layout);
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        const check_arg *arg = &c->arg[i];
        if (!place_arg(arg, align, i, layout))
            return thaw_fail(err, THAW_E_INVALID, "%s: the shape of %s overflows", c->name, arg->label);
        if (i < c->n_in || arg->in_place_of < 0)
            continue;
        uint32_t host = (uint32_t)arg->in_place_of;
        layout->total -= layout->region_bytes[i];
        layout->region_bytes[i] = 0;
        layout->region[i] = layout->region[host];
        layout->first[i] = layout->first[host];
    }
    /* Half of the cases live in one buffer, as a program's tensors do, and half in a buffer each. */
    layout->arena = strlen(c->name) % 2 == 0;
    return THAW_OK;
}

void thaw_check_copy(const check_layout *to, uint8_t *to_image, uint32_t to_arg, size_t to_pixel,
                     const check_layout *from, const uint8_t *from_image, uint32_t from_arg,
                     size_t from_pixel, size_t pixels, size_t channels)
{
    size_t bytes = channels * to->bytes_per[to_arg];
    for (size_t p = 0; p < pixels; p++)
        memcpy(to_image + check_at(to, to_arg, to_pixel + p, 0),
               from_image + check_at(from, from_arg, from_pixel + p, 0), bytes);
}

void thaw_check_place(const check_arg *arg, size_t pixel, size_t channel, char *text, size_t cap)
{
    size_t w = (size_t)arg->w, h = (size_t)arg->h;
    snprintf(text, cap, "%s[n=%zu y=%zu x=%zu c=%zu]", arg->label, pixel / (h * w), pixel / w % h, pixel % w,
             channel);
}

/* Says where in the regions a byte lies. */
static void name_byte(const check_case *c, const check_layout *l, size_t byte, char *text, size_t cap)
{
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        if (!l->region_bytes[i] || byte < l->region[i] || byte >= l->region[i] + l->region_bytes[i])
            continue;
        const check_arg *arg = &c->arg[i];
        size_t element = byte < l->first[i] ? 0 : (byte - l->first[i]) / l->bytes_per[i];
        size_t pixel = element / l->pitch[i], channel = element % l->pitch[i];
        char place[96];
        thaw_check_place(arg, pixel, channel, place, sizeof place);
        if (byte < l->first[i])
            snprintf(text, cap, "%zu bytes before the first element of %s", l->first[i] - byte, arg->label);
        else if (pixel >= l->pixels[i] || (pixel + 1 == l->pixels[i] && channel >= (size_t)arg->c))
            snprintf(text, cap, "behind the last element of %s", arg->label);
        else if (channel >= (size_t)arg->c)
            snprintf(text, cap, "between c and pixel_pitch, at %s", place);
        else
            snprintf(text, cap, "in the input %s", place);
        return;
    }
    snprintf(text, cap, "outside every argument");
}

thaw_status thaw_check_untouched(const check_case *c, const check_layout *layout, const uint8_t *before,
                                 const uint8_t *after, uint8_t *scratch, thaw_error *err)
{
    memcpy(scratch, after, layout->total);
    for (uint32_t i = c->n_in; i < c->n_in + c->n_out; i++)
        thaw_check_copy(layout, scratch, i, 0, layout, before, i, 0, layout->pixels[i], (size_t)c->arg[i].c);
    if (memcmp(scratch, before, layout->total) == 0)
        return THAW_OK;
    size_t byte = 0;
    while (scratch[byte] == before[byte])
        byte++;
    char place[160];
    name_byte(c, layout, byte, place, sizeof place);
    return thaw_fail(err, THAW_E_CHECK, "the op wrote %s, where it has no business", place);
}
