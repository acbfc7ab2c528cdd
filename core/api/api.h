/* api.h: what the files behind thaw.h share. */
#ifndef THAW_API_API_H
#define THAW_API_API_H

#include "core/train/train.h"
#include "thaw/thaw.h"

struct thaw_context {
    thaw_runtime *runtime;
    thaw_log log;
    uint32_t threads; /* as asked for; 0: as many as processors */
};

/* A context's device, opened for one call, with the CPU behind it for what it declines. */
typedef struct thaw_session {
    thaw_runtime *runtime;
    thaw_dev *dev, *fallback_dev; /* fallback_dev: NULL where dev is a CPU or there is none */
    thaw_where where;
} thaw_session;

/* device and on_decline as in thaw.h. Closed by thaw_session_close, also after an error. */
thaw_status thaw_session_open(thaw_context *context, const char *device, int32_t on_decline,
                              thaw_session *out, thaw_error *err);
void thaw_session_close(thaw_session *session);

/* Copies a caller's struct, which may be older or newer, over one that holds the defaults. THAW_E_INVALID
 * if its struct_size was never set; what: its type. */
thaw_status thaw_read_options(void *own, size_t own_bytes, const void *given, const char *what,
                              thaw_error *err);
/* Copies defaults to a caller's struct of given_bytes and sets its struct_size. */
void thaw_write_struct(void *given, size_t given_bytes, const void *own, size_t own_bytes);

/* What core/train understands of a recipe. Strings stay the recipe's. THAW_E_INVALID for values that no
 * enumeration has. */
thaw_status thaw_recipe_translate(const thaw_recipe *recipe, thaw_train_options *out, thaw_error *err);

#endif
