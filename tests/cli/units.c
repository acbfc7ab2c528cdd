/* units.c: argument tables, JSON and tables of the program, on their own. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "cli.h"
#include "json.h"
#include "output.h"
#include "table.h"

/* ---- arguments ------------------------------------------------------------------------------------- */

typedef struct values {
    bool flag, given;
    const char *text;
    cli_list list;
    uint32_t count, counts[2];
    double real, range[2];
    int32_t choice;
} values;

static const cli_usage usage = {
    .name = "test", .synopsis = "[FILES]", .about = "", .examples = "", .max_words = 2, .word = "files"};

static int parse(values *v, cli_list *words, int argc, const char *const *argv)
{
    const cli_option options[] = {
        {.name = "flag", .letter = 'f', .kind = CLI_FLAG, .target = &v->flag, .help = ""},
        {.name = "text",
         .letter = 't',
         .kind = CLI_TEXT,
         .target = &v->text,
         .value = "T",
         .help = "",
         .given = &v->given},
        {.name = "list", .kind = CLI_LIST, .target = &v->list, .value = "T", .help = ""},
        {.name = "count",
         .kind = CLI_COUNT,
         .target = &v->count,
         .value = "N",
         .help = "",
         .min = 1,
         .max = UINT32_MAX},
        {.name = "counts", .kind = CLI_COUNTS, .target = v->counts, .value = "N,N", .help = "", .max = 9},
        {.name = "real", .kind = CLI_REAL, .target = &v->real, .value = "X", .help = "", .max = 1},
        {.name = "range",
         .kind = CLI_RANGE,
         .target = v->range,
         .value = "X,X",
         .help = "",
         .min = -9,
         .max = 9},
        {.name = "choice", .kind = CLI_CHOICE, .target = &v->choice, .choices = "one|two|three", .help = ""},
    };
    char *copy[16];
    assert_true(argc <= 16);
    for (int i = 0; i < argc; i++)
        copy[i] = (char *)(uintptr_t)argv[i];
    return cli_parse(&usage, options, sizeof options / sizeof options[0], argc, copy, words);
}

static void test_values(void **state)
{
    (void)state;
    values v = {0};
    cli_list words = {0};
    const char *const argv[] = {"--flag",   "a",          "--text=x=y", "--list", "p",       "--list=q",
                                "--count",  "4294967295", "--counts",   "3",      "--range", "-1,2.5",
                                "--choice", "three",      "--",         "--b"};
    assert_int_equal(parse(&v, &words, 16, argv), -1);
    assert_true(v.flag && v.given);
    assert_string_equal(v.text, "x=y");
    assert_int_equal(v.list.count, 2);
    assert_string_equal(v.list.items[1], "q");
    assert_int_equal(v.count, UINT32_MAX);
    assert_int_equal(v.counts[0], 3);
    assert_int_equal(v.counts[1], 3);
    assert_true(v.range[0] == -1 && v.range[1] == 2.5);
    assert_int_equal(v.choice, 2);
    assert_int_equal(words.count, 2);
    assert_string_equal(words.items[1], "--b");
    free(words.items);
    free(v.list.items);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"--fla", ""},      {"--flagg", ""},    {"-x", ""},
                                           {"--count", "0"},   {"--count", "1.5"}, {"--count", "1e99"},
                                           {"--count", ""},    {"--count", "nan"}, {"--counts", "1,2,3"},
                                           {"--counts", "1,"}, {"--counts", "10"}, {"--real", "2"},
                                           {"--range", "1"},   {"--choice", "tw"}, {"--choice", "one|two"},
                                           {"--flag=1", ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        values v = {0};
        cli_list words = {0};
        int code = parse(&v, &words, wrong[i][1][0] || strcmp(wrong[i][0], "--count") == 0 ? 2 : 1, wrong[i]);
        if (code != CLI_EXIT_USAGE)
            fail_msg("%s %s: code %d", wrong[i][0], wrong[i][1], code);
        free(words.items);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"epochs", "device", "dropout"};
    assert_string_equal(cli_nearest("epoch", names, 3), "epochs");
    assert_string_equal(cli_nearest("drop-out", names, 3), "dropout");
    assert_null(cli_nearest("zzz", names, 3));
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static void test_json(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    cli_json json = {.stream = open_memstream(&text, &size), .compact = true};
    assert_non_null(json.stream);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "a\"b", "\x01\\ \xc3\xa9 \xff \xed\xa0\x80");
    cli_json_array(&json, "n");
    cli_json_real(&json, NULL, 0.1);
    cli_json_real(&json, NULL, 1.0 / 3);
    cli_json_single(&json, NULL, 0.1f);
    cli_json_real(&json, NULL, -1.0 / 0.0);
    cli_json_count(&json, NULL, UINT64_MAX);
    cli_json_bool(&json, NULL, true);
    cli_json_raw(&json, NULL, NULL);
    cli_json_end(&json, ']');
    cli_json_array(&json, "e");
    cli_json_end(&json, ']');
    cli_json_end(&json, '}');
    fclose(json.stream);
    assert_string_equal(
        text, "{\"a\\\"b\":\"\\u0001\\\\ \xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
              "\"n\":[0.1,0.3333333333333333,0.1,null,18446744073709551615,"
              "true,null],\"e\":[]}\n");
    free(text);
}

