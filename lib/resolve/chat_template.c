#include "resolve/chat_template.h"

#include "base/nearest.h"
#include "hub/tokenizer_facts.h"
#include "json/reader.h"

enum { NAMES_MAX = 64 };

static const struct chat_template *named(const struct tokenizer_facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_templates; i++)
        if (str_eq(f->templates[i].name, name))
            return &f->templates[i];
    return NULL;
}

static bool not_found(const struct tokenizer_facts *f, const char *name, struct err *err)
{
    const char *names[NAMES_MAX], *near[NEAREST_MAX];
    size_t n = f->n_templates < NAMES_MAX ? f->n_templates : NAMES_MAX;

    for (size_t i = 0; i < n; i++)
        names[i] = f->templates[i].name;
    if (!n)
        err_set(err, ERR_TEMPLATE_NOT_FOUND,
                "the model has no chat template; send one as chat_template");
    else if (name)
        err_set(err, ERR_TEMPLATE_NOT_FOUND, "the model has no chat template named '%.60s'", name);
    else
        err_set(err, ERR_TEMPLATE_NOT_FOUND,
                "the model has %zu chat templates and none is the default; say template_name", n);
    err_fact_str(err, "field", name ? "template_name" : "chat_template");
    err_fact_strv(err, "known", names, n);
    return name ? err_fact_strv(err, "nearest", near, nearest(name, names, n, near)) : false;
}

bool chat_template_choose(const struct chat_template_request *req,
                          const struct tokenizer_facts *facts, struct chat_template_choice *ret,
                          struct err *err)
{
    const struct chat_template *t;

    if (req->text) {
        *ret = (struct chat_template_choice){req->text, "custom", "request"};
        return true;
    }
    if (!req->name && req->of_handle) {
        *ret = (struct chat_template_choice){req->of_handle, "custom", "tokenizer"};
        return true;
    }
    if (req->name) {
        t = named(facts, req->name);
    } else {
        t = req->has_tools ? named(facts, "tool_use") : NULL;
        if (!t)
            t = tokenizer_default_template(facts);
    }
    if (!t)
        return not_found(facts, req->name, err);
    *ret = (struct chat_template_choice){t->source, t->name, t->origin};
    return true;
}

static void read_text(struct json_reader *r, char **ret)
{
    struct slice text;

    if (json_read_kind(r) == KIND_NULL) {
        json_read_null(r);
    } else if (json_read_text(r, &text)) {
        free(*ret);
        *ret = slice_dup(text);
    }
}

bool tokenizer_effective_read(const char *effective, struct model_ref *ret_ref, char **ret_text,
                              struct err *err)
{
    AUTO_JSON_READER struct json_reader r = json_reader(effective, strlen(effective));
    AUTO_FREE char *model = NULL, *revision = NULL, *subfolder = NULL, *text = NULL;
    struct slice key;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        if (slice_eq(key, "model"))
            read_text(&r, &model);
        else if (slice_eq(key, "revision"))
            read_text(&r, &revision);
        else if (slice_eq(key, "subfolder"))
            read_text(&r, &subfolder);
        else if (slice_eq(key, "chat_template"))
            read_text(&r, &text);
        else
            json_read_skip(&r);
    }
    if (!json_read_end(&r, ERR_STORE_CORRUPT, "tokenizer", err) ||
        !model_ref_parse(ret_ref, model ? model : "", revision, subfolder, err))
        return false;
    *ret_text = take(&text);
    return true;
}
