/* Bad images, bad folders, full disks. */
#include "helpers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"

static world w;

static int setup(void **state)
{
    (void)state;
    world_create(&w, 1, 6);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

static void refused(const thaw_train_options *o, thaw_status status, const char *word)
{
    thaw_train_result r;
    thaw_error err = {0};
    expect(status, thaw_train(o, &w.where, NULL, &r, &err), &err);
    expect_text(&err, word);
    assert_null(r.model);
    thaw_train_result_free(&r);
}

static void head_only(thaw_train_options *o, const char *output)
{
    small_options(&w, output, o);
    o->epochs[1] = 0;
    o->shuffle = THAW_SHUFFLE_NONE;
}

static void bad_images_are_left_out_by_name(void **state)
{
    (void)state;
    static const thaw_cache_mode modes[] = {THAW_CACHE_RAM, THAW_CACHE_OFF};
    write_text(at(&w, "photos/down/broken.png"), "\x89PNG\r\n\x1a\nand then nothing");
    write_text(at(&w, "photos/slant/page.jpg"), "<html>not a photo</html>");
    thaw_train_result results[2];
    for (int i = 0; i < 2; i++) {
        thaw_train_options o;
        head_only(&o, NULL);
        o.cache = modes[i];
        train(&w, &o, NULL, &results[i]);
        assert_int_equal(results[i].n_bad, 2);
        int seen = 0;
        for (int k = 0; k < 2; k++) {
            const thaw_bad_image *bad = &results[i].bad[k];
            seen += strstr(bad->path, "down/broken.png") ? 1 : strstr(bad->path, "slant/page.jpg") ? 2 : 0;
            assert_true(strlen(bad->reason) > 10);
        }
        assert_int_equal(seen, 3);
        o.on_bad_image = THAW_BAD_IMAGE_FAIL;
        refused(&o, THAW_E_FORMAT, "2 images cannot be used");
        refused(&o, THAW_E_FORMAT, "broken.png");
    }
    expect_same_model(results[0].model, results[1].model);
    unlink(at(&w, "photos/down/broken.png"));
    unlink(at(&w, "photos/slant/page.jpg"));
    for (int i = 0; i < 2; i++)
        thaw_train_result_free(&results[i]);
}

static void a_class_that_lost_all_its_photos_is_named(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_error err;
    expect(THAW_OK, thaw_make_dirs(at(&w, "photos/ruined"), &err), &err);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "photos/ruined/%d.png", i);
        write_text(at(&w, name), "no picture");
    }
    head_only(&o, NULL);
    refused(&o, THAW_E_FORMAT, "the class ruined has no usable photo");
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "photos/ruined/%d.png", i);
        unlink(at(&w, name));
    }
    rmdir(at(&w, "photos/ruined"));
}

static void folders_that_cannot_be_learnt_from(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_error err;
    head_only(&o, NULL);
    o.dir = at(&w, "photos/down");
    refused(&o, THAW_E_INVALID, "photos/down");
    o.dir = at(&w, "nowhere");
    refused(&o, THAW_E_NOT_FOUND, "nowhere");
    o.dir = NULL;
    refused(&o, THAW_E_INVALID, "no folder");

    expect(THAW_OK, thaw_make_dirs(at(&w, "one/only"), &err), &err);
    write_text(at(&w, "one/only/a.png"), "x");
    o.dir = at(&w, "one");
    refused(&o, THAW_E_INVALID, "class");

    expect(THAW_OK, thaw_make_dirs(at(&w, "rotten/a"), &err), &err);
    expect(THAW_OK, thaw_make_dirs(at(&w, "rotten/b"), &err), &err);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "rotten/%c/%d.png", i < 2 ? 'a' : 'b', i);
        write_text(at(&w, name), "x");
    }
    o.dir = at(&w, "rotten");
    o.val_split = 0.25;
    refused(&o, THAW_E_FORMAT, "no training image can be used");
}

