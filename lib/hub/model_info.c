#include "hub/model_info.h"

#include "hub/protocol.h"
#include "json/writer.h"

#include <stdio.h>

static bool bad(const char *what, const char *detail, struct err *err)
{
    err_set(err, ERR_HUB_BAD_ANSWER, "the Hub's %s cannot be used: %s", what, detail);
    return err_fact_str(err, "detail", detail);
}

static json_t *parse(const char *what, const char *text, size_t size, struct err *err)
{
    json_error_t at;
    json_t *root;

    if (size > MODEL_INFO_MAX_BYTES) {
        bad(what, "it is larger than 32 MiB", err);
        return NULL;
    }
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        bad(what, at.text, err);
    return root;
}

/* The hash that names the content: of LFS its SHA-256, else Git's. "" when it is no hash. */
static void take_oid(char ret[65], const char *git, const char *sha256)
{
    const char *oid = sha256 ? sha256 : git;

    if (oid && hub_etag_is_hash(oid))
        snprintf(ret, 65, "%s", oid);
}

struct model_file *pin_add_file(struct pin *pin, const char *path)
{
    struct model_file *f;

    if ((pin->n_files & (pin->n_files - 1)) == 0) { /* full: the room doubles */
        size_t room = pin->n_files ? 2 * pin->n_files : 1;

        pin->files = mem_resize(pin->files, room * sizeof(*pin->files));
    }
    f = &pin->files[pin->n_files++];
    *f = (struct model_file){.path = str_dup(path), .size = -1};
    return f;
}

/* Bits of what the Hub counted in the safetensors headers of the repository. */
static uint32_t parse_encodings(const json_t *parameters)
{
    static const struct {
        const char *dtype;
        enum encoding encoding;
    } known[] = {
        {"F32", ENCODING_FLOAT32},        {"F16", ENCODING_FLOAT16},
        {"BF16", ENCODING_BFLOAT16},      {"F8_E4M3", ENCODING_FLOAT8_E4M3FN},
        {"U8", ENCODING_FLOAT4_E2M1FNX2}, /* packed; MAX reads it so */
    };
    uint32_t bits = 0;

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (json_object_get(parameters, known[i].dtype))
            bits |= 1u << known[i].encoding;
    return bits;
}

