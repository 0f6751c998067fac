/* Which devices a pipeline runs on, and whether its encoding runs there. */
#include "resolve/resolution.h"
#include "json/writer.h"

#include <ctype.h>
#include <stdio.h>

/* The devices there are to choose from. */
struct pool {
    struct device items[MAX_DEVICES + 1];
    size_t n;
};

static bool unavailable(const struct pool *pool, const char *wanted, struct err *err)
{
    char names[MAX_DEVICES + 1][80];
    const char *list[MAX_DEVICES + 1];

    for (size_t i = 0; i < pool->n; i++) {
        const struct device *d = &pool->items[i];

        if (d->kind == DEVICE_CPU)
            snprintf(names[i], sizeof(names[i]), "cpu");
        else
            snprintf(names[i], sizeof(names[i]), "gpu:%d (%s)", d->id, d->type);
        list[i] = names[i];
    }
    err_set(err, ERR_DEVICE_UNAVAILABLE,
            "device_specs asks for %.80s, but there %s only %s%s. To plan for other hardware, "
            "describe it: \"devices\": [{\"type\": \"H100\"}].",
            wanted, pool->n == 1 ? "is" : "are", pool->n ? list[0] : "nothing",
            pool->n > 1 ? " and others" : "");
    err_fact_str(err, "pointer", "/device_specs");
    err_fact_str(err, "value", wanted);
    return err_fact_strv(err, "available", list, pool->n);
}

static bool bad_specs(struct err *err, const char *what)
{
    err_set(err, ERR_FIELD,
            "device_specs: %s Say cpu, gpu, gpu:all, gpu:0,1 or a list of GPU numbers.", what);
    return err_fact_str(err, "pointer", "/device_specs");
}

/* ---- the pool */

static int next_id(const struct pool *pool, enum device_kind kind)
{
    int id = 0;

    for (size_t i = 0; i < pool->n; i++)
        if (pool->items[i].kind == kind && pool->items[i].id >= id)
            id = pool->items[i].id + 1;
    return id;
}

static bool figures_of(const struct device_fields *f, size_t index, struct device *ret,
                       struct err *err)
{
    const struct device_type *type = device_type_find(f->type);
    enum device_api api = (enum device_api)f->api;
    char pointer[48];

    if (strcasecmp(f->type, "cpu") == 0 || api == API_CPU) {
        *ret = device_cpu(0);
    } else if (type) {
        *ret = device_of_type(type, 0);
    } else if (f->memory_bytes.set || f->free_bytes.set) {
        *ret = (struct device){.kind = DEVICE_GPU, .api = API_CUDA};
        snprintf(ret->type, sizeof(ret->type), "%s", f->type);
    } else {
        snprintf(pointer, sizeof(pointer), "/devices/%zu/type", index);
        return device_type_unknown(err, pointer, f->type);
    }
    if (api != API_UNSET)
        ret->api = api;
    if (f->memory_bytes.set)
        ret->memory_bytes = ret->free_bytes = f->memory_bytes.value;
    if (f->free_bytes.set)
        ret->free_bytes = f->free_bytes.value;
    if (ret->memory_bytes == 0)
        ret->memory_bytes = ret->free_bytes;
    if (ret->free_bytes > ret->memory_bytes) {
        err_set(err, ERR_FIELD, "devices[%zu]: free_bytes is more than memory_bytes.", index);
        return err_fact_int(err, "limit", ret->memory_bytes);
    }
    return true;
}

static bool pool_of_figures(const struct pipeline_request *req, struct pool *pool, struct err *err)
{
    const struct device_fields *fields = req->devices.items;

    for (size_t i = 0; i < req->devices.n; i++) {
        int64_t count = fields[i].count.set ? fields[i].count.value : 1;
        struct device d = {0};
        int id;

        if (!figures_of(&fields[i], i, &d, err))
            return false;
        if (count > (int64_t)(MAX_DEVICES - pool->n)) {
            err_set(err, ERR_FIELD, "devices: at most %d are planned for.", MAX_DEVICES);
            return err_fact_int(err, "limit", MAX_DEVICES);
        }
        id = fields[i].id.set ? (int)fields[i].id.value : next_id(pool, d.kind);
        for (int64_t k = 0; k < count; k++) {
            d.id = id + (int)k;
            pool->items[pool->n++] = d;
        }
    }
    return true;
}

