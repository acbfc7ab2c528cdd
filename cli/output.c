/* output.c: see output.h. */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(const char *path, int errno_value)
{
    fprintf(stderr, "thaw: cannot write %s: %s\n", path,
            errno_value == ENOENT ? "its folder does not exist; create it first" : strerror(errno_value));
    return false;
}

bool cli_output_open(const char *path, cli_output *out)
{
    struct stat info;
    *out = (cli_output){.path = path};
    if (strcmp(path, "-") == 0) {
        out->stream = stdout;
        return true;
    }
    /* A device or pipe is written in place: a file beside it could not take its name. */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        out->stream = fopen(path, "wb");
        return out->stream ? true : failed(path, errno);
    }
    if (asprintf(&out->temporary, "%s.tmp-%ld", path, (long)getpid()) < 0) {
        out->temporary = NULL;
        return failed(path, ENOMEM);
    }
    out->stream = fopen(out->temporary, "wbx");
    if (out->stream)
        return true;
    failed(path, errno);
    free(out->temporary);
    *out = (cli_output){0};
    return false;
}

bool cli_output_commit(cli_output *out)
{
    int error = 0;
    if (fflush(out->stream) != 0 || ferror(out->stream))
        error = errno ? errno : EIO;
    if (!error && out->temporary && fsync(fileno(out->stream)) != 0)
        error = errno;
    if (out->stream != stdout && fclose(out->stream) != 0 && !error)
        error = errno;
    out->stream = NULL;
    if (!error && out->temporary && rename(out->temporary, out->path) != 0)
        error = errno;
    if (!error) {
        free(out->temporary);
        out->temporary = NULL;
        return true;
    }
    failed(strcmp(out->path, "-") == 0 ? "standard output" : out->path, error);
    cli_output_abandon(out);
    return false;
}

void cli_output_abandon(cli_output *out)
{
    if (out->stream && out->stream != stdout)
        fclose(out->stream);
    if (out->temporary)
        unlink(out->temporary);
    free(out->temporary);
    *out = (cli_output){0};
}

void cli_csv_text(FILE *stream, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

/* '=' asks for quotes in the first place only, where zsh would expand it. */
static bool plain_word(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    return *text && *text != '=' && !text[strspn(text, safe)];
}

void cli_shell_text(FILE *stream, const char *text)
{
    if (plain_word(text)) {
        fputs(text, stream);
        return;
    }
    fputc('\'', stream);
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", stream);
        fputc(*text, stream);
    }
    fputc('\'', stream);
}

bool cli_close_stdout(void)
{
    errno = 0;
    bool lost = ferror(stdout) != 0;
    if (fflush(stdout) != 0)
        lost = true;
    int error = errno;
    if (fclose(stdout) != 0 && !lost) {
        lost = true;
        error = errno;
    }
    return lost ? failed("standard output", error ? error : EIO) : true;
}
