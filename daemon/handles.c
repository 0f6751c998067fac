#include "daemon/handles.h"

#include "base/clock.h"
#include "base/hash.h"
#include "json/writer.h"

#include <assert.h>
#include <stdio.h>

void handles_init(struct handles *t, size_t max_bytes)
{
    *t = (struct handles){.max_bytes = max_bytes};
    for (size_t k = 0; k < ARRAY_SIZE(t->by_use); k++) {
        TAILQ_INIT(&t->by_use[k]);
        TAILQ_INIT(&t->by_birth[k]);
    }
    TAILQ_INIT(&t->with_texts);
}

static void drop_texts(struct handles *t, struct handle *h)
{
    if (!handle_has_texts(h))
        return;
    TAILQ_REMOVE(&t->with_texts, h, by_texts);
    t->bytes -= h->bytes;
    free(h->effective);
    free(h->members);
    free(h->detail);
    blob_unref(h->body);
    h->effective = h->members = h->detail = NULL;
    h->body = NULL;
    h->bytes = 0;
}

static void handle_free(struct handle *h)
{
    free(h->arch);
    free(h->task);
    free(h->model);
    free(h->commit);
    free(h);
}

void handles_remove(struct handles *t, struct handle *h)
{
    drop_texts(t, h);
    map_remove(&t->by_id, &h->node);
    TAILQ_REMOVE(&t->by_use[h->kind], h, by_use);
    TAILQ_REMOVE(&t->by_birth[h->kind], h, by_birth);
    t->n[h->kind]--;
    handle_free(h);
}

void handles_release(struct handles *t)
{
    for (size_t k = 0; k < ARRAY_SIZE(t->by_use); k++)
        while (!TAILQ_EMPTY(&t->by_use[k]))
            handles_remove(t, TAILQ_FIRST(&t->by_use[k]));
    map_release(&t->by_id);
}

struct handle *handles_find_any(const struct handles *t, const char *id)
{
    struct map_node *n = map_find(&t->by_id, id);

    return n ? container_of(n, struct handle, node) : NULL;
}

struct handle *handles_find(const struct handles *t, const char *id)
{
    struct handle *h = handles_find_any(t, id);

    return h && !h->leaving ? h : NULL;
}

void handles_set_texts(struct handles *t, struct handle *h, const struct store_handle *row)
{
    drop_texts(t, h);
    h->effective = str_dup(row->effective ? row->effective : "{}");
    h->members = str_dup(row->members);
    h->detail = str_dup(row->detail ? row->detail : "");
    h->bytes = strlen(h->effective) + 2 * strlen(h->members) + strlen(h->detail);
    t->bytes += h->bytes;
    TAILQ_INSERT_TAIL(&t->with_texts, h, by_texts);
}

struct handle *handles_put(struct handles *t, const struct store_handle *row)
{
    struct handle *h = handles_find(t, row->id);
    size_t n_leases = h ? h->n_leases : 0;

    if (h)
        handles_remove(t, h);
    h = mem_new(struct handle);
    snprintf(h->id, sizeof(h->id), "%s", row->id);
    snprintf(h->state, sizeof(h->state), "%s", row->state);
    h->kind = row->kind;
    h->arch = str_dup(row->arch);
    h->task = str_dup(row->task);
    h->model = str_dup(row->model);
    h->commit = str_dup(row->commit);
    h->revision = row->revision;
    h->created_at = row->created_at;
    h->last_used = row->last_used;
    h->n_leases = n_leases;
    h->leaving = t->all_leaving;
    h->node.key = h->id;
    map_insert(&t->by_id, &h->node);
    TAILQ_INSERT_TAIL(&t->by_use[h->kind], h, by_use);
    TAILQ_INSERT_TAIL(&t->by_birth[h->kind], h, by_birth);
    t->n[h->kind]++;
    if (row->members)
        handles_set_texts(t, h, row);
    return h;
}

