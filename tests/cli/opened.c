/* A library in the place of OpenCL's: says that it was opened, and has none of its functions. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void opened(void)
{
    const char *path = getenv("THAW_TEST_OPENED");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (f) {
        fputs("opened\n", f);
        fclose(f);
    }
}
