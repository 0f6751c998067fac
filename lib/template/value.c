/* Values: strings, lists and dicts, and what all values have. */
#include "template/value.h"

#include "base/hash.h"
#include "template/iterate.h"
#include "template/marks.h"
#include "template/render.h"
#include "template/text.h"

#include <math.h>

enum { FEW = 8, ROOM_FROM = 256 };

/* ---- strings */

struct value str_copy(struct arena *a, const char *data, size_t size)
{
    char *text = arena_text(a, size + 1);

    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return str_borrow(a, text, size);
}

struct value str_cut(struct arena *a, const struct str *s, size_t offset, size_t size)
{
    struct value v = str_borrow(a, s->data + offset, size);

    if (s->user)
        v.str->user = marks_part(a, s, offset, size);
    return v;
}

struct value str_const(struct arena *a, const char *text)
{
    return str_borrow(a, text, strlen(text));
}

struct value str_markup(struct value v, bool markup)
{
    v.markup = markup;
    return v;
}

size_t str_chars(struct str *s)
{
    if (!s->n_chars)
        s->n_chars = (uint32_t)text_count(s->data, s->size) + 1;
    return s->n_chars - 1;
}

uint32_t str_hash(struct str *s)
{
    if (!s->hash)
        s->hash = (uint32_t)hash_table_key(s->data, s->size) | 1;
    return s->hash;
}

static struct room *room_new(struct arena *a, size_t capacity)
{
    struct room *room = arena_new(a, struct room);

    room->capacity = capacity;
    room->bytes = arena_take(a, capacity);
    return room;
}

/* Text that is put together piece by piece, s = s + t, costs what is added. */
struct value str_concat(struct arena *a, struct str *x, struct str *y)
{
    struct room *room = x->room;
    size_t size = x->size + y->size;
    struct value v;

    if (!x->size)
        return v_str(y);
    if (!y->size)
        return v_str(x);
    if (room && x->data + x->size == room->bytes + room->used &&
        room->capacity - room->used >= y->size) {
        memcpy(room->bytes + room->used, y->data, y->size);
        room->used += y->size;
        v = str_borrow(a, x->data, size);
    } else if (size < ROOM_FROM) {
        char *text = arena_text(a, size);
        memcpy(text, x->data, x->size);
        memcpy(text + x->size, y->data, y->size);
        v = str_borrow(a, text, size);
        room = NULL;
    } else {
        room = room_new(a, size * 2);
        memcpy(room->bytes, x->data, x->size);
        memcpy(room->bytes + x->size, y->data, y->size);
        room->used = size;
        v = str_borrow(a, room->bytes, size);
    }
    v.str->room = room;
    if (x->user || y->user)
        v.str->user = marks_concat(a, x, y);
    return v;
}

struct value str_part(struct arena *a, struct str *s, size_t first, size_t n)
{
    size_t chars = str_chars(s);

    if (n == chars)
        return v_str(s);
    if (chars == s->size) {
        struct value v = str_cut(a, s, first, n);
        v.str->n_chars = (uint32_t)n + 1;
        return v;
    }
    size_t start = text_skip(s->data, s->size, first);
    size_t size = text_skip(s->data + start, s->size - start, n);
    return str_cut(a, s, start, size);
}

/* ---- lists */

struct value seq_new(struct arena *a, enum kind kind, size_t n)
{
    struct seq *s = arena_new(a, struct seq);

    s->n = n;
    s->items = n ? arena_new_array(a, n, struct value) : NULL;
    return (struct value){.kind = (uint8_t)kind, .seq = s};
}

void seq_append(struct arena *a, struct seq *s, struct value v)
{
    size_t size = s->n * sizeof(v);

    if (!s->room || s->room->capacity - size < sizeof(v)) {
        struct room *room = room_new(a, s->n ? 2 * size : 4 * sizeof(v));
        if (s->n)
            memcpy(room->bytes, s->items, size);
        s->items = (struct value *)(void *)room->bytes;
        s->room = room;
    }
    s->items[s->n++] = v;
    s->room->used = size + sizeof(v);
}

struct value seq_concat(struct arena *a, enum kind kind, const struct seq *x, const struct seq *y)
{
    struct value v = seq_new(a, kind, 0);
    struct room *room = x->room;
    size_t size = x->n * sizeof(*x->items), more = y->n * sizeof(*y->items);

