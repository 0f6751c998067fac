#include "ctl/session.h"

#include "ctl/show.h"

#include <stdio.h>

enum { ANSWER_MAX = 256 << 20, CONNECT_TIMEOUT_S = 5 };

/* A machine asks itself without its proxy, whatever $http_proxy says. */
static bool is_loopback(const char *base)
{
    const char *host = strstr(base, "://") + strlen("://");

    return str_starts(host, "127.") || str_starts(host, "localhost") || str_starts(host, "[::1]");
}

bool session_open(struct session *s, const char *server)
{
    bool has_scheme = str_starts(server, "http://") || str_starts(server, "https://");
    size_t size = strlen(server);

    s->server = server;
    while (size && server[size - 1] == '/')
        size--;
    if (!size || str_eq(server, "unix:") || (!has_scheme && strstr(server, "://"))) {
        fprintf(stderr,
                "pipelinectl: --server \"%s\": write http://HOST:PORT, HOST:PORT or unix:PATH\n",
                server);
        return false;
    }
    if (str_starts(server, "unix:")) {
        s->socket = str_dup(server + strlen("unix:"));
        s->base = str_dup("http://localhost");
    } else {
        s->base = str_printf("%s%.*s", has_scheme ? "" : "http://", (int)size, server);
    }
    s->curl = curl_easy_init();
    if (!s->curl)
        abort(); /* out of memory, as in mem_new() */
    return true;
}

void session_close(struct session *s)
{
    curl_easy_cleanup(s->curl);
    free(s->base);
    free(s->socket);
}

/* ---- targets */

static void escape(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c))
            buf_append_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void query_add(struct buf *target, const char *name, const char *value)
{
    if (!value)
        return;
    buf_append_char(target, target->data && strchr(target->data, '?') ? '&' : '?');
    escape(target, name);
    buf_append_char(target, '=');
    escape(target, value);
}

void path_add(struct buf *target, const char *text)
{
    buf_append_char(target, '/');
    escape(target, text);
}

/* ---- problems */

int ctl_status_of(long http)
{
    switch (http) {
    case 404:
    case 410:
        return CTL_NOT_FOUND;
    case 409:
    case 412:
        return CTL_CONFLICT;
    case 401:
    case 403:
        return CTL_DENIED;
    default:
        return CTL_FAILED;
    }
}

/* An answer that is no success, for people; with --json as it came, on stdout. */
static int report(struct session *s, long http, const char *text)
{
    json_t *problem = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    if (json_is_object(problem) && s->json)
        show_json(problem);
    else if (json_is_object(problem))
        show_problem(problem, s->color_errors);
    else
        fprintf(stderr, "pipelinectl: %s answered %ld\n", s->server, http);
    json_decref(problem);
    return ctl_status_of(http);
}

/* ---- requests */

struct receiving {
    struct session *session;
    struct buf text;
    size_t scanned; /* of text, without a line end */
    bool (*on_line)(void *ctx, json_t *line);
    void *ctx;
    bool ended;   /* on_line had enough */
    bool is_text; /* of whatever status */
    long http;
};

/* Hands out the lines that are complete. */
static bool take_lines(struct receiving *r)
{
    char *end;

    while ((end = memchr(r->text.data + r->scanned, '\n', r->text.size - r->scanned))) {
        size_t size = (size_t)(end - r->text.data);
        json_t *line = size ? json_loadb(r->text.data, size, JSON_DECODE_ANY, NULL) : NULL;
        bool more = !line || r->on_line(r->ctx, line);

        json_decref(line);
        memmove(r->text.data, end + 1, r->text.size - size - 1);
        r->text.size -= size + 1;
        r->scanned = 0;
        if (!more)
            return false;
    }
    r->scanned = r->text.size;
    return true;
}

static size_t on_bytes(char *data, size_t one, size_t size, void *ctx)
{
    struct receiving *r = ctx;
    long http = 0;

    (void)one;
    if (r->text.size + size > ANSWER_MAX)
        return 0;
    buf_append(&r->text, data, size);
    curl_easy_getinfo(r->session->curl, CURLINFO_RESPONSE_CODE, &http);
    if (r->on_line && http < 300 && !take_lines(r)) {
        r->ended = true;
        return 0;
    }
    return size;
}

static struct curl_slist *headers_of(const struct session *s, bool lines, bool has_body)
{
    struct curl_slist *list =
        curl_slist_append(NULL, lines ? "Accept: application/x-ndjson, application/problem+json"
                                      : "Accept: application/json, application/problem+json");

