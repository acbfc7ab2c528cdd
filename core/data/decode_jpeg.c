/* JPEG by libjpeg, with the settings of TensorFlow's decode_image: fast DCT, fancy upsampling, CMYK turned to
 * RGB by hand, corrupt entropy data tolerated as libjpeg does, but a file that ends before its end marker is
 * an error. Where there is no libjpeg, decode_jpeg_stb.c is compiled instead. */
#include "core/data/decode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* A hostile progressive file of a few bytes a scan can ask for scan after scan over a huge image; real ones
 * have about ten. */
#define SCANS_MAX 500

typedef struct jpeg_reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    char why[JMSG_LENGTH_MAX];
    /* What must survive the jump lies here, not on the stack. */
    thaw_image image;
    uint8_t *cmyk_row;
    thaw_status status;
} jpeg_reader;

static void on_error(j_common_ptr info)
{
    jpeg_reader *r = info->client_data;
    r->errors.format_message(info, r->why);
    longjmp(r->failed, 1);
}

static void on_message(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

static void stop(jpeg_reader *r, const char *why)
{
    snprintf(r->why, sizeof r->why, "%s", why);
    longjmp(r->failed, 1);
}

static void on_progress(j_common_ptr info)
{
    jpeg_reader *r = info->client_data;
    if (r->info.input_scan_number > SCANS_MAX)
        stop(r, "it has too many scans");
}

static void source_nothing(j_decompress_ptr info)
{
    (void)info;
}

static boolean source_at_end(j_decompress_ptr info)
{
    stop(info->client_data, "it ends too early");
    return FALSE;
}

static void source_skip(j_decompress_ptr info, long n)
{
    if (n <= 0)
        return;
    if ((size_t)n > info->src->bytes_in_buffer)
        stop(info->client_data, "it ends too early");
    info->src->next_input_byte += n;
    info->src->bytes_in_buffer -= (size_t)n;
}

static void open_reader(jpeg_reader *r, const uint8_t *data, size_t size)
{
    r->info.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->info.client_data = r;
    if (setjmp(r->failed))
        return;
    jpeg_create_decompress(&r->info);
    r->info.client_data = r;
    r->source.init_source = source_nothing;
    r->source.fill_input_buffer = source_at_end;
    r->source.skip_input_data = source_skip;
    r->source.resync_to_restart = jpeg_resync_to_restart;
    r->source.term_source = source_nothing;
    r->source.next_input_byte = data;
    r->source.bytes_in_buffer = size;
    r->info.src = &r->source;
    r->progress.progress_monitor = on_progress;
    r->info.progress = &r->progress;
}

/* An Adobe marker means that the four inks are stored inverted. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint32_t width, bool inverted, uint8_t *rgb)
{
    for (size_t i = 0; i < width; i++) {
        const uint8_t *p = cmyk + 4 * i;
        int k = inverted ? p[3] : 255 - p[3];
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(k * (inverted ? p[c] : 255 - p[c]) / 255);
    }
}

static void read_rows(jpeg_reader *r)
{
    bool cmyk = r->info.out_color_space == JCS_CMYK;
    while (r->info.output_scanline < r->info.output_height) {
        uint8_t *row = r->image.rgb + (size_t)r->info.output_scanline * r->image.width * 3;
        JSAMPROW target = cmyk ? r->cmyk_row : row;
        if (jpeg_read_scanlines(&r->info, &target, 1) != 1)
            stop(r, "it ends too early");
        if (cmyk)
            cmyk_to_rgb(r->cmyk_row, r->image.width, r->info.saw_Adobe_marker, row);
    }
}

/* Everything that may jump. False: r->why says what was wrong, or r->status already does. */
static bool read_image(jpeg_reader *r, const char *name, thaw_error *err)
{
    if (setjmp(r->failed))
        return false;
    jpeg_read_header(&r->info, TRUE);
    bool cmyk = r->info.jpeg_color_space == JCS_CMYK || r->info.jpeg_color_space == JCS_YCCK;
    r->info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    r->info.do_fancy_upsampling = TRUE;
    r->info.dct_method = JDCT_IFAST;
    jpeg_calc_output_dimensions(&r->info);
    r->status = thaw_image_alloc(r->info.output_width, r->info.output_height, name, &r->image, err);
    if (r->status != THAW_OK)
        return false;
    if (cmyk && !(r->cmyk_row = malloc((size_t)r->image.width * 4))) {
        r->status = thaw_fail_memory(err, (size_t)r->image.width * 4, name);
        return false;
    }
    jpeg_start_decompress(&r->info);
    if (r->info.output_components != (cmyk ? 4 : 3))
        stop(r, "its colours are of an unknown kind");
    read_rows(r);
    jpeg_finish_decompress(&r->info);
    return true;
}

thaw_status thaw_decode_jpeg(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                             thaw_error *err)
{
    jpeg_reader *r = calloc(1, sizeof *r);
    if (!r)
        return thaw_fail_memory(err, sizeof *r, name);
    open_reader(r, data, size);
    bool ok = r->why[0] == '\0' && read_image(r, name, err);
    thaw_status st = ok ? THAW_OK : r->status;
    if (!ok && st == THAW_OK)
        st = thaw_damaged(err, name, "JPEG", r->why);
    if (ok) {
        *out = r->image;
        memset(&r->image, 0, sizeof r->image);
    }
    jpeg_destroy_decompress(&r->info);
    thaw_image_free(&r->image);
    free(r->cmyk_row);
    free(r);
    return st;
}

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)

const char *thaw_image_decoder(void)
{
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " VALUE_OF(LIBJPEG_TURBO_VERSION) " (fast DCT)";
#else
    return "libjpeg " VALUE_OF(JPEG_LIB_VERSION) " (fast DCT)";
#endif
}
