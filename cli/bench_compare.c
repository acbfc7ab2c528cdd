/* bench_compare.c: see bench_compare.h. */
#include "bench_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench_comparison.h"
#include "bench_page.h"
#include "bench_table.h"
#include "cli.h"
#include "output.h"

/* A slip like `--html b.json` would replace a measurement by a page. */
static bool is_input(const char *html, const char *const *files, size_t n)
{
    struct stat page, input;
    if (stat(html, &page) != 0 || !S_ISREG(page.st_mode))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (stat(files[i], &input) == 0 && page.st_dev == input.st_dev && page.st_ino == input.st_ino) {
            fprintf(stderr, "thaw: --html %s: is one of the files to compare; give another name\n", html);
            return true;
        }
    }
    return false;
}

static bool write_page(const bench_comparison *c, const bench_file *files, size_t n, const char *html)
{
    cli_output out;
    if (!cli_output_open(html, &out))
        return false;
    if (!cli_bench_page(c, files, n, out.stream)) {
        cli_output_abandon(&out);
        return false;
    }
    return cli_output_commit(&out);
}

int cli_bench_compare(const char *const *files, size_t n, const char *html)
{
    int code = CLI_EXIT_FAILURE;
    bool to_stdout = html && strcmp(html, "-") == 0;
    size_t read = 0;
    bench_comparison c = {0};
    bench_file *measured = calloc(n + 1, sizeof *measured);
    if (!measured) {
        fprintf(stderr, "thaw: out of memory for %zu files\n", n);
        return code;
    }
    if (n == 0) {
        fprintf(stderr, "thaw: no files to compare: name some that `thaw bench` wrote\n");
        code = CLI_EXIT_USAGE;
        goto cleanup;
    }
    if (html && !to_stdout && is_input(html, files, n)) {
        code = CLI_EXIT_USAGE;
        goto cleanup;
    }
    for (; read < n; read++) {
        if (!cli_bench_file_read(files[read], &measured[read])) {
            read++;
            goto cleanup;
        }
    }
    if (!cli_bench_align(measured, n, &c) || !cli_bench_fairness(&c))
        goto cleanup;
    if (!to_stdout)
        cli_bench_table(&c, stdout);
    if (html && !write_page(&c, measured, n, html))
        goto cleanup;
    if (html && !to_stdout)
        printf("\nwith plots: %s (open it in a browser)\n", html);
    code = CLI_EXIT_OK;
cleanup:
    cli_bench_comparison_free(&c);
    for (size_t i = 0; i < read; i++)
        cli_bench_file_free(&measured[i]);
    free(measured);
    return code;
}