    if (!room || (char *)x->items != room->bytes || room->used != size ||
        room->capacity - size < more) {
        room = room_new(a, 2 * (size + more) + sizeof(*x->items));
        if (size)
            memcpy(room->bytes, x->items, size);
    }
    if (more)
        memcpy(room->bytes + size, y->items, more);
    room->used = size + more;
    v.seq->items = (struct value *)(void *)room->bytes;
    v.seq->n = x->n + y->n;
    v.seq->room = room;
    return v;
}

/* ---- dicts */

struct dict *dict_new(struct arena *a) { return arena_new(a, struct dict); }

/* Few entries are looked through; what they hash to is asked for when there are more. */
static size_t first_slot(uint32_t hash) { return hash >> 1; /* bit 0 is always set */ }

static void index_entry(struct dict *d, size_t i)
{
    size_t slot = first_slot(d->entries[i].hash);

    while (d->index[slot & (d->n_index - 1)])
        slot++;
    d->index[slot & (d->n_index - 1)] = (uint32_t)i + 1;
}

static void index_all(struct arena *a, struct dict *d)
{
    d->n_index = d->capacity * 2;
    d->index = arena_new_array(a, d->n_index, uint32_t);
    for (size_t i = 0; i < d->n; i++) {
        struct entry *e = &d->entries[i];
        if (!e->hash)
            e->hash = str_hash(e->key.str);
        index_entry(d, i);
    }
}

/* hash 0: of a string, and not known. */
static void dict_add(struct arena *a, struct dict *d, struct value key, struct value value,
                     uint32_t hash)
{
    if (d->n == d->capacity) {
        struct entry *entries;

        d->capacity = d->capacity ? d->capacity * 2 : 4;
        entries = arena_take(a, d->capacity * sizeof(*entries));
        if (d->n)
            memcpy(entries, d->entries, d->n * sizeof(*entries));
        d->entries = entries;
        if (d->capacity > FEW)
            index_all(a, d);
    }
    if (d->index && !hash)
        hash = str_hash(key.str);
    d->entries[d->n] = (struct entry){key, value, hash};
    if (d->index)
        index_entry(d, d->n);
    d->n++;
}

struct value *dict_find_str(const struct dict *d, struct str *key)
{
    uint32_t hash;

    if (!d->index) {
        for (size_t i = 0; i < d->n; i++)
            if (d->entries[i].key.kind == V_STR && str_same(d->entries[i].key.str, key))
                return &d->entries[i].value;
        return NULL;
    }
    hash = str_hash(key);
    for (size_t slot = first_slot(hash);; slot++) {
        uint32_t at = d->index[slot & (d->n_index - 1)];
        struct entry *e;
        if (!at)
            return NULL;
        e = &d->entries[at - 1];
        if (e->hash == hash && e->key.kind == V_STR && str_same(e->key.str, key))
            return &e->value;
    }
}

void dict_set_str(struct arena *a, struct dict *d, struct value key, struct value value)
{
    struct value *there = dict_find_str(d, key.str);

    if (there)
        *there = value;
    else
        dict_add(a, d, key, value, 0);
}

bool dict_find(struct render *r, const struct dict *d, struct value key, struct value **ret)
{
    uint32_t hash;

    *ret = NULL;
    if (key.kind == V_STR) {
        *ret = dict_find_str(d, key.str);
        return render_charge(r, key.str->size);
    }
    if (!value_hash(r, key, &hash))
        return false;
    for (size_t slot = d->index ? first_slot(hash) : 0; d->index || slot < d->n; slot++) {
        size_t at = d->index ? d->index[slot & (d->n_index - 1)] : slot + 1;
        bool same;
        if (!at)
            return true;
        if (!render_step(r))
            return false;
        if (d->entries[at - 1].hash != hash)
            continue;
        if (!value_equal(r, d->entries[at - 1].key, key, &same))
            return false;
        if (same) {
            *ret = &d->entries[at - 1].value;
            return true;
        }
    }
    return true;
}

bool dict_set(struct render *r, struct dict *d, struct value key, struct value value)
{
    struct value *there;
    uint32_t hash = 0;

    if ((key.kind != V_STR && !value_hash(r, key, &hash)) || !dict_find(r, d, key, &there))
        return false;
    if (there)
        *there = value;
    else
        dict_add(&r->arena, d, key, value, hash);
    return true;
}

/* ---- any */

