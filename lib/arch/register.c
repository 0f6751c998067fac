#include "arch/register.h"

#include "json/writer.h"

void arch_write_href(const struct arch *a, struct buf *out)
{
    /* names are checked to need no escaping */
    buf_printf(out, "/v1/architectures/%s?task=%s", a->name, task_name(a->task));
}

static bool is_given(const char *etag) { return etag && etag[0]; }

static bool etag_matches(const char *etag, const struct arch *a)
{
    return a && (str_eq(etag, "*") || str_eq(etag, a->body->etag));
}

static bool refuse(const struct arch *existing, const char *why, struct err *err)
{
    err_set(err, ERR_PRECONDITION, "%s", why);
    if (!existing)
        return false;
    AUTO_BUF struct buf href = {0};

    arch_write_href(existing, &href);
    err_fact_str(err, "href", href.data);
    return err_fact_str(err, "current_etag", existing->body->etag);
}

bool register_precondition(const struct arch *existing, const char *if_match,
                           const char *if_none_match, struct err *err)
{
    if (is_given(if_match) && !existing)
        return refuse(NULL, "If-Match: there is no such architecture", err);
    if (is_given(if_match) && !etag_matches(if_match, existing))
        return refuse(existing, "If-Match: the architecture has changed since", err);
    if (is_given(if_none_match) && etag_matches(if_none_match, existing))
        return refuse(existing, "If-None-Match: the architecture is already registered", err);
    return true;
}

static void prefix_of(const struct registration *what, size_t i, struct buf *ret)
{
    buf_append_str(ret, "");
    if (what->batch) {
        buf_append_str(ret, "/architectures");
        pointer_push_index(ret, i);
    }
}

/* Two records of one identity in one registration: neither is meant to lose. */
static void check_twice(const struct archs *built, const char *prefix, struct faults *f)
{
    const struct arch *last = built->items[built->n - 1];

    for (size_t i = 0; i + 1 < built->n; i++) {
        const struct arch *a = built->items[i];

        if (a->task != last->task || !str_eq(a->name, last->name))
            continue;
        faults_add(f, prefix, last->name, NULL,
                   "%s for %s is already registered by an earlier document of this request",
                   last->name, task_name(last->task));
        return;
    }
}

static bool build_all(const struct registration *what, struct archs *ret, struct err *err)
{
    AUTO_FAULTS struct faults f = {0};
    json_t *doc;
    size_t i;

    json_array_foreach(what->docs, i, doc)
    {
        AUTO_BUF struct buf prefix = {0};

        prefix_of(what, i, &prefix);
        struct arch *a =
            arch_build(doc, prefix.data, ARCH_API, what->revision, what->created_at, &f);
        if (!a)
            continue;
        archs_add(ret, a);
        check_twice(ret, prefix.data, &f);
    }
    if (what->batch && json_array_size(what->docs) == 0)
        faults_add(&f, "/architectures", NULL, NULL, "must name at least one architecture");
    return faults_none(&f, err);
}

static bool report_existing(const struct registry *r, const struct archs *built, size_t first,
                            struct err *err)
{
    const struct arch *a = built->items[first];
    AUTO_BUF struct buf list = {0}, href = {0};
    struct json j = json_begin(&list);
    size_t n = 0;

    json_open(&j, '[');
    for (size_t i = first; i < built->n; i++) {
        const struct arch *existing = registry_get(r, built->items[i]->name, built->items[i]->task);

        if (!existing)
            continue;
        buf_clear(&href);
        arch_write_href(existing, &href);
        json_item(&j), json_open(&j, '{');
        json_str(&j, "name", existing->name);
        json_str(&j, "task", task_name(existing->task));
        json_str(&j, "href", href.data);
        json_str(&j, "etag", existing->body->etag);
        json_str(&j, "source", arch_source_name(existing->source));
        json_close(&j, '}');
        n++;
    }
    json_close(&j, ']');
    err_set(err, ERR_ARCH_EXISTS,
            n > 1 ? "%s is already registered for %s, and so are others of the request; "
                    "allow_override=true replaces them"
                  : "%s is already registered for %s; allow_override=true replaces it",
            a->name, task_name(a->task));
    buf_clear(&href);
    arch_write_href(a, &href);
    err_fact_str(err, "href", href.data);
    err_fact_str(err, "etag", registry_get(r, a->name, a->task)->body->etag);
    return err_fact_json(err, "existing", list.data);
}

static bool check_conflicts(const struct registry *r, const struct registration *what,
                            const struct archs *built, struct err *err)
{
    for (size_t i = 0; i < built->n; i++) {
        const struct arch *a = built->items[i];

        if (!register_precondition(registry_get(r, a->name, a->task), what->if_match,
                                   what->if_none_match, err))
            return false;
    }
    for (size_t i = 0; i < built->n && !what->allow_override; i++)
        if (registry_get(r, built->items[i]->name, built->items[i]->task))
            return report_existing(r, built, i, err);
    return true;
}

static bool check_size(const struct registry *r, const struct registration *what, struct err *err)
{
    size_t n = json_array_size(what->docs);

    if (n > REGISTER_BATCH_MAX) {
        err_set(err, ERR_TOO_LARGE, "at most %d architectures in one request, not %zu",
                REGISTER_BATCH_MAX, n);
        return err_fact_int(err, "limit", REGISTER_BATCH_MAX);
    }
    if (registry_size(r) + n > REGISTRY_MAX) {
        err_set(err, ERR_TOO_LARGE, "the registry holds at most %d architectures", REGISTRY_MAX);
        return err_fact_int(err, "limit", REGISTRY_MAX);
    }
    return true;
}

bool register_check(const struct registry *r, const struct registration *what, struct archs *ret,
                    struct err *err)
{
    AUTO_ARCHS struct archs built = {0};

    if (!check_size(r, what, err) || !build_all(what, &built, err) ||
        !check_conflicts(r, what, &built, err))
        return false;
    for (size_t i = 0; i < built.n; i++)
        archs_add(ret, arch_ref(built.items[i]));
    return true;
}
