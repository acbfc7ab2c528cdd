/* folders.h: where thaw keeps files of its own for a user. */
#ifndef THAW_BASE_FOLDERS_H
#define THAW_BASE_FOLDERS_H

/* The folder `name` for what can be made again at any time: under $THAW_CACHE_DIR, else
 * $XDG_CACHE_HOME/thaw, else ~/.cache/thaw. It need not exist. NULL without a home, or when memory is
 * exhausted. Freed by free(). */
char *thaw_cache_folder(const char *name);
/* Likewise for what took a user's time to find: under $XDG_CONFIG_HOME/thaw, else ~/.config/thaw. */
char *thaw_config_folder(const char *name);

/* Copies text to out (cap bytes, the zero included), every byte that a file name had better not have
 * replaced by '_'. Never begins with a dot. */
void thaw_file_name(const char *text, char *out, unsigned cap);

#endif
