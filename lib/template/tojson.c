/*
 * tojson as transformers has it: json.dumps(value, ensure_ascii=False, …), so
 * text as it is, ", " and ": " between, keys in the order they came.
 */
#include "template/filters.h"
#include "template/iterate.h"
#include "template/sorting.h"
#include "template/text.h"

#include <math.h>

struct dump {
    struct render *r;
    struct buf *out;
    bool ascii, sort_keys, pretty;
    struct str *indent, *item, *key; /* separators */
    int level;
};

static bool dump(struct dump *d, struct value v);

static void dump_escape(struct buf *out, uint32_t cp)
{
    if (cp >= 0x10000) {
        cp -= 0x10000;
        buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
    } else {
        buf_printf(out, "\\u%04x", cp);
    }
}

static void dump_text(struct dump *d, const struct str *s)
{
    static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
    size_t step, plain = 0, start = d->out->size;

    buf_append_char(d->out, '"');
    for (size_t i = 0; i < s->size; i += step) {
        uint32_t cp = text_at(s->data + i, &step);
        const char *p = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;

        if (!p && cp >= 0x20 && (cp < 0x7f || !d->ascii))
            continue;
        buf_append(d->out, s->data + plain, i - plain);
        plain = i + step;
        if (p) {
            buf_append_char(d->out, '\\');
            buf_append_char(d->out, to[p - from]);
        } else {
            dump_escape(d->out, cp);
        }
    }
    buf_append(d->out, s->data + plain, s->size - plain);
    buf_append_char(d->out, '"');
    if (s->user)
        mark_written(d->r, d->out, start);
}

static bool dump_line(struct dump *d)
{
    if (!d->pretty)
        return true;
    buf_append_char(d->out, '\n');
    for (int i = 0; i < d->level; i++)
        write_text(d->r, d->indent, d->out);
    return d->indent->size < STEP_BYTES || render_room(d->r, d->out->size);
}

static void dump_float(struct dump *d, double v)
{
    if (isnan(v) || isinf(v))
        buf_append_str(d->out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
    else
        write_float(v, d->out);
}

static bool dump_seq(struct dump *d, const struct seq *s)
{
    buf_append_char(d->out, '[');
    d->level++;
    for (size_t i = 0; i < s->n; i++) {
        if (i)
            write_text(d->r, d->item, d->out);
        if (!dump_line(d) || !dump(d, s->items[i]))
            return false;
    }
    d->level--;
    if (s->n && !dump_line(d))
        return false;
    buf_append_char(d->out, ']');
    return true;
}

static bool dump_key(struct dump *d, struct value key)
{
    switch (key.kind) {
    case V_STR:
        dump_text(d, key.str);
        return true;
    case V_NONE:
        buf_append_str(d->out, "\"null\"");
        return true;
    case V_BOOL:
        buf_append_str(d->out, key.b ? "\"true\"" : "\"false\"");
        return true;
    case V_INT:
    case V_BIG:
    case V_FLOAT:
        buf_append_char(d->out, '"');
        if (!dump(d, key))
            return false;
        buf_append_char(d->out, '"');
        return true;
    default:
        return render_fail(d->r, "TypeError", "keys must be str, int, float, bool or None, not %s",
                           value_type(key));
    }
}

/* By key, as Python's sorted(items) does; keys are never equal. */
static bool sorted_entries(struct dump *d, const struct dict *dict, struct sortable **ret)
{
    struct sortable *s = arena_take(&d->r->arena, 2 * dict->n * sizeof(*s));

    for (size_t i = 0; i < dict->n; i++)
        s[i] = (struct sortable){dict->entries[i].key, dict->entries[i].value};
    *ret = s;
    return sort_by_key(d->r, s, s + dict->n, dict->n, false);
}

static bool dump_dict(struct dump *d, const struct dict *dict)
{
    struct sortable *sorted = NULL;

    if (d->sort_keys && !sorted_entries(d, dict, &sorted))
        return false;
    buf_append_char(d->out, '{');
    d->level++;
    for (size_t i = 0; i < dict->n; i++) {
        const struct entry *e = &dict->entries[i];

        if (i)
            write_text(d->r, d->item, d->out);
        if (!dump_line(d) || !dump_key(d, sorted ? sorted[i].key : e->key))
            return false;
        write_text(d->r, d->key, d->out);
        if (!dump(d, sorted ? sorted[i].item : e->value))
            return false;
    }
    d->level--;
    if (dict->n && !dump_line(d))
        return false;
    buf_append_char(d->out, '}');
    return true;
}

static bool dump_any(struct dump *d, struct value v)
{
    switch (v.kind) {
    case V_NONE:
        buf_append_str(d->out, "null");
        return true;
    case V_BOOL:
        buf_append_str(d->out, v.b ? "true" : "false");
        return true;
    case V_INT:
        buf_printf(d->out, "%lld", (long long)v.i);
        return true;
    case V_BIG:
        buf_append(d->out, v.str->data, v.str->size);
        return true;
    case V_FLOAT:
        dump_float(d, v.d);
        return true;
    case V_STR:
        dump_text(d, v.str);
        return true;
    case V_LIST:
    case V_TUPLE:
        return dump_seq(d, v.seq);
    case V_DICT:
        return dump_dict(d, v.dict);
    default:
        return render_fail(d->r, "TypeError", "Object of type %s is not JSON serializable",
                           value_type(v));
    }
}

static bool dump(struct dump *d, struct value v)
{
    if (!render_step(d->r) || !render_room(d->r, d->out->size) || !render_enter(d->r))
        return false;
    bool ok = dump_any(d, v);
    render_leave(d->r);
    return ok;
}

static bool set_indent(struct dump *d, struct value v)
{
    struct value spaces;

    if (v.kind == V_MISSING || v.kind == V_NONE)
        return true;
    d->pretty = true;
    if (v.kind == V_STR) {
        d->indent = v.str;
        return true;
    }
    if (!is_int(v))
        return render_fail(d->r, "TypeError", "can't multiply sequence by non-int of type '%s'",
                           value_type(v));
    if (!operate(d->r, N_MUL, str_const(&d->r->arena, " "), v, &spaces))
        return false;
    d->indent = spaces.str;
    return true;
}

static bool set_separators(struct dump *d, struct value v)
{
    struct value list;

    if (v.kind == V_MISSING || v.kind == V_NONE)
        return true;
    if (!iter_list(d->r, v, &list))
        return false;
    if (list.seq->n != 2 || list.seq->items[0].kind != V_STR || list.seq->items[1].kind != V_STR)
        return render_fail(d->r, "TypeError", "separators must be two strings");
    d->item = list.seq->items[0].str;
    d->key = list.seq->items[1].str;
    return true;
}

/* tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False) */
bool filter_tojson(struct render *r, struct value v, struct value *argv, struct value *ret)
{
    AUTO_BUF struct buf b = {0};
    struct dump d = {
        .r = r, .out = &b, .ascii = value_truth(argv[0]), .sort_keys = value_truth(argv[3])};

    struct marking m;

    if (!set_indent(&d, argv[1]))
        return false;
    d.item = str_const(&r->arena, d.pretty ? "," : ", ").str;
    d.key = str_const(&r->arena, ": ").str;
    if (!set_separators(&d, argv[2]))
        return false;
    marking_begin(r, &m, &b);
    if (!dump(&d, v))
        return false;
    *ret = marking_str(r, &m, &b);
    return true;
}
