/* text.c: see trace.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define BLOCK   (64u << 10)
#define LIMIT   (16u << 20)
#define BUCKETS 4096u

typedef struct block {
    struct block *next;
    size_t used;
    _Alignas(16) char bytes[BLOCK];
} block;

typedef struct entry {
    struct entry *next;
    char text[];
} entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *blocks; /* guarded by lock, as all that follows */
static size_t total;
static entry *table[BUCKETS];
static uint64_t lost;

static void *keep(size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > BLOCK)
        return NULL;
    if (!blocks || BLOCK - blocks->used < bytes) {
        block *b = total + sizeof *b > LIMIT ? NULL : calloc(1, sizeof *b);
        if (!b) {
            lost++;
            return NULL;
        }
        total += sizeof *b;
        b->next = blocks;
        blocks = b;
    }
    void *p = blocks->bytes + blocks->used;
    blocks->used += bytes;
    return p;
}

/* FNV-1a. */
static uint32_t hash_of(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static const char *find_or_add(const char *text)
{
    entry **bucket = &table[hash_of(text) % BUCKETS];
    for (const entry *e = *bucket; e; e = e->next)
        if (strcmp(e->text, text) == 0)
            return e->text;
    size_t n = strlen(text) + 1;
    entry *e = keep(sizeof *e + n);
    if (!e)
        return NULL;
    memcpy(e->text, text, n);
    e->next = *bucket;
    *bucket = e;
    return e->text;
}

const char *trace_text(const char *text)
{
    if (!text)
        return NULL;
    pthread_mutex_lock(&lock);
    const char *kept = find_or_add(text);
    pthread_mutex_unlock(&lock);
    return kept;
}

void *trace_keep(size_t bytes)
{
    pthread_mutex_lock(&lock);
    void *p = keep(bytes);
    pthread_mutex_unlock(&lock);
    return p;
}

uint64_t trace_texts_lost(void)
{
    pthread_mutex_lock(&lock);
    uint64_t n = lost;
    pthread_mutex_unlock(&lock);
    return n;
}

void trace_texts_free(void)
{
    pthread_mutex_lock(&lock);
    while (blocks) {
        block *b = blocks;
        blocks = b->next;
        free(b);
    }
    memset(table, 0, sizeof table);
    total = 0;
    lost = 0;
    pthread_mutex_unlock(&lock);
}
