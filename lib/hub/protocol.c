#include "hub/protocol.h"

#include "base/hash.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

const char *hub_bucket_name(enum hub_bucket b)
{
    static const char *const names[] = {"api", "resolvers", "pages"};

    return b < N_BUCKETS ? names[b] : "?";
}

enum hub_bucket hub_question_bucket(const struct hub_question *q)
{
    return q->kind == HUB_FILE ? BUCKET_RESOLVERS : BUCKET_API;
}

/* ---- URLs */

/* Percent-encodes all but RFC 3986's unreserved, and '/' when it separates segments. */
static void append_encoded(struct buf *b, const char *s, bool keep_slash)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);

        if (plain || (keep_slash && c == '/'))
            buf_append_char(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

char *hub_url(const char *endpoint, const struct hub_question *q)
{
    AUTO_BUF struct buf b = {0};

    buf_append_str(&b, endpoint);
    buf_append_str(&b, q->kind == HUB_FILE ? "/" : "/api/models/");
    append_encoded(&b, q->repo, true);
    buf_append_str(&b, q->kind == HUB_FILE   ? "/resolve/"
                       : q->kind == HUB_TREE ? "/tree/"
                                             : "/revision/");
    append_encoded(&b, q->revision, false);
    if (q->kind == HUB_FILE) {
        buf_append_char(&b, '/');
        append_encoded(&b, q->path, true);
    } else {
        buf_append_str(&b, q->kind == HUB_TREE ? "?recursive=true" : "?blobs=true");
    }
    return buf_take(&b);
}

/* ---- header lines */

void hub_answer_release(struct hub_answer *a)
{
    free(a->location);
    free(a->link_next);
    *a = (struct hub_answer){0};
}

/* A whole decimal number and nothing else, at most 18 digits. */
static bool number(const char *s, size_t size, int64_t *ret)
{
    int64_t n = 0;

    if (!size || size > 18)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        n = n * 10 + (s[i] - '0');
    }
    *ret = n;
    return true;
}

static void copy(char *ret, size_t ret_size, const char *s, size_t size)
{
    if (size >= ret_size) /* cut, a hash would be worthless: absent instead */
        size = 0;
    memcpy(ret, s, size);
    ret[size] = '\0';
}

static void take_etag(struct hub_answer *a, bool linked, const char *s, size_t size)
{
    if (a->has_linked_etag && !linked)
        return;
    if (size >= 2 && (s[0] == 'W' || s[0] == 'w') && s[1] == '/')
        s += 2, size -= 2;
    if (size >= 2 && s[0] == '"' && s[size - 1] == '"')
        s++, size -= 2;
    copy(a->etag, sizeof(a->etag), s, size);
    if (linked && a->etag[0])
        a->has_linked_etag = true;
}

/* bytes 0-99/1234, bytes 0-99/ *, bytes * /1234 */
static void take_range(struct hub_answer *a, const char *s, size_t size)
{
    const char *end = s + size, *slash = memchr(s, '/', size), *dash;
    int64_t first = -1, last = -1, total = -1;

    if (size < 6 || strncasecmp(s, "bytes ", 6) != 0 || !slash)
        return;
    s += 6;
    if (s > slash)
        return;
    dash = memchr(s, '-', (size_t)(slash - s));
    if (dash) {
        if (!number(s, (size_t)(dash - s), &first) ||
            !number(dash + 1, (size_t)(slash - dash - 1), &last) || last < first)
            return;
    } else if (slash - s != 1 || *s != '*')
        return;
    if (!(end - slash == 2 && slash[1] == '*') &&
        !number(slash + 1, (size_t)(end - slash - 1), &total))
        return;
    a->range_first = first;
    a->range_last = last;
    a->range_total = total;
    a->has_range = true;
}

