#include "daemon/idempotency.h"

#include "base/clock.h"
#include "daemon/core.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>

struct idempotent {
    struct map_node node; /* by key */
    char *key;            /* principal and key, with a newline between them */
    char fingerprint[33];
    bool done;
    struct answer answer; /* when done */
    int64_t expires_at;
    TAILQ_ENTRY(idempotent) by_age; /* when done */
};

void idempotency_init(struct idempotency *t, int64_t ttl_s)
{
    *t = (struct idempotency){.ttl_s = ttl_s};
    TAILQ_INIT(&t->by_age);
}

static void forget(struct idempotency *t, struct idempotent *i)
{
    map_remove(&t->by_key, &i->node);
    if (i->done) {
        TAILQ_REMOVE(&t->by_age, i, by_age);
        blob_unref(i->answer.body);
        err_release(&i->answer.err);
    }
    free(i->key);
    free(i);
}

void idempotency_release(struct idempotency *t)
{
    struct map_node *n;

    for (struct map_cursor c = {0}; (n = map_next(&t->by_key, &c));)
        forget(t, container_of(n, struct idempotent, node));
    map_release(&t->by_key);
}

static struct idempotent *find(const struct idempotency *t, const char *principal, const char *key)
{
    AUTO_FREE char *both = str_printf("%s\n%s", principal, key);
    struct map_node *n = map_find(&t->by_key, both);

    return n ? container_of(n, struct idempotent, node) : NULL;
}

static struct idempotent *remember(struct idempotency *t, const char *principal, const char *key,
                                   const char *fingerprint)
{
    struct idempotent *i = mem_new(struct idempotent);

    i->key = str_printf("%s\n%s", principal, key);
    snprintf(i->fingerprint, sizeof(i->fingerprint), "%s", fingerprint);
    i->node.key = i->key;
    map_insert(&t->by_key, &i->node);
    return i;
}

static void finish(struct idempotency *t, struct idempotent *i, int64_t expires_at)
{
    i->done = true;
    i->expires_at = expires_at;
    TAILQ_INSERT_TAIL(&t->by_age, i, by_age);
}

static void answer_copy(struct answer *to, const struct answer *from)
{
    *to = *from;
    to->body = blob_ref(from->body);
    to->err = (struct err){0};
    err_copy(&to->err, &from->err);
    to->cacheable = false;
    to->timing[0] = '\0';
}

/* ---- as a row: what is not body goes into `headers`, as JSON */

static char *answer_headers(const struct answer *a)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:s}", "etag", a->etag, "location", a->location,
                          "content_type", a->content_type ? a->content_type : "", "retry_after_s",
                          (int)a->retry_after_s, "problem", a->status ? "" : err_slug(a->err.code));
    char *text;

    if (o && !a->status)
        json_object_set_new(o, "detail", json_string(a->err.msg));
    text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text ? text : str_dup("{}");
}

