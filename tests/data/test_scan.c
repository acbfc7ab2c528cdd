/* Discovery: the rules of Keras, and the errors. */
#include <sys/stat.h>
#include <unistd.h>

#include "helpers.h"

typedef struct warnings {
    int n;
    char last[256];
} warnings;

static void note(void *ctx, int32_t level, const char *text)
{
    warnings *w = ctx;
    (void)level;
    w->n++;
    snprintf(w->last, sizeof w->last, "%s", text);
}

static void expect_paths(const thaw_dataset *set, const char *const *want, size_t n)
{
    assert_int_equal(set->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(set->paths[i], want[i]);
        assert_int_equal(set->ids[i], i);
    }
}

static void test_rules(void **state)
{
    (void)state;
    char *dir = temporary_folder();
    static const char *const files[] = {"2/b.png",      "2/a.JPG",       "2/.hidden.jpeg", "2/notes.txt",
                                        "2/sub/z.bmp",  "2/sub.x/y.gif", "2/sub/in/q.png", "10/only.Png",
                                        "top.jpg",      ".git/x.png",    "Zebra/a.png",    "\xc3\xa9/a.png",
                                        "2/a.jpg.part", "2/.jpg",        "2/sub-a/1.png",  "2/.deep/1.png"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put_file(dir, files[i], "x", 1);
    put_folder(dir, "2/folder.png");
    put_folder(dir, "empty");
    warnings w = {0};
    const thaw_log log = {.write = note, .ctx = &w, .level = 1};
    thaw_dataset *set = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, &log, &set, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "/empty has no images"));
    static const char *const given[] = {"10", "2", "Zebra", "empty", "\xc3\xa9"};
    assert_int_equal(thaw_dataset_scan(dir, given, 5, &log, &set, NULL), THAW_OK);
    assert_int_equal(w.n, 1);
    assert_non_null(strstr(w.last, "of the class empty"));
    thaw_dataset_free(set);
    char *empty = thaw_path_join(dir, "empty");
    rmdir(empty);
    free(empty);
    set = NULL;
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, &log, &set, NULL), THAW_OK);
    static const char *const classes[] = {"10", "2", "Zebra", "\xc3\xa9"};
    assert_int_equal(set->n_classes, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_string_equal(set->class_names[i], classes[i]);
    static const char *const want[] = {"10/only.Png",   "2/.hidden.jpeg", "2/.jpg",      "2/a.JPG",
                                       "2/b.png",       "2/.deep/1.png",  "2/sub/z.bmp", "2/sub-a/1.png",
                                       "2/sub.x/y.gif", "2/sub/in/q.png", "Zebra/a.png", "\xc3\xa9/a.png"};
    /* Folders sort as whole paths: "2/sub" < "2/sub-a" < "2/sub.x" < "2/sub/in". */
    expect_paths(set, want, sizeof want / sizeof *want);
    assert_int_equal(set->labels[0], 0);
    assert_int_equal(set->labels[1], 1);
    assert_int_equal(set->labels[11], 3);
    assert_int_equal(w.n, 1);
    char *path = thaw_dataset_path(set, 0);
    assert_true(thaw_path_exists(path));
    free(path);
    thaw_dataset_free(set);
    temporary_remove(dir);
}

static void link_to(const char *dir, const char *target, const char *path)
{
    char *full = thaw_path_join(dir, path);
    assert_int_equal(symlink(target, full), 0);
    free(full);
}

static void test_links(void **state)
{
    (void)state;
    char *dir = temporary_folder();
    put_file(dir, "set/a/1.png", "x", 1);
    put_file(dir, "elsewhere/2.png", "x", 1);
    put_file(dir, "set/b/0.png", "x", 1);
    link_to(dir, "..", "set/a/cycle");
    link_to(dir, "../../elsewhere", "set/a/folder");
    link_to(dir, "../../elsewhere/2.png", "set/a/3.png");
    link_to(dir, "nowhere", "set/a/4.png");
    link_to(dir, "../elsewhere", "set/c");
    char *root = thaw_path_join(dir, "set");
    thaw_dataset *set = NULL;
    assert_int_equal(thaw_dataset_scan(root, NULL, 0, NULL, &set, NULL), THAW_OK);
    static const char *const want[] = {"a/1.png", "a/3.png", "a/4.png", "b/0.png", "c/2.png"};
    expect_paths(set, want, 5);
    thaw_dataset_free(set);
    free(root);
    temporary_remove(dir);
}

