/* helpers.h: what the tests of the model room share. */
#ifndef TESTS_MODEL_HELPERS_H
#define TESTS_MODEL_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "core/model/model.h"

/* A new folder below $TMPDIR or /tmp; freed and removed with its files by temporary_remove. */
char *temporary_folder(void);
void temporary_remove(char *dir);

/* dir/name; freed by free(). */
char *in_folder(const char *dir, const char *name);
/* Writes dir/name. */
void put_file(const char *dir, const char *name, const void *data, size_t size);
/* Unpacks a fixture to dir/name. */
void put_fixture(const char *dir, const char *fixture, const char *name);

/* The value that every element of tensor `index` of the fixtures has. */
float fixture_value(size_t index);
void assert_fixture_values(const thaw_model *model);
/* A base with the fixtures' values; free with thaw_model_free. */
thaw_model *make_base(void);

/* Loading must succeed. */
thaw_model *load(const char *path);
/* Loading must fail with the status and with each of the two texts in the message. */
void assert_refused(const char *path, thaw_status status, const char *text, const char *other);

#endif
