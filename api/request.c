#include "api/exchange.h"
#include "api/reply.h"
#include "api/stream.h"
#include "api/tree.h"
#include "base/clock.h"
#include "base/hash.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

const char *request_header(const struct request *req, const char *name)
{
    return MHD_lookup_connection_value(exchange_of(req)->mhd, MHD_HEADER_KIND, name);
}

bool request_accepts(const struct request *req, const char *type, bool named)
{
    struct exchange *ex = exchange_of(req);
    bool is_named;
    int quality = head_accept_quality(ex->head.accept, type, &is_named);

    ex->negotiated = true;
    return quality > 0 && (is_named || !named);
}

bool request_is_type(const struct request *req, const char *type)
{
    const char *value = exchange_of(req)->head.content_type;

    return value && strcspn(value, "; \t") == strlen(type) &&
           strncasecmp(value, type, strlen(type)) == 0;
}

char *request_take_body(struct request *req)
{
    struct exchange *ex = exchange_of(req);

    ex->taken_bytes = req->body_size;
    req->body = "";
    req->body_size = 0;
    return buf_take(&ex->body);
}

/* True when text nests deeper than max; brackets in strings do not count. */
static bool is_too_deep(const char *text, size_t size, unsigned max)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max)
                return true;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return false;
}

bool request_json(struct request *req, json_t **ret, struct err *err)
{
    unsigned max_depth = req->server->config.max_json_depth;
    json_error_t at;
    json_t *doc;

    if (req->body_size == 0) {
        *ret = NULL;
        return true;
    }
    if (is_too_deep(req->body, req->body_size, max_depth))
        return err_set(err, ERR_INVALID, "the body nests deeper than %u", max_depth);
    doc = tree_read(req->body, req->body_size, max_depth);
    if (!doc)
        doc = json_loadb(req->body, req->body_size, JSON_REJECT_DUPLICATES, &at);
    if (!doc) {
        err_set(err, ERR_INVALID, "the body is not JSON: line %d, column %d: %s", at.line,
                at.column, at.text);
        err_fact_int(err, "line", at.line);
        return err_fact_int(err, "column", at.column);
    }
    *ret = doc;
    return true;
}

/* ---- calls */

static void flight_free(struct flight *f)
{
    if (f->call.args && f->call.args_release)
        f->call.args_release(f->call.args);
    blob_unref(f->call.answer.body);
    err_release(&f->call.answer.err);
    free(f);
}

/* Method, target and body of a request that carries an idempotency key. */
static void fingerprint(const struct exchange *ex, char ret[33])
{
    AUTO_BUF struct buf all = {0};
    char hex[SHA256_HEX];

    buf_printf(&all, "%s %s\n", method_name(ex->method), ex->req.target);
    buf_append(&all, ex->req.body, ex->req.body_size);
    hash_sha256_hex(all.data, all.size, hex);
    memcpy(ret, hex, 32);
    ret[32] = '\0';
}

/* One tag without its weakness; of a list the first, which is what a client of ours sends. */
static void take_tag(const char *value, char ret[40])
{
    size_t size;

    ret[0] = '\0';
    if (!value)
        return;
    value += strspn(value, " \t");
    value += str_starts(value, "W/") ? 2 : 0;
    size = strcspn(value, ", \t");
    snprintf(ret, 40, "%.*s", (int)(size < 39 ? size : 39), value);
}

struct call *request_call(struct request *req, enum op op, void *args,
                          void (*args_release)(void *args))
{
    struct exchange *ex = exchange_of(req);
    struct flight *f = mem_new(struct flight);
    struct call *call = &f->call;

    strcpy(f->request_id, req->id);
    call->op = op;
    call->args = args;
    call->args_release = args_release;
    call->request_id = f->request_id;
    call->principal = req->principal;
    call->deadline_ms = req->deadline_ms;
    take_tag(ex->head.if_match, call->if_match);
    take_tag(ex->head.if_none_match, call->if_none_match);
    head_prefer(ex->head.prefer, &call->respond_async, &call->wait_s);
    if (ex->head.idempotency_key &&
        head_idempotency_key(ex->head.idempotency_key, call->idempotency_key))
        fingerprint(ex, call->fingerprint);
    call->stream = ex->stream != NULL;
    call->loop = server_of(ex)->config.loop;
    return call;
}

void request_submit(struct request *req, struct call *call)
{
    struct exchange *ex = exchange_of(req);
    struct server *s = server_of(ex);
    struct flight *f = container_of(call, struct flight, call);

    assert(!ex->flight && (!ex->status || ex->stream));
    f->exchange = ex;
    ex->flight = f;
    s->n_calls++;
    if (s->n_calls > s->config.max_calls) {
        err_set(&call->answer.err, ERR_BUSY, "%u requests are waiting already",
                s->config.max_calls);
        api_answer(call);
        return;
    }
    s->config.backend.submit(s->config.backend.ctx, call);
}

void api_answer(struct call *call)
{
    struct flight *f = container_of(call, struct flight, call);
    struct exchange *ex = f->exchange;

    if (ex) {
        server_of(ex)->n_calls--;
        ex->flight = NULL;
        if (ex->req.on_answer)
            ex->req.on_answer(&ex->req, call);
        else if (ex->stream)
            stream_answer(ex->stream, &call->answer);
        else
            reply_answer(&ex->req, &call->answer);
        if (!ex->status && !ex->flight && !ex->then)
            reply_error(&ex->req, ERR_INTERNAL, "an answer was not used");
    }
    flight_free(f);
}

void api_progress(struct call *call, struct blob *line)
{
    struct exchange *ex = container_of(call, struct flight, call)->exchange;

    if (ex && ex->stream)
        stream_push(ex->stream, 0, "progress", line);
}
