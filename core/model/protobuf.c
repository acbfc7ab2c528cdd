#include "core/model/protobuf.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

#define MAX_VARINT 10

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

void thaw_pb_clear(thaw_pb *pb)
{
    pb->size = 0;
}

void thaw_pb_free(thaw_pb *pb)
{
    free(pb->bytes);
    memset(pb, 0, sizeof *pb);
}

/* Room for n more bytes; NULL, and failed, without memory. */
static uint8_t *extend(thaw_pb *pb, size_t n)
{
    size_t need;
    void *bytes = pb->bytes;
    if (pb->failed || !thaw_add(pb->size, n, &need) || !thaw_grow(&bytes, &pb->capacity, need, 1)) {
        pb->failed = true;
        return NULL;
    }
    pb->bytes = bytes;
    uint8_t *at = pb->bytes + pb->size;
    pb->size = need;
    return at;
}

/* Seven bits a byte, the lowest first; the highest bit says that more follow. */
static size_t encode(uint64_t value, uint8_t out[MAX_VARINT])
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (uint8_t)(value | 0x80);
    out[n++] = (uint8_t)value;
    return n;
}

static void put_varint(thaw_pb *pb, uint64_t value)
{
    uint8_t code[MAX_VARINT];
    size_t n = encode(value, code);
    uint8_t *at = extend(pb, n);
    if (at)
        memcpy(at, code, n);
}

static void put_tag(thaw_pb *pb, uint32_t field, uint32_t wire)
{
    put_varint(pb, (uint64_t)field << 3 | wire);
}

void thaw_pb_int(thaw_pb *pb, uint32_t field, uint64_t value)
{
    put_tag(pb, field, WIRE_VARINT);
    put_varint(pb, value);
}

void thaw_pb_float(thaw_pb *pb, uint32_t field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(pb, field, WIRE_FIXED32);
    uint8_t *at = extend(pb, sizeof bits);
    for (unsigned i = 0; at && i < sizeof bits; i++)
        at[i] = (uint8_t)(bits >> 8 * i);
}

void thaw_pb_announce(thaw_pb *pb, uint32_t field, uint64_t size)
{
    put_tag(pb, field, WIRE_LENGTH);
    put_varint(pb, size);
}

void thaw_pb_text(thaw_pb *pb, uint32_t field, const char *text)
{
    size_t n = strlen(text);
    thaw_pb_announce(pb, field, n);
    uint8_t *at = extend(pb, n);
    if (at)
        memcpy(at, text, n);
}

size_t thaw_pb_begin(thaw_pb *pb, uint32_t field)
{
    put_tag(pb, field, WIRE_LENGTH);
    return pb->size;
}

/* The length stands before what it counts and has no fixed size, so the content moves aside for it. */
void thaw_pb_end(thaw_pb *pb, size_t begun, uint64_t outside)
{
    uint8_t code[MAX_VARINT];
    if (pb->failed)
        return;
    size_t content = pb->size - begun, n = encode(content + outside, code);
    if (!extend(pb, n))
        return;
    memmove(pb->bytes + begun + n, pb->bytes + begun, content);
    memcpy(pb->bytes + begun, code, n);
}
