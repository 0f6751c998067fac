/* LoRA: what it goes together with. Adapters themselves are the engine's. */
#include "resolve/resolution.h"

static bool refuse(struct err *err, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool refuse(struct err *err, const char *field, const char *fmt, ...)
{
    AUTO_BUF struct buf text = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    err_set(err, ERR_LORA, "%s", text.data);
    return err_fact_str(err, "field", field);
}

/* name=path or path; one name stands for one path. */
static bool check_paths(const struct strv *paths, struct err *err)
{
    for (size_t i = 0; i < paths->n; i++) {
        const char *equals = strchr(paths->items[i], '=');
        size_t size = equals ? (size_t)(equals - paths->items[i]) : 0;

        if (equals && (size == 0 || equals[1] == '\0'))
            return refuse(err, "lora.lora_paths", "'%.100s' is not name=path.", paths->items[i]);
        for (size_t k = 0; equals && k < i; k++)
            if (strncmp(paths->items[k], paths->items[i], size + 1) == 0 &&
                !str_eq(paths->items[k], paths->items[i]))
                return refuse(err, "lora.lora_paths", "Two adapters are named %.*s.",
                              (int)(size > 80 ? 80 : size), paths->items[i]);
    }
    return true;
}

bool check_lora(struct resolution *r, struct err *err)
{
    const struct lora_fields *lora = &r->req->lora;

    if (!is_yes(lora->enable_lora)) {
        if (lora->lora_paths.n)
            notice_add(&r->notices, "lora-ignored",
                       "lora_paths has no effect without enable_lora.");
        return true;
    }
    if (!strstr(r->main.arch->name, "LlamaForCausalLM"))
        return refuse(err, "lora.enable_lora",
                      "LoRA adapters run on LlamaForCausalLM only; this is %s.",
                      r->main.arch->name);
    if (is_yes(r->req->kv.enable_prefix_caching))
        return refuse(err, "kv_cache.enable_prefix_caching",
                      "LoRA does not go with prefix caching; set kv_cache.enable_prefix_caching "
                      "to false.");
    if (r->n_devices > 1)
        return refuse(err, "device_specs", "LoRA runs on one device; %zu were asked for.",
                      r->n_devices);
    return check_paths(&lora->lora_paths, err);
}
