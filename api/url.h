#pragma once
/*
 * URL: a raw request target taken apart, once.
 *
 * The path is split at '/' before anything is decoded, so "org%2Fname" stays
 * one segment; then each segment is percent-decoded, once, and '+' stays '+'.
 * In the query '+' is a space. What comes out is UTF-8 without control
 * characters and without "." or ".." between slashes, also after decoding.
 */
#include "base/err.h"

enum { URL_MAX_SEGMENTS = 64, URL_MAX_PARAMS = 64 };

struct url_text {
    const char *text; /* NUL-terminated, in the scratch */
    size_t size;
};

struct url_param {
    struct url_text key, value;
};

struct url {
    struct url_text segments[URL_MAX_SEGMENTS]; /* "/" has none; one behind the other in scratch */
    size_t n_segments;
    const char *query; /* raw, behind '?'; points into target */
};

/*
 * Takes apart the path of target, an origin-form ("/…") or absolute-form
 * target. scratch: strlen(target) + 1 bytes, keeps the decoded text.
 * Errors: ERR_INVALID (encoding, control characters, dot segments, too many segments).
 */
bool url_parse(const char *target, char *scratch, struct url *ret, struct err *err) MUST_CHECK;

/*
 * Takes apart a raw query into params; *ret_n of them. scratch: strlen(query) + 1 bytes.
 * Errors: ERR_INVALID (encoding, control characters, too many).
 */
bool url_parse_query(const char *query, char *scratch, struct url_param ret[URL_MAX_PARAMS],
                     size_t *ret_n, struct err *err) MUST_CHECK;

/* Decodes size bytes of raw to ret (size + 1 bytes), NUL-terminated. False: bad escape or text. */
bool url_decode(const char *raw, size_t size, bool plus_is_space, char *ret, size_t *ret_size);
