/* file.h: whole files in, whole files out. */
#ifndef THAW_BASE_FILE_H
#define THAW_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/status.h"

/* Reads a regular file whole. THAW_E_FORMAT if it is none, THAW_E_UNSUPPORTED if it is larger than limit
 * bytes. *data is freed by free() and has one zero byte behind its size bytes. */
thaw_status thaw_read_file(const char *path, size_t limit, uint8_t **data, size_t *size, thaw_error *err);

/* A file being written beside its final place. */
typedef struct thaw_atomic_file {
    FILE *stream; /* write here */
    char *path, *temporary;
} thaw_atomic_file;

/* Opens path.tmp-<pid>-<n> in the folder of path. Nothing at path changes until commit. THAW_E_INVALID if
 * path is a folder, a device or a pipe, THAW_E_NOT_FOUND if its folder is missing. */
thaw_status thaw_atomic_open(const char *path, thaw_atomic_file *file, thaw_error *err);
/* Has the system begin to bring to the disk what was written so far, and does not wait: commit will have less
 * to wait for. An error shows there. */
void thaw_atomic_start_sync(thaw_atomic_file *file);
/* Flushes, syncs, renames over path and syncs the folder. On failure the old file is untouched and the
 * temporary one is removed. The struct is spent either way. */
thaw_status thaw_atomic_commit(thaw_atomic_file *file, thaw_error *err);
/* Removes the temporary file. Harmless on a struct that is spent or zeroed. */
void thaw_atomic_abandon(thaw_atomic_file *file);

/* open, write, commit in one. */
thaw_status thaw_write_file(const char *path, const void *data, size_t size, thaw_error *err);

/* Creates a folder and its missing parents. */
thaw_status thaw_make_dirs(const char *path, thaw_error *err);

/* THAW_E_IO if the file system of the folder that path lies in has fewer than need bytes left for this user,
 * with both figures; THAW_OK also where the system cannot tell. what: what needs them. */
thaw_status thaw_room_for(const char *path, uint64_t need, const char *what, thaw_error *err);

bool thaw_path_exists(const char *path);
bool thaw_is_dir(const char *path);

/* "a/b" from "a" and "b"; NULL when memory is exhausted. Freed by free(). */
char *thaw_path_join(const char *dir, const char *name);

/* XXH3-128 of a buffer, as 32 lower-case hexadecimal digits and a zero. */
void thaw_hash_hex(const void *data, size_t size, char out[33]);

#endif