/* "api";r=0;t=55 */
static void take_limit(struct hub_answer *a, const char *s, size_t size)
{
    int64_t remaining = -1, reset = -1;
    size_t bucket = N_BUCKETS;
    const char *end = s + size, *quote;

    if (size < 2 || *s != '"' || !(quote = memchr(s + 1, '"', size - 1)))
        return;
    for (size_t i = 0; i < N_BUCKETS; i++) {
        const char *name = hub_bucket_name((enum hub_bucket)i);

        if (strlen(name) == (size_t)(quote - s - 1) && memcmp(name, s + 1, strlen(name)) == 0)
            bucket = i;
    }
    for (const char *p = quote + 1; p < end;) {
        const char *next = memchr(p, ';', (size_t)(end - p));

        next = next ? next : end;
        if (next - p > 2 && p[1] == '=' && p[0] == 'r')
            (void)number(p + 2, (size_t)(next - p - 2), &remaining);
        if (next - p > 2 && p[1] == '=' && p[0] == 't')
            (void)number(p + 2, (size_t)(next - p - 2), &reset);
        p = next + 1;
    }
    if (bucket == N_BUCKETS || remaining < 0 || reset < 0)
        return;
    a->has_limit = true;
    a->limit_bucket = (enum hub_bucket)bucket;
    a->limit_remaining = remaining;
    a->limit_reset_s = reset;
}

/* <https://...>; rel="next", <...>; rel="other" */
static void take_link(struct hub_answer *a, const char *s, size_t size)
{
    const char *end = s + size;

    while (s < end) {
        const char *open = memchr(s, '<', (size_t)(end - s)), *close, *next;

        if (!open || !(close = memchr(open, '>', (size_t)(end - open))))
            return;
        next = memchr(close, '<', (size_t)(end - close));
        next = next ? next : end;
        if (memmem(close, (size_t)(next - close), "rel=\"next\"", 10) && close - open > 1 &&
            close - open < 8192) {
            free(a->link_next);
            a->link_next = str_dup_n(open + 1, (size_t)(close - open - 1));
            return;
        }
        s = next;
    }
}

static void take_location(struct hub_answer *a, const char *s, size_t size)
{
    if (!size || size > 8192 || memchr(s, '\0', size))
        return;
    free(a->location);
    a->location = str_dup_n(s, size);
}

static void take_commit(struct hub_answer *a, const char *s, size_t size)
{
    char commit[65];

    copy(commit, sizeof(commit), s, size);
    if (revision_is_commit(commit))
        memcpy(a->commit, commit, sizeof(commit));
}

static void take_field(struct hub_answer *a, const char *name, size_t name_size, const char *s,
                       size_t size)
{
#define IS(text) (name_size == sizeof(text) - 1 && strncasecmp(name, text, name_size) == 0)
    if (IS("x-error-code"))
        copy(a->error_code, sizeof(a->error_code), s, size);
    else if (IS("x-error-message"))
        copy(a->error_message, sizeof(a->error_message), s,
             size < sizeof(a->error_message) ? size : sizeof(a->error_message) - 1);
    else if (IS("x-repo-commit"))
        take_commit(a, s, size);
    else if (IS("x-linked-etag"))
        take_etag(a, true, s, size);
    else if (IS("etag"))
        take_etag(a, false, s, size);
    else if (IS("x-linked-size"))
        a->has_size |= number(s, size, &a->linked_size);
    else if (IS("content-length"))
        a->has_length |= number(s, size, &a->content_length);
    else if (IS("content-range"))
        take_range(a, s, size);
    else if (IS("location"))
        take_location(a, s, size);
    else if (IS("link"))
        take_link(a, s, size);
    else if (IS("ratelimit"))
        take_limit(a, s, size);
    else if (IS("retry-after"))
        (void)number(s, size, &a->retry_after_s);
#undef IS
}

void hub_answer_line(struct hub_answer *a, const char *line, size_t size)
{
    const char *colon, *value;
    int64_t status;

    while (size && (line[size - 1] == '\r' || line[size - 1] == '\n' || line[size - 1] == ' '))
        size--;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        const char *space = memchr(line, ' ', size);

        hub_answer_release(a);
        if (space && size - (size_t)(space - line) >= 4 && number(space + 1, 3, &status))
            a->status = (int)status;
        return;
    }
    colon = memchr(line, ':', size);
    if (!colon)
        return;
    value = colon + 1;
    size -= (size_t)(value - line);
    while (size && (*value == ' ' || *value == '\t'))
        value++, size--;
    take_field(a, line, (size_t)(colon - line), value, size);
}

