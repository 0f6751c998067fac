/*
 * Leases over the API: taken, renewed, released, expired. What a lease changes
 * of its pipeline is the count in the pipeline's document.
 */
#include "api/args.h"
#include "base/clock.h"
#include "daemon/core.h"
#include "json/writer.h"

#include <stdio.h>

enum { LEASE_TTL_DEFAULT_S = 300 };

static void lease_members(struct json *j, const struct lease *l)
{
    int64_t left_ms = l->expires_ms - clock_boot_ms();
    char time[CLOCK_TEXT];

    json_str(j, "id", l->id);
    json_str(j, "pipeline", l->pipeline);
    json_str(j, "holder", l->holder);
    json_int(j, "ttl_s", l->ttl_s);
    json_str(j, "expires_at", clock_text(clock_wall_s() + left_ms / 1000, time));
}

static void answer_lease(struct core *core, struct call *call, unsigned status,
                         const struct lease *l)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    lease_members(&j, l);
    json_close(&j, '}');
    if (status == 201)
        snprintf(call->answer.location, sizeof(call->answer.location), "/v1/leases/%s", l->id);
    core_answer_buf(core, call, status, &b);
}

void lease_put(struct change *c, const struct lease *l, enum event_kind kind)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    struct clock_moment now = clock_now();
    int64_t ttl_ms = l->ttl_s * 1000;

    lease_members(&j, l);
    change_event(c, kind, l->pipeline, b.data);
    change_op(c, &(struct store_op){.kind = STORE_LEASE_PUT,
                                    .lease = {.id = change_keep(c, l->id),
                                              .pipeline = change_keep(c, l->pipeline),
                                              .holder = change_keep(c, l->holder),
                                              .ttl_ms = ttl_ms,
                                              .expires = clock_after(&now, ttl_ms),
                                              .created_at = clock_wall_s()}});
}

static bool lease_not_found(struct err *err, const char *id)
{
    return err_set(err, ERR_LEASE_NOT_FOUND,
                   "there is no lease '%.40s': it expired, was released, or never was; take a new "
                   "one with POST /v1/pipelines/{id}/leases",
                   id);
}

bool lease_take(struct core *core, const char *pipeline, int64_t ttl_s, const char *holder,
                struct lease **ret, struct err *err)
{
    struct handle *h = handles_find(&core->handles, pipeline);
    int64_t max_s = core->settings->max_lease_ttl_s;

    if (!ttl_s)
        ttl_s = LEASE_TTL_DEFAULT_S < max_s ? LEASE_TTL_DEFAULT_S : max_s;
    if (ttl_s < 1 || ttl_s > max_s) {
        err_set(err, ERR_FIELD, "/ttl_s is %lld; it must be between 1 and %lld seconds",
                (long long)ttl_s, (long long)max_s);
        err_fact_str(err, "pointer", "/ttl_s");
        return err_fact_int(err, "limit", max_s);
    }
    if (core->leases.n + core->n_leases_coming >= (size_t)core->settings->max_leases) {
        err_set(err, ERR_LEASE_LIMIT, "there are %zu leases, as many as max-leases allows",
                core->leases.n + core->n_leases_coming);
        return err_fact_int(err, "limit", core->settings->max_leases);
    }
    *ret = lease_new(NULL, pipeline, holder, ttl_s, clock_boot_ms() + ttl_s * 1000);
    core->n_leases_coming++;
    if (h)
        h->n_leases++;
    return true;
}

void lease_made(struct core *core, struct lease *l)
{
    core->n_leases_coming--;
    leases_put(&core->leases, l);
    leases_arm(core);
}

/* It never became durable. */
void lease_undo(struct core *core, struct lease *l)
{
    struct handle *h = handles_find_any(&core->handles, l->pipeline);

    core->n_leases_coming--;
    if (h && h->n_leases)
        h->n_leases--;
    free(l);
}

/* ---- create */

static void on_created(struct change *c)
{
    struct lease *l = c->subject;
    struct handle *h = handles_find(&c->core->handles, l->pipeline);

    lease_made(c->core, l);
    if (h)
        handle_changed(c->core, h);
    answer_lease(c->core, c->call, 201, l);
}

static void on_not_created(struct change *c, const struct err *err)
{
    (void)err;
    lease_undo(c->core, c->subject);
}

void op_lease_create(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    struct args_lease *args = call->args;
    struct handle *h = handles_find(&core->handles, args->id);
    struct lease *l;

    if (!h || h->kind != STORE_PIPELINE) {
        handle_not_found(core, STORE_PIPELINE, args->id, &err);
        core_answer_err(core, call, &err);
        return;
    }
    if (!lease_take(core, h->id, args->ttl_s, args->holder, &l, &err)) {
        core_answer_err(core, call, &err);
        return;
    }
    struct change *c = change_new(core, call, on_created);
    c->failed = on_not_created;
    c->subject = l;
    lease_put(c, l, EVENT_LEASE_CREATED);
    change_submit(c);
}

/* ---- renew */

static void on_renewed(struct change *c)
{
    struct lease *l = leases_find(&c->core->leases, c->subject);
    AUTO_ERR struct err err = {0};

    leases_arm(c->core);
    if (l) {
        answer_lease(c->core, c->call, 200, l);
    } else {
        lease_not_found(&err, c->subject);
        core_answer_err(c->core, c->call, &err);
    }
}

