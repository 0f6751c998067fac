#include "api/tree.h"

#include "json/reader.h"

#include <errno.h>
#include <math.h>

enum { NUMBER_MAX = 64 };

static json_t *read_value(struct json_reader *r); /* recursion is bounded by the reader's depth */

static json_t *read_object(struct json_reader *r)
{
    json_t *o = json_object();
    struct slice key;
    size_t n = 0;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        bool is_text = key.data >= r->start && key.data < r->end;
        /* A key that had escapes is overwritten by reading its value. */
        AUTO_FREE char *kept = is_text ? NULL : slice_dup(key);
        const char *name = is_text ? key.data : kept;
        json_t *value = memchr(name, '\0', key.size) ? NULL : read_value(r);

        if (!value || json_object_setn_new_nocheck(o, name, key.size, value) != 0 ||
            json_object_size(o) != ++n) {
            json_read_fault(r, "a key twice, or a value that is none");
            break;
        }
    }
    return o;
}

static json_t *read_array(struct json_reader *r)
{
    json_t *list = json_array();

    json_read_array(r);
    while (json_read_item(r)) {
        json_t *value = read_value(r);

        if (!value || json_array_append_new(list, value) != 0) {
            json_read_fault(r, "a value that is none");
            break;
        }
    }
    return list;
}

static json_t *read_string(struct json_reader *r)
{
    struct slice s;

    if (!json_read_text(r, &s) || memchr(s.data, '\0', s.size))
        return NULL;
    return json_stringn_nocheck(s.data, s.size);
}

static json_t *read_number(struct json_reader *r)
{
    char text[NUMBER_MAX];
    struct slice s;

    if (!json_read_raw(r, &s) || s.size >= sizeof(text))
        return NULL;
    memcpy(text, s.data, s.size);
    text[s.size] = '\0';
    errno = 0;
    if (strpbrk(text, ".eE")) {
        double real = strtod(text, NULL);

        return isfinite(real) && errno == 0 ? json_real(real) : NULL;
    }
    json_int_t whole = strtoll(text, NULL, 10);

    return errno == 0 ? json_integer(whole) : NULL;
}

/* NULL: a fault. */
static json_t *read_value(struct json_reader *r)
{
    bool yes;

    switch (json_read_kind(r)) {
    case KIND_OBJECT:
        return read_object(r);
    case KIND_ARRAY:
        return read_array(r);
    case KIND_STRING:
        return read_string(r);
    case KIND_NUMBER:
        return read_number(r);
    case KIND_BOOL:
        return json_read_bool(r, &yes) ? json_boolean(yes) : NULL;
    case KIND_NULL:
        return json_read_null(r) ? json_null() : NULL;
    case KIND_NONE:
        break;
    }
    return NULL;
}

json_t *tree_read(const char *text, size_t size, unsigned max_depth)
{
    AUTO_JSON_READER struct json_reader r = json_reader(text, size);
    AUTO_ERR struct err err = {0};
    enum json_kind kind;
    json_t *doc;

    r.max_depth = max_depth < JSON_DEPTH_MAX ? max_depth : JSON_DEPTH_MAX;
    kind = json_read_kind(&r);
    doc = kind == KIND_OBJECT || kind == KIND_ARRAY ? read_value(&r) : NULL;
    if (doc && json_read_end(&r, ERR_INVALID, "body", &err))
        return doc;
    json_decref(doc);
    return NULL;
}
