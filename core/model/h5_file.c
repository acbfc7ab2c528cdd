#include "core/model/h5_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* ---- opening ----------------------------------------------------------------------------------- */

/* libhdf5 wants its own copy of a file image unless these callbacks say otherwise. All of its "copies" are
 * the one buffer here, which it may read but neither grow nor free. */
typedef struct image_buffer {
    void *bytes;
    size_t size;
} image_buffer;

static void *image_alloc(size_t size, H5FD_file_image_op_t op, void *udata)
{
    (void)op;
    image_buffer *image = udata;
    return size == image->size ? image->bytes : NULL;
}

static void *image_copy(void *dest, const void *src, size_t size, H5FD_file_image_op_t op, void *udata)
{
    (void)op;
    (void)udata;
    return dest == src ? dest : memcpy(dest, src, size);
}

static void *image_realloc(void *p, size_t size, H5FD_file_image_op_t op, void *udata)
{
    (void)p;
    (void)size;
    (void)op;
    (void)udata;
    return NULL;
}

static herr_t image_free(void *p, H5FD_file_image_op_t op, void *udata)
{
    (void)p;
    (void)op;
    (void)udata;
    return 0;
}

static void *image_udata_copy(void *udata)
{
    image_buffer *copy = malloc(sizeof *copy);
    if (copy)
        *copy = *(image_buffer *)udata;
    return copy;
}

static herr_t image_udata_free(void *udata)
{
    free(udata);
    return 0;
}

static bool use_image(hid_t fapl, const void *image, size_t size)
{
    union {
        const void *in;
        void *out;
    } bytes = {.in = image}; /* the interface has no const, but the file is opened for reading only */
    image_buffer buffer = {bytes.out, size};
    H5FD_file_image_callbacks_t callbacks = {image_alloc,      image_copy,       image_realloc, image_free,
                                             image_udata_copy, image_udata_free, &buffer};
    return H5Pset_fapl_core(fapl, 1 << 20, false) >= 0 &&
           H5Pset_file_image_callbacks(fapl, &callbacks) >= 0 &&
           H5Pset_file_image(fapl, bytes.out, size) >= 0;
}

thaw_status thaw_h5_open(const char *path, const void *image, size_t image_size, thaw_h5 *h5, thaw_error *err)
{
    h5->file = -1;
    h5->path = path;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* its stack traces are no messages for a user */
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    bool good = fapl >= 0 && H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0;
    if (good && image)
        good = use_image(fapl, image, image_size);
    /* Even with an image libhdf5 looks for a file of the name given, and fails if there is one. */
    if (good)
        h5->file = H5Fopen(image ? "/dev/null/image" : path, H5F_ACC_RDONLY, fapl);
    if (fapl >= 0)
        H5Pclose(fapl);
    if (h5->file < 0)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: HDF5 cannot open it; the file is cut short or damaged, or another program is "
                         "writing it",
                         path);
    return THAW_OK;
}

void thaw_h5_close(thaw_h5 *h5)
{
    if (h5->path && h5->file >= 0)
        H5Fclose(h5->file);
    h5->file = -1;
}

/* ---- groups ------------------------------------------------------------------------------------ */

