/* refusals.c: options that nobody knows, and callers that do not want to hear why.
 *
 * thaw_plugin.h, device_open: "an unknown key or value is THAW_E_INVALID with a text that lists the known
 * ones"; Errors: thaw_error "may be NULL", in every function. */
#include <string.h>

#include "core/check/plugin.h"
#include "core/check/sandbox.h"

thaw_status thaw_check_bad_options(check_run *run, thaw_error *err)
{
    static const char *const options[] = {"no-such-option=1", "nonsense", "=", "no-such-option=1,x=2"};
    check_sandbox *s;
    uint32_t index = 0;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox_index(s, &index, err);
    for (size_t i = 0; st == THAW_OK && i < sizeof options / sizeof *options; i++) {
        const thaw_device_ops *ops = NULL;
        thaw_device *dev = NULL;
        memset(err, 0, sizeof *err);
        thaw_status got = thaw_check_sandbox_plugin(s)->api.device_open(index, options[i], &dev, &ops, err);
        err->text[sizeof err->text - 1] = '\0';
        if (got == THAW_OK) {
            if (ops && dev)
                ops->close(dev);
            st = thaw_fail(
                err, THAW_E_CHECK,
                "device_open accepts the option \"%s\": a person's slip of the pen must not go unseen",
                options[i]);
        } else if (got != THAW_E_INVALID) {
            st = thaw_fail_within(err, THAW_E_CHECK,
                                  "device_open answers the option \"%s\" with status %d (%s) instead of "
                                  "THAW_E_INVALID",
                                  options[i], (int)got, thaw_status_name(got));
        } else if (!err->text[0]) {
            st = thaw_fail(err, THAW_E_CHECK,
                           "device_open refuses the option \"%s\" without a text: list the known ones",
                           options[i]);
        }
    }
    return st;
}

/* Failing calls without an err; what they answer is looked at, what they write cannot be. */
static thaw_status fail_quietly(check_sandbox *s, uint32_t index, thaw_error *err)
{
    const thaw_plugin *api = &thaw_check_sandbox_plugin(s)->api;
    const thaw_device_ops *dev_ops = &s->side.dev->ops, *ops = NULL;
    thaw_device *dev = s->side.dev->handle, *opened = NULL;
    thaw_op op = {.struct_size = sizeof op, .kind = THAW_OP_KIND_END + 1000};
    thaw_op_info info = {.struct_size = sizeof info};
    thaw_device_info described = {.struct_size = sizeof described};
    thaw_kernel *kernel = NULL;
    thaw_buffer *buffer = NULL;
    const struct {
        const char *call;
        thaw_status st;
    } answers[] = {
        {"device_open with an unknown option",
         api->device_open(index, "no-such-option=1", &opened, &ops, NULL)},
        {"device_describe of device 4294967295", api->device_describe(UINT32_MAX, &described, NULL)},
        {"buffer_create of 2^62 bytes", dev_ops->buffer_create(dev, UINT64_C(1) << 62, &buffer, NULL)},
        {"op_query of an unknown kind", dev_ops->op_query(dev, &op, THAW_ALGO_DEFAULT, &info, NULL)},
        {"op_prepare of an unknown kind",
         dev_ops->op_prepare(dev, &op, THAW_ALGO_DEFAULT, NULL, &kernel, NULL)}};
    if (ops && opened)
        ops->close(opened);
    dev_ops->buffer_destroy(dev, buffer);
    dev_ops->kernel_destroy(dev, kernel);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (answers[i].st == THAW_OK)
            return thaw_fail(err, THAW_E_CHECK, "%s, and with err NULL, succeeds", answers[i].call);
    return THAW_OK;
}

/* And calls that succeed. */
static thaw_status work_quietly(check_sandbox *s, uint32_t index, thaw_error *err)
{
    const thaw_plugin *api = &thaw_check_sandbox_plugin(s)->api;
    const thaw_device_ops *ops = &s->side.dev->ops;
    thaw_device *dev = s->side.dev->handle;
    thaw_device_info described = {.struct_size = sizeof described};
    thaw_stream *stream = NULL;
    thaw_buffer *buffer = NULL;
    thaw_event *event = NULL;
    uint32_t count = 0, words[64] = {0};
    bool ok = api->device_count(&count, NULL) == THAW_OK &&
              api->device_describe(index, &described, NULL) == THAW_OK &&
              ops->stream_create(dev, &stream, NULL) == THAW_OK &&
              ops->buffer_create(dev, 4096, &buffer, NULL) == THAW_OK &&
              ops->event_create(dev, &event, NULL) == THAW_OK;
    const thaw_slice a = {buffer, 0}, b = {buffer, 1024};
    ok = ok && ops->fill(stream, a, 7, sizeof words, NULL) == THAW_OK &&
         ops->copy(stream, b, a, sizeof words, NULL) == THAW_OK &&
         ops->event_record(stream, event, NULL) == THAW_OK &&
         ops->stream_wait(stream, event, NULL) == THAW_OK &&
         ops->download(stream, words, b, sizeof words, NULL) == THAW_OK &&
         ops->stream_sync(stream, NULL) == THAW_OK &&
         ops->upload(stream, a, words, sizeof words, NULL) == THAW_OK &&
         ops->stream_sync(stream, NULL) == THAW_OK;
    ops->event_destroy(dev, event);
    ops->buffer_destroy(dev, buffer);
    ops->stream_destroy(dev, stream);
    if (ok && words[0] == 7 && words[63] == 7)
        return THAW_OK;
    return thaw_fail(err, THAW_E_CHECK, "a buffer, a stream and an event do not work when err is NULL");
}

thaw_status thaw_check_no_error(check_run *run, thaw_error *err)
{
    check_sandbox *s;
    uint32_t index = 0;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox_index(s, &index, err);
    if (st == THAW_OK)
        st = fail_quietly(s, index, err);
    return st == THAW_OK ? work_quietly(s, index, err) : st;
}
