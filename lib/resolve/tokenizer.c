#include "resolve/tokenizer.h"

#include "base/hash.h"
#include "hub/model_render.h"
#include "plan/notices.h"
#include "resolve/resolution.h"
#include "json/reader.h"
#include "json/writer.h"

#include <stdio.h>

char *chat_template_text(const char *given)
{
    json_t *doc = json_loads(given, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(doc, "chat_template"));
    char *ret = str_dup(text ? text : given);

    json_decref(doc);
    return ret;
}

/* Mistral's and Phi-3's tokenizers lose the space before a lone token. */
static bool needs_whitespace_fix(const struct arch *a)
{
    return a && str_eq(a->tokenizer_cls, "TextTokenizer") &&
           (str_eq(a->pipeline_model, "MistralModel") || str_eq(a->pipeline_model, "Phi3Model"));
}

static int64_t special_id(const struct tokenizer_facts *f, const char *role)
{
    for (size_t i = 0; i < f->n_special; i++)
        if (str_eq(f->special[i].role, role))
            return f->special[i].id;
    return -1;
}

/* A BERT tokenizer ends with what it has: separator, padding, or id 0. */
static int64_t bert_eos(const struct tokenizer_facts *f)
{
    int64_t sep = special_id(f, "sep_token"), pad = special_id(f, "pad_token");

    return sep >= 0 ? sep : pad >= 0 ? pad : 0;
}

static void take_eos(struct tokenizer_handle *t, const struct tokenizer_choice *c)
{
    const struct tokenizer_facts *f = &c->model->tokenizer;
    bool bert = c->arch && str_eq(c->arch->tokenizer, "BertTokenizer");

    t->n_eos_ids = f->n_eos_ids > 0 ? f->n_eos_ids : bert;
    if (t->n_eos_ids == 0)
        return;
    t->eos_ids = mem_new_array(t->n_eos_ids, int64_t);
    if (f->n_eos_ids > 0)
        memcpy(t->eos_ids, f->eos_ids, f->n_eos_ids * sizeof(*t->eos_ids));
    else
        t->eos_ids[0] = bert_eos(f);
}

static void write_effective(const struct tokenizer_handle *t, const struct tokenizer_choice *c,
                            struct buf *out)
{
    const struct model *m = c->model;
    struct json j = json_begin(out);

    json_open(&j, '{');
    json_str(&j, "model", c->requested);
    json_str(&j, "revision", m->ref.source == MODEL_HUB ? m->commit : NULL);
    json_str(&j, "subfolder", c->subfolder && c->subfolder[0] ? c->subfolder : NULL);
    json_bool(&j, "trust_remote_code", c->trust_remote_code);
    json_str(&j, "override_architecture", c->override_architecture);
    json_str(&j, "task", task_name(c->task));
    t->max_length > 0 ? json_int(&j, "max_length", t->max_length) : json_nil(&j, "max_length");
    json_str(&j, "chat_template", t->chat_template);
    json_close(&j, '}');
}

/* What makes two tokenizers one: not the way they were asked for. */
static void write_id(struct tokenizer_handle *t, const struct tokenizer_choice *c)
{
    AUTO_BUF struct buf text = {0};
    struct json j = json_begin(&text);
    char digest[SHA256_HEX];

    json_open(&j, '{');
    json_str(&j, "model", c->requested);
    json_str(&j, "commit", c->model->commit);
    json_str(&j, "subfolder", c->subfolder ? c->subfolder : "");
    json_str(&j, "class", t->class_name);
    json_int(&j, "max_length", t->max_length);
    json_bool(&j, "whitespace_fix", t->whitespace_fix);
    json_str(&j, "chat_template", t->chat_template);
    json_bool(&j, "trust_remote_code", c->trust_remote_code);
    json_close(&j, '}');
    hash_sha256_hex(text.data, text.size, digest);
    snprintf(t->id, sizeof(t->id), "tk_%.32s", digest);
}

static void write_members(struct tokenizer_handle *t, const struct tokenizer_choice *c)
{
    struct buf out = {0};
    struct json j = json_begin(&out);
    struct notices notices = {0};

    model_render_tokenizer(c->model, &j);
    json_str(&j, "tokenizer_class", t->class_name);
    json_str(&j, "architecture", t->arch_name);
    t->max_length > 0 ? json_int(&j, "max_length", t->max_length) : json_nil(&j, "max_length");
    json_key(&j, "eos_token_ids"), json_open(&j, '[');
    for (size_t i = 0; i < t->n_eos_ids; i++)
        json_item(&j), json_write_int(j.out, t->eos_ids[i]);
    json_close(&j, ']');
    json_bool(&j, "whitespace_fix", t->whitespace_fix);
    json_bool(&j, "custom_chat_template", t->chat_template != NULL);
    json_raw(&j, "effective", t->effective);
    if (t->n_eos_ids == 0)
        notice_add(&notices, "eos-missing",
                   "Neither tokenizer nor config name an end-of-sequence token.");
    if (!c->arch)
        notice_add(&notices, "architecture-unknown",
                   "The model has no config, so its tokenizer is taken for a TextTokenizer.");
    json_key(&j, "warnings"), json_open(&j, '[');
    if (notices.n)
        json_item(&j), buf_append(j.out, notices.list.data, notices.list.size);
    json_close(&j, ']');
    notices_release(&notices);
    t->members_size = out.size;
    t->members = buf_take(&out);
}