static const struct device *pool_find(const struct pool *pool, enum device_kind kind, int id)
{
    for (size_t i = 0; i < pool->n; i++)
        if (pool->items[i].kind == kind && (id < 0 || pool->items[i].id == id))
            return &pool->items[i];
    return NULL;
}

/* A CPU is always there, if only this machine's. */
static struct device pool_cpu(const struct resolution *r, const struct pool *pool)
{
    const struct device *d = pool_find(pool, DEVICE_CPU, -1);

    for (size_t i = 0; !d && i < r->machine->n; i++)
        if (r->machine->devices[i].kind == DEVICE_CPU)
            d = &r->machine->devices[i];
    return d ? *d : device_cpu(0);
}

/* ---- the choice */

static bool choose(struct resolution *r, const struct device *d, struct err *err)
{
    for (size_t i = 0; i < r->n_devices; i++)
        if (r->devices[i].kind == d->kind && r->devices[i].id == d->id)
            return bad_specs(err, "a device is named twice.");
    if (r->n_devices == MAX_DEVICES)
        return bad_specs(err, "too many devices.");
    r->devices[r->n_devices++] = *d;
    return true;
}

static bool choose_gpu(struct resolution *r, const struct pool *pool, long id, struct err *err)
{
    const struct device *d = id >= 0 && id <= 4096 ? pool_find(pool, DEVICE_GPU, (int)id) : NULL;
    char text[32];

    if (d)
        return choose(r, d, err);
    snprintf(text, sizeof(text), "gpu:%ld", id);
    return unavailable(pool, text, err);
}

static bool choose_all(struct resolution *r, const struct pool *pool, struct err *err)
{
    for (size_t i = 0; i < pool->n; i++)
        if (pool->items[i].kind == DEVICE_GPU && !choose(r, &pool->items[i], err))
            return false;
    return r->n_devices > 0 || unavailable(pool, "gpu:all", err);
}

static bool choose_text(struct resolution *r, const struct pool *pool, const char *text,
                        struct err *err)
{
    const char *at = text;

    if (strcasecmp(text, "cpu") == 0 || strcasecmp(text, "cpu:0") == 0) {
        struct device cpu = pool_cpu(r, pool);

        return choose(r, &cpu, err);
    }
    if (strcasecmp(text, "gpu") == 0)
        return choose_gpu(r, pool, 0, err);
    if (strcasecmp(text, "gpu:all") == 0)
        return choose_all(r, pool, err);
    if (strncasecmp(text, "gpu:", 4) == 0)
        at = text + 4;
    do {
        char *end;
        long id = strtol(at, &end, 10);

        if (!isdigit((unsigned char)*at) || (*end != ',' && *end != '\0'))
            return bad_specs(err, "expected gpu:<ids>.");
        if (!choose_gpu(r, pool, id, err))
            return false;
        at = *end == ',' ? end + 1 : NULL;
    } while (at);
    return true;
}

static bool choose_item(struct resolution *r, const struct pool *pool, const json_t *item,
                        struct err *err)
{
    const char *type = json_string_value(json_object_get(item, "device_type"));
    const json_t *id = json_object_get(item, "id");

    if (json_is_integer(item)) {
        json_int_t n = json_integer_value(item);

        return choose_gpu(r, pool, n < 0 || n > 4096 ? -1 : (long)n, err);
    }
    if (json_is_string(item))
        return choose_text(r, pool, json_string_value(item), err);
    if (!json_is_object(item))
        return bad_specs(err, "an item is neither number, text nor record.");
    if (type && strcasecmp(type, "cpu") == 0)
        return choose_text(r, pool, "cpu", err);
    if (id && !json_is_integer(id))
        return bad_specs(err, "the id of a record is a number.");
    return choose_gpu(r, pool, id ? (long)json_integer_value(id) : 0, err);
}

static bool choose_given(struct resolution *r, const struct pool *pool, const json_t *specs,
                         struct err *err)
{
    if (!json_is_array(specs))
        return choose_item(r, pool, specs, err);
    if (json_array_size(specs) == 0)
        return bad_specs(err, "the list is empty.");
    for (size_t i = 0; i < json_array_size(specs); i++)
        if (!choose_item(r, pool, json_array_get(specs, i), err))
            return false;
    return true;
}

static bool choose_default(struct resolution *r, const struct pool *pool, struct err *err)
{
    const struct device *gpu = pool_find(pool, DEVICE_GPU, -1);

    if (gpu && r->figures_given)
        return choose_all(r, pool, err);
    if (gpu)
        return choose(r, gpu, err);
    return choose_text(r, pool, "cpu", err);
}

