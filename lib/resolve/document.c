/* The pipeline of a finished resolution: ids and the document's members. */
#include "base/hash.h"
#include "resolve/memory.h"
#include "resolve/tokenizer.h"
#include "json/writer.h"

#include <stdio.h>

static void side_digest(struct json *j, const struct side *s)
{
    json_str(j, "commit", s->model->commit);
    json_str(j, "weights_commit", s->weights->commit);
    json_str(j, "architecture", s->arch->digest);
}

/* 32 hex over what the handle stands for. A factory does not know the engine. */
static void write_id(const struct resolution *r, const char *prefix, bool without_engine,
                     char ret[HANDLE_ID_MAX])
{
    AUTO_BUF struct buf text = {0};
    struct json j = json_begin(&text);
    char digest[SHA256_HEX];

    json_open(&j, '{');
    json_key(&j, "effective");
    effective_write(r, without_engine, &text);
    j.need_comma = true;
    side_digest(&j, &r->main);
    if (r->has_draft) {
        json_key(&j, "draft"), json_open(&j, '{');
        side_digest(&j, &r->draft);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    hash_sha256_hex(text.data, text.size, digest);
    snprintf(ret, HANDLE_ID_MAX, "%s%.32s", prefix, digest);
}

static void model_write(struct json *j, const char *key, const struct side *s)
{
    const struct model *m = s->model;

    json_key(j, key), json_open(j, '{');
    json_str(j, "requested", m->ref.model);
    json_str(j, "model", m->canonical);
    json_str(j, "revision", m->ref.source == MODEL_HUB ? m->ref.revision : NULL);
    json_str(j, "commit", m->commit);
    if (s->weights != m) {
        json_str(j, "weights_model", s->weights->ref.model);
        json_str(j, "weights_commit", s->weights->commit);
    }
    json_bool(j, "stale", m->stale);
    json_close(j, '}');
}

static void weights_write(struct json *j, const char *key, const struct side *s)
{
    json_key(j, key), json_open(j, '{');
    json_str(j, "format", weights_format_name(s->format));
    json_key(j, "files"), json_open(j, '[');
    for (size_t i = 0; i < s->n_files; i++) {
        json_item(j), json_open(j, '{');
        json_str(j, "path", s->files[i]->path);
        if (s->files[i]->size >= 0)
            json_int(j, "size_bytes", s->files[i]->size);
        else
            json_nil(j, "size_bytes");
        json_close(j, '}');
    }
    json_close(j, ']');
    json_int(j, "total_bytes", s->weights_bytes);
    json_str(j, "adapter", s->arch->weight_adapters[s->format]);
    json_str(j, "cast_from", encoding_name(s->cast_from));
    json_close(j, '}');
}

static void architecture_write(struct json *j, const struct arch *a)
{
    json_key(j, "architecture"), json_open(j, '{');
    json_str(j, "name", a->name);
    json_str(j, "task", task_name(a->task));
    json_int(j, "revision", a->revision);
    json_str(j, "digest", a->digest);
    json_close(j, '}');
}

static void draft_write(struct json *j, const struct resolution *r)
{
    const struct side *s = &r->draft;

    json_key(j, "draft_model"), json_open(j, '{');
    model_write(j, "model", s);
    architecture_write(j, s->arch);
    json_str(j, "encoding", encoding_name(s->encoding));
    weights_write(j, "weights", s);
    json_close(j, '}');
}

static void components_write(struct json *j, const struct config *c)
{
    json_key(j, "components"), json_open(j, '[');
    for (size_t i = 0; i < c->n_components; i++) {
        json_item(j), json_open(j, '{');
        json_str(j, "role", c->components[i].role);
        json_str(j, "library", c->components[i].library);
        json_str(j, "class_name", c->components[i].class_name);
        json_str(j, "subfolder", c->components[i].role);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void tokenizer_write(struct json *j, const struct tokenizer_handle *t, const struct arch *a)
{
    char href[64];

    if (!t) {
        json_nil(j, "tokenizer");
        return;
    }
    snprintf(href, sizeof(href), "/v1/tokenizers/%s", t->id);
    json_key(j, "tokenizer"), json_open(j, '{');
    json_str(j, "id", t->id);
    json_str(j, "href", href);
    json_str(j, "class", t->class_name);
    json_str(j, "message_rules", takes_text_only(a) ? "max" : "given");
    json_close(j, '}');
}

static void list_write(struct json *j, const char *key, const struct buf *items)
{
    json_key(j, key), json_open(j, '[');
    if (items->size)
        json_item(j), buf_append(j->out, items->data, items->size);
    json_close(j, ']');
}

static void members_write(const struct resolution *r, const struct pipeline *p, struct buf *out)
{
    const struct pipeline_request *q = r->req;
    AUTO_BUF struct buf kv = {0}, memory = {0};
    struct json j = json_begin(out);

    json_str(&j, "factory_id", p->factory_id);
    json_str(&j, "task", task_name(r->task));
    json_str(&j, "pipeline_class", r->pipeline_class);
    architecture_write(&j, r->main.arch);
    json_str(&j, "pipeline_model", r->main.arch->pipeline_model);
    model_write(&j, "model", &r->main);
    json_str(&j, "encoding", encoding_name(r->main.encoding));
    weights_write(&j, "weights", &r->main);
    if (r->has_draft)
        draft_write(&j, r);
    if (is_manifest(&r->main))
        components_write(&j, r->main.model->config);
    if (q->main.max_length.set)
        json_int(&j, "max_length", q->main.max_length.value);
    else
        json_nil(&j, "max_length");
    json_int(&j, "max_batch_size", q->max_batch_size.value);
    kv_cache_write(r, &kv);
    json_raw(&j, "kv_cache", kv.data);
    memory_write(r, &memory);
    json_raw(&j, "memory", memory.data);
    tokenizer_write(&j, p->tokenizer, r->main.arch);
    json_str(&j, "tool_parser", r->tool_parser);
    json_str(&j, "reasoning_parser", r->reasoning_parser);
    json_raw(&j, "effective", p->effective);
    list_write(&j, "warnings", &r->notices.list);
    list_write(&j, "decisions", &r->decisions.list);
}

static void take_files(const struct side *s, struct pipeline *p)
{
    p->n_weight_files = s->n_files;
    p->weight_files = mem_new_array(s->n_files + 1, struct pipeline_file);
    for (size_t i = 0; i < s->n_files; i++) {
        p->weight_files[i].path = str_dup(s->files[i]->path);
        p->weight_files[i].size = s->files[i]->size;
    }
    if (s->weights != s->model) {
        snprintf(p->weights_repo, sizeof(p->weights_repo), "%s", s->weights->ref.model);
        snprintf(p->weights_commit, sizeof(p->weights_commit), "%s", s->weights->commit);
    }
}

static struct tokenizer_handle *tokenizer_of(const struct resolution *r)
{
    const struct model_fields *m = &r->req->main;
    struct tokenizer_choice c = {
        .model = r->main.model,
        .requested = m->model_path,
        .subfolder = m->subfolder,
        .arch = r->main.arch,
        .override_architecture = r->req->override_architecture,
        .task = r->task,
        .trust_remote_code = is_yes(m->trust_remote_code),
        .max_length = m->max_length.set ? m->max_length.value : 0,
        .chat_template = m->chat_template,
    };

    return tokenizer_handle_of(&c);
}

struct pipeline *pipeline_build(const struct resolution *r)
{
    struct pipeline *p = pipeline_new();
    struct buf effective = {0}, members = {0};

    p->task = r->task;
    p->arch_name = str_dup(r->main.arch->name);
    p->model = str_dup(r->req->main.model_path);
    snprintf(p->commit, sizeof(p->commit), "%s", r->main.model->commit);
    write_id(r, "pl_", false, p->id);
    write_id(r, "fc_", true, p->factory_id);
    p->tokenizer = tokenizer_of(r);
    if (p->tokenizer)
        snprintf(p->tokenizer_id, sizeof(p->tokenizer_id), "%s", p->tokenizer->id);
    take_files(&r->main, p);
    effective_write(r, false, &effective);
    p->effective = buf_take(&effective);
    members_write(r, p, &members);
    p->members_size = members.size;
    p->members = buf_take(&members);
    return p;
}
