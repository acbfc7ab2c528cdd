/* units.c: figures, escaping, places of labels, and what is put beside what. */
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench_comparison.h"
#include "bench_figure.h"
#include "bench_svg.h"
#include "html.h"

static const char *data_folder;

/* ---- figures ----------------------------------------------------------------------------------------- */

static void check_text(void (*write)(double, char[32]), double x, const char *expected)
{
    char text[32];
    write(x, text);
    assert_string_equal(text, expected);
}

static void test_numbers(void **state)
{
    (void)state;
    check_text(cli_bench_number, NAN, "-");
    check_text(cli_bench_number, 0, "0");
    check_text(cli_bench_number, 0.6, "0.600");
    check_text(cli_bench_number, 0.99949, "0.999");
    check_text(cli_bench_number, 0.9996, "1.00");
    check_text(cli_bench_number, 9.996, "10.0");
    check_text(cli_bench_number, 99.96, "100");
    check_text(cli_bench_number, 999.6, "1,000");
    check_text(cli_bench_number, 14213.4, "14,213");
    check_text(cli_bench_number, 1e24, "1e+24");
}

static void test_units(void **state)
{
    (void)state;
    check_text(cli_bench_times, 10.44, "10.4x");
    check_text(cli_bench_times, NAN, "-");
    check_text(cli_bench_percent, 0.614, "61 %");
    check_text(cli_bench_percent, 0.0614, "6.1 %");
    check_text(cli_bench_percent, NAN, "-");
    check_text(cli_bench_duration, 0.00012, "0.120 ms");
    check_text(cli_bench_duration, 0.25, "250 ms");
    check_text(cli_bench_duration, 1.5, "1.50 s");
    check_text(cli_bench_bytes, NAN, "-");
    check_text(cli_bench_bytes, 1536, "1.5 KiB");
}

static void test_elide(void **state)
{
    (void)state;
    char text[4 * 8 + 1];
    cli_bench_elide("12345678", 8, text);
    assert_string_equal(text, "12345678");
    cli_bench_elide("123456789", 8, text);
    assert_string_equal(text, "1234\xe2\x80\xa6"
                              "789");
    /* By characters, of which none is cut. */
    cli_bench_elide("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 8, text);
    assert_string_equal(text, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xe2\x80\xa6\xc3\xa4\xc3\xb6\xc3\xbc");
}

/* ---- the page ---------------------------------------------------------------------------------------- */

static char *written(void (*write)(FILE *))
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    write(f);
    fclose(f);
    return text;
}

static void write_html(FILE *f)
{
    cli_html(f, "<a b=\"%s\">%d %zu %.2f %f 100 %%</a>", "<&>\"'\x01\xff\xc3\xa4", -3, (size_t)7, 1.005, 0.5);
}

static void write_json(FILE *f)
{
    cli_html_json(f, "[\"</script><!--\"]");
}

static void test_escaping(void **state)
{
    (void)state;
    char *html = written(write_html), *json = written(write_json);
    assert_string_equal(
        html, "<a b=\"&lt;&amp;&gt;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4\">-3 7 1.00 0.500000 "
              "100 %</a>");
    assert_string_equal(json, "[\"\\u003c/script>\\u003c!--\"]");
    free(html);
    free(json);
}

static void test_places(void **state)
{
    (void)state;
    double y[] = {10, 11, 12, 50}, low[] = {95, 96, 97};
    cli_svg_spread(y, 4, 10, 100);
    assert_true(y[0] == 10 && y[1] == 20 && y[2] == 30 && y[3] == 50);
    cli_svg_spread(low, 3, 10, 100);
    assert_true(low[0] == 80 && low[1] == 90 && low[2] == 100);
    assert_true(cli_svg_step(6, 5) == 2);
    assert_true(cli_svg_step(5, 5) == 1);
    assert_true(fabs(cli_svg_step(0.7, 5) - 0.2) < 1e-12);
}

/* ---- side by side ------------------------------------------------------------------------------------ */

static bench_files read_files(void)
{
    static const char *const names[] = {"cpu.json", "gpu.json"};
    bench_files files = {0};
    for (int i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", data_folder, names[i]);
        assert_true(cli_bench_files_read(path, &files));
    }
    assert_int_equal(files.count, 2);
    return files;
}

static void test_file(void **state)
{
    (void)state;
    bench_files held = read_files();
    const bench_file *files = held.items;
    const bench_device *d = &files[0].devices[0], *g = &files[1].devices[0];
    assert_string_equal(files[0].options.batch_sizes, "1, 8");
    assert_string_equal(files[0].options.sections, "prefix, train");
    assert_true(files[0].options.interleaved && !files[0].options.quick && files[0].complete);
    assert_true(d->n_sections == 3 && d->n_ops == 3 && d->n_notes == 0 && g->n_notes == 1);
    assert_true(d->peak_gflops.median == 200 && d->peak_gflops.n == 5 && d->copy_gb_per_s.max == 20.1);
    assert_true(isnan(d->ops[0].gflops) && d->ops[2].places == 12);
    assert_true(isnan(g->sections[2].seconds.median));
    assert_string_equal(g->sections[2].error, "out of device memory");
    assert_string_equal(d->sections[0].error, "");
    cli_bench_files_free(&held);
}

static void test_align(void **state)
{
    (void)state;
    bench_files files = read_files();
    bench_comparison c;
    assert_true(cli_bench_align(files.items, 2, NULL, &c));
    assert_true(c.n_columns == 2 && c.n_rows == 3 && c.several_machines);
    assert_string_equal(c.rows[0].name, "prefix");
    assert_true(c.rows[0].batch == 1 && c.rows[1].batch == 8);
    assert_string_equal(c.rows[2].name, "train");
    assert_true(cli_bench_batches(&c, 0) == 2 && cli_bench_batches(&c, 2) == 1);
    assert_true(cli_bench_ratio(&c, 0, 1) == 10 && cli_bench_ratio(&c, 1, 1) == 25);
    assert_true(isnan(cli_bench_ratio(&c, 2, 1)));
    assert_true(fabs(c.columns[1].overall - sqrt(250)) < 1e-9 && c.columns[1].overall_rows == 2);
    /* 12 places of 9 ms cost more than one of 80 ms. */
    assert_true(c.n_op_rows == 3);
    assert_string_equal(c.op_cells[0]->label, "conv2d_60");
    assert_null(c.op_cells[1]);
    assert_string_equal(c.op_cells[2]->label, "conv2d_4");
    assert_string_equal(c.op_cells[3]->algorithm, "tile");
    assert_string_equal(c.op_cells[4]->op, "maxpool");
    cli_bench_comparison_free(&c);
    cli_bench_files_free(&files);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_units),  cmocka_unit_test(test_elide),
        cmocka_unit_test(test_escaping), cmocka_unit_test(test_places), cmocka_unit_test(test_file),
        cmocka_unit_test(test_align),
    };
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
