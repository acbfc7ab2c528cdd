/* protobuf.h: writes the wire format of Protocol Buffers. Internal to core/model.
 *
 * A message is built in one buffer, in the order of its file; what is too large for memory is announced here
 * and written behind it. A failed allocation sticks, so that only the end has to ask for `failed`. Format:
 * https://protobuf.dev/programming-guides/encoding. */
#ifndef THAW_MODEL_PROTOBUF_H
#define THAW_MODEL_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: an empty message. Freed by thaw_pb_free. */
typedef struct thaw_pb {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed; /* memory was exhausted: bytes are of no use */
} thaw_pb;

/* Empties the message; keeps its memory, and `failed`. */
void thaw_pb_clear(thaw_pb *pb);
void thaw_pb_free(thaw_pb *pb);

/* int32, int64, bool, enum */
void thaw_pb_int(thaw_pb *pb, uint32_t field, uint64_t value);
void thaw_pb_float(thaw_pb *pb, uint32_t field, float value);
/* string */
void thaw_pb_text(thaw_pb *pb, uint32_t field, const char *text);
/* The beginning of bytes or of a message whose `size` bytes the caller writes behind this buffer's. */
void thaw_pb_announce(thaw_pb *pb, uint32_t field, uint64_t size);

/* A message in the message: what is added between begin and end is its content. They nest. */
size_t thaw_pb_begin(thaw_pb *pb, uint32_t field);
/* begun: what thaw_pb_begin gave. outside: bytes of this message that thaw_pb_announce has announced. */
void thaw_pb_end(thaw_pb *pb, size_t begun, uint64_t outside);

#endif