thaw_h5_kind thaw_h5_look(const thaw_h5 *h5, const char *path)
{
    char part[THAW_H5_MAX_NAME];
    size_t length = strlen(path), at = 0;
    if (length >= sizeof part)
        return THAW_H5_NOTHING;
    while (at < length) {
        while (path[at] == '/')
            at++;
        size_t n = strcspn(path + at, "/");
        if (n == 0)
            break;
        at += n;
        memcpy(part, path, at);
        part[at] = '\0';
        H5L_info_t link;
        if (H5Lexists(h5->file, part, H5P_DEFAULT) <= 0 ||
            H5Lget_info(h5->file, part, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
            return THAW_H5_NOTHING;
    }
    H5O_info_t info;
    if (H5Oget_info_by_name2(h5->file, length ? path : "/", &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
        return THAW_H5_NOTHING;
    return info.type == H5O_TYPE_GROUP     ? THAW_H5_GROUP
           : info.type == H5O_TYPE_DATASET ? THAW_H5_DATASET
                                           : THAW_H5_OTHER;
}

static hid_t open_group(const thaw_h5 *h5, const char *group, thaw_error *err)
{
    hid_t id = thaw_h5_look(h5, group) == THAW_H5_GROUP
                   ? H5Gopen2(h5->file, group[0] ? group : "/", H5P_DEFAULT)
                   : -1;
    if (id < 0)
        thaw_fail(err, THAW_E_FORMAT, "%s: there is no group %.200s", h5->path, group);
    return id;
}

/* Collects copies of texts, then turns them into one list. */
typedef struct collector {
    char *text;
    size_t used, capacity, n;
} collector;

static bool collect(collector *c, const char *text, size_t length)
{
    size_t need;
    if (c->n >= THAW_H5_MAX_ITEMS || length >= THAW_H5_MAX_NAME || !thaw_add(c->used, length + 1, &need) ||
        !thaw_grow((void **)&c->text, &c->capacity, need, 1))
        return false;
    memcpy(c->text + c->used, text, length);
    c->text[need - 1] = '\0';
    c->used = need;
    c->n++;
    return true;
}

static bool collected(const collector *c, thaw_h5_names *out)
{
    size_t bytes = c->n * sizeof(char *);
    char **items = malloc(bytes + c->used + 1);
    if (!items)
        return false;
    char *text = (char *)items + bytes;
    if (c->used)
        memcpy(text, c->text, c->used);
    for (size_t i = 0; i < c->n; i++) {
        items[i] = text;
        text += strlen(text) + 1;
    }
    out->items = items;
    out->n = c->n;
    return true;
}

void thaw_h5_names_free(thaw_h5_names *names)
{
    free(names->items);
    names->items = NULL;
    names->n = 0;
}

static herr_t collect_link(hid_t group, const char *name, const H5L_info_t *info, void *op_data)
{
    (void)group;
    if (info->type != H5L_TYPE_HARD)
        return 0;
    return collect(op_data, name, strlen(name)) ? 0 : -1;
}

thaw_status thaw_h5_members(const thaw_h5 *h5, const char *group, thaw_h5_names *out, thaw_error *err)
{
    hid_t id = open_group(h5, group, err);
    if (id < 0)
        return THAW_E_FORMAT;
    collector c = {0};
    hsize_t at = 0;
    thaw_status st = THAW_OK;
    if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, &at, collect_link, &c) < 0 || !collected(&c, out))
        st = thaw_fail(err, THAW_E_FORMAT, "%s: cannot list the group %.200s; it is damaged or too large",
                       h5->path, group);
    free(c.text);
    H5Gclose(id);
    return st;
}

/* ---- attributes -------------------------------------------------------------------------------- */

bool thaw_h5_has_attribute(const thaw_h5 *h5, const char *group, const char *name)
{
    return H5Aexists_by_name(h5->file, group[0] ? group : "/", name, H5P_DEFAULT) > 0;
}

static bool collect_fixed(hid_t attribute, hid_t type, size_t n, collector *c)
{
    size_t size = H5Tget_size(type);
    char *text = size > 0 && size < THAW_H5_MAX_NAME ? thaw_calloc(n, size) : NULL;
    bool good = text && H5Aread(attribute, type, text) >= 0;
    for (size_t i = 0; good && i < n; i++)
        good = collect(c, text + i * size, strnlen(text + i * size, size));
    free(text);
    return good;
}

static bool collect_variable(hid_t attribute, hid_t space, size_t n, collector *c)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    hid_t stored = H5Aget_type(attribute);
    char **texts = thaw_calloc(n, sizeof *texts);
    bool good = texts && stored >= 0 && type >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 &&
                H5Tset_cset(type, H5Tget_cset(stored)) >= 0;
    if (good) {
        good = H5Aread(attribute, type, texts) >= 0;
        for (size_t i = 0; good && i < n; i++)
            good = texts[i] && collect(c, texts[i], strlen(texts[i]));
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    }
    free(texts);
    if (type >= 0)
        H5Tclose(type);
    if (stored >= 0)
        H5Tclose(stored);
    return good;
}

static bool collect_attribute(const thaw_h5 *h5, const char *group, const char *name, collector *c)
{
    hid_t attribute = H5Aopen_by_name(h5->file, group[0] ? group : "/", name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    bool good = type >= 0 && n >= 0 && n <= (hssize_t)THAW_H5_MAX_ITEMS;
    /* h5py writes an empty list as an array of no floats. */
    if (good && n > 0)
        good = H5Tget_class(type) == H5T_STRING &&
               (H5Tis_variable_str(type) > 0 ? collect_variable(attribute, space, (size_t)n, c)
                                             : collect_fixed(attribute, type, (size_t)n, c));
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return good;
}

thaw_status thaw_h5_strings(const thaw_h5 *h5, const char *group, const char *name, thaw_h5_names *out,
                            thaw_error *err)
{
    collector c = {0};
    thaw_status st = THAW_OK;
    bool good = thaw_h5_look(h5, group) == THAW_H5_GROUP;
    if (good && thaw_h5_has_attribute(h5, group, name)) {
        good = collect_attribute(h5, group, name, &c);
    } else if (good) {
        char chunk[64];
        unsigned i = 0;
        for (; good && i < 1024; i++) {
            snprintf(chunk, sizeof chunk, "%s%u", name, i);
            if (!thaw_h5_has_attribute(h5, group, chunk))
                break;
            good = collect_attribute(h5, group, chunk, &c);
        }
        good = good && i > 0;
    }
    if (!good || !collected(&c, out))
        st = thaw_fail(err, THAW_E_FORMAT,
                       "%s: the group /%.200s has no list of texts %s, or one that is damaged or too long",
                       h5->path, group, name);
    free(c.text);
    return st;
}

/* ---- datasets ---------------------------------------------------------------------------------- */

static const char *filter_trouble(hid_t properties)
{
    int n = H5Pget_nfilters(properties);
    if (n < 0)
        return "damaged properties";
    for (int i = 0; i < n; i++) {
        unsigned flags = 0, config = 0;
        size_t values = 0;
        H5Z_filter_t id = H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
            return "a compression other than gzip";
    }
    return NULL;
}

/* Why a dataset cannot be trusted to lie in this file, or NULL. */
static const char *storage_trouble(hid_t dataset)
{
    hid_t properties = H5Dget_create_plist(dataset);
    if (properties < 0)
        return "damaged properties";
    const char *why = NULL;
    H5D_space_status_t allocated = H5D_SPACE_STATUS_NOT_ALLOCATED;
    if (H5Pget_layout(properties) == H5D_VIRTUAL || H5Pget_external_count(properties) != 0)
        why = "data in another file";
    else if (H5Dget_space_status(dataset, &allocated) < 0 || allocated != H5D_SPACE_STATUS_ALLOCATED)
        why = "no data";
    else
        why = filter_trouble(properties);
    H5Pclose(properties);
    return why;
}

static const char *shape_trouble(hid_t dataset, uint32_t *rank, size_t dims[4])
{
    const char *why = NULL;
    hid_t space = H5Dget_space(dataset);
    hid_t type = H5Dget_type(dataset);
    hsize_t extent[4];
    int n = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (type < 0 || H5Tget_class(type) != H5T_FLOAT || H5Tget_size(type) > 8)
        why = "values that are not floating-point numbers";
    else if (n < 0 || n > 4 || H5Sget_simple_extent_type(space) == H5S_NULL)
        why = "more than 4 dimensions";
    else if (n > 0 && H5Sget_simple_extent_dims(space, extent, NULL) < 0)
        why = "damaged dimensions";
    for (int i = 0; !why && i < n; i++) {
        dims[i] = (size_t)extent[i];
        if (extent[i] > UINT32_MAX)
            why = "a dimension beyond reason";
    }
    *rank = why ? 0 : (uint32_t)n;
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return why;
}

static thaw_status open_dataset(const thaw_h5 *h5, const char *name, hid_t *id, uint32_t *rank,
                                size_t dims[4], thaw_error *err)
{
    *id = thaw_h5_look(h5, name) == THAW_H5_DATASET ? H5Dopen2(h5->file, name, H5P_DEFAULT) : -1;
    if (*id < 0)
        return thaw_fail(err, THAW_E_FORMAT, "%s: there is no dataset %.200s", h5->path, name);
    const char *why = shape_trouble(*id, rank, dims);
    if (!why)
        why = storage_trouble(*id);
    if (!why)
        return THAW_OK;
    H5Dclose(*id);
    return thaw_fail(err, THAW_E_FORMAT, "%s: the dataset %.200s has %s", h5->path, name, why);
}

thaw_status thaw_h5_shape(const thaw_h5 *h5, const char *name, uint32_t *rank, size_t dims[4],
                          thaw_error *err)
{
    hid_t id;
    thaw_status st = open_dataset(h5, name, &id, rank, dims, err);
    if (st == THAW_OK)
        H5Dclose(id);
    return st;
}

thaw_status thaw_h5_read(const thaw_h5 *h5, const char *name, float *out, size_t count, thaw_error *err)
{
    hid_t id;
    uint32_t rank = 0;
    size_t dims[4], have = 1;
    thaw_status st = open_dataset(h5, name, &id, &rank, dims, err);
    if (st != THAW_OK)
        return st;
    bool fits = true;
    for (uint32_t i = 0; i < rank; i++)
        fits = fits && thaw_mul(have, dims[i], &have);
    if (!fits || have != count)
        st = thaw_fail(err, THAW_E_FORMAT, "%s: the dataset %.200s has %zu values instead of %zu", h5->path,
                       name, have, count);
    else if (H5Dread(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        st =
            thaw_fail(err, THAW_E_FORMAT,
                      "%s: cannot read the dataset %.200s; the file is cut short or damaged", h5->path, name);
    H5Dclose(id);
    return st;
}
