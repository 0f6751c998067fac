/*
 * Rendering: messages to the text a model is given, and to its ids.
 *
 * The body is read without a tree: messages, tools and template_kwargs go to
 * the template as the bytes they came in.
 */
#include "api/routes/chat_fields.h"
#include "api/routes/encode_fields.h"
#include "api/routes/text.h"
#include "pipeline/prompt.h"

enum { BODY_MAX = 32 << 20 };

/* ---- the body */

struct render_body {
    struct chat_fields chat;
    struct encode_fields how; /* goes with tokenize, as the masks do */
    bool tokenize, assistant_mask;
};

#define AT(field) offsetof(struct render_body, field)
static const struct text_field fields[] = {
    CHAT_FIELDS(AT(chat), "template_kwargs"),
    ENCODE_FIELDS(AT(how)),
    {"tokenize", TEXT_FIELD_BOOL, AT(tokenize)},
    {"assistant_tokens_mask", TEXT_FIELD_BOOL, AT(assistant_mask)},
};
_Static_assert(ARRAY_SIZE(fields) <= TEXT_FIELDS_MAX, "more fields than are told apart");

/* As transformers has them: messages are left as they are, and the template says it all. */
static const struct template_modes as_given = {CONTENT_OPENAI, ARGUMENTS_GIVEN, NULL_GIVEN};
static const struct encode_fields no_wish = ENCODE_FIELDS_NONE(false);

struct asked {
    struct render_body body;
    struct chat chat;
    struct buf keep; /* strings of the body that had escapes */
};

static void asked_release(void *asked)
{
    struct asked *a = asked;

    chat_release(&a->chat);
    buf_release(&a->keep);
    free(a);
}

static bool check(const struct text_job *job, const struct render_body *b, struct err *err)
{
    const char *field =
        b->assistant_mask ? "assistant_tokens_mask" : encode_fields_differ(&b->how, &no_wish);

    if (field && !b->tokenize) {
        err_set(err, ERR_COMBINATION, "%s is about ids: it goes with tokenize", field);
        return err_fact_str(err, "field", field);
    }
    if (job->octets && !b->tokenize) {
        err_set(err, ERR_COMBINATION, "application/octet-stream is for ids: say tokenize");
        return err_fact_str(err, "field", "tokenize");
    }
    return true;
}

static bool read_body(struct text_job *job, struct asked *a, struct err *err)
{
    a->body = (struct render_body){.chat = CHAT_FIELDS_NONE, .how = no_wish};
    if (!text_fields_read(fields, ARRAY_SIZE(fields), job->body, job->body_size, &a->keep, &a->body,
                          err) ||
        !check(job, &a->body, err) ||
        !chat_fields_take(&a->body.chat, &as_given, "template_kwargs", &a->chat, err))
        return false;
    a->chat.only_text = !a->body.tokenize || job->text_out;
    return true;
}

/* ---- the answer */

static void count_characters(struct template_report *report, const struct buf *text)
{
    template_spans_in_chars(&report->generation, text->data);
    template_spans_in_chars(&report->users, text->data);
}

static void write_spans(struct json *j, const char *key, const struct template_spans *spans)
{
    json_key(j, key), json_open(j, '[');
    for (size_t i = 0; i < spans->n; i++) {
        json_item(j), json_open(j, '{');
        json_int(j, "start", (int64_t)spans->items[i].start);
        json_int(j, "end", (int64_t)spans->items[i].end);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* The report's spans are in characters. e NULL: text alone. */
static void write_answer(struct text_job *job, const struct asked *a, const struct buf *text,
                         const struct template_report *report, const struct encoded *e,
                         const struct buf *mask)
{
    struct json j = json_begin(&job->out);

    json_open(&j, '{');
    json_key(&j, "text"), json_write_str_n(&job->out, text->data ? text->data : "", text->size);
    if (e)
        encoding_members_json(job->tokenizer->tokenizer, e, &a->body.how.parts, &j);
    if (e && a->body.assistant_mask) {
        json_key(&j, "assistant_tokens_mask");
        mask_json((const uint8_t *)mask->data, e->n, &job->out);
    }
    write_spans(&j, "generation_spans", &report->generation);
    if (a->chat.template_only)
        write_spans(&j, "user_spans", &report->users);
    chat_json(&a->chat, report, &j);
    json_close(&j, '}');
}

/* ---- ids */

static bool encode(struct text_job *job, const struct asked *a, const struct buf *text,
                   const struct template_report *report, struct encoded *ret, struct err *err)
{
    const struct encode_fields *how = &a->body.how;
    struct encode_options options = encode_fields_options(how, job->tokenizer);

    if (!encode_fields_check(how, job->tokenizer, err))
        return false;
    options.plain = encode_fields_plain(how, true);
    options.offsets = options.offsets || a->body.assistant_mask;
    if (!prompt_encode(job->tokenizer->tokenizer, text, report, options, job->scratch->scratch, ret,
                       err) ||
        !encode_fields_fit(how, job->tokenizer, ret->n, err))
        return false;
    encode_fields_pad(how, job->tokenizer, ret, 1);
    return true;
}

static bool run_ids(struct text_job *job, const struct asked *a, const struct buf *text,
                    struct template_report *report, struct err *err)
{
    struct encoded *e = &job->scratch->encoding;
    bool in_bytes = a->body.how.offset_unit == OFFSET_BYTE;
    AUTO_BUF struct buf mask = {0};

    if (!encode(job, a, text, report, e, err))
        return false;
    if (a->body.assistant_mask && in_bytes)
        prompt_mask(&report->generation, e, &mask);
    count_characters(report, text);
    if (a->body.assistant_mask && !in_bytes)
        prompt_mask(&report->generation, e, &mask);
    if (job->octets)
        buf_append(&job->out, e->ids, e->n * sizeof(*e->ids));
    else
        write_answer(job, a, text, report, e, &mask);
    return true;
}

static bool run(struct text_job *job, struct err *err)
{
    struct asked *a = job->asked;
    AUTO_TEMPLATE_REPORT struct template_report report = {0};
    AUTO_BUF struct buf text = {0};

    if (!chat_render(&a->chat, &text, &report, err))
        return false;
    if (!a->chat.only_text)
        return run_ids(job, a, &text, &report, err);
    if (job->text_out) {
        buf_append(&job->out, text.data, text.size);
        return true;
    }
    count_characters(&report, &text);
    write_answer(job, a, &text, &report, NULL, NULL);
    return true;
}

/* ---- the route */

static const struct text_kind render_kind = {.run = run};

static void render(struct request *req)
{
    AUTO_ERR struct err err = {0};
    struct args_text *args = text_args(req, &render_kind);
    struct asked *a = mem_new(struct asked);

    args->job.asked = a;
    args->job.asked_release = asked_release;
    args->job.chat = &a->chat;
    if (read_body(&args->job, a, &err)) {
        text_submit(req, args);
        return;
    }
    reply_problem(req, &err);
    args_text_release(args);
}

static const struct route rows[] = {
    {METHOD_POST, "/v1/tokenizers/{id}/render", render, .id = "render", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = chat_errors,
     .tag = "tokenizers", .summary = "Messages to a prompt, and to its ids"},
};
const struct route_table render_routes = ROUTE_TABLE(rows);
