#include "core/model/metadata.h"

#include <cJSON.h>
#include <math.h>
#include <string.h>

#include "core/model/import.h"
#include "core/model/utf8.h"

#define PIPELINE "RGB, 8 bits a channel; resized bilinearly, half-pixel centres, no antialiasing; f32"

bool thaw_put_text(cJSON *meta, const char *key, const char *text)
{
    return !text || cJSON_AddStringToObject(meta, key, text);
}

static bool put_number(cJSON *meta, const char *key, double value)
{
    cJSON *number = cJSON_CreateNumber(value);
    char *text = cJSON_PrintUnformatted(number); /* unlike printf, whatever the locale */
    bool good = text && thaw_put_text(meta, key, text);
    cJSON_free(text);
    cJSON_Delete(number);
    return good;
}

static bool put_class_names(cJSON *meta, const thaw_model *m)
{
    if (!m->class_names)
        return true;
    cJSON *names = cJSON_CreateStringArray((const char *const *)m->class_names, (int)m->n_classes);
    char *text = cJSON_PrintUnformatted(names);
    bool good = text && thaw_put_text(meta, "class_names", text);
    cJSON_free(text);
    cJSON_Delete(names);
    return good;
}

bool thaw_put_usage(cJSON *meta, const thaw_model *m)
{
    return put_class_names(meta, m) && put_number(meta, "input_size", m->pre.input_size) &&
           put_number(meta, "scale", (double)m->pre.scale) &&
           put_number(meta, "shift", (double)m->pre.shift) &&
           thaw_put_text(meta, "divide", m->pre.divide ? "true" : "false") &&
           thaw_put_text(meta, "pipeline", PIPELINE) && thaw_put_text(meta, "source", m->source) &&
           thaw_put_text(meta, "hash", m->hash[0] ? m->hash : NULL);
}

thaw_status thaw_check_usage(const thaw_model *m, thaw_error *err)
{
    thaw_status st = thaw_model_complete(m, err);
    if (st != THAW_OK)
        return st;
    if (!isfinite(m->pre.scale) || !isfinite(m->pre.shift) || m->pre.scale == 0.0f || !m->pre.input_size)
        return thaw_fail(err, THAW_E_INVALID, "the model's pixel scaling or input size makes no sense");
    if (m->source && thaw_utf8_span(m->source, strlen(m->source)) != strlen(m->source))
        return thaw_fail(err, THAW_E_INVALID, "a text of the model is not UTF-8: %.64s", m->source);
    return THAW_OK;
}
