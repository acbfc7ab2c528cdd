/* gpu.c: whether it is worth asking the drivers for a GPU. Opening them takes longer than an image does. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/runtime/loader.h"

/* Classes of the PCI bus: display controllers, processing accelerators. */
#define PCI_DISPLAY     0x03ul
#define PCI_ACCELERATOR 0x12ul

static bool is_candidate(const char *folder, const char *name)
{
    char path[320], text[16] = "";
    int n = snprintf(path, sizeof path, "%s/%s/class", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "r") : NULL;
    if (!f)
        return false;
    bool read = fgets(text, sizeof text, f) != NULL;
    fclose(f);
    unsigned long class = read ? strtoul(text, NULL, 16) >> 16 : 0;
    return class == PCI_DISPLAY || class == PCI_ACCELERATOR;
}

static bool on_the_bus(void)
{
    static const char folder[] = "/sys/bus/pci/devices";
    DIR *dir = opendir(folder);
    bool found = false;
    for (const struct dirent *e; dir && !found && (e = readdir(dir));)
        found = e->d_name[0] != '.' && is_candidate(folder, e->d_name);
    if (dir)
        closedir(dir);
    return found;
}

bool thaw_gpu_possible(void)
{
    static const char *const files[] = {
        "/dev/dri",     "/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/kfd",      "/dev/dxg",
        "/dev/accel",   "/dev/kgsl-3d0",  "/dev/mali0",      "/dev/pvrsrvkm", "/dev/pvr_sync",
        "/dev/galcore", "/dev/nvgpu",     "/dev/nvmap",
    };
    if (access("/sys", F_OK) != 0)
        return true;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (access(files[i], F_OK) == 0)
            return true;
    return on_the_bus();
}
