/* isa.h: which instruction sets this machine has, and what else is worth knowing about it. */
#ifndef THAW_CPU_ISA_H
#define THAW_CPU_ISA_H

#include "backends/cpu/cpu.h"

/* The best set that both the processor and the operating system support. */
cpu_isa cpu_isa_best(void);

/* Whether AVX512_BF16 is there beside CPU_ISA_AVX512, and whether it is slower than f32. */
bool cpu_has_avx512_bf16(void);
bool cpu_has_slow_avx512_bf16(void);
/* Whether AMX multiplies bf16 here. Linux gives the tiles' registers only to a process that asks for them,
 * which this does: for all its threads, those that there are and those to come, and until it ends. */
bool cpu_take_amx_bf16(void);

/* "reference", "generic", "avx2" or "avx512". */
const char *cpu_isa_name(cpu_isa isa);

/* False when no set has this name. */
bool cpu_isa_by_name(const char *name, size_t length, cpu_isa *out);

/* Size of the cache of a level (2 or 3); 0 where it cannot be read. */
size_t cpu_cache_bytes(int level);
/* How many of that level the machine has, whichever of its processors this process may use. At least 1. */
size_t cpu_cache_count(int level);

/* Writes the processor's name as it tells it. */
void cpu_model_name(char *out, size_t cap);

#endif