static void a_validation_folder_has_the_same_classes(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err;
    head_only(&o, NULL);
    o.val_dir = o.dir;
    train(&w, &o, NULL, &r);
    assert_true(isfinite(r.epochs[0].val_loss));
    thaw_train_result_free(&r);
    expect(THAW_OK, thaw_make_dirs(at(&w, "other/strange"), &err), &err);
    write_text(at(&w, "other/strange/a.png"), "x");
    o.val_dir = at(&w, "other");
    refused(&o, THAW_E_INVALID, "strange");
}

static void a_run_without_validation_keeps_the_last_epoch(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    head_only(&o, NULL);
    o.val_split = 0.0;
    train(&w, &o, NULL, &r);
    assert_true(!r.has_best && isnan(r.epochs[0].val_loss) && isfinite(r.epochs[0].loss));
    assert_null(strstr(r.model->history, "val_loss"));
    thaw_train_result_free(&r);
}

static void a_head_of_other_classes_is_not_carried_on_with(void **state)
{
    (void)state;
    thaw_train_options o;
    head_only(&o, at(&w, "trained.safetensors"));
    thaw_train_result r;
    train(&w, &o, NULL, &r);
    thaw_train_result_free(&r);
    o.init = o.output;
    o.weights = o.output = NULL;
    assert_int_equal(rename(at(&w, "photos/down"), at(&w, "photos/up")), 0);
    refused(&o, THAW_E_INVALID, "\"down\"");
    assert_int_equal(rename(at(&w, "photos/up"), at(&w, "photos/down")), 0);
    o.init = at(&w, "weights.safetensors");
    refused(&o, THAW_E_INVALID, "no head");
}

static void a_loss_that_is_no_number_stops_the_run(void **state)
{
    (void)state;
    thaw_train_options o;
    small_options(&w, NULL, &o);
    o.epochs[0] = 0;
    o.epochs[1] = 20;
    o.lr[1] = 1e30;
    refused(&o, THAW_E_CHECK, "phase finetune, epoch 1, step 2");
}

static void what_cannot_be_written_is_said_before_the_work(void **state)
{
    (void)state;
    thaw_train_options o;
    head_only(&o, at(&w, "missing/model.safetensors"));
    refused(&o, THAW_E_NOT_FOUND, "missing");
    o.output = NULL;
    o.checkpoint_dir = at(&w, "weights.safetensors");
    refused(&o, THAW_E_IO, "weights.safetensors");
    o.checkpoint_dir = NULL;
    o.step_log = "/dev/full";
    refused(&o, THAW_E_IO, "/dev/full");
    o.step_log = NULL;
    o.csv = "/dev/full";
    refused(&o, THAW_E_IO, "/dev/full");
    o.csv = at(&w, "missing/epochs.csv");
    refused(&o, THAW_E_NOT_FOUND, "epochs.csv");
}

static void a_cache_that_does_not_fit_says_so(void **state)
{
    (void)state;
    thaw_train_options o;
    small_options(&w, NULL, &o);
    o.unfreeze_last = 311; /* the rows are the images: 18 of 66 KiB */
    o.cache_mb = 1;
    refused(&o, THAW_E_NO_MEMORY, "budget is 1 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_images_are_left_out_by_name),
        cmocka_unit_test(a_class_that_lost_all_its_photos_is_named),
        cmocka_unit_test(folders_that_cannot_be_learnt_from),
        cmocka_unit_test(a_validation_folder_has_the_same_classes),
        cmocka_unit_test(a_run_without_validation_keeps_the_last_epoch),
        cmocka_unit_test(a_head_of_other_classes_is_not_carried_on_with),
        cmocka_unit_test(a_loss_that_is_no_number_stops_the_run),
        cmocka_unit_test(what_cannot_be_written_is_said_before_the_work),
        cmocka_unit_test(a_cache_that_does_not_fit_says_so),
    };
    return cmocka_run_group_tests_name("refuse", tests, setup, teardown);
}