bool value_truth(struct value v)
{
    switch (v.kind) {
    case V_MISSING:
    case V_UNDEF:
    case V_NONE:
        return false;
    case V_BOOL:
        return v.b;
    case V_INT:
        return v.i != 0;
    case V_FLOAT:
        return v.d != 0;
    case V_STR:
        return v.str->size != 0;
    case V_LIST:
    case V_TUPLE:
        return v.seq->n != 0;
    case V_DICT:
        return v.dict->n != 0;
    case V_VIEW:
        return v.view->dict->n != 0;
    case V_RANGE:
        return v.range->n != 0;
    default:
        return true;
    }
}

const char *value_type(struct value v)
{
    static const char *const views[] = {"dict_keys", "dict_values", "dict_items"};

    switch (v.kind) {
    case V_NONE:
        return "NoneType";
    case V_BOOL:
        return "bool";
    case V_INT:
    case V_BIG:
        return "int";
    case V_FLOAT:
        return "float";
    case V_STR:
        return v.markup ? "Markup" : "str";
    case V_LIST:
        return "list";
    case V_TUPLE:
        return v.seq->is_group ? "_GroupTuple" : "tuple";
    case V_DICT:
        return "dict";
    case V_VIEW:
        return views[v.view->of];
    case V_RANGE:
        return "range";
    case V_NAMESPACE:
        return "Namespace";
    case V_LOOP:
        return "LoopContext";
    case V_MACRO:
        return "Macro";
    case V_FUNCTION:
        return "function";
    case V_ITER:
        return "generator";
    case V_SLICE:
        return "slice";
    default:
        return "Undefined";
    }
}

static bool seq_equal(struct render *r, const struct seq *a, const struct seq *b, bool *ret)
{
    *ret = a->n == b->n;
    if (*ret && !render_charge(r, a->n * sizeof(*a->items)))
        return false;
    for (size_t i = 0; *ret && i < a->n; i++)
        if (!value_equal(r, a->items[i], b->items[i], ret))
            return false;
    return true;
}

static bool dict_equal(struct render *r, const struct dict *a, const struct dict *b, bool *ret)
{
    *ret = a->n == b->n;
    for (size_t i = 0; *ret && i < a->n; i++) {
        struct value *other;
        if (!render_step(r) || !dict_find(r, b, a->entries[i].key, &other))
            return false;
        *ret = other != NULL;
        if (other && !value_equal(r, a->entries[i].value, *other, ret))
            return false;
    }
    return true;
}

static bool range_equal(const struct range *a, const struct range *b)
{
    return a->n == b->n &&
           (a->n == 0 || (a->start == b->start && (a->n == 1 || a->step == b->step)));
}

bool value_equal(struct render *r, struct value a, struct value b, bool *ret)
{
    bool ok = true;

    if (is_int(a) && is_int(b)) {
        *ret = as_int(a) == as_int(b);
        return true;
    }
    if (is_number(a) && is_number(b)) {
        *ret = as_float(a) == as_float(b);
        return true;
    }
    *ret = false;
    if (a.kind != b.kind)
        return true;
    switch (a.kind) {
    case V_UNDEF:
    case V_NONE:
        *ret = true;
        return true;
    case V_STR:
    case V_BIG:
        *ret = str_same(a.str, b.str);
        return a.str->size != b.str->size || render_charge(r, a.str->size);
    case V_LIST:
    case V_TUPLE:
        if (!render_enter(r))
            return false;
        ok = render_step(r) && seq_equal(r, a.seq, b.seq, ret);
        render_leave(r);
        return ok;
    case V_DICT:
        if (!render_enter(r))
            return false;
        ok = render_step(r) && dict_equal(r, a.dict, b.dict, ret);
        render_leave(r);
        return ok;
    case V_RANGE:
        *ret = range_equal(a.range, b.range);
        return true;
    case V_VIEW:
        if (a.view->of == VIEW_VALUES || b.view->of != a.view->of) {
            *ret = a.view == b.view;
            return true;
        }
        return dict_equal(r, a.view->dict, b.view->dict, ret);
    default:
        *ret = a.dict == b.dict; /* the same object */
        return true;
    }
}

static bool seq_less(struct render *r, const struct seq *a, const struct seq *b, const char *op,
                     bool *ret)
{
    bool same;

    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (!render_step(r) || !value_equal(r, a->items[i], b->items[i], &same))
            return false;
        if (!same)
            return value_less(r, a->items[i], b->items[i], op, ret);
    }
    *ret = a->n < b->n;
    return true;
}

