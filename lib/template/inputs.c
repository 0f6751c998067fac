#include "template/inputs.h"

#include "template/functions.h"
#include "template/json_value.h"
#include "template/messages.h"
#include "template/text.h"

/* What transformers puts behind the last message to find its end again, with a blank. */
static const char mark[] = "CONTINUE_FINAL_MESSAGE_TAG ";

static bool is_named(struct render *r, const char *name)
{
    struct str key = {.data = name, .size = strlen(name)};

    return dict_find_str(r->t->input_numbers, &key) != NULL;
}

/* optional: not read when the template does not name it. */
static bool read_json(struct render *r, struct slice json, const char *field, enum kind kind,
                      bool optional, struct value *ret)
{
    *ret = NONE;
    if (!json.data || (optional && !is_named(r, field)))
        return true;
    if (!json_value(r, json, field, ret))
        return false;
    if (ret->kind != kind && ret->kind != V_NONE)
        return wrong_input(r, field,
                           kind == V_LIST ? "it must be an array" : "it must be an object");
    return true;
}

/* What the template does not name, it cannot see. */
static void set_named(struct render *r, struct str *name, struct value v)
{
    struct value *number = dict_find_str(r->t->input_numbers, name);

    if (number)
        r->inputs[number->i] = v;
}

static void set_input(struct render *r, const char *name, struct value v)
{
    struct str key = {.data = name, .size = strlen(name)};

    set_named(r, &key, v);
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
        return wrong_input(r, "continue_final_message",
                           "the last message has no text that could be continued");
    ret->last = text->str;
    *text = str_concat(&r->arena, text->str, str_const(&r->arena, mark).str);
    return true;
}

bool inputs_read(struct render *r, const struct template_inputs *in,
                 const struct template_modes *modes, struct inputs *ret)
{
    static const char additional_name[] = "additional_special_tokens";
    struct value messages, tools, documents, kwargs, additional;

    r->inputs = arena_new_array(&r->arena, r->t->n_inputs + 1, struct value);
    for (size_t i = 0; i < r->t->n_inputs; i++)
        if (r->t->inputs[i].global)
            r->inputs[i] = function_value(&r->arena, r->t->inputs[i].global, NONE);
    if (!read_json(r, in->messages, "messages", V_LIST, false, &messages) ||
        !messages_prepare(r, messages, modes, in->max_rules) ||
        !read_json(r, in->tools, "tools", V_LIST, true, &tools) ||
        !read_json(r, in->documents, "documents", V_LIST, true, &documents) ||
        !read_json(r, in->kwargs, "template_kwargs", V_DICT, false, &kwargs) ||
        !read_json(r, in->additional_tokens, additional_name, V_LIST, true, &additional))
        return false;
    if (in->continue_final_message && !mark_end(r, messages, ret))
        return false;
    for (size_t i = 0; i < in->n_tokens; i++)
        set_input(r, in->tokens[i].name, str_const(&r->arena, in->tokens[i].text));
    if (additional.kind == V_LIST)
        set_input(r, additional_name, additional);
    for (size_t i = 0; kwargs.kind == V_DICT && i < kwargs.dict->n; i++)
        set_named(r, kwargs.dict->entries[i].key.str, kwargs.dict->entries[i].value);
    set_input(r, "messages", messages);
    set_input(r, "tools", tools);
    set_input(r, "documents", documents);
    set_input(r, "add_generation_prompt", v_bool(in->add_generation_prompt));
    return true;
}

/* ---- continue_final_message */

static bool lost(struct render *r)
{
    return wrong_input(r, "continue_final_message",
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
