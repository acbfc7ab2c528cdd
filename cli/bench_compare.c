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

static bool write_page(const bench_comparison *c, const bench_files *files, const char *html)
{
    cli_output out;
    if (!cli_output_open(html, &out))
        return false;
    if (!cli_bench_page(c, files->items, files->count, out.stream)) {
        cli_output_abandon(&out);
        return false;
    }
    return cli_output_commit(&out);
}

int cli_bench_compare(const char *const *files, size_t n, const char *baseline, const char *html)
{
    int code = CLI_EXIT_FAILURE;
    bool to_stdout = html && strcmp(html, "-") == 0;
    bench_comparison c = {0};
    bench_files measured = {0};
    if (n == 0) {
        fprintf(stderr, "thaw: no files to compare: name some that `thaw bench` wrote\n");
        return CLI_EXIT_USAGE;
    }
    if (html && !to_stdout && is_input(html, files, n))
        return CLI_EXIT_USAGE;
    for (size_t i = 0; i < n; i++)
        if (!cli_bench_files_read(files[i], &measured))
            goto cleanup;
    if (!cli_bench_align(measured.items, measured.count, baseline, &c) || !cli_bench_fairness(&c))
        goto cleanup;
    if (!to_stdout)
        cli_bench_table(&c, stdout);
    if (html && !write_page(&c, &measured, html))
        goto cleanup;
    if (html && !to_stdout)
        printf("\nwith plots: %s (open it in a browser)\n", html);
    code = CLI_EXIT_OK;
cleanup:
    cli_bench_comparison_free(&c);
    cli_bench_files_free(&measured);
    return code;
}