/* ---- judgement */

/* What the Hub says of the error, in its header or its body. */
static void error_text(const struct hub_answer *a, const char *body, size_t size, char *ret,
                       size_t ret_size)
{
    json_t *root = NULL;
    const char *text = a->error_message;

    if (!*text && size && size <= 65536) {
        root = json_loadb(body, size, 0, NULL);
        text = json_string_value(json_object_get(root, "error"));
    }
    snprintf(ret, ret_size, "%.180s", text ? text : "");
    json_decref(root);
}

static void add_facts(const struct hub_question *q, const struct hub_answer *a, struct err *err)
{
    err_fact_str(err, "model", q->repo);
    err_fact_str(err, "revision", q->revision);
    if (q->kind == HUB_FILE)
        err_fact_str(err, "path", q->path);
    err_fact_int(err, "hub_status", a->status);
}

static enum hub_verdict refuse(const struct hub_question *q, const struct hub_answer *a,
                               struct err *err)
{
    add_facts(q, a, err);
    return HUB_REFUSED;
}

static enum hub_verdict refuse_repo(const struct hub_question *q, const struct hub_answer *a,
                                    struct err *err)
{
    if (q->has_token)
        err_set(err, ERR_REPO_NOT_FOUND,
                "the Hub has no repository %s that this token may see; check the spelling, or ask "
                "its owner for access if it is private",
                q->repo);
    else
        err_set(err, ERR_REPO_NOT_FOUND,
                "the Hub has no public repository %s; check the spelling, or set HF_TOKEN if it is "
                "private",
                q->repo);
    err_fact_json(err, "authenticated", q->has_token ? "true" : "false");
    return refuse(q, a, err);
}

static enum hub_verdict refuse_gated(const struct hub_question *q, const struct hub_answer *a,
                                     struct err *err)
{
    char url[200];

    if (q->has_token)
        err_set(err, ERR_REPO_GATED,
                "%s is gated and this token's account was not granted access; ask for it on the "
                "model's page",
                q->repo);
    else
        err_set(err, ERR_REPO_GATED,
                "%s is gated: accept its conditions on the model's page, then set HF_TOKEN to a "
                "token of that account",
                q->repo);
    err_fact_json(err, "authenticated", q->has_token ? "true" : "false");
    snprintf(url, sizeof(url), "https://huggingface.co/%s", q->repo);
    err_fact_str(err, "url", url);
    return refuse(q, a, err);
}

static enum hub_verdict refuse_missing(const struct hub_question *q, const struct hub_answer *a,
                                       struct err *err)
{
    if (q->kind == HUB_FILE) {
        err_set(err, ERR_FILE_NOT_FOUND, "%s has no file %.200s at %.60s", q->repo, q->path,
                q->revision);
        return refuse(q, a, err);
    }
    return refuse_repo(q, a, err);
}

static enum hub_verdict refuse_revision(const struct hub_question *q, const struct hub_answer *a,
                                        struct err *err)
{
    err_set(err, ERR_REVISION_NOT_FOUND,
            "%s has no revision %.200s; a branch, tag, commit or refs/pr/N of it would do", q->repo,
            q->revision);
    return refuse(q, a, err);
}

static enum hub_verdict judge_code(const struct hub_question *q, const struct hub_answer *a,
                                   struct err *err)
{
    if (str_eq(a->error_code, "RepoNotFound"))
        return refuse_repo(q, a, err);
    if (str_eq(a->error_code, "GatedRepo"))
        return refuse_gated(q, a, err);
    if (str_eq(a->error_code, "RevisionNotFound"))
        return refuse_revision(q, a, err);
    if (str_eq(a->error_code, "EntryNotFound"))
        return refuse_missing(q, a, err);
    return HUB_CONTENT; /* no code we know */
}

