/* isa.h: which instruction sets this machine has, and what else is worth knowing about it. */
#ifndef THAW_CPU_ISA_H
#define THAW_CPU_ISA_H

#include "backends/cpu/cpu.h"

/* The best set that both the processor and the operating system support. */
cpu_isa cpu_isa_best(void);

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
