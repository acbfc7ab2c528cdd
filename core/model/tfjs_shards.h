/* tfjs_shards.h: the weight files of a TensorFlow.js model as one stream of bytes. Internal to core/model. */
#ifndef THAW_MODEL_TFJS_SHARDS_H
#define THAW_MODEL_TFJS_SHARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/status.h"

struct cJSON;

/* One group of shards; only the current one is open, and of a module in memory. Starts zeroed but for
 * dir, next and module. */
typedef struct thaw_shards {
    const char *dir;          /* the caller's */
    const struct cJSON *next; /* the name of the next shard, in an array of names */
    bool module;              /* JavaScript modules with base64 instead of plain bytes */
    char *path;               /* of the current shard */
    FILE *stream;
    uint8_t *text; /* memory of a module */
    uint8_t *bytes;
    size_t used, size;
} thaw_shards;

/* Reads exactly n bytes, over the borders of shards. what names them in messages. */
thaw_status thaw_shards_read(thaw_shards *shards, void *out, size_t n, const char *what, thaw_error *err);
/* Fails if something is left to read. */
thaw_status thaw_shards_at_end(thaw_shards *shards, thaw_error *err);
void thaw_shards_close(thaw_shards *shards);

#endif
