/* html.h: writing a page such that no text from outside can become markup. */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stdio.h>

/* printf for a page: the format is markup, every %s is escaped for text and for quoted attributes. Knows %s,
 * %d, %zu,
 * %.Nf with one digit N, and %%. Bytes that are no UTF-8 are written as U+FFFD. */
void cli_html(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A JSON document as the text of a script element, which it cannot end. */
void cli_html_json(FILE *stream, const char *json);

#endif