static enum hub_verdict judge_denied(const struct hub_question *q, const struct hub_answer *a,
                                     const char *text, struct err *err)
{
    if (strcasestr(text, "disabled")) {
        err_set(err, ERR_REPO_DISABLED, "access to %s is disabled on the Hub", q->repo);
        return refuse(q, a, err);
    }
    if (strcasestr(text, "gated") || strcasestr(text, "is restricted"))
        return refuse_gated(q, a, err);
    if (a->status == 401 && q->has_token) {
        err_set(err, ERR_TOKEN_INVALID,
                "the Hub does not accept the token (%s); check it is whole and was not revoked",
                *text ? text : "401");
        return refuse(q, a, err);
    }
    if (a->status == 401)
        return refuse_repo(q, a, err);
    err_set(err, ERR_REPO_PRIVATE, "the Hub refuses %s to %s (403%s%s)", q->repo,
            q->has_token ? "this token, whose scope may be too narrow" : "anonymous clients",
            *text ? ": " : "", text);
    err_fact_json(err, "authenticated", q->has_token ? "true" : "false");
    return refuse(q, a, err);
}

static enum hub_verdict judge_trouble(const struct hub_question *q, const struct hub_answer *a,
                                      const char *text, struct err *err)
{
    if (a->status == 429) {
        err_set(err, ERR_HUB_RATE_LIMITED, "the Hub limits our requests%s%s", *text ? ": " : "",
                text);
        if (a->retry_after_s || a->has_limit)
            err_fact_int(err, "retry_after_s",
                         a->retry_after_s ? a->retry_after_s : a->limit_reset_s + 1);
    } else if (a->status == 408 || a->status == 504) {
        err_set(err, ERR_HUB_TIMEOUT, "the Hub answered %d: it took too long itself", a->status);
    } else if (a->status >= 500) {
        err_set(err, ERR_HUB_UNREACHABLE, "the Hub answered %d%s%s", a->status, *text ? ": " : "",
                text);
    } else {
        err_set(err, ERR_HUB_BAD_ANSWER, "the Hub answered %d, which makes no sense here%s%s",
                a->status, *text ? ": " : "", text);
    }
    add_facts(q, a, err);
    return a->status >= 500 || a->status == 429 || a->status == 408 ? HUB_TROUBLE : HUB_REFUSED;
}

enum hub_verdict hub_judge(const struct hub_question *q, const struct hub_answer *a,
                           const char *body, size_t size, struct err *err)
{
    char text[200];
    enum hub_verdict v;

    if (a->status == 200 || a->status == 206)
        return HUB_CONTENT;
    if (a->location && (a->status == 301 || a->status == 302 || a->status == 303 ||
                        a->status == 307 || a->status == 308))
        return HUB_REDIRECT;
    error_text(a, body, size, text, sizeof(text));
    if (a->status >= 400 && a->status < 500 && a->status != 429) {
        v = judge_code(q, a, err);
        if (v != HUB_CONTENT)
            return v;
    }
    if (a->status == 401 || a->status == 403)
        return judge_denied(q, a, text, err);
    if (a->status == 404 && (strcasestr(text, "rev id") || strcasestr(text, "revision")))
        return refuse_revision(q, a, err);
    if (a->status == 404 || a->status == 410)
        return refuse_missing(q, a, err);
    return judge_trouble(q, a, text, err);
}

/* ---- content */

bool hub_etag_is_hash(const char *etag)
{
    size_t n = strspn(etag, "0123456789abcdef");

    return (n == 40 || n == 64) && !etag[n];
}

bool hub_content_check(const char *oid, const char *path, const void *data, size_t size,
                       struct err *err)
{
    char actual[SHA256_HEX];

    if (strlen(oid) == 64)
        hash_sha256_hex(data, size, actual);
    else
        hash_git_blob_hex(data, size, actual);
    if (str_eq(actual, oid))
        return true;
    err_set(err, ERR_CONTENT_MISMATCH,
            "%.200s came with other content than its hash says; it was thrown away", path);
    err_fact_str(err, "path", path);
    err_fact_str(err, "expected", oid);
    err_fact_str(err, "actual", actual);
    return err_fact_int(err, "size_bytes", (int64_t)size);
}