static void test_named_classes(void **state)
{
    (void)state;
    char *dir = temporary_folder();
    put_file(dir, "a/1.png", "x", 1);
    put_file(dir, "b/1.png", "x", 1);
    static const char *const names[] = {"b", "a", "c"}, *const twice[] = {"a", "b", "a"},
                             *const few[] = {"a", "c"};
    thaw_dataset *set = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_dataset_scan(dir, names, 3, NULL, &set, &err), THAW_OK);
    assert_int_equal(set->n_classes, 3);
    assert_string_equal(set->paths[0], "b/1.png");
    assert_int_equal(set->labels[0], 0);
    thaw_dataset_free(set);
    set = NULL;
    assert_int_equal(thaw_dataset_scan(dir, twice, 3, NULL, &set, &err), THAW_E_INVALID);
    assert_int_equal(thaw_dataset_scan(dir, few, 2, NULL, &set, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "/b is none of the 2 classes (a, c)"));
    assert_null(set);
    temporary_remove(dir);
}

static void test_errors(void **state)
{
    (void)state;
    char *dir = temporary_folder(), *missing = thaw_path_join(dir, "missing"),
         *file = thaw_path_join(dir, "f");
    thaw_dataset *set = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_dataset_scan(missing, NULL, 0, NULL, &set, &err), THAW_E_NOT_FOUND);
    assert_non_null(strstr(err.text, missing));
    put_file(dir, "f", "x", 1);
    assert_int_equal(thaw_dataset_scan(file, NULL, 0, NULL, &set, &err), THAW_E_INVALID);
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, NULL, &set, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "one folder for each class"));
    put_folder(dir, "a");
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, NULL, &set, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "one class only"));
    put_folder(dir, "b");
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, NULL, &set, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "no images"));
    assert_null(set);
    free(file);
    free(missing);
    temporary_remove(dir);
}

static void test_unreadable(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root may list every folder\n");
        skip();
    }
    char *dir = temporary_folder(), *locked = thaw_path_join(dir, "b/locked");
    put_file(dir, "a/1.png", "x", 1);
    put_file(dir, "b/locked/1.png", "x", 1);
    thaw_dataset *set = NULL;
    thaw_error err = {0};
    assert_int_equal(chmod(locked, 0), 0);
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, NULL, &set, &err), THAW_E_IO);
    assert_non_null(strstr(err.text, locked));
    chmod(locked, 0700);
    free(locked);
    temporary_remove(dir);
}

static void test_files(void **state)
{
    (void)state;
    char *dir = temporary_folder();
    put_file(dir, "x/b/1.png", "x", 1);
    put_file(dir, "x/a.jpg", "x", 1);
    put_file(dir, "odd-name", "x", 1);
    put_folder(dir, "none");
    char *x = thaw_path_join(dir, "x"), *odd = thaw_path_join(dir, "odd-name"),
         *none = thaw_path_join(dir, "none");
    const char *const paths[] = {odd, x};
    const char *const empty[] = {none};
    const char *const missing[] = {odd, "/no/such/file"};
    thaw_dataset *set = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_dataset_files(paths, 2, &set, &err), THAW_OK);
    assert_int_equal(set->n, 3);
    assert_string_equal(set->paths[0], odd);
    for (size_t i = 0; i < 3; i++) {
        char *path = thaw_dataset_path(set, i);
        assert_true(thaw_path_exists(path));
        assert_int_equal(set->labels[i], -1);
        free(path);
    }
    thaw_dataset_free(set);
    set = NULL;
    assert_int_equal(thaw_dataset_files(empty, 1, &set, &err), THAW_E_INVALID);
    assert_int_equal(thaw_dataset_files(missing, 2, &set, &err), THAW_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "/no/such/file"));
    assert_null(set);
    free(none);
    free(odd);
    free(x);
    temporary_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_links),
        cmocka_unit_test(test_named_classes), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_unreadable),    cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
