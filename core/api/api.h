/* api.h: what the files behind thaw.h share. */
#ifndef THAW_API_API_H
#define THAW_API_API_H

#include "core/check/matrix.h"
#include "core/check/selftest.h"
#include "core/train/train.h"
#include "core/tune/tune.h"
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
    thaw_choices *choices;        /* of algorithms on dev */
    thaw_where where;
    bool tuned;        /* a search has found some of the choices */
    int32_t self_test; /* THAW_SELF_TEST_*, of dev */
} thaw_session;

/* THAW_ON_DECLINE_* as what it means; THAW_E_INVALID for anything else. */
thaw_status thaw_read_decline(int32_t on_decline, thaw_fallback *out, thaw_error *err);
/* device and on_decline as in thaw.h. The first use of a device with a driver tests it. Closed by
 * thaw_session_close, also after an error. */
thaw_status thaw_session_open(thaw_context *context, const char *device, int32_t on_decline,
                              thaw_session *out, thaw_error *err);
void thaw_session_close(thaw_session *session);
/* The same without what is known of the device's algorithms: choices is empty. */
thaw_status thaw_session_open_plain(thaw_context *context, const char *device, int32_t on_decline,
                                    thaw_session *out, thaw_error *err);
/* The second half of thaw_session_open: what a search has found and what the self-test says. */
thaw_status thaw_session_learn(thaw_context *context, const char *device, thaw_session *session,
                               thaw_error *err);

/* ---- what is known of a device's algorithms (choose.c) ---------------------------------------------- */

/* The list's entry of an open device. */
const thaw_device_entry *thaw_entry_of(const thaw_runtime *runtime, const thaw_dev *dev);
thaw_tune_id thaw_tune_id_of(const thaw_device_entry *entry);
/* Adds what `thaw tune` found for the device, if anything; no failure of the file is one of the caller's. */
void thaw_load_tuned(const thaw_context *context, const thaw_device_entry *entry, thaw_choices *choices);

typedef enum {
    THAW_TEST_STORED,    /* only what is in the file */
    THAW_TEST_IF_NEEDED, /* what is in the file, else now */
    THAW_TEST_NOW
} thaw_test_when;
/* Tests an open device, or finds the result of an earlier test. device: as it was opened, with its options.
 * *known: whether out holds a result; not for the reference itself, nor where there is no reference.
 * Freed by thaw_selftest_free, also after an error. */
thaw_status thaw_test_device(thaw_context *context, thaw_dev *dev, const char *device,
                             const thaw_choices *preferred, thaw_test_when when, thaw_selftest *out,
                             bool *known, thaw_error *err);
/* Whether a device belongs to the plugin that everything is compared with. */
bool thaw_is_reference(const thaw_device_entry *entry);

/* Copies a caller's struct, which may be older or newer, over one that holds the defaults. THAW_E_INVALID
 * if its struct_size was never set; what: its type. */
thaw_status thaw_read_options(void *own, size_t own_bytes, const void *given, const char *what,
                              thaw_error *err);
/* Copies defaults to a caller's struct of given_bytes and sets its struct_size. */
void thaw_write_struct(void *given, size_t given_bytes, const void *own, size_t own_bytes);

/* The matrix as thaw.h shows it. Takes *matrix over and zeroes it, also after an error. */
thaw_status thaw_hold_matrix(thaw_check_matrix *matrix, thaw_proof_matrix **out, thaw_error *err);

/* A base of zeros, for what looks at shapes alone. Freed by thaw_model_free. */
thaw_status thaw_blank_model(thaw_model **out, thaw_error *err);

/* What core/train understands of a recipe. Strings stay the recipe's. THAW_E_INVALID for values that no
 * enumeration has. */
thaw_status thaw_recipe_translate(const thaw_recipe *recipe, thaw_train_options *out, thaw_error *err);
/* Sets what convolutions may do. precision: THAW_RECIPE_PRECISION_*; exact: not 0 is true. THAW_E_INVALID for
 * another precision. */
thaw_status thaw_permit(int32_t precision, int32_t exact, thaw_where *where, thaw_error *err);

#endif