/* "cpu", or "gpu:0,1": what the choice comes to, whatever it was spelled like. */
static void specs_text(const struct resolution *r, struct buf *out)
{
    bool first = true;

    for (size_t i = 0; i < r->n_devices; i++) {
        if (r->devices[i].kind == DEVICE_CPU)
            continue;
        buf_printf(out, first ? "gpu:%d" : ",%d", r->devices[i].id);
        first = false;
    }
    if (first)
        buf_append_str(out, "cpu");
}

static void settle(struct resolution *r, const char *because)
{
    AUTO_BUF struct buf text = {0};

    specs_text(r, &text);
    json_decref(r->req->main.device_specs);
    r->req->main.device_specs = json_string(text.data);
    decide_str(&r->decisions, "device_specs", text.data, NULL, 0, "%s", because);
}

bool decide_devices(struct resolution *r, struct err *err)
{
    const json_t *specs = r->req->main.device_specs;
    struct pool pool = {.n = 0};
    bool mixed = false;

    r->figures_given = r->req->devices.n > 0;
    if (r->figures_given) {
        if (!pool_of_figures(r->req, &pool, err))
            return false;
    } else {
        for (size_t i = 0; i < r->machine->n; i++)
            pool.items[pool.n++] = r->machine->devices[i];
    }
    if (!(specs ? choose_given(r, &pool, specs, err) : choose_default(r, &pool, err)))
        return false;
    for (size_t i = 1; i < r->n_devices; i++)
        mixed = mixed || r->devices[i].kind != r->devices[0].kind;
    if (mixed)
        return bad_specs(err, "CPU and GPU do not run one pipeline together.");
    settle(r, specs              ? "the request asks for it"
              : r->figures_given ? "the devices described in the request"
              : on_cpu(r)        ? "this machine has no accelerator that is known here"
                                 : "the first accelerator of this machine");
    return true;
}

/* ---- the encoding's place */

static bool runs_on(enum encoding e, enum device_kind k)
{
    const struct encoding_facts *f = encoding_facts(e);

    return k == DEVICE_CPU ? f->on_cpu : f->on_gpu;
}

static bool wrong_device(const struct resolution *r, const struct side *s, struct err *err)
{
    const char *usable[N_ENCODINGS];
    size_t n = 0;

    for (int e = 1; e < N_ENCODINGS; e++)
        if (arch_has_encoding(s->arch, (enum encoding)e) &&
            runs_on((enum encoding)e, r->devices[0].kind))
            usable[n++] = encoding_name((enum encoding)e);
    err_set(err, ERR_DEVICE_UNSUPPORTED, "%s does not run on %s. %s%s%s",
            encoding_name(s->encoding), on_cpu(r) ? "a CPU" : r->devices[0].type,
            n ? "Ask for quantization_encoding " : "Use another device", n ? usable[0] : "",
            on_cpu(r) ? ", or describe an accelerator: \"devices\": [{\"type\": \"H100\"}]." : ".");
    err_fact_str(err, "encoding", encoding_name(s->encoding));
    err_fact_str(err, "device", device_kind_name(r->devices[0].kind));
    return err_fact_strv(err, "available", usable, n);
}

bool check_devices(struct resolution *r, const struct side *s, struct err *err)
{
    const struct encoding_facts *f = encoding_facts(s->encoding);
    const struct device *d = &r->devices[0];

    if (!f->on_gpu && f->on_cpu && !on_cpu(r) && s == &r->main) {
        struct pool pool = {.n = 0};

        notice_add(&r->notices, "moved-to-cpu", "%s runs only on CPUs, so the pipeline does.",
                   encoding_name(s->encoding));
        r->devices[0] = pool_cpu(r, &pool);
        r->n_devices = 1;
        settle(r, "the encoding runs only on CPUs");
    }
    if (!runs_on(s->encoding, d->kind))
        return wrong_device(r, s, err);
    if (d->encodings && !(d->encodings & UINT32_C(1) << s->encoding))
        notice_add(&r->notices, "device-encoding",
                   "%s has no native %s; it runs slower there or not at all.", d->type,
                   encoding_name(s->encoding));
    if (r->n_devices > 1 && d->kind == DEVICE_GPU && !s->arch->multi_gpu_supported) {
        err_set(err, ERR_DEVICE_UNSUPPORTED, "%s runs on one GPU only; %zu were asked for.",
                s->arch->name, r->n_devices);
        return err_fact_int(err, "limit", 1);
    }
    return true;
}
