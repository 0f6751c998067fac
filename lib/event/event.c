#include "event/event.h"

#include "base/clock.h"
#include "json/writer.h"

#include <assert.h>
#include <stdio.h>

static const char *const kind_names[] = {
    [EVENT_ARCH_REGISTERED] = "architecture.registered",
    [EVENT_ARCH_OVERRIDDEN] = "architecture.overridden",
    [EVENT_ARCH_DELETED] = "architecture.deleted",
    [EVENT_REGISTRY_RESET] = "registry.reset",
    [EVENT_CATALOG_RELOADED] = "registry.catalog_reloaded",
    [EVENT_MODEL_PINNED] = "model.pinned",
    [EVENT_MODEL_REFRESHED] = "model.refreshed",
    [EVENT_MODEL_EVICTED] = "model.evicted",
    [EVENT_TOKENIZER_CREATED] = "tokenizer.created",
    [EVENT_TOKENIZER_DELETED] = "tokenizer.deleted",
    [EVENT_FACTORY_CREATED] = "factory.created",
    [EVENT_FACTORY_DELETED] = "factory.deleted",
    [EVENT_PIPELINE_CREATED] = "pipeline.created",
    [EVENT_PIPELINE_DELETED] = "pipeline.deleted",
    [EVENT_PIPELINE_EVICTED] = "pipeline.evicted",
    [EVENT_LEASE_CREATED] = "lease.created",
    [EVENT_LEASE_RENEWED] = "lease.renewed",
    [EVENT_LEASE_RELEASED] = "lease.released",
    [EVENT_LEASE_EXPIRED] = "lease.expired",
};

const char *event_kind_name(enum event_kind k) { return kind_names[k]; }

bool event_kind_parse(const char *name, enum event_kind *ret)
{
    for (size_t k = 0; k < N_EVENT_KINDS; k++)
        if (str_eq(kind_names[k], name)) {
            *ret = (enum event_kind)k;
            return true;
        }
    return false;
}

const char *const *event_groups(void)
{
    static const char *const groups[] = {"architecture", "registry", "model", "tokenizer",
                                         "factory",      "pipeline", "lease", NULL};
    return groups;
}

struct event *event_load(int64_t revision, enum event_kind kind, const char *ref, const char *json,
                         size_t size)
{
    struct event *e = mem_new(struct event);

    e->revision = revision;
    e->kind = kind;
    snprintf(e->ref, sizeof(e->ref), "%s", ref);
    e->json = blob_untagged(json, size);
    e->refs = 1;
    return e;
}

struct event *event_new(int64_t revision, enum event_kind kind, const char *ref, int64_t time_s,
                        const char *members)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    char time[CLOCK_TEXT];

    json_open(&j, '{');
    json_int(&j, "revision", revision);
    json_str(&j, "kind", kind_names[kind]);
    json_str(&j, "time", clock_text(time_s, time));
    if (*members) {
        json_item(&j);
        buf_append_str(&b, members);
    }
    json_close(&j, '}');
    return event_load(revision, kind, ref, b.data, b.size);
}

struct event *event_ref(struct event *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void event_unref(struct event *e)
{
    if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
        return;
    blob_unref(e->json);
    free(e);
}

void event_log_init(struct event_log *log, size_t max)
{
    *log = (struct event_log){.max = max ? max : 1};
    log->ring = mem_new_array(log->max, struct event *);
}

void event_log_release(struct event_log *log)
{
    for (size_t i = 0; i < log->n; i++)
        event_unref(event_log_at(log, i));
    free(log->ring);
    *log = (struct event_log){0};
}

void event_log_append(struct event_log *log, struct event *e)
{
    assert(!log->n || event_log_at(log, log->n - 1)->revision < e->revision);
    if (log->n == log->max) {
        struct event *oldest = event_log_at(log, 0);

        log->compacted = oldest->revision;
        event_unref(oldest);
        log->first = (log->first + 1) % log->max;
        log->n--;
    }
    log->ring[(log->first + log->n++) % log->max] = e;
}

ptrdiff_t event_log_after(const struct event_log *log, int64_t since)
{
    size_t low = 0, high = log->n;

    if (since < log->compacted)
        return -1;
    while (low < high) {
        size_t mid = (low + high) / 2;

        if (event_log_at(log, mid)->revision > since)
            high = mid;
        else
            low = mid + 1;
    }
    return (ptrdiff_t)low;
}
