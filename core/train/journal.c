/* journal.c: what a run writes line by line. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/train/run.h"

static thaw_status open_one(const char *path, bool append, FILE **out, thaw_error *err)
{
    if (!path)
        return THAW_OK;
    *out = fopen(path, append ? "a" : "w");
    return *out ? THAW_OK : thaw_fail_errno(err, errno, "%s: cannot be written", path);
}

/* A line is on its way to the disk before the next step begins, so that a full disk is noticed at once. */
static thaw_status end_line(FILE *stream, const char *path, thaw_error *err)
{
    if (fflush(stream) == 0 && !ferror(stream))
        return THAW_OK;
    return thaw_fail_errno(err, errno, "%s: cannot be written", path);
}

thaw_status thaw_journal_open(thaw_journal *journal, const thaw_train_options *options, bool append,
                              thaw_error *err)
{
    journal->steps_path = options->step_log;
    journal->epochs_path = options->csv;
    thaw_status st = open_one(options->step_log, append, &journal->steps, err);
    if (st == THAW_OK)
        st = open_one(options->csv, append, &journal->epochs, err);
    if (st != THAW_OK || !journal->epochs || (append && ftell(journal->epochs) > 0))
        return st;
    fputs("phase,epoch,loss,accuracy,val_loss,val_accuracy,seconds,lr\n", journal->epochs);
    return end_line(journal->epochs, options->csv, err);
}

thaw_status thaw_journal_step(thaw_journal *journal, const thaw_step_record *s, thaw_error *err)
{
    if (!journal->steps)
        return THAW_OK;
    fprintf(journal->steps,
            "{\"phase\":\"%s\",\"epoch\":%u,\"step\":%u,\"lr\":%.9g,\"loss\":%.9g,\"accuracy\":%.9g,"
            "\"images_per_second\":%.4g}\n",
            thaw_phase_name(s->phase), s->epoch + 1, s->step + 1, s->lr, s->loss, s->accuracy,
            s->images_per_second);
    return end_line(journal->steps, journal->steps_path, err);
}

static void put_csv(FILE *stream, double value)
{
    if (isnan(value))
        fputs(",", stream);
    else
        fprintf(stream, ",%.9g", value);
}

thaw_status thaw_journal_epoch(thaw_journal *journal, const thaw_epoch_record *e, thaw_error *err)
{
    FILE *f = journal->epochs;
    if (!f)
        return THAW_OK;
    fprintf(f, "%s,%u", thaw_phase_name(e->phase), e->epoch + 1);
    put_csv(f, e->loss);
    put_csv(f, e->accuracy);
    put_csv(f, e->val_loss);
    put_csv(f, e->val_accuracy);
    fprintf(f, ",%.3f,%.9g\n", e->seconds, e->lr);
    return end_line(f, journal->epochs_path, err);
}

void thaw_journal_close(thaw_journal *journal)
{
    if (journal->steps)
        fclose(journal->steps);
    if (journal->epochs)
        fclose(journal->epochs);
    *journal = (thaw_journal){0};
}

static bool put_record(cJSON *array, const thaw_epoch_record *e)
{
    cJSON *o = cJSON_CreateObject();
    if (!o || !cJSON_AddItemToArray(array, o)) {
        cJSON_Delete(o);
        return false;
    }
    bool ok = cJSON_AddStringToObject(o, "phase", thaw_phase_name(e->phase)) &&
              cJSON_AddNumberToObject(o, "epoch", e->epoch + 1.0) &&
              cJSON_AddNumberToObject(o, "lr", e->lr) && cJSON_AddNumberToObject(o, "loss", e->loss) &&
              cJSON_AddNumberToObject(o, "accuracy", e->accuracy);
    if (ok && !isnan(e->val_loss))
        ok = cJSON_AddNumberToObject(o, "val_loss", e->val_loss) &&
             cJSON_AddNumberToObject(o, "val_accuracy", e->val_accuracy);
    return ok && (!e->best || cJSON_AddTrueToObject(o, "best"));
}

char *thaw_history_text(const thaw_epoch_record *epochs, size_t n)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = put_record(array, &epochs[i]);
    char *text = ok ? cJSON_PrintUnformatted(array) : NULL;
    cJSON_Delete(array);
    return text;
}
