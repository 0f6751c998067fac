#include "bind/bind.h"

#include "json/writer.h"

static void write_table(struct json *j, const struct field_table *table, bool may_be_null);

/* null means absent, so it is a type of every field that may be absent. */
static void write_type(struct json *j, const struct field *f, const char *type)
{
    const char *types[] = {type, "null"};

    if (f->required)
        json_str(j, "type", type);
    else
        json_strv(j, "type", types, 2);
}

static void write_bound(struct json *j, const struct field *f, const char *key, double bound)
{
    if (f->kind == FIELD_INT)
        json_int(j, key, (int64_t)bound);
    else
        json_number(j, key, bound);
}

static void write_bounds(struct json *j, const struct field *f)
{
    if (f->min == 0 && f->max == 0)
        return;
    write_bound(j, f, "minimum", f->min);
    if (f->max != 0 || f->min < 0)
        write_bound(j, f, "maximum", f->max);
}

static void write_str_bounds(struct json *j, const struct field *f)
{
    if (f->min > 0)
        json_int(j, "minLength", (int64_t)f->min);
    json_int(j, "maxLength", f->max > 0 ? (int64_t)f->max : 4096);
}

static void write_enum(struct json *j, const struct field *f)
{
    json_key(j, "enum"), json_open(j, '[');
    for (size_t i = 0; f->names[i]; i++)
        json_item(j), json_write_str(j->out, f->names[i]);
    if (!f->required)
        json_item(j), json_write_null(j->out);
    json_close(j, ']');
}

static void write_list(struct json *j, const struct field *f)
{
    write_type(j, f, "array");
    json_int(j, "maxItems", (int64_t)(f->max_items ? f->max_items : 64));
    json_key(j, "items"), json_open(j, '{');
    if (f->kind == FIELD_STRV) {
        json_str(j, "type", "string");
        write_str_bounds(j, f);
    } else {
        write_table(j, f->fields, false);
    }
    json_close(j, '}');
}

static void write_field(struct json *j, const struct field *f)
{
    json_key(j, f->name);
    if (f->kind == FIELD_JSON && f->schema && !f->doc) {
        buf_append_str(j->out, f->schema);
        return;
    }
    json_open(j, '{');
    if (f->doc)
        json_str(j, "description", f->doc);
    switch (f->kind) {
    case FIELD_STR:
        write_type(j, f, "string");
        write_str_bounds(j, f);
        break;
    case FIELD_BOOL:
        write_type(j, f, "boolean");
        break;
    case FIELD_INT:
        write_type(j, f, "integer");
        write_bounds(j, f);
        break;
    case FIELD_REAL:
        write_type(j, f, "number");
        write_bounds(j, f);
        break;
    case FIELD_ENUM:
        write_enum(j, f);
        break;
    case FIELD_STRV:
    case FIELD_ARRAY:
        write_list(j, f);
        break;
    case FIELD_OBJECT:
        write_table(j, f->fields, !f->required);
        break;
    case FIELD_JSON:
        if (f->schema && f->required) /* beside a description, so that either may be absent */
            json_key(j, "allOf"), buf_printf(j->out, "[%s]", f->schema);
        else if (f->schema)
            json_key(j, "anyOf"), buf_printf(j->out, "[%s,{\"type\":\"null\"}]", f->schema);
        break;
    case FIELD_IGNORED:
        json_bool(j, "readOnly", true);
        break;
    }
    json_close(j, '}');
}

static void write_table(struct json *j, const struct field_table *table, bool may_be_null)
{
    const char *types[] = {"object", "null"};

    if (may_be_null)
        json_strv(j, "type", types, 2);
    else
        json_str(j, "type", "object");
    json_str(j, "title", table->name);
    json_key(j, "properties"), json_open(j, '{');
    for (size_t i = 0; i < table->n; i++)
        write_field(j, &table->fields[i]);
    json_close(j, '}');
    json_key(j, "required"), json_open(j, '[');
    for (size_t i = 0; i < table->n; i++)
        if (table->fields[i].required)
            json_item(j), json_write_str(j->out, table->fields[i].name);
    json_close(j, ']');
    json_bool(j, "additionalProperties", false);
}

void bind_schema(const struct field_table *table, struct buf *out)
{
    struct json j = json_begin(out);

    json_open(&j, '{');
    write_table(&j, table, false);
    json_close(&j, '}');
}
