#include "backends/cpu/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#endif

static const char *const names[] = {
    [CPU_ISA_REFERENCE] = "reference",
    [CPU_ISA_GENERIC] = "generic",
    [CPU_ISA_AVX2] = "avx2",
    [CPU_ISA_AVX512] = "avx512",
};

cpu_isa cpu_isa_best(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    /* __builtin_cpu_supports asks the operating system too (xgetbv); not all compilers know "f16c". */
    bool f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
    bool avx2 = f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return CPU_ISA_AVX512;
    if (avx2)
        return CPU_ISA_AVX2;
#endif
    return CPU_ISA_GENERIC;
}

#if defined(__x86_64__)
/* Bits of CPUID, leaf 7: EAX of subleaf 1, EDX of subleaf 0. */
#define BIT_AVX512_BF16 (1u << 5)
#define BIT_AMX_BF16    (1u << 22)
#define BIT_AMX_TILE    (1u << 24)

bool cpu_has_avx512_bf16(void)
{
    unsigned a, b, c, d;
    return cpu_isa_best() == CPU_ISA_AVX512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
           (a & BIT_AVX512_BF16);
}

/* Intel's cores begin one of 512 bits every other cycle, but two of f32 in each: half the speed. */
bool cpu_has_slow_avx512_bf16(void)
{
    return __builtin_cpu_is("intel");
}

#if defined(__linux__)
static bool has_amx_bf16(void)
{
    const unsigned both = BIT_AMX_BF16 | BIT_AMX_TILE;
    unsigned a, b, c, d;
    return cpu_has_avx512_bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & both) == both;
}
#endif
#else
bool cpu_has_avx512_bf16(void)
{
    return false;
}

bool cpu_has_slow_avx512_bf16(void)
{
    return false;
}
#endif

#if defined(__x86_64__) && defined(__linux__)
/* arch/x86/include/uapi/asm/prctl.h, which not every system has new enough. */
#define REQUEST_STATE   0x1023
#define STATE_TILE_DATA 18

bool cpu_take_amx_bf16(void)
{
    return has_amx_bf16() && syscall(SYS_arch_prctl, REQUEST_STATE, STATE_TILE_DATA) == 0;
}
#else
bool cpu_take_amx_bf16(void)
{
    return false;
}
#endif

const char *cpu_isa_name(cpu_isa isa)
{
    return names[isa];
}

bool cpu_isa_by_name(const char *name, size_t length, cpu_isa *out)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            *out = (cpu_isa)i;
            return true;
        }
    }
    return false;
}

/* First line of a file of /sys or /proc that starts with `key`, without its end of line. */
static bool read_line(const char *path, const char *key, char *out, size_t cap)
{
    bool found = false;
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    while (!found && fgets(out, (int)cap, f))
        found = strncmp(out, key, strlen(key)) == 0;
    fclose(f);
    if (found)
        out[strcspn(out, "\n")] = '\0';
    return found;
}

/* What the system says of a cache of the first processor. */
static bool read_cache(int level, const char *what, char *out, size_t cap)
{
    for (int index = 0; index < 8; index++) {
        char path[96], text[32];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", index);
        if (!read_line(path, "", text, sizeof text) || atoi(text) != level)
            continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
        if (read_line(path, "", out, cap))
            return true;
    }
    return false;
}

static size_t sysfs_cache(int level)
{
    char text[32], *unit;
    if (!read_cache(level, "size", text, sizeof text))
        return 0;
    unsigned long long n = strtoull(text, &unit, 10);
    unsigned shift = *unit == 'K' ? 10 : *unit == 'M' ? 20 : 0;
    return n < (1ull << 40) ? (size_t)(n << shift) : 0;
}

size_t cpu_cache_bytes(int level)
{
    long n = -1;
#if defined(_SC_LEVEL2_CACHE_SIZE) && defined(_SC_LEVEL3_CACHE_SIZE)
    n = sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
#endif
    return n > 0 ? (size_t)n : sysfs_cache(level);
}

/* Processors in a mask of hexadecimal digits with commas between. */
static size_t count_mask(const char *mask)
{
    size_t n = 0;
    for (; *mask; mask++) {
        const char digit[2] = {*mask, '\0'};
        n += (size_t)__builtin_popcount((unsigned)strtoul(digit, NULL, 16));
    }
    return n;
}

size_t cpu_cache_count(int level)
{
    char mask[1024];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = processors > 0 ? (size_t)processors : 1;
    size_t sharing = read_cache(level, "shared_cpu_map", mask, sizeof mask) ? count_mask(mask) : 1;
    return sharing > 0 && n > sharing ? n / sharing : 1;
}

void cpu_model_name(char *out, size_t cap)
{
    char line[256];
    struct utsname host;
    if (read_line("/proc/cpuinfo", "model name", line, sizeof line)) {
        const char *colon = strchr(line, ':');
        if (colon && colon[1] != '\0') {
            snprintf(out, cap, "%s", colon + 1 + strspn(colon + 1, " "));
            return;
        }
    }
    snprintf(out, cap, "%s", uname(&host) == 0 ? host.machine : "CPU");
}
