/* html.c: see html.h. */
#include "html.h"

#include <stdarg.h>
#include <string.h>

#include "json.h"

static void write_escaped(FILE *stream, const char *text)
{
    while (*text) {
        int length = cli_utf8_length(text);
        if (*text == '&')
            fputs("&amp;", stream);
        else if (*text == '<')
            fputs("&lt;", stream);
        else if (*text == '>')
            fputs("&gt;", stream);
        else if (*text == '"')
            fputs("&quot;", stream);
        else if (*text == '\'')
            fputs("&#39;", stream);
        else if (length == 0 || ((unsigned char)*text < ' ' && *text != '\n' && *text != '\t'))
            fputs("\xef\xbf\xbd", stream);
        else
            fwrite(text, 1, (size_t)length, stream);
        text += length ? length : 1;
    }
}

void cli_html(FILE *stream, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    while (*format) {
        size_t plain = strcspn(format, "%");
        fwrite(format, 1, plain, stream);
        format += plain;
        if (!*format)
            break;
        format++;
        int digits = 6;
        if (*format == '.') {
            digits = format[1] - '0';
            format += 2;
        }
        if (*format == 's')
            write_escaped(stream, va_arg(args, const char *));
        else if (*format == 'd')
            fprintf(stream, "%d", va_arg(args, int));
        else if (*format == 'f')
            fprintf(stream, "%.*f", digits, va_arg(args, double));
        else if (*format == 'z')
            fprintf(stream, "%zu", va_arg(args, size_t));
        else
            fputc('%', stream);
        format += *format == 'z' ? 2 : 1;
    }
    va_end(args);
}

void cli_html_json(FILE *stream, const char *json)
{
    for (; *json; json++) {
        if (*json == '<')
            fputs("\\u003c", stream);
        else
            fputc(*json, stream);
    }
}
