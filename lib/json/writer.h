#pragma once
/*
 * JSON writer: appends JSON text to a buf. The one place where text becomes a
 * JSON string.
 *
 * json_write_* append a bare value. A struct json adds the commas:
 *
 *     struct json j = json_begin(&buf);
 *     json_open(&j, '{');
 *     json_str(&j, "name", arch->name);
 *     json_key(&j, "tasks"), json_open(&j, '[');
 *     json_item(&j), json_write_str(j.out, "text_generation");
 *     json_close(&j, ']');
 *     json_close(&j, '}');
 *
 * Bytes that are not UTF-8 become U+FFFD: names of files come from outside.
 *
 * Names stay clear of jansson's (json_real, json_null): one process has both,
 * and ours would be called in place of the library's own.
 */
#include "base/buf.h"

void json_write_str(struct buf *b, const char *s);
void json_write_str_n(struct buf *b, const char *s, size_t size);
void json_write_int(struct buf *b, int64_t v);
/* An array of numbers: what ids are sent as. Some 4 ns each. */
void json_write_u32s(struct buf *b, const uint32_t *items, size_t n);
/* Shortest text that reads back as v; null for what JSON cannot say. */
void json_write_real(struct buf *b, double v);
void json_write_bool(struct buf *b, bool v);
void json_write_null(struct buf *b);

struct json {
    struct buf *out;
    bool need_comma;
};

struct json json_begin(struct buf *out);
void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
/* Before a member's value, before an array's item: writes comma (and key). */
void json_key(struct json *j, const char *key);
void json_item(struct json *j);

/* A member with its value. str: NULL is null. raw: one valid JSON value. */
void json_str(struct json *j, const char *key, const char *value);
void json_int(struct json *j, const char *key, int64_t value);
void json_number(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_nil(struct json *j, const char *key);
void json_raw(struct json *j, const char *key, const char *raw);
void json_strv(struct json *j, const char *key, const char *const *values, size_t n);
