#include "daemon/hub_flight.h"
#include "hub/model_info.h"

#include <stdio.h>

enum { TREE_PAGES_MAX = 200 };

void pin_remember(struct hub_flight *fl)
{
    hub_memory_put_pin(&fl->hub->memory, fl->repo, fl->revision, fl->credential, &fl->pin,
                       (int64_t)uv_now(fl->hub->loop));
}

/* ---- cache.db */

bool pin_cached(struct hub_flight *fl, const char *data, size_t size)
{
    struct hub *hub = fl->hub;
    AUTO_ERR struct err ignored = {0};
    struct timespec now;

    if (!pin_parse(&fl->pin, data, size, &ignored))
        return false;
    fl->has_pin = true;
    clock_gettime(CLOCK_REALTIME, &now);
    /* Another process's word, or ours before a restart, is good for as long. */
    if (fl->refresh || (!revision_is_commit(fl->revision) &&
                        ((int64_t)now.tv_sec - fl->pin.pinned_at) * 1000 >= hub->o.pin_ttl_ms))
        return false;
    hub->status.cache_hits++;
    pin_remember(fl);
    flight_end(fl, true, NULL);
    return true;
}

/* ---- the HF cache on disk */

void pin_look(struct hub_flight *fl)
{
    const struct diskcache *disk = fl->hub->o.disk;
    char commit[41];

    fl->disk_answer = DISK_MISS;
    if (diskcache_ref(disk, fl->repo, fl->revision, commit) &&
        diskcache_pin(disk, fl->repo, commit, &fl->fresh, &fl->is_complete))
        fl->disk_answer = DISK_HIT;
}

void pin_looked(struct hub_flight *fl)
{
    struct hub *hub = fl->hub;

    if (fl->disk_answer == DISK_HIT) {
        if (fl->has_pin)
            pin_release(&fl->fresh);
        else {
            fl->pin = fl->fresh;
            fl->has_pin = true;
        }
        fl->fresh = (struct pin){0};
        /* An incomplete list would make files look absent: better to ask. */
        if (revision_is_commit(fl->revision) && fl->is_complete && !fl->refresh &&
            fl->pin.origin == FROM_HUB_CACHE) {
            hub->status.disk_hits++;
            flight_end(fl, true, NULL);
            return;
        }
    }
    flight_next(fl);
}

/* ---- the Hub */

static void keep_pin(struct hub_flight *fl)
{
    struct hub *hub = fl->hub;
    struct timespec now;
    AUTO_FREE char *key = flight_refusal_key(fl), *text = NULL;

    hub_memory_drop_refusal(&hub->memory, key); /* of before a refresh */

    pin_release(&fl->pin);
    fl->pin = fl->fresh;
    fl->fresh = (struct pin){0};
    fl->has_pin = true;
    clock_gettime(CLOCK_REALTIME, &now);
    fl->pin.pinned_at = now.tv_sec;
    fl->pin.origin = FROM_HUB;
    if (!fl->pin.canonical[0])
        snprintf(fl->pin.canonical, sizeof(fl->pin.canonical), "%s", fl->repo);
    pin_remember(fl);
    if (hub->o.cache) {
        text = pin_render(&fl->pin);
        hub->o.cache->put_pin(hub->o.cache->ctx, fl->credential, fl->repo, fl->revision, &fl->pin,
                              text);
    }
    flight_end(fl, true, NULL);
}

/* Trouble, for which an older pin is an answer; refusals are not. */
static bool is_trouble(enum err_code code)
{
    return code == ERR_HUB_UNREACHABLE || code == ERR_HUB_TIMEOUT || code == ERR_HUB_RATE_LIMITED ||
           code == ERR_HUB_BAD_ANSWER;
}

static void pin_failed(struct hub_flight *fl, const struct err *err)
{
    flight_refused(fl, err);
    if (fl->has_pin && is_trouble(err->code))
        flight_stale(fl, err);
    else
        flight_fail(fl, err);
}

static void ask_tree(struct hub_flight *fl);

static void on_pin_answer(struct upstream *x, bool ok, const struct err *err)
{
    struct hub_flight *fl = container_of(x, struct hub_flight, upstream);
    AUTO_ERR struct err bad = {0};
    bool needs_tree = false;

    if (fl->canceled) {
        flight_free(fl);
        return;
    }
    if (ok && x->question.kind == HUB_INFO)
        ok = model_info_parse(&fl->fresh, &needs_tree, x->body.data ? x->body.data : "",
                              x->body.size, &bad);
    else if (ok) {
        ok = model_tree_parse(&fl->fresh, x->body.data ? x->body.data : "", x->body.size, &bad);
        needs_tree = x->answer.link_next != NULL;
        if (ok && fl->n_pages >= TREE_PAGES_MAX)
            ok = err_set(&bad, ERR_HUB_BAD_ANSWER, "the file tree of %s does not end", fl->repo);
    }
    if (!ok) {
        fl->hub->status.failures += bad.code != ERR_NONE;
        pin_failed(fl, bad.code ? &bad : err);
        return;
    }
    if (needs_tree)
        ask_tree(fl);
    else
        keep_pin(fl);
}

/* The first page, or the one the last answer named. It may name only the Hub itself. */
static void ask_tree(struct hub_flight *fl)
{
    AUTO_FREE char *next = take(&fl->upstream.answer.link_next);
    const char *endpoint = fl->hub->o.endpoint->url;
    size_t size = strlen(endpoint);

    if (next && (strncmp(next, endpoint, size) != 0 || next[size] != '/')) {
        AUTO_ERR struct err err = {0};

        err_set(&err, ERR_HUB_BAD_ANSWER, "the file tree of %s goes on at another place", fl->repo);
        pin_failed(fl, &err);
        return;
    }
    free(fl->next_page);
    fl->next_page = take(&next);
    fl->n_pages++;
    flight_ask_hub(fl, HUB_TREE, fl->fresh.canonical[0] ? fl->fresh.canonical : fl->repo,
                   fl->fresh.commit, fl->next_page, on_pin_answer);
}

void pin_ask_hub(struct hub_flight *fl)
{
    flight_ask_hub(fl, HUB_INFO, fl->repo, fl->revision, NULL, on_pin_answer);
}
