/* host.c: the machine that everything is measured on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/threads.h"
#include "core/bench/room.h"

/* The best of many tries: long enough together for a clock to rise, and each so short that some are not
 * interrupted. */
#define CLOCK_TRIES 300
#define CLOCK_ADDS  (64 * (uint64_t)10000)

/* First line of a file of /sys or /proc that starts with `key`: what follows the colon behind it, or the
 * whole line where key is "". */
static bool read_line(const char *path, const char *key, char *out, size_t cap)
{
    char line[256];
    bool found = false;
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof line, f))
        found = strncmp(line, key, strlen(key)) == 0;
    fclose(f);
    if (!found)
        return false;
    line[strcspn(line, "\n")] = '\0';
    const char *value = *key ? strchr(line, ':') : line;
    if (!value)
        return false;
    value += *key != '\0';
    snprintf(out, cap, "%s", value + strspn(value, " \t"));
    return true;
}

static void read_clock(bench_host *out)
{
    char text[64];
    if (read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "", text, sizeof text))
        out->os_clock_ghz = strtod(text, NULL) * 1e-6;
    else if (read_line("/proc/cpuinfo", "cpu MHz", text, sizeof text))
        out->os_clock_ghz = strtod(text, NULL) * 1e-3;
    if (!read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "", out->governor,
                   sizeof out->governor))
        out->governor[0] = '\0';
}

void thaw_bench_host(bench_host *out)
{
    struct utsname name;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    memset(out, 0, sizeof *out);
    const bool known = uname(&name) == 0;
    snprintf(out->os, sizeof out->os, "%.60s %.60s %.60s", known ? name.sysname : "unknown",
             known ? name.release : "", known ? name.machine : "");
    if (!read_line("/proc/cpuinfo", "model name", out->cpu, sizeof out->cpu))
        snprintf(out->cpu, sizeof out->cpu, "%.60s", known ? name.machine : "unknown");
    out->cores = thaw_processors();
    if (pages > 0 && page > 0)
        out->memory_bytes = (uint64_t)pages * (uint64_t)page;
    read_clock(out);
}

/* Both operands are registers: some processors add a constant for nothing. */
#if defined(__x86_64__)
#define ADD "add %1, %0\n\t"
#elif defined(__aarch64__)
#define ADD "add %0, %0, %1\n\t"
#endif

double thaw_bench_clock_ghz(void)
{
#ifdef ADD
#define ADD8 ADD ADD ADD ADD ADD ADD ADD ADD
    double best = 0;
    for (int k = 0; k < CLOCK_TRIES; k++) {
        uint64_t sum = 0, one = 1;
        double start = tune_now();
        for (uint64_t i = 0; i < CLOCK_ADDS / 64; i++)
            __asm__ volatile(ADD8 ADD8 ADD8 ADD8 ADD8 ADD8 ADD8 ADD8 : "+r"(sum) : "r"(one) : "cc");
        double seconds = tune_now() - start, ghz = 1e-9 * (double)CLOCK_ADDS / seconds;
        if (seconds > 0 && ghz > best)
            best = ghz;
    }
    return best;
#else
    return 0;
#endif
}

void bench_forget_peak_rss(void)
{
    /* Linux, since 4.0. Elsewhere the figure stays too high, which docs/benchmarking.md says. */
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f)
        return;
    fputc('5', f);
    fclose(f);
}

uint64_t thaw_bench_peak_rss(void)
{
    struct rusage usage;
    char text[64];
    /* Not getrusage where it can be helped, which forgets nothing. */
    if (read_line("/proc/self/status", "VmHWM", text, sizeof text))
        return strtoull(text, NULL, 10) * 1024;
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0)
        return 0;
    return (uint64_t)usage.ru_maxrss * 1024;
}
