/* Prints the route table as JSON, with the schemas of its field tables: what openapi.yaml is
 * held against. */
#include "api/routes/routes.h"
#include "json/writer.h"

#include <stdio.h>

static const char *const method_text[N_METHODS] = {"get", "post", "put", "patch", "delete"};

static const char *scope_text(enum scope s)
{
    switch (s) {
    case SCOPE_READ:
        return "read";
    case SCOPE_TOKENIZE:
        return "tokenize";
    case SCOPE_WRITE:
        return "write";
    case SCOPE_ADMIN:
        return "admin";
    default:
        return NULL;
    }
}

static void write_table(struct json *j, const char *key, const struct field_table *table)
{
    AUTO_BUF struct buf schema = {0};

    if (!table) {
        json_nil(j, key);
        return;
    }
    bind_schema(table, &schema);
    json_raw(j, key, schema.data);
}

static void write_route(struct json *j, const struct route *r)
{
    json_item(j), json_open(j, '{');
    json_str(j, "method", method_text[r->method]);
    json_str(j, "path", r->path);
    json_str(j, "id", r->id);
    json_str(j, "tag", r->tag);
    json_str(j, "summary", r->summary);
    json_str(j, "scope", scope_text(r->scope));
    json_int(j, "status", r->status ? r->status : 200);
    json_bool(j, "takes_body", r->body == BODY_JSON || r->body_required);
    json_bool(j, "body_required", r->body_required);
    json_bool(j, "probe", r->probe);
    json_str(j, "body_table", r->body_fields ? r->body_fields->name : NULL);
    json_str(j, "answer_type", r->answer_type ? r->answer_type : "application/json");
    write_table(j, "query", r->query);
    write_table(j, "body", r->body_fields);
    json_key(j, "errors"), json_open(j, '[');
    for (const enum err_code *e = r->errors; e && *e != ERR_NONE; e++)
        json_item(j), json_write_str(j->out, err_slug(*e));
    json_close(j, ']');
    json_close(j, '}');
}

/* Several routes may take the same body. */
static bool is_first(const struct route *const *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (all[k]->body_fields == all[i]->body_fields)
            return false;
    return true;
}

int main(void)
{
    AUTO_BUF struct buf out = {0};
    struct json j = json_begin(&out);
    const struct route **all;
    size_t n;

    all = routes_all(&n);
    json_open(&j, '{');
    json_key(&j, "routes"), json_open(&j, '[');
    for (size_t i = 0; i < n; i++)
        write_route(&j, all[i]);
    json_close(&j, ']');
    json_key(&j, "tables"), json_open(&j, '{');
    write_table(&j, arch_document_table.name, &arch_document_table);
    for (size_t i = 0; i < n; i++)
        if (all[i]->body_fields && is_first(all, i))
            write_table(&j, all[i]->body_fields->name, all[i]->body_fields);
    json_close(&j, '}');
    json_key(&j, "problems"), json_open(&j, '[');
    for (int c = ERR_NONE + 1; c < N_ERR_CODES; c++)
        json_item(&j), json_write_str(&out, err_slug((enum err_code)c));
    json_close(&j, ']');
    json_close(&j, '}');
    free(all);
    puts(out.data);
    return 0;
}
