/* JSON reader: no input breaks it; skipping and reading agree; what jansson takes it takes. */
#include "json/reader.h"

#include <assert.h>
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every value by its kind. */
static void walk(struct json_reader *r, unsigned depth)
{
    struct slice s;
    double d;
    bool b;

    switch (json_read_kind(r)) {
    case KIND_OBJECT:
        json_read_object(r);
        while (json_read_key(r, &s))
            walk(r, depth + 1);
        break;
    case KIND_ARRAY:
        json_read_array(r);
        while (json_read_item(r))
            walk(r, depth + 1);
        break;
    case KIND_STRING:
        json_read_text(r, &s);
        break;
    case KIND_NUMBER:
        json_read_real(r, &d);
        break;
    case KIND_BOOL:
        json_read_bool(r, &b);
        break;
    case KIND_NULL:
        json_read_null(r);
        break;
    case KIND_NONE:
        json_read_skip(r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    AUTO_JSON_READER struct json_reader skipping = json_reader((const char *)data, size);
    AUTO_JSON_READER struct json_reader reading = json_reader((const char *)data, size);

    json_read_skip(&skipping);
    bool skipped = json_read_end(&skipping, ERR_INVALID, "fuzz", &err);
    walk(&reading, 0);
    bool read = json_read_end(&reading, ERR_INVALID, "fuzz", &err);
    /* Where strings are kept changes nothing. */
    AUTO_BUF struct buf keep = {0};
    AUTO_JSON_READER struct json_reader keeping = json_reader((const char *)data, size);
    buf_reserve(&keep, size + JSON_KEEP_ROOM);
    keeping.keep = &keep;
    walk(&keeping, 0);
    assert(json_read_end(&keeping, ERR_INVALID, "fuzz", &err) == read);
    assert(keeping.fault == reading.fault && keeping.fault_at == reading.fault_at);
    /* Reading also refuses numbers beyond a double. */
    assert(skipped || !read);

    /* jansson takes a NUL behind a number for the end. */
    if (memchr(data, '\0', size))
        return 0;
    json_error_t at;
    json_t *doc = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
    assert(skipped || !doc || skipping.fault == NULL || strstr(skipping.fault, "deep"));
    json_decref(doc);
    return 0;
}
