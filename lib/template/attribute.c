/* Attributes, items and slices, as the sandbox hands them out. */
#include "template/functions.h"
#include "template/iterate.h"
#include "template/text.h"

static const char unsafe[] = "access to an attribute that begins with '_' is unsafe";

static struct value unsafe_attr(struct render *r)
{
    struct value v = undef_hint(r, unsafe);

    v.undef->exception = "SecurityError";
    return v;
}

/* What every object of Python has; the sandbox hands out none of it. */
static bool is_dunder(const struct str *name)
{
    static const char *const names[] = {
        "__class__",
        "__init__",
        "__doc__",
        "__dir__",
        "__str__",
        "__repr__",
        "__eq__",
        "__ne__",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
        "__hash__",
        "__new__",
        "__format__",
        "__reduce__",
        "__reduce_ex__",
        "__getattribute__",
        "__setattr__",
        "__delattr__",
        "__sizeof__",
        "__subclasshook__",
        "__init_subclass__",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

/* What Python's getattr() finds; V_MISSING: nothing. */
static bool attribute(struct render *r, struct value object, struct str *name, struct value *ret)
{
    *ret = MISSING;
    if (object.kind == V_UNDEF) {
        if (!is_dunder(name))
            return render_fail_undef(r, object);
        *ret = unsafe_attr(r);
        return true;
    }
    if (object.kind == V_NAMESPACE) {
        struct value *v = dict_find_str(object.dict, name);
        if (v)
            *ret = *v;
        return true;
    }
    if (object.kind == V_LOOP) {
        if (!loop_attr(r, object, name, ret))
            return false;
        if (ret->kind != V_MISSING)
            return true;
    }
    if (object.kind == V_MACRO && str_is(name, "name") && object.macro->def->name) {
        *ret = v_str(object.macro->def->name);
        return true;
    }
    if (object.kind == V_TUPLE && object.seq->is_group &&
        (str_is(name, "grouper") || str_is(name, "list"))) {
        *ret = object.seq->items[str_is(name, "list")];
        return true;
    }
    if (!method_find(r, object, name, ret))
        *ret = MISSING;
    return true;
}

/* ---- slices */

/* Code points are to be counted, and found by their number: at once when all are ASCII. */
static bool count_chars(struct render *r, const struct str *s)
{
    return s->n_chars == s->size + 1 || render_charge(r, s->size);
}

static bool bound(struct render *r, struct value v, int64_t n, int64_t low, int64_t high,
                  int64_t absent, int64_t *ret)
{
    if (v.kind == V_NONE) {
        *ret = absent;
        return true;
    }
    if (!is_int(v))
        return render_fail(r, "TypeError",
                           "slice indices must be integers or None or have an __index__ method");
    *ret = as_int(v);
    if (*ret < 0)
        *ret += n;
    if (*ret < low)
        *ret = low;
    if (*ret > high)
        *ret = high;
    return true;
}

/* Of a sequence of n: the first index, the step, and how many there are. */
static bool slice_range(struct render *r, const struct value *slice, int64_t n, int64_t *start,
                        int64_t *step, int64_t *count, int64_t *stop)
{
    *step = 1;
    if (slice[2].kind != V_NONE) {
        if (!is_int(slice[2]))
            return render_fail(r, "TypeError", "slice indices must be integers or None");
        *step = as_int(slice[2]);
        if (!*step)
            return render_fail(r, "ValueError", "slice step cannot be zero");
        /* Beyond the length all steps are the same. */
        if (*step > INT32_MAX)
            *step = INT32_MAX;
        if (*step < -INT32_MAX)
            *step = -INT32_MAX;
    }
    if (*step > 0) {
        if (!bound(r, slice[0], n, 0, n, 0, start) || !bound(r, slice[1], n, 0, n, n, stop))
            return false;
        *count = *stop > *start ? (*stop - *start + *step - 1) / *step : 0;
    } else {
        if (!bound(r, slice[0], n, -1, n - 1, n - 1, start) ||
            !bound(r, slice[1], n, -1, n - 1, -1, stop))
            return false;
        *count = *stop < *start ? (*start - *stop - *step - 1) / -*step : 0;
    }
    return true;
}

static bool slice_str(struct render *r, struct value v, int64_t start, int64_t step, int64_t count,
                      struct value *ret)
{
    struct str *s = v.str;
    size_t chars = str_chars(s), size;
    char *text, *out;
    const char *p;

    if (step == 1) {
        *ret = str_markup(str_part(&r->arena, s, (size_t)start, (size_t)count), v.markup);
        return true;
    }
    if (!render_room(r, s->size))
        return false;
    out = text = arena_text(&r->arena, s->size + 1);
    p = count ? s->data + text_skip(s->data, s->size, (size_t)start) : s->data;
    for (int64_t i = 0; i < count; i++) {
        text_at(p, &size);
        memcpy(out, p, size);
        out += size;
        if (i + 1 == count)
            break;
        if (chars == s->size)
            p += step;
        else if (step > 0)
            p += text_skip(p, (size_t)(s->data + s->size - p), (size_t)step);
        else
            for (int64_t k = step; k; k++)
                p = text_before(p);
    }
    *ret = str_markup(str_borrow(&r->arena, text, (size_t)(out - text)), v.markup);
    if (s->user && out > text)
        ret->str->user = &marks_whole;
    return true;
}

static bool slice_of(struct render *r, struct value v, const struct value *slice, struct value *ret)
{
    int64_t n = 0, start = 0, step = 1, count = 0, stop = 0;

    if (v.kind == V_STR && !count_chars(r, v.str))
        return false;
    if (!value_length(v, &n) || !slice_range(r, slice, n, &start, &step, &count, &stop))
        return false;
    if (v.kind == V_STR)
        return slice_str(r, v, start, step, count, ret);
    if (v.kind == V_RANGE) {
        struct range *g = arena_new(&r->arena, struct range);
        g->start = v.range->start + start * v.range->step;
        g->step = v.range->step * step;
        g->n = count;
        g->stop = v.range->start + stop * v.range->step;
        *ret = (struct value){.kind = V_RANGE, .range = g};
        return true;
    }
    *ret = seq_new(&r->arena, v.kind, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        ret->seq->items[i] = v.seq->items[start + i * step];
    return true;
}

/* ---- items */

static bool index_of(struct render *r, struct value v, int64_t i, struct value *ret)
{
    int64_t n = 0;

    *ret = MISSING;
    if (v.kind == V_STR && !count_chars(r, v.str))
        return false;
    value_length(v, &n);
    if (i < 0)
        i += n;
    if (i < 0 || i >= n)
        return true;
    if (v.kind == V_STR)
        *ret = str_markup(str_part(&r->arena, v.str, (size_t)i, 1), v.markup);
    else if (v.kind == V_RANGE)
        *ret = v_int(v.range->start + i * v.range->step);
    else
        *ret = v.seq->items[i];
    return true;
}

/* object[key] of Python; V_MISSING where it raises TypeError or LookupError. */
static bool item(struct render *r, struct value object, struct value key, struct value *ret)
{
    struct value *found;

    *ret = MISSING;
    switch (object.kind) {
    case V_UNDEF:
        return render_fail_undef(r, object);
    case V_DICT:
        if (key.kind == V_LIST || key.kind == V_DICT || key.kind == V_SLICE)
            return true;
        if (!dict_find(r, object.dict, key, &found))
            return false;
        if (found)
            *ret = *found;
        return true;
    case V_STR:
    case V_LIST:
    case V_TUPLE:
    case V_RANGE:
        if (is_int(key))
            return index_of(r, object, as_int(key), ret);
        if (key.kind == V_SLICE) {
            for (int i = 0; i < 3; i++)
                if (key.slice[i].kind != V_NONE && !is_int(key.slice[i]))
                    return true;
            return slice_of(r, object, key.slice, ret);
        }
        return true;
    default:
        return true;
    }
}

bool get_slice(struct render *r, struct value object, struct value slice, struct value *ret)
{
    if (!item(r, object, slice, ret))
        return false;
    return ret->kind != V_MISSING ||
           render_fail(r, "TypeError", "'%s' object cannot be sliced so", value_type(object));
}

bool get_attr(struct render *r, struct value object, struct value name, struct value *ret)
{
    struct value v;

    if (!attribute(r, object, name.str, &v))
        return false;
    if (v.kind != V_MISSING && name.str->size && name.str->data[0] == '_')
        v = unsafe_attr(r);
    if (v.kind == V_MISSING && !item(r, object, name, &v))
        return false;
    if (v.kind == V_MISSING)
        v = is_dunder(name.str) ? unsafe_attr(r) : undef_attr(r, object, name);
    *ret = v;
    return true;
}

bool get_item(struct render *r, struct value object, struct value key, struct value *ret)
{
    struct value v;

    if (!item(r, object, key, &v))
        return false;
    if (v.kind == V_MISSING && key.kind == V_STR) {
        if (!attribute(r, object, key.str, &v))
            return false;
        if (v.kind != V_MISSING && key.str->size && key.str->data[0] == '_')
            v = unsafe_attr(r);
    }
    *ret = v.kind == V_MISSING ? undef_attr(r, object, key) : v;
    return true;
}