static int64_t size_of(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

static bool parse_siblings(struct pin *pin, const json_t *siblings, bool *ret_needs_tree,
                           struct err *err)
{
    size_t i;
    json_t *one;

    if (!json_is_array(siblings)) {
        *ret_needs_tree = true;
        return true;
    }
    if (json_array_size(siblings) > MODEL_FILES_MAX)
        return bad("model info", "it lists more than 100000 files", err);
    json_array_foreach(siblings, i, one)
    {
        const char *path = json_string_value(json_object_get(one, "rfilename"));
        const json_t *lfs = json_object_get(one, "lfs");
        struct model_file *f;

        if (!path || !repo_path_valid(path))
            continue;
        f = pin_add_file(pin, path);
        f->size = size_of(json_object_get(lfs, "size"));
        if (f->size < 0)
            f->size = size_of(json_object_get(one, "size"));
        take_oid(f->oid, json_string_value(json_object_get(one, "blobId")),
                 json_string_value(json_object_get(lfs, "sha256")));
        if (f->size < 0 || !f->oid[0])
            *ret_needs_tree = true;
    }
    return true;
}

bool model_info_parse(struct pin *ret, bool *ret_needs_tree, const char *text, size_t size,
                      struct err *err)
{
    json_auto_t *root = parse("model info", text, size, err);
    CLEANUP(pin_release) struct pin pin = {0};
    const char *sha, *id;
    const json_t *gated;
    bool needs_tree = false;

    if (!root)
        return false;
    sha = json_string_value(json_object_get(root, "sha"));
    id = json_string_value(json_object_get(root, "id"));
    if (!sha || !revision_is_commit(sha))
        return bad("model info", "it names no commit (\"sha\" of 40 hex digits)", err);
    if (id && !repo_id_valid(id))
        return bad("model info", "its \"id\" is no repository id", err);
    snprintf(pin.commit, sizeof(pin.commit), "%s", sha);
    snprintf(pin.canonical, sizeof(pin.canonical), "%s", id ? id : "");
    gated = json_object_get(root, "gated"); /* false, "auto" or "manual" */
    pin.gated = json_is_string(gated) || json_is_true(gated);
    pin.is_private = json_is_true(json_object_get(root, "private"));
    pin.disabled = json_is_true(json_object_get(root, "disabled"));
    pin.hub_encodings =
        parse_encodings(json_object_get(json_object_get(root, "safetensors"), "parameters"));
    if (!parse_siblings(&pin, json_object_get(root, "siblings"), &needs_tree, err))
        return false;
    *ret = pin;
    *ret_needs_tree = needs_tree;
    pin = (struct pin){0};
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct model_file *x = a, *y = b;

    return strcmp(x->path, y->path);
}

bool model_tree_parse(struct pin *pin, const char *text, size_t size, struct err *err)
{
    json_auto_t *root = parse("file tree", text, size, err);
    size_t i, n_sorted = pin->n_files;
    json_t *one;

    if (!root)
        return false;
    if (!json_is_array(root))
        return bad("file tree", "it is no array", err);
    if (json_array_size(root) + pin->n_files > 2 * MODEL_FILES_MAX)
        return bad("file tree", "it lists more than 100000 files", err);
    if (n_sorted)
        qsort(pin->files, n_sorted, sizeof(*pin->files), by_path);
    json_array_foreach(root, i, one)
    {
        const char *path = json_string_value(json_object_get(one, "path"));
        const char *type = json_string_value(json_object_get(one, "type"));
        const json_t *lfs = json_object_get(one, "lfs");
        struct model_file wanted = {.path = path}, *f = NULL;

        if (!path || !type || !str_eq(type, "file") || !repo_path_valid(path))
            continue;
        if (n_sorted)
            f = bsearch(&wanted, pin->files, n_sorted, sizeof(*f), by_path);
        if (!f)
            f = pin_add_file(pin, path);
        f->size = size_of(json_object_get(one, "size"));
        take_oid(f->oid, json_string_value(json_object_get(one, "oid")),
                 json_string_value(json_object_get(lfs, "oid")));
    }
    return true;
}

void pin_copy(struct pin *ret, const struct pin *pin)
{
    *ret = *pin;
    ret->files = NULL;
    ret->n_files = 0;
    for (size_t i = 0; i < pin->n_files; i++) {
        struct model_file *f = pin_add_file(ret, pin->files[i].path);
        const char *path = f->path;

        *f = pin->files[i];
        f->path = path;
    }
}

char *pin_render(const struct pin *pin)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    json_str(&j, "commit", pin->commit);
    json_str(&j, "canonical", pin->canonical);
    json_int(&j, "pinned_at", pin->pinned_at);
    json_bool(&j, "gated", pin->gated);
    json_bool(&j, "private", pin->is_private);
    json_bool(&j, "disabled", pin->disabled);
    json_int(&j, "encodings", pin->hub_encodings);
    json_key(&j, "files"), json_open(&j, '[');
    for (size_t i = 0; i < pin->n_files; i++) {
        json_item(&j), json_open(&j, '[');
        json_item(&j), json_write_str(j.out, pin->files[i].path);
        json_item(&j), json_write_int(j.out, pin->files[i].size);
        json_item(&j), json_write_str(j.out, pin->files[i].oid);
        json_close(&j, ']');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    return buf_take(&b);
}

bool pin_parse(struct pin *ret, const char *text, size_t size, struct err *err)
{
    json_auto_t *root = parse("kept description", text, size, err);
    CLEANUP(pin_release) struct pin pin = {0};
    const char *commit, *canonical;
    size_t i;
    json_t *one;

    if (!root)
        return false;
    commit = json_string_value(json_object_get(root, "commit"));
    canonical = json_string_value(json_object_get(root, "canonical"));
    if (!commit || !revision_is_commit(commit) || !canonical)
        return bad("kept description", "it names no commit", err);
    snprintf(pin.commit, sizeof(pin.commit), "%s", commit);
    snprintf(pin.canonical, sizeof(pin.canonical), "%s", canonical);
    pin.pinned_at = json_integer_value(json_object_get(root, "pinned_at"));
    pin.gated = json_is_true(json_object_get(root, "gated"));
    pin.is_private = json_is_true(json_object_get(root, "private"));
    pin.disabled = json_is_true(json_object_get(root, "disabled"));
    pin.hub_encodings = (uint32_t)json_integer_value(json_object_get(root, "encodings"));
    json_array_foreach(json_object_get(root, "files"), i, one)
    {
        const char *path = json_string_value(json_array_get(one, 0));
        struct model_file *f;

        if (!path || !repo_path_valid(path) || i >= MODEL_FILES_MAX)
            continue;
        f = pin_add_file(&pin, path);
        f->size = size_of(json_array_get(one, 1));
        take_oid(f->oid, json_string_value(json_array_get(one, 2)), NULL);
    }
    *ret = pin;
    pin = (struct pin){0};
    return true;
}