    if (has_body)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (s->key) {
        AUTO_FREE char *line = str_printf("Authorization: Bearer %s", s->key);

        list = curl_slist_append(list, line);
    }
    return curl_slist_append(list, "Expect:");
}

/* Nobody answered. Of a socket's path curl says nothing, but that "localhost" failed. */
static void report_silence(struct session *s, CURLcode code, const char *why)
{
    long os_errno = 0;

    curl_easy_getinfo(s->curl, CURLINFO_OS_ERRNO, &os_errno);
    if (s->socket && code == CURLE_COULDNT_CONNECT && os_errno)
        why = strerror((int)os_errno);
    fprintf(stderr, "pipelinectl: %s: %s\n", s->server, *why ? why : curl_easy_strerror(code));
}

/* Performs; 0 or the exit status of what was reported. */
static int perform(struct session *s, const char *method, const char *target, const json_t *body,
                   struct receiving *r)
{
    AUTO_FREE char *url = str_printf("%s%s", s->base, target);
    AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *headers = headers_of(s, r->on_line != NULL, text != NULL);
    char why[CURL_ERROR_SIZE] = "";
    long http = 0;
    CURLcode code;

    curl_easy_reset(s->curl);
    curl_easy_setopt(s->curl, CURLOPT_URL, url);
    curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(s->curl, CURLOPT_USERAGENT, "pipelinectl/" VERSION);
    curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, r);
    if (s->socket)
        curl_easy_setopt(s->curl, CURLOPT_UNIX_SOCKET_PATH, s->socket);
    if (is_loopback(s->base))
        curl_easy_setopt(s->curl, CURLOPT_PROXY, "");
    if (text)
        curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, text);
    else if (str_eq(method, "POST") || str_eq(method, "PUT"))
        curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, "");
    code = curl_easy_perform(s->curl);
    curl_slist_free_all(headers);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &http);
    if (code != CURLE_OK && !r->ended) {
        report_silence(s, code, why);
        return CTL_UNREACHABLE;
    }
    r->http = http;
    return (http >= 200 && http < 300) || r->is_text ? CTL_OK : report(s, http, r->text.data);
}

json_t *ask(struct session *s, const char *method, const char *target, const json_t *body,
            int *ret_status)
{
    struct receiving r = {.session = s};
    json_t *document = NULL;

    *ret_status = perform(s, method, target, body, &r);
    if (*ret_status == CTL_OK) {
        document =
            r.text.size ? json_loadb(r.text.data, r.text.size, JSON_DECODE_ANY, NULL) : json_true();
        if (!document) {
            fprintf(stderr, "pipelinectl: %s: the answer is no JSON; is this pipelined?\n",
                    s->server);
            *ret_status = CTL_FAILED;
        }
    }
    buf_release(&r.text);
    return document;
}

char *ask_text(struct session *s, const char *target, long *ret_http)
{
    struct receiving r = {.session = s, .is_text = true};
    int status = perform(s, "GET", target, NULL, &r);

    *ret_http = r.http;
    if (status == CTL_OK)
        return buf_take(&r.text);
    buf_release(&r.text);
    return NULL;
}

int ask_lines(struct session *s, const char *method, const char *target, const json_t *body,
              bool (*on_line)(void *ctx, json_t *line), void *ctx)
{
    struct receiving r = {.session = s, .on_line = on_line, .ctx = ctx};
    int status = perform(s, method, target, body, &r);

    if (status == CTL_OK && r.text.size && !r.ended) { /* the last line need not end */
        buf_append_char(&r.text, '\n');
        r.scanned = 0;
        take_lines(&r);
    }
    buf_release(&r.text);
    return status;
}

json_t *ask_all(struct session *s, const char *target, int *ret_status)
{
    json_t *all = json_array();
    const char *name;
    AUTO_FREE char *token = NULL;

    do {
        AUTO_BUF struct buf page = {0};
        json_t *document;

        buf_append_str(&page, target);
        query_add(&page, "page_token", token);
        document = ask(s, "GET", page.data, NULL, ret_status);
        if (!document) {
            json_decref(all);
            return NULL;
        }
        name = json_object_get(document, "data") ? "data" : "items"; /* OpenAI's, ours */
        json_array_extend(all, json_object_get(document, name));
        free(token);
        token = NULL;
        if (json_is_string(json_object_get(document, "next_page_token")))
            token = str_dup(json_string_value(json_object_get(document, "next_page_token")));
        json_decref(document);
    } while (token && *token);
    return json_pack("{so}", name, all);
}