static int compare_birth(const void *a, const void *b)
{
    const struct handle *const *x = a, *const *y = b;

    return (*x)->revision < (*y)->revision ? -1 : (*x)->revision > (*y)->revision;
}

void handles_sort(struct handles *t)
{
    for (size_t k = 0; k < ARRAY_SIZE(t->by_birth); k++) {
        AUTO_FREE struct handle **all = mem_new_array(t->n[k], struct handle *);
        struct handle *h;
        size_t n = 0;

        TAILQ_FOREACH (h, &t->by_birth[k], by_birth)
            all[n++] = h;
        qsort(all, n, sizeof(struct handle *), compare_birth);
        TAILQ_INIT(&t->by_birth[k]);
        for (size_t i = 0; i < n; i++)
            TAILQ_INSERT_TAIL(&t->by_birth[k], all[i], by_birth);
    }
}

bool handles_touch(struct handles *t, struct handle *h, int64_t now_s)
{
    bool stale = now_s - h->last_used >= 3600;

    TAILQ_REMOVE(&t->by_use[h->kind], h, by_use);
    TAILQ_INSERT_TAIL(&t->by_use[h->kind], h, by_use);
    if (handle_has_texts(h)) {
        TAILQ_REMOVE(&t->with_texts, h, by_texts);
        TAILQ_INSERT_TAIL(&t->with_texts, h, by_texts);
    }
    if (stale)
        h->last_used = now_s;
    return stale;
}

void handles_all_leaving(struct handles *t, bool leaving)
{
    struct map_node *n;

    t->all_leaving = leaving;
    for (struct map_cursor c = {0}; (n = map_next(&t->by_id, &c));)
        container_of(n, struct handle, node)->leaving = leaving;
}

void handles_fit(struct handles *t)
{
    struct handle *h = TAILQ_FIRST(&t->with_texts);

    while (h && t->bytes > t->max_bytes) {
        struct handle *next = TAILQ_NEXT(h, by_texts);

        if (!h->n_leases) {
            drop_texts(t, h);
            t->n_texts_dropped++;
        }
        h = next;
    }
}

struct handle *handles_surplus(const struct handles *t)
{
    size_t most = 0;
    struct handle *h;

    if (t->by_id.n <= HANDLES_MAX)
        return NULL;
    for (size_t k = 1; k < ARRAY_SIZE(t->n); k++)
        if (t->n[k] > t->n[most])
            most = k;
    TAILQ_FOREACH (h, &t->by_use[most], by_use)
        if (!h->n_leases && !h->leaving)
            return h;
    return NULL;
}

const char *handle_state_reason(enum store_handle_kind kind, const char *state)
{
    if (kind == STORE_FACTORY)
        return "nothing is built: POST /v1/factories/{id}/pipelines looks for the weights";
    if (str_eq(state, "resolved"))
        return "the weights are on the Hub and not on this machine; download them into the Hub "
               "cache, or say \"weights\": \"remote\" if that will do";
    return NULL;
}

struct blob *handle_body(struct handle *h)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    char time[CLOCK_TEXT];

    assert(handle_has_texts(h));
    if (h->body)
        return h->body;
    json_open(&j, '{');
    json_str(&j, "id", h->id);
    if (h->kind != STORE_TOKENIZER) {
        json_str(&j, "state", h->state);
        json_str(&j, "state_reason", handle_state_reason(h->kind, h->state));
    }
    if (h->members[0]) {
        json_item(&j);
        buf_append_str(&b, h->members);
    }
    if (h->kind == STORE_PIPELINE) {
        json_nil(&j, "endpoint"); /* no engine serves it yet */
        json_int(&j, "leases", (int64_t)h->n_leases);
    }
    json_int(&j, "revision", h->revision);
    json_str(&j, "created_at", clock_text(h->created_at, time));
    json_close(&j, '}');
    h->body = blob_new(b.data, b.size);
    return h->body;
}

uint64_t handle_tag(const char *id) { return hash_table_key(id, strlen(id)) | 1; }
