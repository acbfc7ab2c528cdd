/* train_report.h: a training run in words. */
#ifndef CLI_TRAIN_REPORT_H
#define CLI_TRAIN_REPORT_H

#include <stdbool.h>

#include "json.h"
#include "progress.h"
#include "thaw/thaw.h"

/* Begin with train_report_init. */
typedef struct train_report {
    cli_progress progress;
    cli_json json;
    bool as_json, quiet;
    uint32_t epochs[2];    /* of the phases */
    thaw_run_epoch *table; /* epochs that are done; owned */
    size_t n_table;
    size_t n_bad;
    double started;
} train_report;

void train_report_init(train_report *report, bool as_json, bool quiet);
/* For thaw_run_recipe; ctx is the report. */
void train_report_event(void *ctx, const thaw_run_event *event);
/* Prints the table of epochs and what to do next, or closes the JSON document. output: the model's path;
 * err: of the run, its status THAW_OK if it went well. */
void train_report_end(train_report *report, const char *output, const thaw_error *err);
void train_report_free(train_report *report);

#endif