static const char *member(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

void idempotency_load(struct idempotency *t, const struct store_reply *row)
{
    json_t *o = json_loads(row->headers, 0, NULL);

    if (!o || find(t, row->principal, row->key)) {
        json_decref(o);
        return;
    }
    struct idempotent *i = remember(t, row->principal, row->key, row->fingerprint);
    struct answer *a = &i->answer;
    const char *problem = member(o, "problem");

    a->status = (unsigned)row->status;
    snprintf(a->etag, sizeof(a->etag), "%s", member(o, "etag"));
    snprintf(a->location, sizeof(a->location), "%s", member(o, "location"));
    a->retry_after_s = (unsigned)json_integer_value(json_object_get(o, "retry_after_s"));
    if (*problem) {
        err_set(&a->err, err_parse(problem), "%s", member(o, "detail"));
        buf_append(&a->err.facts, row->body, row->body_size);
    } else if (row->body_size) {
        a->body = blob_new(row->body, row->body_size);
    }
    finish(t, i, row->expires_at);
    json_decref(o);
}

static void on_stored(struct change *c)
{
    struct idempotent *i = c->subject;

    finish(&c->core->idempotency, i, clock_wall_s() + c->core->idempotency.ttl_s);
    core_answer_final(c->core, c->call);
}

/* The effect is durable but its answer is not: a repetition will be a second request. */
static void on_not_stored(struct change *c, const struct err *err)
{
    (void)err;
    struct idempotent *i = c->subject;
    struct call *call = take(&c->call);

    blob_unref(i->answer.body);
    err_release(&i->answer.err);
    forget(&c->core->idempotency, i);
    core_answer_final(c->core, call);
}

/* ---- the two ends of a call */

bool idempotency_enter(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    struct idempotency *t = &core->idempotency;
    struct idempotent *i = find(t, call->principal, call->idempotency_key);

    if (!i) {
        remember(t, call->principal, call->idempotency_key, call->fingerprint);
        return true;
    }
    if (!str_eq(i->fingerprint, call->fingerprint)) {
        err_set(&err, ERR_IDEMPOTENCY_MISMATCH,
                "the Idempotency-Key was used with another request; use a new key");
    } else if (!i->done) {
        err_set(&err, ERR_IDEMPOTENCY_CONFLICT,
                "the first request with this Idempotency-Key is still under way; ask again later");
    } else {
        answer_copy(&call->answer, &i->answer);
        core_answer_final(core, call);
        return false;
    }
    call->answer = (struct answer){0};
    err_move(&call->answer.err, &err);
    core_answer_final(core, call);
    return false;
}

/* Worth keeping: what a repetition would not better. */
static bool is_final(const struct answer *a)
{
    switch (a->status ? ERR_NONE : a->err.code) {
    case ERR_HUB_UNREACHABLE:
    case ERR_HUB_TIMEOUT:
    case ERR_HUB_RATE_LIMITED:
    case ERR_HUB_BAD_ANSWER:
    case ERR_CONTENT_MISMATCH:
    case ERR_OFFLINE:
    case ERR_TIMEOUT:
    case ERR_BUSY:
    case ERR_DRAINING:
    case ERR_STORE:
    case ERR_STORE_FULL:
    case ERR_STORE_READ_ONLY:
    case ERR_STORE_CORRUPT:
    case ERR_IO:
    case ERR_CANCELED:
    case ERR_INTERNAL:
        return false;
    default:
        return true;
    }
}

bool idempotency_answered(struct core *core, struct call *call)
{
    struct idempotent *i = find(&core->idempotency, call->principal, call->idempotency_key);
    const struct answer *a = &call->answer;

    assert(i && !i->done);
    if (!is_final(a)) {
        forget(&core->idempotency, i);
        return true;
    }
    answer_copy(&i->answer, a);

    struct change *c = change_new(core, call, on_stored);
    int64_t now_s = clock_wall_s();
    bool failed = a->status == 0;

    c->failed = on_not_stored;
    c->subject = i;
    const struct blob *body = i->answer.body;
    change_op(c, &(struct store_op){.kind = STORE_REPLY_PUT,
                                    .reply = {.key = change_keep(c, call->idempotency_key),
                                              .principal = change_keep(c, call->principal),
                                              .fingerprint = i->fingerprint,
                                              .status = (int)a->status,
                                              .headers = change_own(c, answer_headers(&i->answer)),
                                              .body = failed ? i->answer.err.facts.data
                                                      : body ? body->bytes
                                                             : NULL,
                                              .body_size = failed ? i->answer.err.facts.size
                                                           : body ? body->size
                                                                  : 0,
                                              .created_at = now_s,
                                              .expires_at = now_s + core->idempotency.ttl_s}});
    change_submit(c);
    return false;
}

void idempotency_expire(struct core *core, int64_t now_s)
{
    struct idempotency *t = &core->idempotency;
    struct idempotent *i;
    bool any = false;

    while ((i = TAILQ_FIRST(&t->by_age)) &&
           (i->expires_at <= now_s || t->by_key.n > IDEMPOTENCY_MAX)) {
        forget(t, i);
        any = true;
    }
    if (!any)
        return;
    struct change *c = change_new(core, NULL, change_nothing);
    change_op(c, &(struct store_op){.kind = STORE_REPLIES_EXPIRE, .reply = {.expires_at = now_s}});
    change_submit(c);
}