bool value_less(struct render *r, struct value a, struct value b, const char *op, bool *ret)
{
    if (is_int(a) && is_int(b)) {
        *ret = as_int(a) < as_int(b);
        return true;
    }
    if (is_number(a) && is_number(b)) {
        *ret = as_float(a) < as_float(b);
        return true;
    }
    if (a.kind == V_STR && b.kind == V_STR) {
        size_t n = a.str->size < b.str->size ? a.str->size : b.str->size;
        int c = memcmp(a.str->data, b.str->data, n); /* UTF-8 sorts as code points do */
        *ret = c ? c < 0 : a.str->size < b.str->size;
        return render_charge(r, n);
    }
    if (is_seq(a) && a.kind == b.kind) {
        if (!render_enter(r))
            return false;
        bool ok = render_step(r) && seq_less(r, a.seq, b.seq, op, ret);
        render_leave(r);
        return ok;
    }
    if (a.kind == V_UNDEF || b.kind == V_UNDEF)
        return render_fail_undef(r, a.kind == V_UNDEF ? a : b);
    return render_fail(r, "TypeError", "'%s' not supported between instances of '%s' and '%s'", op,
                       value_type(a), value_type(b));
}

bool value_hash(struct render *r, struct value v, uint32_t *ret)
{
    uint32_t h = 1;

    switch (v.kind) {
    case V_STR:
    case V_BIG:
        *ret = str_hash(v.str);
        return true;
    case V_BOOL:
    case V_INT:
        h = (uint32_t)as_int(v) * 0x9e3779b1u;
        break;
    case V_FLOAT:
        h = fabs(v.d) < 9e18 && v.d == trunc(v.d) ? (uint32_t)(int64_t)v.d * 0x9e3779b1u
                                                  : (uint32_t)hash_table_key(&v.d, sizeof(v.d));
        break;
    case V_TUPLE:
        if (!render_enter(r))
            return false;
        for (size_t i = 0; i < v.seq->n; i++) {
            uint32_t item;
            if (!render_step(r) || !value_hash(r, v.seq->items[i], &item)) {
                render_leave(r);
                return false;
            }
            h = h * 31 + item;
        }
        render_leave(r);
        break;
    case V_LIST:
    case V_DICT:
    case V_SLICE:
        return render_fail(r, "TypeError", "unhashable type: '%s'", value_type(v));
    default:
        break;
    }
    *ret = h | 1;
    return true;
}

static bool str_contains(struct render *r, struct value container, struct value item, bool *ret)
{
    if (item.kind != V_STR)
        return render_fail(r, "TypeError", "'in <string>' requires string as left operand, not %s",
                           value_type(item));
    *ret = !item.str->size ||
           memmem(container.str->data, container.str->size, item.str->data, item.str->size) != NULL;
    return render_charge(r, container.str->size);
}

bool value_contains(struct render *r, struct value container, struct value item, bool *ret)
{
    struct value *found, v;
    struct iter it;
    bool more;

    switch (container.kind) {
    case V_STR:
        return str_contains(r, container, item, ret);
    case V_DICT:
        if (!dict_find(r, container.dict, item, &found))
            return false;
        *ret = found != NULL;
        return true;
    case V_UNDEF:
        *ret = false;
        return true;
    default:
        break;
    }
    *ret = false;
    if (!iter_begin(r, container, &it))
        return false;
    for (;;) {
        if (!iter_next(r, &it, &v, &more))
            return false;
        if (!more)
            return true;
        if (!value_equal(r, v, item, ret))
            return false;
        if (*ret)
            return true;
    }
}

bool value_length(struct value v, int64_t *ret)
{
    switch (v.kind) {
    case V_UNDEF:
        *ret = 0;
        return true;
    case V_STR:
        *ret = (int64_t)str_chars(v.str);
        return true;
    case V_LIST:
    case V_TUPLE:
        *ret = (int64_t)v.seq->n;
        return true;
    case V_DICT:
        *ret = (int64_t)v.dict->n;
        return true;
    case V_VIEW:
        *ret = (int64_t)v.view->dict->n;
        return true;
    case V_RANGE:
        *ret = v.range->n;
        return true;
    default:
        return false;
    }
}
