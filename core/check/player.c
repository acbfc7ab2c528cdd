#include "core/check/player.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

thaw_status thaw_check_pair(const check_case *c, const check_layout *layout, uint64_t seed, uint8_t **before,
                            uint8_t **after, thaw_error *err)
{
    *before = thaw_calloc(2, layout->total);
    if (!*before)
        return thaw_fail_memory(err, 2 * (unsigned long long)layout->total, "the tensors of a case");
    *after = *before + layout->total;
    thaw_check_draw(c, layout, seed, *before);
    return THAW_OK;
}

thaw_status thaw_check_player_kernel(const check_side *side, const check_case *c, size_t align, uint64_t seed,
                                     uint32_t algo, check_kernel *k, thaw_error *err)
{
    check_layout layout;
    uint8_t *before = NULL, *after;
    memset(k, 0, sizeof *k);
    thaw_status st = thaw_check_layout(c, align, &layout, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &layout, seed, &before, &after, err);
    if (st == THAW_OK)
        st = thaw_check_kernel_create(side, c, &layout, algo, before, k, err);
    free(before);
    return st;
}

thaw_status thaw_check_player_begin(thaw_dev *dev, const check_case *c, size_t align, uint64_t seed,
                                    const check_kernel *kernel, check_player *p, thaw_error *err)
{
    memset(p, 0, sizeof *p);
    p->c = *c;
    p->side.dev = dev;
    p->kernel = kernel;
    thaw_status st = thaw_check_layout(c, align, &p->layout, err);
    if (st != THAW_OK)
        return st;
    p->images = thaw_calloc(3, p->layout.total);
    if (!p->images)
        return thaw_fail_memory(err, 3 * (unsigned long long)p->layout.total, "the tensors of a case");
    p->before = p->images;
    p->alone = p->before + p->layout.total;
    p->after = p->alone + p->layout.total;
    thaw_check_draw(c, &p->layout, seed, p->before);
    st = thaw_check_stream(&p->side, &p->side.stream, err);
    if (st == THAW_OK)
        st = thaw_check_memory_create(&p->side, &p->c, &p->layout, (size_t)kernel->info.workspace_bytes,
                                      &p->memory, err);
    if (st == THAW_OK)
        st = thaw_check_compute(&p->memory, kernel->handle, p->before, p->alone, false, err);
    return st;
}

thaw_status thaw_check_player_play(check_player *p, uint32_t rounds)
{
    p->st = THAW_OK;
    for (uint32_t i = 0; p->st == THAW_OK && i < rounds; i++) {
        p->st = thaw_check_compute(&p->memory, p->kernel->handle, p->before, p->after, false, &p->err);
        if (p->st == THAW_OK && p->kernel->info.deterministic &&
            memcmp(p->alone, p->after, p->layout.total) != 0)
            p->st =
                thaw_fail(&p->err, THAW_E_CHECK,
                          "%s: other bits beside the work of other streams than alone: what one run needs "
                          "belongs in its workspace, not in the kernel or the device",
                          p->c.name);
    }
    return p->st;
}

void thaw_check_player_end(check_player *p)
{
    thaw_check_memory_free(&p->memory);
    if (p->side.stream)
        p->side.dev->ops.stream_destroy(p->side.dev->handle, p->side.stream);
    free(p->images);
    memset(p, 0, sizeof *p);
}
