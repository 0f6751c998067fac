#include "hub/model_render.h"

#include "hub/tokenizer_facts.h"

void model_render_origin(const struct model *m, struct json *j)
{
    static const char *const origins[] = {"hub", "hub_cache", "local_directory", "local_gguf"};

    json_str(j, "model", m->ref.model);
    if (!str_eq(m->canonical, m->ref.model))
        json_str(j, "canonical", m->canonical);
    json_str(j, "requested", m->ref.source == MODEL_HUB ? m->ref.revision : NULL);
    json_str(j, "commit", m->commit);
    if (m->ref.subfolder[0])
        json_str(j, "subfolder", m->ref.subfolder);
    json_str(j, "origin", origins[m->origin]);
    json_bool(j, "stale", m->stale);
    json_int(j, "pinned_at_unix_s", m->pinned_at);
}

static void render_file(const struct model_file *f, struct json *j)
{
    json_item(j);
    json_open(j, '{');
    json_str(j, "path", f->path);
    if (f->size >= 0)
        json_int(j, "size_bytes", f->size);
    if (f->oid[0])
        json_str(j, "oid", f->oid);
    if (f->format) {
        json_str(j, "format", weights_format_name(f->format));
        json_str(j, "encoding", encoding_name(f->encoding));
        json_str(j, "evidence", evidence_name(f->evidence));
        if (f->n_parameters > 0)
            json_int(j, "parameters", f->n_parameters);
        if (f->consolidated)
            json_bool(j, "consolidated", true);
    }
    json_close(j, '}');
}

static void render_files(const struct model *m, struct json *j)
{
    int64_t total = 0;

    json_key(j, "files");
    json_open(j, '[');
    for (size_t i = 0; i < m->n_files; i++)
        render_file(&m->files[i], j);
    json_close(j, ']');
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].size > 0 && __builtin_add_overflow(total, m->files[i].size, &total))
            total = INT64_MAX;
    json_int(j, "total_bytes", total);
}

static void render_weights(const struct model *m, struct json *j)
{
    int64_t parameters = 0;

    json_key(j, "weight_formats");
    json_open(j, '[');
    for (enum weights_format f = 1; f < N_FORMATS; f++)
        if (model_has_format(m, f)) {
            json_item(j);
            json_write_str(j->out, weights_format_name(f));
        }
    json_close(j, ']');
    json_key(j, "encodings");
    json_open(j, '[');
    for (enum encoding e = 1; e < N_ENCODINGS; e++)
        if (m->encodings & 1u << e) {
            json_item(j);
            json_open(j, '{');
            json_str(j, "encoding", encoding_name(e));
            json_str(j, "evidence", evidence_name(m->encoding_evidence[e]));
            json_close(j, '}');
        }
    json_close(j, ']');
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].format == FORMAT_SAFETENSORS && !m->files[i].consolidated &&
            __builtin_add_overflow(parameters, m->files[i].n_parameters, &parameters))
            parameters = INT64_MAX;
    if (parameters > 0)
        json_int(j, "parameters", parameters);
}

static void render_modalities(const struct config *c, struct json *j)
{
    json_key(j, "modalities");
    json_open(j, '[');
    if (c && (c->kind != CONFIG_DIFFUSERS)) {
        json_item(j);
        json_write_str(j->out, "text");
    }
    if (c && c->has_vision) {
        json_item(j);
        json_write_str(j->out, "image");
    }
    if (c && c->has_audio) {
        json_item(j);
        json_write_str(j->out, "audio");
    }
    json_close(j, ']');
}

/* A number that the config does not give is null. */
static void number(struct json *j, const char *key, int64_t v)
{
    if (v > 0)
        json_int(j, key, v);
    else
        json_raw(j, key, "null");
}

static void render_limits(const struct config *c, struct json *j)
{
    json_key(j, "limits");
    json_open(j, '{');
    number(j, "max_positions", c->max_positions);
    number(j, "max_position_embeddings", c->max_position_embeddings);
    number(j, "original_max_positions", c->original_max_positions);
    number(j, "sliding_window", c->sliding_window);
    number(j, "vocab_size", c->vocab_size);
    json_close(j, '}');
}

static void render_quantization(const struct config *c, struct json *j)
{
    if (c->quant.method == QUANT_NONE) {
        json_raw(j, "quantization", "null");
        return;
    }
    json_key(j, "quantization");
    json_open(j, '{');
    json_str(j, "method", c->quant.name);
    json_str(j, "format", c->quant.format[0] ? c->quant.format : NULL);
    number(j, "bits", c->quant.bits);
    number(j, "group_size", c->quant.group_size);
    json_close(j, '}');
}

