#include "template/inputs.h"

#include "template/text.h"

#include <errno.h>

enum { JSON_NEST_MAX = 100 };

/* What transformers puts behind the last message to find its end again, with a blank. */
static const char mark[] = "CONTINUE_FINAL_MESSAGE_TAG ";

static bool read_value(struct render *r, struct json_reader *j, struct value *ret);

static bool read_text(struct render *r, struct json_reader *j, struct value *ret)
{
    const char *start = j->start, *end = j->end;
    struct slice s;

    if (!json_read_text(j, &s))
        return false;
    /* A slice of the request outlives the rendering; what was unescaped does not. */
    *ret = s.data >= start && s.data < end ? str_borrow(&r->arena, s.data, s.size)
                                           : str_copy(&r->arena, s.data, s.size);
    return true;
}

/* Integers stay integers, as Python reads them: 1 is no 1.0. */
static bool read_number(struct render *r, struct json_reader *j, struct value *ret)
{
    struct slice raw;
    struct value text;
    char *end;

    if (!json_read_raw(j, &raw))
        return false;
    text = str_copy(&r->arena, raw.data, raw.size);
    if (memchr(raw.data, '.', raw.size) || memchr(raw.data, 'e', raw.size) ||
        memchr(raw.data, 'E', raw.size)) {
        *ret = v_float(strtod(text.str->data, NULL));
        return true;
    }
    errno = 0;
    *ret = v_int(strtoll(text.str->data, &end, 10));
    if (errno) {
        *ret = text;
        ret->kind = V_BIG;
    }
    return true;
}

static bool read_object(struct render *r, struct json_reader *j, struct value *ret)
{
    struct value v = {.kind = V_DICT, .dict = dict_new(&r->arena)}, item;
    struct slice key;

    if (!json_read_object(j))
        return false;
    while (json_read_key(j, &key)) {
        struct value name = str_copy(&r->arena, key.data, key.size);
        if (!read_value(r, j, &item))
            return false;
        dict_set_str(&r->arena, v.dict, name, item);
    }
    *ret = v;
    return !j->fault;
}

static bool read_array(struct render *r, struct json_reader *j, struct value *ret)
{
    struct value v = seq_new(&r->arena, V_LIST, 0), item;

    if (!json_read_array(j))
        return false;
    while (json_read_item(j)) {
        if (!read_value(r, j, &item))
            return false;
        seq_append(&r->arena, v.seq, item);
    }
    *ret = v;
    return !j->fault;
}

/* Recursion is bounded by the reader's depth. */
static bool read_value(struct render *r, struct json_reader *j, struct value *ret)
{
    bool b;

    if (r->arena.bytes > r->limits.max_memory)
        return json_read_fault(j, "more than a rendering may hold");
    switch (json_read_kind(j)) {
    case KIND_OBJECT:
        return read_object(r, j, ret);
    case KIND_ARRAY:
        return read_array(r, j, ret);
    case KIND_STRING:
        return read_text(r, j, ret);
    case KIND_NUMBER:
        return read_number(r, j, ret);
    case KIND_BOOL:
        if (!json_read_bool(j, &b))
            return false;
        *ret = v_bool(b);
        return true;
    default:
        *ret = NONE;
        return json_read_null(j);
    }
}

static bool wrong(struct render *r, const char *field, const char *what)
{
    err_set(r->err, ERR_FIELD, "%s: %s", field, what);
    return err_fact_str(r->err, "field", field);
}

static bool read_json(struct render *r, struct slice json, const char *field, enum kind kind,
                      struct value *ret)
{
    *ret = NONE;
    if (!json.data)
        return true;
    AUTO_JSON_READER struct json_reader j = json_reader(json.data, json.size);
    j.max_depth = JSON_NEST_MAX;
    if (read_value(r, &j, ret) && ret->kind != kind && ret->kind != V_NONE)
        return wrong(r, field, kind == V_LIST ? "it must be an array" : "it must be an object");
    return json_read_end(&j, ERR_FIELD, field, r->err);
}

static void set_input(struct render *r, const char *name, struct value v)
{
    dict_set_str(&r->arena, r->inputs, str_const(&r->arena, name), v);
}

static struct value *member(struct render *r, struct value object, const char *name)
{
    return object.kind == V_DICT ? dict_find_str(object.dict, str_const(&r->arena, name).str)
                                 : NULL;
}

/* ---- messages */

static bool check_messages(struct render *r, struct value messages)
{
    if (messages.kind != V_LIST)
        return wrong(r, "messages", "an array of messages is wanted");
    for (size_t i = 0; i < messages.seq->n; i++)
        if (messages.seq->items[i].kind != V_DICT)
            return wrong(r, "messages", "every message must be an object with a role");
    return true;
}

