#pragma once
/*
 * Head: the header fields of a request, checked strictly and kept at hand.
 *
 * libmicrohttpd 0.9.75 lets through what two servers may read differently: two
 * Content-Lengths, Content-Length beside Transfer-Encoding, other transfer
 * codings, control bytes, spaces in names, no or two Hosts. Behind
 * or before a proxy each of these is a way to smuggle a request, so all of
 * them are refused and the connection closed. (Bare LF, obs-fold and what is
 * behind a NUL in a value are gone when its parser is through, and cannot be told.)
 *
 * Values are borrowed from the request.
 */
#include "base/err.h"

struct head {
    bool has_length, is_chunked;
    uint64_t content_length;
    bool expects_continue;
    bool has_range, has_prefer, has_conditions; /* beyond If-None-Match */
    const char *host, *origin, *fetch_site, *authorization;
    const char *accept, *content_type, *connection;
    const char *if_none_match, *if_match, *idempotency_key, *prefer, *request_id;
    unsigned n_fields;
    const char *fault; /* static; the first one found */
};

/* One field; false once there is a fault. name and value end in NUL besides. */
bool head_field(struct head *h, const char *name, size_t name_size, const char *value,
                size_t value_size);
/*
 * After the last field. version: "HTTP/1.1". method and target are checked too.
 * Errors: ERR_INVALID; the connection must be closed after the reply.
 */
bool head_done(const struct head *h, const char *version, const char *method, const char *target,
               struct err *err) MUST_CHECK;

/* True when one of the tags of an If-None-Match or If-Match list is etag (weak compare), or "*". */
bool head_etag_matches(const char *list, const char *etag);
/* The quality of type in an Accept list in thousandths; *ret_named: by more than a wildcard. */
int head_accept_quality(const char *accept, const char *type, bool *ret_named);
/* A sane X-Request-Id: 1 to 128 visible ASCII characters without quotes and backslashes. */
bool head_is_request_id(const char *id);
/* Prefer: respond-async and wait=N (RFC 7240); -1 without a valid wait. */
void head_prefer(const char *prefer, bool *ret_async, int *ret_wait_s);
/* The text of an Idempotency-Key: quoted or bare, visible ASCII, at most 255. */
bool head_idempotency_key(const char *value, char ret[256]);
