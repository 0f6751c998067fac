/* The registry as a list: filtered, in pages, or whole and rendered once. */
#include "arch/snapshot.h"

#include "json/writer.h"

static bool matches_text(const struct arch *a, const char *q)
{
    if (strcasestr(a->name, q))
        return true;
    for (size_t i = 0; i < a->n_example_repo_ids; i++)
        if (strcasestr(a->example_repo_ids[i], q))
            return true;
    return false;
}

static bool matches(const struct arch *a, const struct registry_filter *f)
{
    return (f->task == TASK_NONE || a->task == f->task) &&
           (f->encoding == ENCODING_NONE || arch_has_encoding(a, f->encoding)) &&
           (f->weights_format == FORMAT_NONE || a->weight_formats & (1u << f->weights_format)) &&
           (f->source < 0 || (int)a->source == f->source) &&
           (!f->q || !f->q[0] || matches_text(a, f->q));
}

/* Unreserved characters of a URL only: index, name and task between tildes. */
static char *token_of(const struct registry *r, size_t last)
{
    const struct arch *a = r->archs[last];

    return str_printf("%zu~%s~%s", last, a->name, task_name(a->task));
}

bool registry_page(const struct registry *r, const char *token, size_t *ret_after, struct err *err)
{
    char name[ARCH_NAME_MAX + 1], *end;
    size_t index = strtoul(token, &end, 10);
    const char *behind = *end == '~' && end > token ? strchr(end + 1, '~') : NULL;
    size_t size = behind ? (size_t)(behind - end) - 1 : sizeof(name);

    if (size >= sizeof(name) || task_parse(behind + 1) == TASK_NONE) {
        err_set(err, ERR_FIELD, "page_token is not one that a list gave; leave it out to begin");
        return err_fact_str(err, "pointer", "page_token");
    }
    memcpy(name, end + 1, size);
    name[size] = '\0';
    size_t at = registry_index(r, name, task_parse(behind + 1));

    /* it was deleted meanwhile: what stood behind it moved to its place */
    *ret_after = at == NOWHERE ? index : at + 1;
    return true;
}

void registry_list(const struct registry *r, const struct registry_filter *filter, size_t after,
                   size_t limit, struct buf *out, size_t *ret_next)
{
    struct json j = json_begin(out);
    size_t n = 0, last = 0, i = after;

    json_open(&j, '{');
    json_key(&j, "items"), json_open(&j, '[');
    *ret_next = 0;
    for (; i < r->n; i++) {
        if (!matches(r->archs[i], filter))
            continue;
        if (n == limit) {
            *ret_next = last + 1;
            break;
        }
        json_item(&j), buf_append(out, r->archs[i]->body->bytes, r->archs[i]->body->size);
        last = i;
        n++;
    }
    json_close(&j, ']');
    AUTO_FREE char *token = *ret_next ? token_of(r, last) : NULL;

    json_str(&j, "next_page_token", token);
    json_int(&j, "revision", r->revision);
    json_close(&j, '}');
}

struct blob *registry_list_all(const struct registry *r)
{
    struct registry *shared = (struct registry *)r;
    struct blob *list = atomic_load_explicit(&shared->list, memory_order_acquire), *none = NULL;
    AUTO_BUF struct buf out = {0};
    size_t next;

    if (list)
        return list;
    registry_list(r, &(struct registry_filter){.source = -1}, 0, SIZE_MAX, &out, &next);
    list = blob_new(out.data, out.size);
    /* two threads may have rendered it: the first one's stays */
    if (atomic_compare_exchange_strong_explicit(&shared->list, &none, list, memory_order_acq_rel,
                                                memory_order_acquire))
        return list;
    blob_unref(list);
    return none;
}
