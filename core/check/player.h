/* player.h: a stream that computes one op over and over, beside others that do the same. */
#ifndef THAW_CHECK_PLAYER_H
#define THAW_CHECK_PLAYER_H

#include "core/check/case.h"

typedef struct check_player {
    check_case c;    /* its own: a thread that is stuck must not look into a table that is gone */
    check_side side; /* a stream of its own */
    check_layout layout;
    check_memory memory;
    const check_kernel *kernel;
    uint8_t *before, *alone, *after, *images;
    thaw_status st; /* of the last round */
    thaw_error err;
} check_player;

/* Draws inputs from seed, prepares memory on a stream of its own, and runs the kernel once, alone. Ended by
 * thaw_check_player_end, also after an error; kernel and dev outlive it. */
thaw_status thaw_check_player_begin(thaw_dev *dev, const check_case *c, size_t align, uint64_t seed,
                                    const check_kernel *kernel, check_player *p, thaw_error *err);
/* Runs it again `rounds` times. THAW_E_CHECK: other bits than alone; p->err has it in words. */
thaw_status thaw_check_player_play(check_player *p, uint32_t rounds);
/* Harmless on a zeroed struct. */
void thaw_check_player_end(check_player *p);

/* The kernel for a player: thaw_check_kernel_create with CONST inputs that are drawn from seed. */
thaw_status thaw_check_player_kernel(const check_side *side, const check_case *c, size_t align, uint64_t seed,
                                     uint32_t algo, check_kernel *k, thaw_error *err);

/* Images of a case for (seed, name of the case), 2 of `total` bytes in all: drawn inputs, and room for the
 * result. Freed by free(*before). */
thaw_status thaw_check_pair(const check_case *c, const check_layout *layout, uint64_t seed, uint8_t **before,
                            uint8_t **after, thaw_error *err);

#endif