/* ---- tables ---------------------------------------------------------------------------------------- */

static void test_table(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    cli_table table;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    cli_table_begin(&table, "lr");
    cli_table_cell(&table, "name");
    cli_table_cell(&table, "n");
    cli_table_cell(&table, "%s", "\xc3\xa9t\xc3\xa9");
    cli_table_cell(&table, "%d", 100);
    cli_table_end(&table, stream, " ");
    fclose(stream);
    assert_string_equal(text, " name    n\n ----  ---\n \xc3\xa9t\xc3\xa9   100\n");
    free(text);
}

static void test_table_is_tame(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    cli_table table;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    cli_table_begin(&table, "l");
    cli_table_cell(&table, "name");
    cli_table_cell(&table, "%s", "a\nb\033[2J");
    cli_table_end(&table, stream, "");
    fclose(stream);
    assert_string_equal(text, "name\n-------\na?b?[2J\n");
    free(text);
}

static void test_formats(void **state)
{
    (void)state;
    char out[24];
    cli_format_bytes(1023, out);
    assert_string_equal(out, "1023 B");
    cli_format_bytes(1536, out);
    assert_string_equal(out, "1.5 KiB");
    cli_format_bytes(250.0 * (1 << 20), out);
    assert_string_equal(out, "250 MiB");
    cli_format_seconds(61, out);
    assert_string_equal(out, "1 min 01 s");
    cli_format_seconds(7260, out);
    assert_string_equal(out, "2 h 01 min");
}

/* ---- shells ---------------------------------------------------------------------------------------- */

static void test_shell_words(void **state)
{
    (void)state;
    static const char *const words[][2] = {{"./thaw-mine.so", "./thaw-mine.so"},
                                           {"cpu:0,isa=avx2", "cpu:0,isa=avx2"},
                                           {"", "''"},
                                           {"=conv2d/1x1", "'=conv2d/1x1'"},
                                           {"a b", "'a b'"},
                                           {"~", "'~'"},
                                           {"$HOME;`x`", "'$HOME;`x`'"},
                                           {"it's", "'it'\\''s'"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        assert_non_null(stream);
        cli_shell_text(stream, words[i][0]);
        fclose(stream);
        assert_string_equal(text, words[i][1]);
        free(text);
    }
}

/* More reasons than there is room for: those that are named are whole, and so is the sign of the others. */
static void a_cell_cites_whole_marks(void **state)
{
    enum { CELLS = 4, REASONS = 4 };
    char texts[CELLS * REASONS][8], out[CHECK_CELL_MAX];
    thaw_proof_reason reasons[CELLS * REASONS];
    thaw_proof_cell cells[CELLS];
    const thaw_proof_cell *pointers[CELLS];
    check_notes notes = {0};
    (void)state;
    for (size_t i = 0; i < CELLS * REASONS; i++) {
        snprintf(texts[i], sizeof texts[i], "r%zu", i);
        reasons[i] = (thaw_proof_reason){texts[i], 1};
    }
    for (size_t i = 0; i < CELLS; i++) {
        cells[i] = (thaw_proof_cell){
            .cases = REASONS, .declined = REASONS, .n_reasons = REASONS, .reasons = &reasons[i * REASONS]};
        pointers[i] = &cells[i];
    }
    check_cell(pointers, CELLS, true, &notes, out);
    check_notes_free(&notes);
    assert_string_equal(out, "declined[^1][^2][^3][^4][^5][^6][^7][^8][^9][^10][^11][^12][^13]…");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_cites_whole_marks),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_table_is_tame),
        cmocka_unit_test(test_shell_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
