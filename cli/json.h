/* json.h: a streaming JSON writer. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_JSON_DEPTH 16

/* Begin with {.stream = …}. Commas, line breaks and indentation are the writer's; nesting is the
 * caller's, at most CLI_JSON_DEPTH deep. */
typedef struct cli_json {
    FILE *stream;
    int depth;
    bool filled[CLI_JSON_DEPTH]; /* the container at that depth has an item */
    bool compact;                /* everything on one line */
} cli_json;

/* key is NULL inside an array and at the top. */
void cli_json_object(cli_json *json, const char *key);
void cli_json_array(cli_json *json, const char *key);
/* Ends what was begun last, '}' or ']'. A line break follows the outermost. */
void cli_json_end(cli_json *json, char bracket);

/* Bytes that are no UTF-8 (a path may hold any) are written as U+FFFD. NULL gives null. */
void cli_json_text(cli_json *json, const char *key, const char *text);
void cli_json_count(cli_json *json, const char *key, uint64_t value);
/* The shortest digits that give back the same double; null if it is not finite. */
void cli_json_real(cli_json *json, const char *key, double value);
/* Likewise for what was computed in single precision. */
void cli_json_single(cli_json *json, const char *key, float value);
void cli_json_bool(cli_json *json, const char *key, bool value);
/* text is JSON already; NULL gives null. */
void cli_json_raw(cli_json *json, const char *key, const char *text);

/* Length of the well-formed UTF-8 sequence at text, 0 if it is none (RFC 3629: no surrogates, no overlong
 * forms). text is terminated and not at its end. */
int cli_utf8_length(const char *text);

#endif
