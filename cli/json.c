/* json.c: see json.h. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

int cli_utf8_length(const char *text)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        int length;
    } forms[] = {{0x01, 0x7f, 0, 0xff, 1},    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last)
            continue;
        if (s[1] < forms[i].second_first || s[1] > forms[i].second_last)
            return 0;
        for (int k = 2; k < forms[i].length; k++) {
            if (s[k] < 0x80 || s[k] > 0xbf)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static void write_string(FILE *f, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    fputc('"', f);
    while (*s) {
        if (*s >= 0x80) {
            int n = cli_utf8_length((const char *)s);
            if (n)
                fwrite(s, 1, (size_t)n, f);
            else
                fputs("\xef\xbf\xbd", f);
            s += n ? n : 1;
            continue;
        }
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if (*s < 0x20)
            fprintf(f, "\\u%04x", *s);
        else
            fputc(*s, f);
        s++;
    }
    fputc('"', f);
}

static void new_line(cli_json *json)
{
    if (!json->compact)
        fprintf(json->stream, "\n%*s", 2 * json->depth, "");
}

static void begin_item(cli_json *json, const char *key)
{
    if (json->depth > 0) {
        if (json->filled[json->depth - 1])
            fputc(',', json->stream);
        json->filled[json->depth - 1] = true;
        new_line(json);
    }
    if (key) {
        write_string(json->stream, key);
        fputs(json->compact ? ":" : ": ", json->stream);
    }
}

static void begin_container(cli_json *json, const char *key, char bracket)
{
    begin_item(json, key);
    fputc(bracket, json->stream);
    json->filled[json->depth++] = false;
}

void cli_json_object(cli_json *json, const char *key)
{
    begin_container(json, key, '{');
}

void cli_json_array(cli_json *json, const char *key)
{
    begin_container(json, key, '[');
}

void cli_json_end(cli_json *json, char bracket)
{
    bool filled = json->filled[--json->depth];
    if (filled)
        new_line(json);
    fputc(bracket, json->stream);
    if (json->depth == 0)
        fputc('\n', json->stream);
}

void cli_json_text(cli_json *json, const char *key, const char *text)
{
    begin_item(json, key);
    if (text)
        write_string(json->stream, text);
    else
        fputs("null", json->stream);
}

void cli_json_count(cli_json *json, const char *key, uint64_t value)
{
    begin_item(json, key);
    fprintf(json->stream, "%" PRIu64, value);
}

void cli_json_real(cli_json *json, const char *key, double value)
{
    char text[32] = "null";
    begin_item(json, key);
    for (int digits = 6; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, json->stream);
}

void cli_json_single(cli_json *json, const char *key, float value)
{
    char text[32] = "null";
    begin_item(json, key);
    for (int digits = 6; isfinite(value) && digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    fputs(text, json->stream);
}

void cli_json_bool(cli_json *json, const char *key, bool value)
{
    begin_item(json, key);
    fputs(value ? "true" : "false", json->stream);
}

void cli_json_raw(cli_json *json, const char *key, const char *text)
{
    begin_item(json, key);
    fputs(text ? text : "null", json->stream);
}
