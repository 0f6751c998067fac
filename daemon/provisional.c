#include "daemon/provisional.h"

#include "base/clock.h"
#include "daemon/core.h"
#include "json/writer.h"

#include <stdio.h>

void provisionals_init(struct provisionals *t)
{
    *t = (struct provisionals){0};
    TAILQ_INIT(&t->by_age);
}

static void drop(struct provisionals *t, struct provisional *p)
{
    map_remove(&t->by_id, &p->node);
    TAILQ_REMOVE(&t->by_age, p, by_age);
    err_release(&p->err);
    free(p);
}

void provisionals_release(struct provisionals *t)
{
    while (!TAILQ_EMPTY(&t->by_age))
        drop(t, TAILQ_FIRST(&t->by_age));
    map_release(&t->by_id);
}

struct provisional *provisional_find(const struct provisionals *t, const char *id)
{
    struct map_node *n = map_find(&t->by_id, id);

    return n ? container_of(n, struct provisional, node) : NULL;
}

struct provisional *provisional_enter(struct provisionals *t, const char *id, bool *again)
{
    struct provisional *p = provisional_find(t, id);

    *again = p && !p->err.code;
    if (p && p->err.code) /* it failed: this is a new attempt */
        drop(t, p);
    if (*again)
        return p;
    if (t->by_id.n >= PROVISIONAL_MAX)
        drop(t, TAILQ_FIRST(&t->by_age));
    p = mem_new(struct provisional);
    snprintf(p->id, sizeof(p->id), "%s", id);
    p->since_s = clock_wall_s();
    p->node.key = p->id;
    map_insert(&t->by_id, &p->node);
    TAILQ_INSERT_TAIL(&t->by_age, p, by_age);
    return p;
}

static void state_document(const struct provisional *p, struct buf *b)
{
    struct json j = json_begin(b);
    char time[CLOCK_TEXT];

    json_open(&j, '{');
    json_str(&j, "id", p->id);
    json_str(&j, "state", p->err.code ? "failed" : "resolving");
    if (p->err.code) {
        json_key(&j, "problem"), json_open(&j, '{');
        json_str(&j, "code", err_slug(p->err.code));
        json_str(&j, "detail", p->err.msg);
        if (p->err.facts.size) {
            json_item(&j);
            buf_append(b, p->err.facts.data, p->err.facts.size);
        }
        json_close(&j, '}');
    }
    json_str(&j, "since", clock_text(p->since_s, time));
    json_close(&j, '}');
}

void provisional_accept(struct core *core, struct call *call, const struct provisional *p)
{
    AUTO_BUF struct buf b = {0};

    state_document(p, &b);
    snprintf(call->answer.location, sizeof(call->answer.location), "/v1/pipelines/%s", p->id);
    call->answer.retry_after_s = 1;
    core_answer_buf(core, call, 202, &b);
}

bool provisional_answer(struct core *core, struct call *call, const char *id)
{
    struct provisional *p = provisional_find(&core->provisionals, id);
    AUTO_BUF struct buf b = {0};
    struct handle *h;

    if (!p)
        return false;
    h = p->pipeline[0] ? handles_find(&core->handles, p->pipeline) : NULL;
    if (p->pipeline[0] && !h)
        return false; /* made, and deleted since */
    if (h) {
        snprintf(call->answer.location, sizeof(call->answer.location), "/v1/pipelines/%s", h->id);
        handle_with_texts(core, call, h, handle_answer);
        return true;
    }
    state_document(p, &b);
    core_answer_buf(core, call, 200, &b);
    return true;
}