void op_lease_renew(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    struct args_lease *args = call->args;
    struct lease *l = leases_find(&core->leases, args->id);

    /* A pipeline whose deletion is on its way takes its leases with it. */
    if (!l || !handles_find(&core->handles, l->pipeline)) {
        lease_not_found(&err, args->id);
    } else if (args->ttl_s < 0 || args->ttl_s > core->settings->max_lease_ttl_s) {
        err_set(&err, ERR_FIELD, "/ttl_s is %lld; it must be between 1 and %lld seconds",
                (long long)args->ttl_s, (long long)core->settings->max_lease_ttl_s);
        err_fact_str(&err, "pointer", "/ttl_s");
    }
    if (!l || err.code) {
        core_answer_err(core, call, &err);
        return;
    }
    /* In memory at once: while the disk is slow, a lease that was renewed must not expire. */
    leases_renew(&core->leases, l, args->ttl_s, clock_boot_ms());
    struct change *c = change_new(core, call, on_renewed);
    c->subject = change_keep(c, l->id);
    lease_put(c, l, EVENT_LEASE_RENEWED);
    change_submit(c);
}

/*
 * ---- release and expiry: the lease leaves the table first, so that neither
 * comes twice, and comes back when that could not be written
 */

enum { MAX_EXPIRED = 256, RETRY_MS = 1000 };

struct ended {
    size_t n;
    struct lease *leases[MAX_EXPIRED];
};

static void lease_drop(struct change *c, struct lease *l, enum event_kind kind)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    struct handle *h = handles_find_any(&c->core->handles, l->pipeline);
    struct ended *ended = c->subject;

    json_str(&j, "id", l->id);
    json_str(&j, "pipeline", l->pipeline);
    json_str(&j, "holder", l->holder);
    change_event(c, kind, l->pipeline, b.data);
    change_op(
        c, &(struct store_op){.kind = STORE_LEASE_DELETE, .lease = {.id = change_keep(c, l->id)}});
    leases_remove(&c->core->leases, l);
    if (h && h->n_leases) {
        h->n_leases--;
        handle_changed(c->core, h);
    }
    ended->leases[ended->n++] = l;
}

static void on_ended(struct change *c)
{
    struct ended *ended = c->subject;

    for (size_t i = 0; i < ended->n; i++)
        free(ended->leases[i]);
    if (!c->call) /* expired */
        return;
    c->call->answer.status = 204;
    core_answer(c->core, c->call);
}

static void on_not_ended(struct change *c, const struct err *err)
{
    struct ended *ended = c->subject;
    struct core *core = c->core;
    int64_t now_ms = clock_boot_ms();

    (void)err;
    for (size_t i = 0; i < ended->n; i++) {
        struct lease *l = ended->leases[i];
        struct handle *h = handles_find_any(&core->handles, l->pipeline);

        if (!h) {
            free(l);
            continue;
        }
        if (l->expires_ms <= now_ms)
            l->expires_ms = now_ms + RETRY_MS;
        leases_put(&core->leases, l);
        h->n_leases++;
        handle_changed(core, h);
    }
    leases_arm(core);
}

static struct change *ending_new(struct core *core, struct call *call)
{
    struct change *c = change_new(core, call, on_ended);

    c->failed = on_not_ended;
    c->subject = change_own(c, mem_new(struct ended));
    return c;
}

void op_lease_delete(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    struct args_lease *args = call->args;
    struct lease *l = leases_find(&core->leases, args->id);

    if (!l) {
        lease_not_found(&err, args->id);
        core_answer_err(core, call, &err);
        return;
    }
    struct change *c = ending_new(core, call);
    lease_drop(c, l, EVENT_LEASE_RELEASED);
    change_submit(c);
}

static void on_lease_timer(uv_timer_t *timer)
{
    struct core *core = container_of(timer, struct core, lease_timer);
    int64_t now_ms = clock_boot_ms();
    struct change *c = NULL;
    struct lease *l;

    /* Only so many at a time: a commit is not to grow with what happened to expire together. */
    for (int n = 0; n < MAX_EXPIRED; n++) {
        l = leases_first(&core->leases);
        if (!l || l->expires_ms > now_ms)
            break;
        if (!c)
            c = ending_new(core, NULL);
        lease_drop(c, l, EVENT_LEASE_EXPIRED);
    }
    if (c)
        change_submit(c);
    leases_arm(core);
}

void leases_arm(struct core *core)
{
    struct lease *l = leases_first(&core->leases);
    int64_t wait_ms = l ? l->expires_ms - clock_boot_ms() : 0;

    if (!l || core->stopping)
        uv_timer_stop(&core->lease_timer);
    else
        uv_timer_start(&core->lease_timer, on_lease_timer, wait_ms > 0 ? (uint64_t)wait_ms + 1 : 0,
                       0);
}

void op_lease_list(struct core *core, struct call *call)
{
    AUTO_BUF struct buf b = {0};
    struct args_handle *args = call->args;
    struct json j = json_begin(&b);
    int64_t left = args->limit;

    json_open(&j, '{');
    json_key(&j, "items"), json_open(&j, '[');
    for (size_t i = 0; i < core->leases.n && left > 0; i++) {
        const struct lease *l = core->leases.heap[i];

        if (args->id[0] && !str_eq(l->pipeline, args->id))
            continue;
        json_item(&j), json_open(&j, '{');
        lease_members(&j, l);
        json_close(&j, '}');
        left--;
    }
    json_close(&j, ']');
    json_nil(&j, "next_page_token");
    json_int(&j, "revision", core->revision);
    json_close(&j, '}');
    core_answer_buf(core, call, 200, &b);
}
