/* user.c: a program of somebody else's: version, devices, an error. */
#include <stdio.h>
#include <string.h>

#include "thaw/thaw.h"

int main(void)
{
    thaw_context_options options;
    thaw_context *context = NULL;
    thaw_file_report *report = NULL;
    thaw_error err;
    thaw_context_options_init(&options, sizeof options);
    options.threads = 1;
    if (thaw_context_create(&options, &context, &err) != THAW_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    printf("thaw %s, %u devices\n", thaw_version(), (unsigned)thaw_device_count(context));
    int found = 0;
    for (size_t i = 0; i < thaw_device_count(context); i++) {
        thaw_device_report device;
        thaw_device_get(context, i, &device, sizeof device);
        found |= strcmp(device.name, "cpu:0") == 0;
    }
    thaw_context_free(context);
    /* A struct that was never initialised is refused, and so is a file that is not there. */
    memset(&options, 0, sizeof options);
    if (thaw_context_create(&options, &context, &err) != THAW_E_INVALID)
        return 2;
    if (thaw_file_inspect("/no/such/file", &report, &err) == THAW_OK)
        return 3;
    return found ? 0 : 4;
}
