#pragma once
/*
 * Reply: the one place that makes HTTP responses.
 *
 * Every reply carries Content-Type, X-Request-Id, X-Registry-Revision,
 * Server-Timing and Cache-Control. What has an ETag is checked against
 * If-None-Match and becomes a 304 by itself; HEAD sends the same head and no
 * body. JSON ends in a newline.
 *
 * Each request gets exactly one reply; headers are added before it.
 */
#include "api/route.h"

/* value is copied; a CR or LF in it is a bug of ours (asserted). At most 16 per reply. */
void reply_header(struct request *req, const char *name, const char *value);
/* "no-cache" by default for GET, "no-store" for the rest and for errors; static string. */
void reply_cache_control(struct request *req, const char *value);
/* "" or a quoted tag; set before the reply. A blob's own is used by reply_blob(). */
void reply_etag(struct request *req, const char *etag);
/*
 * These bytes of request get this reply until the hot generation moves or tag
 * (0: none) is invalidated: the loop may keep it (api/hot.h). Only for a 200 of
 * a blob, a buf or static text. Before the reply.
 */
void reply_cacheable(struct request *req, uint64_t tag);

/* Bytes. content_type: static; NULL is application/json. */
void reply_blob(struct request *req, unsigned status, struct blob *blob /* a reference is taken */,
                const char *content_type);
void reply_buf(struct request *req, unsigned status, struct buf *body /* emptied */,
               const char *content_type);
void reply_text(struct request *req, unsigned status, const char *text /* static */,
                const char *content_type);
void reply_json(struct request *req, unsigned status, json_t *doc /* a reference is taken */);
/* No body: 204, 202, 304, redirects. */
void reply_empty(struct request *req, unsigned status);
/*
 * size bytes of a file from offset; takes over fd. The server sends it with
 * sendfile(). The caller sets Content-Range and Accept-Ranges.
 */
void reply_file(struct request *req, unsigned status, int fd, uint64_t offset, uint64_t size,
                const char *content_type);
/* A problem document. err is left alone. */
void reply_problem(struct request *req, const struct err *err);
/* reply_problem() of a new error without facts. */
void reply_error(struct request *req, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* What a backend answered: body or problem, ETag, Location, Retry-After, timing. */
void reply_answer(struct request *req, const struct answer *answer);
