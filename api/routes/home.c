/* Home: what is here, as a list. A browser gets the same list with links. */
#include "api/routes/routes.h"

#include "json/writer.h"

static const char *const method_text[N_METHODS] = {
    [METHOD_GET] = "GET",     [METHOD_POST] = "POST",     [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
};

static bool is_served(const struct route *r) { return r->status != 501 && !str_eq(r->path, "/"); }

static void write_text(const struct app *app, struct buf *out)
{
    buf_printf(out, "pipelined %s\n\n", app->version);
    for (size_t i = 0; i < app->n_routes; i++) {
        const struct route *r = app->routes[i];

        if (is_served(r))
            buf_printf(out, "%-6s %-38s %s\n", method_text[r->method], r->path,
                       r->summary ? r->summary : "");
    }
    buf_append_str(out, "\nEverything about them: /openapi.json\n");
}

static void write_json(const struct app *app, struct buf *out)
{
    struct json j = json_begin(out);

    json_open(&j, '{');
    json_str(&j, "name", "pipelined");
    json_str(&j, "version", app->version);
    json_str(&j, "description", "/openapi.json");
    json_key(&j, "links"), json_open(&j, '[');
    for (size_t i = 0; i < app->n_routes; i++) {
        const struct route *r = app->routes[i];

        if (!is_served(r))
            continue;
        json_item(&j), json_open(&j, '{');
        json_str(&j, "method", method_text[r->method]);
        json_str(&j, "href", r->path);
        json_str(&j, "title", r->summary);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

/* Paths and summaries are ours: there is nothing in them to escape. */
static void write_html(const struct app *app, struct buf *out)
{
    buf_printf(out,
               "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<title>pipelined</title><style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem "
               "auto;max-width:60rem;padding:0 1rem}td{padding:.1rem 1rem .1rem 0;vertical-align:"
               "top}code{white-space:nowrap}</style></head>\n<body><h1>pipelined %s</h1>\n"
               "<p>What is served here. <a href=\"/openapi.json\">The whole description</a>.</p>\n"
               "<table>\n",
               app->version);
    for (size_t i = 0; i < app->n_routes; i++) {
        const struct route *r = app->routes[i];
        bool is_link = r->method == METHOD_GET && !strchr(r->path, '{');

        if (!is_served(r))
            continue;
        buf_printf(out, "<tr><td>%s<td><code>", method_text[r->method]);
        if (is_link)
            buf_printf(out, "<a href=\"%s\">%s</a>", r->path, r->path);
        else
            buf_append_str(out, r->path);
        buf_printf(out, "</code><td>%s\n", r->summary ? r->summary : "");
    }
    buf_append_str(out, "</table></body></html>\n");
}

static void get_home(struct request *req)
{
    const struct app *app = req->app;
    AUTO_BUF struct buf out = {0};
    const char *type = "text/plain; charset=utf-8";

    if (request_accepts(req, "text/html", true)) {
        type = "text/html; charset=utf-8";
        reply_header(req, "Content-Security-Policy",
                     "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'");
        write_html(app, &out);
    } else if (request_accepts(req, "application/json", true)) {
        type = "application/json";
        write_json(app, &out);
    } else {
        write_text(app, &out);
    }
    reply_buf(req, 200, &out, type);
}

static const struct route rows[] = {
    {METHOD_GET, "/", get_home, .id = "getHome", .answer_type = "text/plain", .tag = "daemon",
     .summary = "What is here"},
};
const struct route_table home_routes = ROUTE_TABLE(rows);
