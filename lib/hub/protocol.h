#pragma once
/*
 * Protocol: what we ask of a Hugging Face Hub, and what its answers mean.
 *
 * Pure: URLs out, status and header lines in. An answer is judged once, here,
 * and every way in which it can fail has its own error, because a user does
 * something else about each.
 */
#include "base/err.h"
#include "hub/repo_id.h"

/* The Hub counts requests in buckets; see hub/ratelimit.h. */
enum hub_bucket { BUCKET_API, BUCKET_RESOLVERS, BUCKET_PAGES, N_BUCKETS };
const char *hub_bucket_name(enum hub_bucket b);

enum hub_question_kind { HUB_INFO, HUB_TREE, HUB_FILE };

/* What is asked. Strings are borrowed. */
struct hub_question {
    enum hub_question_kind kind;
    const char *repo;     /* a valid repo id */
    const char *revision; /* branch, tag, refs/pr/N, commit */
    const char *path;     /* HUB_FILE: a valid repository path */
    bool has_token;       /* a token goes with it */
};

/* The caller frees. Segments are percent-encoded; a revision is one segment. */
char *hub_url(const char *endpoint, const struct hub_question *q);
enum hub_bucket hub_question_bucket(const struct hub_question *q);

/* What we keep of an answer's header. Zeroed is empty; sizes then mean -1 = not told. */
struct hub_answer {
    int status;
    char error_code[48], error_message[256];
    char commit[65];      /* X-Repo-Commit */
    char etag[129];       /* normalised: no W/, no quotes; X-Linked-ETag wins over ETag */
    bool has_linked_etag; /* … and did */
    bool has_size, has_range, has_length;
    int64_t linked_size;                          /* X-Linked-Size, with has_size */
    int64_t content_length;                       /* with has_length */
    int64_t range_first, range_last, range_total; /* Content-Range, with has_range; -1: "*" */
    char *location, *link_next;                   /* malloc'ed; NULL none */

    /* rate limit, as told */
    bool has_limit; /* RateLimit was there */
    enum hub_bucket limit_bucket;
    int64_t limit_remaining, limit_reset_s;
    int64_t retry_after_s; /* 0: none */
};
void hub_answer_release(struct hub_answer *a);

/*
 * Takes one header line (with or without its CRLF), or a status line, which
 * forgets what an earlier answer of the same transfer said. What is malformed
 * is ignored, as if absent; never fails.
 */
void hub_answer_line(struct hub_answer *a, const char *line, size_t size);

enum hub_verdict {
    HUB_CONTENT,  /* 200 or 206: the body is what was asked for */
    HUB_REDIRECT, /* go to location */
    HUB_REFUSED,  /* *err says why; asking again changes nothing soon */
    HUB_TROUBLE,  /* *err says why; may pass */
};

/*
 * What an answer means; *err is filled for REFUSED and TROUBLE. body is the
 * (start of the) body of an error answer, for its "error" text.
 *
 * Errors: REPO_NOT_FOUND (missing, or private and we have no token: the Hub
 * does not tell; fact "authenticated"), REPO_PRIVATE (the token may not read
 * it), REPO_GATED (fact "url"), REPO_DISABLED, REVISION_NOT_FOUND,
 * FILE_NOT_FOUND, TOKEN_INVALID, HUB_RATE_LIMITED (fact "retry_after_s"),
 * HUB_UNREACHABLE (5xx), HUB_TIMEOUT (504, 408), HUB_BAD_ANSWER. Facts also:
 * "model", "revision", "path", "status".
 */
enum hub_verdict hub_judge(const struct hub_question *q, const struct hub_answer *a,
                           const char *body, size_t size, struct err *err);

/* 40 hex (git) or 64 hex (SHA-256): an etag that names content. */
bool hub_etag_is_hash(const char *etag);
/*
 * True when data is what oid (40 or 64 lower-case hex) names. ERR_CONTENT_MISMATCH
 * otherwise, with "expected", "actual", "size_bytes". Cost: one hash over data.
 */
bool hub_content_check(const char *oid, const char *path, const void *data, size_t size,
                       struct err *err) MUST_CHECK;