struct tokenizer_handle *tokenizer_handle_of(const struct tokenizer_choice *c)
{
    struct tokenizer_handle *t;
    struct buf effective = {0};

    if (c->model->tokenizer.kind[0] == '\0')
        return NULL;
    t = tokenizer_handle_new();
    t->model = str_dup(c->requested);
    snprintf(t->commit, sizeof(t->commit), "%s", c->model->commit);
    t->class_name = str_dup(c->arch ? c->arch->tokenizer_cls : "TextTokenizer");
    t->arch_name = c->arch ? str_dup(c->arch->name) : NULL;
    t->max_length = c->max_length;
    t->whitespace_fix = needs_whitespace_fix(c->arch);
    t->chat_template = c->chat_template ? chat_template_text(c->chat_template) : NULL;
    take_eos(t, c);
    write_effective(t, c, &effective);
    t->effective = buf_take(&effective);
    write_id(t, c);
    write_members(t, c);
    return t;
}

bool tokenizer_terms_read(const char *members, struct tokenizer_terms *ret, struct err *err)
{
    AUTO_FREE char *text = str_printf("{%s}", members);
    AUTO_JSON_READER struct json_reader r = json_reader(text, strlen(text));
    struct tokenizer_terms terms = {0};
    struct slice key;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        if (slice_eq(key, "max_length") && json_read_kind(&r) == KIND_NUMBER)
            json_read_int(&r, &terms.max_length);
        else if (slice_eq(key, "whitespace_fix"))
            json_read_bool(&r, &terms.whitespace_fix);
        else
            json_read_skip(&r);
    }
    if (!json_read_end(&r, ERR_STORE_CORRUPT, "tokenizer", err))
        return false;
    *ret = terms;
    return true;
}

bool takes_text_only(const struct arch *a) { return a->input_modalities == MODALITY_TEXT; }

static void read_tokenizer(struct json_reader *r, struct pipeline_tokenizer *ret)
{
    struct slice key, text;

    if (json_read_kind(r) != KIND_OBJECT) {
        json_read_skip(r);
        return;
    }
    json_read_object(r);
    while (json_read_key(r, &key)) {
        bool is_id = slice_eq(key, "id");

        if (!is_id && !slice_eq(key, "message_rules"))
            json_read_skip(r);
        else if (!json_read_text(r, &text))
            return;
        else if (is_id)
            slice_copy(text, ret->id, sizeof(ret->id));
        else
            ret->max_rules = slice_eq(text, "max");
    }
}

bool pipeline_tokenizer_read(const char *members, struct pipeline_tokenizer *ret, struct err *err)
{
    AUTO_FREE char *text = str_printf("{%s}", members);
    AUTO_JSON_READER struct json_reader r = json_reader(text, strlen(text));
    struct pipeline_tokenizer found = {0};
    struct slice key;

    json_read_object(&r);
    while (json_read_key(&r, &key))
        if (slice_eq(key, "tokenizer"))
            read_tokenizer(&r, &found);
        else
            json_read_skip(&r);
    if (!json_read_end(&r, ERR_STORE_CORRUPT, "pipeline", err))
        return false;
    *ret = found;
    return true;
}

static bool find_arch(const struct tokenizer_request *req, const struct model *model,
                      const struct registry *registry, const struct arch **ret, struct err *err)
{
    const struct config *c = model->config;
    struct task_choice choice;

    *ret = NULL;
    if (req->override_architecture)
        return registry_lookup(registry, req->override_architecture, (enum task)req->task, ret,
                               err);
    if (!c)
        return true;
    if (req->task != TASK_NONE)
        return registry_find_any(registry, c->architectures, c->n_architectures,
                                 (enum task)req->task, false, ret, err);
    if (!registry_task(registry, c->architectures, c->n_architectures, &choice, err))
        return false;
    *ret = choice.arch;
    return true;
}

/* The architecture's policy, else what the tokenizer's own files say. */
static bool find_length(const struct tokenizer_request *req, const struct model *model,
                        const struct arch *arch, int64_t *ret, struct err *err)
{
    double own = model->tokenizer.model_max_length;
    const char *because;

    *ret = req->max_length.set ? req->max_length.value : 0;
    if (arch && model->config && !policy_length(arch, model->config, *ret, ret, &because, err))
        return false;
    if (*ret == 0 && own >= 1 && own < 1e12) /* beyond that the file means none */
        *ret = (int64_t)own;
    return true;
}

bool tokenizer_handle_build(const struct tokenizer_request *req, const struct model *model,
                            const struct registry *registry, struct tokenizer_handle **ret,
                            struct err *err)
{
    struct tokenizer_choice choice = {.model = model,
                                      .requested = req->model,
                                      .subfolder = req->subfolder,
                                      .override_architecture = req->override_architecture,
                                      .task = (enum task)req->task,
                                      .trust_remote_code = req->trust_remote_code == YES,
                                      .chat_template = req->chat_template};

    if (model->tokenizer.kind[0] == '\0')
        return model_no_tokenizer(model, err);
    if (model->config && model->config->needs_remote_code && !choice.trust_remote_code) {
        err_set(err, ERR_REMOTE_CODE,
                "%s brings its own Python code; set trust_remote_code if you have read and "
                "trust it.",
                req->model);
        return err_fact_str(err, "field", "trust_remote_code");
    }
    if (!find_arch(req, model, registry, &choice.arch, err) ||
        !find_length(req, model, choice.arch, &choice.max_length, err))
        return false;
    *ret = tokenizer_handle_of(&choice);
    return true;
}
