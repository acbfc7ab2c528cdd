/* Whole files: read with a limit, written so that a failure leaves what was there. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/file.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/thaw-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails if a temporary file was left behind */
}

static void name_in_folder(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static void expect_contents(const char *path, const char *want)
{
    uint8_t *data = NULL;
    size_t size = 0;
    assert_int_equal(thaw_read_file(path, 1000, &data, &size, NULL), THAW_OK);
    assert_int_equal(size, strlen(want));
    assert_string_equal((char *)data, want);
    free(data);
}

static size_t entries(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void writing_and_reading(void **state)
{
    (void)state;
    char path[128];
    uint8_t *data;
    size_t size;
    thaw_error err;
    name_in_folder(path, "a");
    assert_int_equal(thaw_write_file(path, "hello", 5, &err), THAW_OK);
    expect_contents(path, "hello");
    assert_int_equal(thaw_write_file(path, "", 0, &err), THAW_OK);
    expect_contents(path, "");
    assert_int_equal(thaw_write_file(path, "12345", 5, &err), THAW_OK);
    assert_int_equal(thaw_read_file(path, 5, &data, &size, &err), THAW_OK);
    free(data);
    assert_int_equal(thaw_read_file(path, 4, &data, &size, &err), THAW_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, path));
    unlink(path);
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    char path[128];
    uint8_t *data;
    size_t size;
    thaw_error err;
    name_in_folder(path, "absent");
    assert_int_equal(thaw_read_file(path, 10, &data, &size, &err), THAW_E_NOT_FOUND);
    assert_int_equal(err.native, ENOENT);
    assert_int_equal(thaw_read_file(folder, 10000, &data, &size, &err), THAW_E_FORMAT);
    name_in_folder(path, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(thaw_read_file(path, 10, &data, &size, &err), THAW_E_FORMAT);
    unlink(path);
}

static void nothing_changes_before_the_commit(void **state)
{
    (void)state;
    char path[128];
    thaw_atomic_file file, second;
    name_in_folder(path, "b");
    assert_int_equal(thaw_write_file(path, "old", 3, NULL), THAW_OK);
    assert_int_equal(thaw_atomic_open(path, &file, NULL), THAW_OK);
    assert_int_equal(thaw_atomic_open(path, &second, NULL), THAW_OK);
    fputs("new", file.stream);
    fflush(file.stream);
    expect_contents(path, "old");
    thaw_atomic_abandon(&second);
    thaw_atomic_abandon(&second);
    assert_int_equal(thaw_atomic_commit(&file, NULL), THAW_OK);
    expect_contents(path, "new");
    assert_int_equal(entries(), 1);
    thaw_atomic_abandon(&file);
    unlink(path);
}

static void a_failed_commit_leaves_the_old_file(void **state)
{
    (void)state;
    char path[128], inner[160];
    thaw_atomic_file file;
    thaw_error err;
    /* A folder that is not empty comes to stand where the file should go: only the renaming fails. */
    name_in_folder(path, "c");
    snprintf(inner, sizeof inner, "%s/kept", path);
    assert_int_equal(thaw_atomic_open(path, &file, NULL), THAW_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(thaw_write_file(inner, "x", 1, NULL), THAW_OK);
    assert_int_equal(thaw_atomic_commit(&file, &err), THAW_E_IO);
    assert_non_null(strstr(err.text, "unchanged"));
    expect_contents(inner, "x");
    assert_int_equal(entries(), 1);
    unlink(inner);
    rmdir(path);
    /* A full disk is noticed. */
    if (access("/dev/full", W_OK) == 0) {
        name_in_folder(path, "d");
        assert_int_equal(thaw_write_file(path, "old", 3, NULL), THAW_OK);
        assert_int_equal(thaw_atomic_open(path, &file, NULL), THAW_OK);
        assert_non_null(freopen("/dev/full", "wb", file.stream));
        fputs("new", file.stream);
        assert_int_not_equal(thaw_atomic_commit(&file, &err), THAW_OK);
        assert_int_equal(err.native, ENOSPC);
        expect_contents(path, "old");
        assert_int_equal(entries(), 1);
        unlink(path);
    }
}

static void expect_no_place(const char *path, thaw_status status, const char *text)
{
    thaw_atomic_file file;
    thaw_error err;
    assert_int_equal(thaw_atomic_open(path, &file, &err), status);
    assert_non_null(strstr(err.text, text));
    thaw_atomic_abandon(&file);
}

static void what_cannot_be_written_is_refused_at_once(void **state)
{
    (void)state;
    char path[128];
    name_in_folder(path, "no/such/folder");
    expect_no_place(path, THAW_E_NOT_FOUND, "its folder does not exist");
    name_in_folder(path, "absent/");
    expect_no_place(path, THAW_E_INVALID, "names a folder");
    expect_no_place(folder, THAW_E_INVALID, "names a folder");
    expect_no_place("", THAW_E_INVALID, "without a name");
    name_in_folder(path, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_no_place(path, THAW_E_INVALID, "not a regular file");
    unlink(path);
    assert_int_equal(entries(), 0);
}

static void folders_and_paths(void **state)
{
    (void)state;
    char path[128], part[128];
    thaw_error err;
    name_in_folder(path, "x/y//z");
    assert_int_equal(thaw_make_dirs(path, &err), THAW_OK);
    assert_int_equal(thaw_make_dirs(path, &err), THAW_OK);
    assert_true(thaw_is_dir(path));
    name_in_folder(part, "x/y/z/f");
    assert_int_equal(thaw_write_file(part, "1", 1, NULL), THAW_OK);
    assert_true(thaw_path_exists(part));
    assert_false(thaw_is_dir(part));
    assert_int_equal(thaw_make_dirs(part, &err), THAW_E_IO);
    unlink(part);
    rmdir(path);
    name_in_folder(part, "x/y");
    rmdir(part);
    name_in_folder(part, "x");
    rmdir(part);
    assert_false(thaw_path_exists(part));
    char *joined = thaw_path_join("a", "b"), *slash = thaw_path_join("a/", "b");
    assert_string_equal(joined, "a/b");
    assert_string_equal(slash, "a/b");
    free(joined);
    free(slash);
}

static void room_on_the_disk(void **state)
{
    (void)state;
    char path[128];
    thaw_error err;
    name_in_folder(path, "model");
    assert_int_equal(thaw_room_for(path, 1, "it", &err), THAW_OK);
    assert_int_equal(thaw_room_for(path, UINT64_MAX / 2, "the model", &err), THAW_E_IO);
    assert_non_null(strstr(err.text, "the model takes"));
    assert_non_null(strstr(err.text, path));
}

static void hashes_are_xxh3(void **state)
{
    (void)state;
    char hex[33];
    thaw_hash_hex("", 0, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f"); /* XXH3_128bits of nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_and_reading),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(nothing_changes_before_the_commit),
        cmocka_unit_test(a_failed_commit_leaves_the_old_file),
        cmocka_unit_test(what_cannot_be_written_is_refused_at_once),
        cmocka_unit_test(folders_and_paths),
        cmocka_unit_test(room_on_the_disk),
        cmocka_unit_test(hashes_are_xxh3),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
