/* choose.c: what is known of a device's algorithms: what a search found, and what a self-test found wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/api/api.h"
#include "core/base/file.h"
#include "core/base/folders.h"
#include "core/base/memory.h"
#include "core/check/check.h"

const thaw_device_entry *thaw_entry_of(const thaw_runtime *runtime, const thaw_dev *dev)
{
    size_t i = 0;
    while (strcmp(thaw_runtime_device(runtime, i)->name, dev->name) != 0)
        i++;
    return thaw_runtime_device(runtime, i);
}

bool thaw_is_reference(const thaw_device_entry *entry)
{
    size_t n = strlen(entry->plugin_id);
    return strncmp(THAW_CHECK_REFERENCE, entry->plugin_id, n) == 0 && THAW_CHECK_REFERENCE[n] == ':';
}

/* ---- what a search found --------------------------------------------------------------------------- */

thaw_tune_id thaw_tune_id_of(const thaw_device_entry *entry)
{
    return (thaw_tune_id){.device = entry->info.name,
                          .vendor = entry->info.vendor,
                          .driver = entry->info.driver,
                          .plugin = entry->plugin_id,
                          .plugin_version = entry->plugin_version};
}

void thaw_load_tuned(const thaw_context *context, const thaw_device_entry *entry, thaw_choices *choices)
{
    const thaw_tune_id id = thaw_tune_id_of(entry);
    thaw_error err = {0};
    char *path = thaw_tune_path(&id);
    thaw_status st = path ? thaw_tune_load(path, &id, &context->log, choices, &err) : THAW_E_NOT_FOUND;
    if (st != THAW_OK && st != THAW_E_NOT_FOUND)
        thaw_log_at(&context->log, THAW_LOG_WARN, "what `thaw tune` found is not used: %s", err.text);
    free(path);
}

/* ---- the self-test --------------------------------------------------------------------------------- */

/* One line with all that a result depends on. NULL when memory is exhausted. */
static char *key_of(const thaw_device_entry *entry, const char *device)
{
    struct stat file = {0};
    const char *options = device ? strchr(device, ',') : NULL;
    char *key = NULL;
    if (stat(entry->plugin_path, &file) != 0)
        return NULL;
    if (asprintf(&key, "%s | %s | %s | %s %s, %lld bytes of %lld.%09ld | thaw %s | %s", entry->info.name,
                 entry->info.vendor, entry->info.driver, entry->plugin_id, entry->plugin_version,
                 (long long)file.st_size, (long long)file.st_mtim.tv_sec, (long)file.st_mtim.tv_nsec,
                 thaw_version(), options ? options + 1 : "no options") < 0)
        return NULL;
    for (char *p = key; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = '?';
    return key;
}

static char *path_of(const thaw_device_entry *entry, const char *key)
{
    char name[80], hash[33], *path = NULL, *folder = thaw_cache_folder("selftest");
    thaw_file_name(entry->info.name, name, sizeof name);
    thaw_hash_hex(key, strlen(key), hash);
    if (folder && asprintf(&path, "%s/%s-%.16s.txt", folder, name, hash) < 0)
        path = NULL;
    free(folder);
    return path;
}

/* Whether the file has all that is needed. */
static bool load_stored(const char *path, const char *key, const thaw_choices *preferred, const thaw_log *log,
                        thaw_selftest *out)
{
    thaw_error err = {0};
    if (!path || !key)
        return false;
    thaw_status st = thaw_selftest_load(path, key, out, &err);
    if (st == THAW_OK && thaw_selftest_covers(out, preferred))
        return true;
    if (st != THAW_OK && st != THAW_E_NOT_FOUND)
        thaw_log_at(log, THAW_LOG_INFO, "%s", err.text);
    thaw_selftest_free(out);
    return false;
}

static thaw_status test_now(thaw_context *context, thaw_dev *dev, const thaw_choices *preferred,
                            thaw_selftest *out, bool *known, thaw_error *err)
{
    thaw_dev *reference = NULL;
    thaw_error why = {0};
    if (thaw_runtime_open(context->runtime, THAW_CHECK_REFERENCE, &reference, &why) != THAW_OK) {
        thaw_log_at(&context->log, THAW_LOG_INFO, "%s is not self-tested: %s", dev->name, why.text);
        return THAW_OK;
    }
    thaw_status st = thaw_selftest_run(dev, reference, preferred, &context->log, out, err);
    thaw_runtime_close(context->runtime, reference);
    if (st != THAW_OK)
        return st;
    *known = true;
    /* Milliseconds in whole numbers, so that no locale has a say. */
    unsigned long tenths = (unsigned long)(out->seconds * 10 + 0.5);
    thaw_log_at(&context->log, THAW_LOG_INFO,
                "self-test of %s (%s): %zu ops, %zu algorithms right in %lu.%lu s", dev->name, dev->info.name,
                thaw_selftest_ops(out), thaw_selftest_count(out, THAW_SELFTEST_RIGHT), tenths / 10,
                tenths % 10);
    return THAW_OK;
}

thaw_status thaw_test_device(thaw_context *context, thaw_dev *dev, const char *device,
                             const thaw_choices *preferred, thaw_test_when when, thaw_selftest *out,
                             bool *known, thaw_error *err)
{
    const thaw_device_entry *entry = thaw_entry_of(context->runtime, dev);
    memset(out, 0, sizeof *out);
    *known = false;
    if (thaw_is_reference(entry))
        return THAW_OK;
    char *key = key_of(entry, device), *path = key ? path_of(entry, key) : NULL;
    thaw_status st = THAW_OK;
    if (when != THAW_TEST_NOW)
        *known = load_stored(path, key, when == THAW_TEST_STORED ? NULL : preferred, &context->log, out);
    if (!*known && when != THAW_TEST_STORED) {
        st = test_now(context, dev, preferred, out, known, err);
        thaw_error why = {0};
        if (*known && path && thaw_selftest_store(path, key, out, &why) != THAW_OK)
            thaw_log_at(&context->log, THAW_LOG_INFO, "the self-test is not kept: %s", why.text);
    }
    free(path);
    free(key);
    return st;
}
