/* cache_folder.h: the folder that cache.c keeps its entries in. */
#ifndef THAW_OPENCL_CACHE_FOLDER_H
#define THAW_OPENCL_CACHE_FOLDER_H

#include "backends/opencl/opencl.h"

#define OCL_PATH_MAX 4096u

#define OCL_ENTRY_SUFFIX ".clbin"
/* A file that is being written, for mkostemps: begins and ends with these. */
#define OCL_BESIDE_PREFIX "new-"
#define OCL_BESIDE_SUFFIX ".tmp"
/* Bytes of an entry's name: 32 digits, the suffix, the zero. */
#define OCL_ENTRY_NAME (32u + sizeof OCL_ENTRY_SUFFIX)

/* The path of a file of the folder ("": the folder itself, with '/' behind it). false: there is no home, or
 * the path is too long. [thread-safe] */
bool ocl_cache_path(const char *file, char *out, size_t cap);

/* Makes the folder and what leads there, for this user alone. false: errno says why. [thread-safe] */
bool ocl_cache_make_folder(void);

/* After a new entry: makes its name last, and deletes the entries that were used least recently until the
 * folder is back within its bounds. [thread-safe] */
void ocl_cache_settle(void);

#endif
