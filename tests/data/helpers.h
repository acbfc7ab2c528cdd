/* helpers.h: files and folders for the tests of this room. */
#ifndef TESTS_DATA_HELPERS_H
#define TESTS_DATA_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "core/data/data.h"

/* A new folder below $TMPDIR or /tmp; freed and removed by temporary_remove. */
char *temporary_folder(void);
void temporary_remove(char *dir);

/* Writes dir/path, parents included. */
void put_file(const char *dir, const char *path, const void *data, size_t size);
/* Creates dir/path and its parents. */
void put_folder(const char *dir, const char *path);

/* A whole file of tests/data_files; freed by free(). */
uint8_t *read_fixture(const char *name, size_t *size);

/* An uncompressed 24-bit BMP file of the given size whose pixels depend on seed; freed by free(). */
uint8_t *make_bmp(uint32_t width, uint32_t height, uint32_t seed, size_t *size);

/* The names of all image files of tests/data_files/data/images, sorted, NULL at the end; freed with
 * free_names. */
char **image_names(void);
void free_names(char **names);

#endif