static void render_config(const struct config *c, struct json *j)
{
    json_strv(j, "architectures", c->architectures, c->n_architectures);
    json_str(j, "model_type", c->model_type[0] ? c->model_type : NULL);
    json_bool(j, "needs_remote_code", c->needs_remote_code);
    json_str(j, "dtype", encoding_name(c->dtype));
    render_limits(c, j);
    render_quantization(c, j);
    if (c->n_components == 0)
        return;
    json_key(j, "components");
    json_open(j, '[');
    for (size_t i = 0; i < c->n_components; i++) {
        json_item(j);
        json_open(j, '{');
        json_str(j, "role", c->components[i].role);
        json_str(j, "library", c->components[i].library);
        json_str(j, "class", c->components[i].class_name);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void render_problems(const struct model *m, struct json *j)
{
    json_key(j, "problems");
    json_open(j, '[');
    for (size_t i = 0; i < m->n_problems; i++) {
        json_item(j);
        json_open(j, '{');
        json_str(j, "path", m->problems[i].path);
        json_str(j, "code", err_slug(m->problems[i].code));
        json_str(j, "detail", m->problems[i].message);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void model_render_summary(const struct model *m, struct json *j)
{
    model_render_origin(m, j);
    json_bool(j, "gated", m->gated);
    json_bool(j, "private", m->is_private);
    if (m->config) {
        render_config(m->config, j);
    } else {
        json_strv(j, "architectures", NULL, 0);
        json_bool(j, "needs_remote_code", false);
    }
    render_modalities(m->config, j);
    render_weights(m, j);
    json_bool(j, "sentence_transformers", m->is_sentence_transformer);
    json_str(j, "adapter_of", m->has_adapter_config && m->adapter_base[0] ? m->adapter_base : NULL);
    json_bool(j, "adapter", m->has_adapter_config);
    json_bool(j, "chat_template", m->tokenizer.n_templates > 0);
    json_str(j, "tokenizer_kind", m->tokenizer.kind[0] ? m->tokenizer.kind : NULL);
    render_files(m, j);
    render_problems(m, j);
}

/* ---- the tokenizer's */

static void render_special(const struct tokenizer_facts *t, struct json *j)
{
    json_key(j, "special_tokens");
    json_open(j, '{');
    for (size_t i = 0; i < t->n_special; i++) {
        json_key(j, t->special[i].role);
        json_open(j, '{');
        json_str(j, "content", t->special[i].content);
        if (t->special[i].id >= 0)
            json_int(j, "id", t->special[i].id);
        else
            json_raw(j, "id", "null");
        json_close(j, '}');
    }
    json_close(j, '}');
    json_raw(j, "additional_special_tokens", t->additional_special ? t->additional_special : "[]");
    json_key(j, "eos_token_ids");
    json_open(j, '[');
    for (size_t i = 0; i < t->n_eos_ids; i++) {
        json_item(j);
        json_write_int(j->out, t->eos_ids[i]);
    }
    json_close(j, ']');
}

static void render_templates(const struct tokenizer_facts *t, struct json *j)
{
    json_key(j, "chat_templates");
    json_open(j, '[');
    for (size_t i = 0; i < t->n_templates; i++) {
        json_item(j);
        json_open(j, '{');
        json_str(j, "name", t->templates[i].name);
        json_str(j, "origin", t->templates[i].origin);
        json_item(j), buf_append(j->out, t->templates[i].facts, strlen(t->templates[i].facts));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void tristate(struct json *j, const char *key, int v)
{
    json_raw(j, key, v < 0 ? "null" : v ? "true" : "false");
}

void model_render_tokenizer(const struct model *m, struct json *j)
{
    const struct tokenizer_facts *t = &m->tokenizer;

    model_render_origin(m, j);
    json_str(j, "kind", t->kind[0] ? t->kind : NULL);
    json_str(j, "tokenizer_class", t->class_name[0] ? t->class_name : NULL);
    json_str(j, "source_file", t->source_file[0] ? t->source_file : NULL);
    number(j, "vocab_size", t->vocab_size);
    json_int(j, "added_tokens", t->n_added_tokens);
    render_special(t, j);
    json_str(j, "normalizer", t->normalizer);
    json_str(j, "pre_tokenizer", t->pre_tokenizer);
    json_str(j, "post_processor", t->post_processor);
    json_str(j, "decoder", t->decoder);
    /* transformers writes 1e30 for "no limit" */
    number(j, "model_max_length",
           t->model_max_length > 0 && t->model_max_length <= 1e12 ? (int64_t)t->model_max_length
                                                                  : 0);
    tristate(j, "add_bos_token", t->add_bos_token);
    tristate(j, "add_eos_token", t->add_eos_token);
    render_templates(t, j);
}
