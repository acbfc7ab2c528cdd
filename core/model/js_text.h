/* js_text.h: data out of JavaScript modules, without running them. Internal to core/model. */
#ifndef THAW_MODEL_JS_TEXT_H
#define THAW_MODEL_JS_TEXT_H

#include <stddef.h>

#include "core/base/status.h"

/* Finds the property `name` of an object literal in a module's text and rewrites its value, an array or
 * object literal, as JSON: names get quotes, .5 becomes 0.5, !0 and !1 become true and false. text ends
 * with a zero byte at size. *json is freed by free(). path is for messages. */
thaw_status thaw_js_property(const char *path, const char *text, size_t size, const char *name, char **json,
                             thaw_error *err);

/* Decodes, in place, the longest quoted string of a module as base64 (RFC 4648 §4, padded). *bytes points
 * into text. */
thaw_status thaw_js_base64(const char *path, char *text, size_t size, unsigned char **bytes, size_t *n,
                           thaw_error *err);

#endif