/* MAX and vLLM for templates that know text only: the text parts, a line each. */
static bool flatten(struct render *r, struct value message)
{
    struct value *content = member(r, message, "content"), joined = {0};

    if (!content || content->kind != V_LIST)
        return true;
    joined = str_const(&r->arena, "");
    for (size_t i = 0; i < content->seq->n; i++) {
        struct value part = content->seq->items[i], *text = member(r, part, "text");

        if (part.kind == V_STR)
            text = &content->seq->items[i];
        if (!text || text->kind != V_STR)
            return wrong(r, "messages",
                         "with content_format string every part of a content must be text; "
                         "use content_format openai for others");
        if (i)
            joined = str_concat(&r->arena, joined.str, str_const(&r->arena, "\n").str);
        joined = str_concat(&r->arena, joined.str, text->str);
    }
    *content = joined;
    return true;
}

static struct value *last_text(struct render *r, struct value messages)
{
    struct value *content;

    if (!messages.seq->n)
        return NULL;
    content = member(r, messages.seq->items[messages.seq->n - 1], "content");
    if (!content || content->kind != V_LIST)
        return content;
    for (size_t i = content->seq->n; i-- > 0;) {
        struct value *text = member(r, content->seq->items[i], "text");
        if (text)
            return text;
    }
    return NULL;
}

static bool mark_end(struct render *r, struct value messages, struct inputs *ret)
{
    struct value *text = last_text(r, messages);

    if (!text || text->kind != V_STR)
        return wrong(r, "continue_final_message",
                     "the last message has no text that could be continued");
    ret->last = text->str;
    *text = str_concat(&r->arena, text->str, str_const(&r->arena, mark).str);
    return true;
}

bool inputs_read(struct render *r, const struct template_inputs *in, struct inputs *ret)
{
    struct value messages, tools, documents, kwargs;

    r->inputs = dict_new(&r->arena);
    if (!read_json(r, in->messages, "messages", V_LIST, &messages) ||
        !check_messages(r, messages) || !read_json(r, in->tools, "tools", V_LIST, &tools) ||
        !read_json(r, in->documents, "documents", V_LIST, &documents) ||
        !read_json(r, in->kwargs, "template_kwargs", V_DICT, &kwargs))
        return false;
    if (in->content_format == CONTENT_STRING)
        for (size_t i = 0; i < messages.seq->n; i++)
            if (!flatten(r, messages.seq->items[i]))
                return false;
    if (in->continue_final_message && !mark_end(r, messages, ret))
        return false;
    for (size_t i = 0; i < in->n_tokens; i++)
        set_input(r, in->tokens[i].name, str_const(&r->arena, in->tokens[i].text));
    for (size_t i = 0; kwargs.kind == V_DICT && i < kwargs.dict->n; i++)
        dict_set_str(&r->arena, r->inputs, kwargs.dict->entries[i].key,
                     kwargs.dict->entries[i].value);
    set_input(r, "messages", messages);
    set_input(r, "tools", tools);
    set_input(r, "documents", documents);
    set_input(r, "add_generation_prompt", v_bool(in->add_generation_prompt));
    return true;
}

/* ---- continue_final_message */

static bool lost(struct render *r)
{
    return wrong(r, "continue_final_message",
                 "the last message does not appear in the rendered text, so it cannot be "
                 "continued");
}

bool inputs_cut(struct render *r, const struct inputs *inputs, struct buf *text)
{
    const size_t bare = sizeof(mark) - 2; /* without the blank and the NUL */
    const struct str *last = inputs->last;
    const char *hit = NULL, *p, *end;
    size_t left, size;

    if (!last)
        return true;
    left = text_lspan(last->data, last->size, NULL, 0);
    size = last->size - left;
    size -= size ? text_rspan(last->data + left, size, NULL, 0) : 0;
    if (!text->size || (size && !memmem(text->data, text->size, last->data + left, size)))
        return lost(r);
    end = text->data + text->size;
    for (p = text->data; (p = memmem(p, (size_t)(end - p), mark, bare)); p++)
        hit = p;
    if (!hit)
        return lost(r);
    text->size = (size_t)(hit - text->data);
    /* The template stripped the message, and the blank of the mark with it. */
    if (hit + bare >= end || hit[bare] != ' ')
        text->size -= text_rspan(text->data, text->size, NULL, 0);
    text->data[text->size] = '\0';
    return true;
}
