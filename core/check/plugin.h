/* plugin.h: what is checked of a plugin and its device as a whole; each is a case "device/<name>". THAW_OK,
 * THAW_E_CHECK, THAW_E_UNSUPPORTED or "cannot go on", as for every case. */
#ifndef THAW_CHECK_PLUGIN_H
#define THAW_CHECK_PLUGIN_H

#include "core/check/case.h"

/* Names of these cases, the last NULL. */
const char *const *thaw_check_plugin_names(void);

thaw_status thaw_check_side_by_side(check_run *run, thaw_error *err);     /* together.c */
thaw_status thaw_check_prepare_at_once(check_run *run, thaw_error *err);  /* together.c */
thaw_status thaw_check_leaks(check_run *run, thaw_error *err);            /* leaks.c */
thaw_status thaw_check_full(check_run *run, thaw_error *err);             /* full.c */
thaw_status thaw_check_device_no_memory(check_run *run, thaw_error *err); /* no_memory.c */
thaw_status thaw_check_bad_options(check_run *run, thaw_error *err);      /* refusals.c */
thaw_status thaw_check_no_error(check_run *run, thaw_error *err);         /* refusals.c */
thaw_status thaw_check_long_host(check_run *run, thaw_error *err);        /* skew_host.c */
thaw_status thaw_check_short_host(check_run *run, thaw_error *err);       /* skew_host.c */
thaw_status thaw_check_describe_size(check_run *run, thaw_error *err);    /* skew_host.c */
thaw_status thaw_check_other_major(check_run *run, thaw_error *err);      /* skew_host.c */

/* A small case of each of up to `max` kinds that a device takes, for cases that need some op or other. They
 * live in *list, which thaw_check_list_free frees, also after an error. THAW_E_UNSUPPORTED: it takes none. */
thaw_status thaw_check_sample(const check_side *side, uint64_t seed, uint32_t max, check_list *list,
                              const check_case **sample, uint32_t *n, thaw_error *err);

#endif
