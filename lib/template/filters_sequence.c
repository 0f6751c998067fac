/* Filters for lists, dicts and what is looped over. */
#include "template/functions.h"
#include "template/iterate.h"
#include "template/sorting.h"
#include "template/strings.h"
#include "template/tests.h"

#define FILTER(name_)                                                                \
    static bool filter_##name_(struct render *r, struct value v, struct value *argv, \
                               struct value *ret)

/* ---- what an item is compared by */

static bool path_part(struct render *r, struct value item, const char *p, size_t size,
                      struct value fallback, struct value *ret)
{
    struct value key = str_borrow(&r->arena, p, size);

    if (size && size < 18 && strspn(p, "0123456789") >= size) {
        int64_t n = 0;
        for (size_t i = 0; i < size; i++)
            n = n * 10 + (p[i] - '0');
        key = v_int(n);
    }
    if (!render_step(r) || !get_item(r, item, key, ret))
        return false;
    if (ret->kind == V_UNDEF && fallback.kind != V_MISSING && fallback.kind != V_NONE)
        *ret = fallback;
    return true;
}

bool item_attr(struct render *r, struct value item, struct value attr, struct value fallback,
               struct value *ret)
{
    *ret = item;
    if (attr.kind == V_MISSING || attr.kind == V_NONE)
        return true;
    if (attr.kind == V_STR && !render_charge(r, attr.str->size))
        return false;
    if (attr.kind != V_STR) {
        if (!get_item(r, item, attr, ret))
            return false;
        if (ret->kind == V_UNDEF && fallback.kind != V_MISSING && fallback.kind != V_NONE)
            *ret = fallback;
        return true;
    }
    for (const char *p = attr.str->data, *end = p + attr.str->size;;) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        if (!path_part(r, *ret, p, (size_t)((dot ? dot : end) - p), fallback, ret))
            return false;
        if (!dot)
            return true;
        p = dot + 1;
    }
}

static bool fold(struct render *r, bool case_sensitive, struct value *v)
{
    return case_sensitive || v->kind != V_STR || str_cased(r, *v, CASED_LOWER, v);
}

/*
 * What sort compares: a list, of one or of "a,b" attributes. Lists compare by
 * their first items that are not equal, so equal ones need no order.
 */
static bool sort_key(struct render *r, struct value item, struct value attr, bool case_sensitive,
                     struct value *ret)
{
    struct value list = seq_new(&r->arena, V_LIST, 0), v;
    const char *p = attr.kind == V_STR ? attr.str->data : "", *comma;
    const char *end = attr.kind == V_STR ? p + attr.str->size : p;

    do {
        struct value one = attr;
        comma = memchr(p, ',', (size_t)(end - p));
        if (attr.kind == V_STR)
            one = str_borrow(&r->arena, p, (size_t)((comma ? comma : end) - p));
        if (!item_attr(r, item, one, MISSING, &v) || !fold(r, case_sensitive, &v))
            return false;
        seq_append(&r->arena, list.seq, v);
        p = comma ? comma + 1 : end;
    } while (comma);
    *ret = list;
    return true;
}

typedef bool key_of(struct render *r, struct value item, struct value attr, bool case_sensitive,
                    struct value *ret);

static bool pair_key(struct render *r, struct value pair, struct value which, bool case_sensitive,
                     struct value *ret)
{
    *ret = pair.seq->items[which.i];
    return fold(r, case_sensitive, ret);
}

static bool sorted(struct render *r, struct value list, key_of *key, struct value attr,
                   bool case_sensitive, bool reverse, struct value *ret)
{
    size_t n = list.seq->n;
    struct sortable *s = arena_new_array(&r->arena, 2 * n + 1, struct sortable);

    for (size_t i = 0; i < n; i++) {
        s[i].item = list.seq->items[i];
        if (!key(r, s[i].item, attr, case_sensitive, &s[i].key))
            return false;
    }
    if (!sort_by_key(r, s, s + n, n, reverse))
        return false;
    *ret = seq_new(&r->arena, V_LIST, n);
    for (size_t i = 0; i < n; i++)
        ret->seq->items[i] = s[i].item;
    return true;
}

FILTER(sort)
{
    struct value list;

    return iter_list(r, v, &list) &&
           sorted(r, list, sort_key, argv[2], value_truth(argv[1]), value_truth(argv[0]), ret);
}

FILTER(dictsort)
{
    struct str *by = str_const(&r->arena, "key").str;
    struct value list, pairs, items;

    if (!arg_str(r, argv[1], &by))
        return false;
    if (!str_is(by, "key") && !str_is(by, "value"))
        return render_fail(r, "FilterArgumentError",
                           "You can only sort by either \"key\" or \"value\"");
    if (v.kind == V_UNDEF)
        return render_fail_undef(r, v);
    if (v.kind != V_DICT)
        return render_fail(r, "AttributeError", "'%s' object has no attribute 'items'",
                           value_type(v));
    struct view view = {v.dict, VIEW_ITEMS};
    items = (struct value){.kind = V_VIEW, .view = &view};
    if (!iter_list(r, items, &pairs))
        return false;
    if (!sorted(r, pairs, pair_key, v_int(str_is(by, "value")), value_truth(argv[0]),
                value_truth(argv[2]), &list))
        return false;
    *ret = list;
    return true;
}

FILTER(unique)
{
    struct dict *seen = dict_new(&r->arena);
    struct value list, out = seq_new(&r->arena, V_LIST, 0), key, *found;

    if (!iter_list(r, v, &list))
        return false;
    for (size_t i = 0; i < list.seq->n; i++) {
        if (!item_attr(r, list.seq->items[i], argv[1], MISSING, &key) ||
            !fold(r, value_truth(argv[0]), &key) || !dict_find(r, seen, key, &found))
            return false;
        if (found)
            continue;
        if (!dict_set(r, seen, key, NONE))
            return false;
        seq_append(&r->arena, out.seq, list.seq->items[i]);
    }
    *ret = iter_value(r, (struct iter){.source = out});
    return true;
}

static bool extreme(struct render *r, struct value v, struct value *argv, bool largest,
                    struct value *ret)
{
    struct value list, best, key;

    if (!iter_list(r, v, &list))
        return false;
    if (!list.seq->n) {
        *ret = undef_hint(r, "No aggregated item, sequence was empty.");
        return true;
    }
    for (size_t i = 0; i < list.seq->n; i++) {
        bool better = i == 0;
        if (!item_attr(r, list.seq->items[i], argv[1], MISSING, &key) ||
            !fold(r, value_truth(argv[0]), &key))
            return false;
        if (i && !(largest ? value_less(r, best, key, ">", &better)
                           : value_less(r, key, best, "<", &better)))
            return false;
        if (better) {
            best = key;
            *ret = list.seq->items[i];
        }
    }
    return true;
}
FILTER(min) { return extreme(r, v, argv, false, ret); }
FILTER(max) { return extreme(r, v, argv, true, ret); }

FILTER(groupby)
{
    struct value list, key, last = MISSING, out = seq_new(&r->arena, V_LIST, 0), group = NONE;
    bool case_sensitive = value_truth(argv[2]);

    if (!iter_list(r, v, &list))
        return false;
    size_t n = list.seq->n;
    struct sortable *s = arena_new_array(&r->arena, 2 * n + 1, struct sortable);
    for (size_t i = 0; i < n; i++) {
        s[i].item = list.seq->items[i];
        if (!item_attr(r, s[i].item, argv[0], argv[1], &s[i].key) ||
            !fold(r, case_sensitive, &s[i].key))
            return false;
    }
    if (!sort_by_key(r, s, s + n, n, false))
        return false;
    for (size_t i = 0; i < n; i++) {
        bool same = false;
        if (i && !value_equal(r, last, s[i].key, &same))
            return false;
        if (!same) {
            group = seq_new(&r->arena, V_TUPLE, 2);
            group.seq->is_group = true;
            if (!item_attr(r, s[i].item, argv[0], argv[1], &key))
                return false;
            group.seq->items[0] = case_sensitive ? s[i].key : key;
            group.seq->items[1] = seq_new(&r->arena, V_LIST, 0);
            seq_append(&r->arena, out.seq, group);
        }
        seq_append(&r->arena, group.seq->items[1].seq, s[i].item);
        last = s[i].key;
    }
    *ret = out;
    return true;
}

/* ---- one out of many, many out of one */

FILTER(length)
{
    int64_t n;

    (void)argv;
    if (v.kind == V_LOOP) {
        struct value name = str_const(&r->arena, "length");
        return loop_attr(r, v, name.str, ret);
    }
    if (!value_length(v, &n))
        return render_fail(r, "TypeError", "object of type '%s' has no len()", value_type(v));
    *ret = v_int(n);
    return true;
}

FILTER(first)
{
    struct iter it;
    bool more;

    (void)argv;
    if (!iter_begin(r, v, &it) || !iter_next(r, &it, ret, &more))
        return false;
    if (!more)
        *ret = undef_hint(r, "No first item, sequence was empty.");
    return true;
}

static bool backwards(struct render *r, struct value v, struct iter *ret)
{
    if (v.kind == V_STR) {
        struct value list;
        if (!iter_list(r, v, &list))
            return false;
        *ret = (struct iter){.source = list, .reverse = true};
        return true;
    }
    if (v.kind == V_ITER)
        return render_fail(r, "TypeError", "'generator' object is not reversible");
    if (!iter_begin(r, v, ret))
        return false;
    ret->reverse = true;
    return true;
}

FILTER(last)
{
    struct iter it;
    bool more;

    (void)argv;
    if (v.kind == V_STR && v.str->size) {
        const char *end = v.str->data + v.str->size, *p = text_before(end);
        *ret = str_cut(&r->arena, v.str, (size_t)(p - v.str->data), (size_t)(end - p));
        return true;
    }
    if (!backwards(r, v, &it) || !iter_next(r, &it, ret, &more))
        return false;
    if (!more)
        *ret = undef_hint(r, "No last item, sequence was empty.");
    return true;
}

FILTER(reverse)
{
    struct iter it;
    struct value list;

    (void)argv;
    if (v.kind == V_STR) {
        struct value slice[3] = {NONE, NONE, v_int(-1)};
        return get_item(r, v, (struct value){.kind = V_SLICE, .slice = slice}, ret);
    }
    if (v.kind == V_ITER) {
        if (!iter_list(r, v, &list))
            return false;
        *ret = seq_new(&r->arena, V_LIST, list.seq->n);
        for (size_t i = 0; i < list.seq->n; i++)
            ret->seq->items[i] = list.seq->items[list.seq->n - 1 - i];
        return true;
    }
    if (!backwards(r, v, &it))
        return false;
    *ret = iter_value(r, it);
    return true;
}

FILTER(list)
{
    (void)argv;
    return iter_list(r, v, ret);
}

FILTER(items)
{
    (void)argv;
    if (v.kind != V_DICT && v.kind != V_UNDEF) {
        /* A generator in Python: it fails when it is used, and so do we. */
        *ret = iter_value(r, (struct iter){.kind = ITER_MAP_ATTR, .source = v_bool(true)});
        return true;
    }
    if (v.kind == V_UNDEF) {
        *ret = iter_value(r, (struct iter){.source = seq_new(&r->arena, V_LIST, 0)});
        return true;
    }
    *ret = iter_value(r, (struct iter){.kind = ITER_ITEMS, .source = v});
    return true;
}

FILTER(join)
{
    struct value sep = argv[0], list = v;

    if (sep.kind == V_MISSING)
        sep = str_const(&r->arena, "");
    if (!to_str(r, sep, &sep))
        return false;
    sep.markup = false;
    if (argv[1].kind != V_MISSING && argv[1].kind != V_NONE) {
        struct iter it;
        if (!iter_begin(r, v, &it)) /* map() asks at once */
            return false;
        struct iter *from = arena_new(&r->arena, struct iter);
        *from = it;
        list = iter_value(r, (struct iter){.kind = ITER_MAP_ATTR,
                                           .source = v,
                                           .other = from,
                                           .attr = argv[1],
                                           .fallback = MISSING});
    }
    return str_join(r, sep, list, true, ret);
}

FILTER(sum)
{
    struct value list, sum = argv[1].kind == V_MISSING ? v_int(0) : argv[1], item;

    if (!iter_list(r, v, &list))
        return false;
    if (sum.kind == V_STR)
        return render_fail(r, "TypeError", "sum() can't sum strings [use ''.join(seq) instead]");
    for (size_t i = 0; i < list.seq->n; i++)
        if (!item_attr(r, list.seq->items[i], argv[0], MISSING, &item) ||
            !operate(r, N_ADD, sum, item, &sum))
            return false;
    *ret = sum;
    return true;
}

FILTER(batch)
{
    struct value list, out = seq_new(&r->arena, V_LIST, 0), row = NONE;
    int64_t size = 0;

    if (!iter_list(r, v, &list) || !arg_int(r, argv[0], &size))
        return false;
    for (size_t i = 0; i < list.seq->n; i++) {
        if (row.kind == V_NONE || (int64_t)row.seq->n == size) {
            row = seq_new(&r->arena, V_LIST, 0);
            seq_append(&r->arena, out.seq, row);
        }
        seq_append(&r->arena, row.seq, list.seq->items[i]);
    }
    if (row.kind != V_NONE && argv[1].kind != V_MISSING && argv[1].kind != V_NONE)
        while ((int64_t)row.seq->n < size) {
            if (!render_step(r))
                return false;
            seq_append(&r->arena, row.seq, argv[1]);
        }
    *ret = iter_value(r, (struct iter){.source = out});
    return true;
}

FILTER(slice)
{
    struct value list, out = seq_new(&r->arena, V_LIST, 0);
    int64_t n = 0, offset = 0;

    if (!iter_list(r, v, &list) || !arg_int(r, argv[0], &n))
        return false;
    if (n == 0)
        return render_fail(r, "ZeroDivisionError", "integer division or modulo by zero");
    int64_t length = (int64_t)list.seq->n, per = length / n, more = length % n;
    for (int64_t i = 0; i < n; i++) {
        int64_t start = offset + i * per, stop;
        struct value row = seq_new(&r->arena, V_LIST, 0);

        if (i < more)
            offset++;
        stop = offset + (i + 1) * per;
        for (int64_t k = start; k < stop && k < length; k++)
            seq_append(&r->arena, row.seq, list.seq->items[k]);
        if (i >= more && argv[1].kind != V_MISSING && argv[1].kind != V_NONE)
            seq_append(&r->arena, row.seq, argv[1]);
        seq_append(&r->arena, out.seq, row);
        if (!render_step(r))
            return false;
    }
    *ret = iter_value(r, (struct iter){.source = out});
    return true;
}

/* ---- map, select: generators */

static bool empty(struct render *r, struct value *ret)
{
    *ret = iter_value(r, (struct iter){.source = seq_new(&r->arena, V_LIST, 0)});
    return true;
}

static bool filter_map(struct render *r, struct value v, const struct args *a, struct value *ret)
{
    struct iter it = {.kind = ITER_MAP_ATTR, .source = v, .fallback = MISSING};

    if (!value_truth(v)) /* then nobody looks at the arguments */
        return empty(r, ret);
    if (!a->n && a->n_keywords) {
        bool has = false;
        for (size_t i = 0; i < a->n_keywords; i++) {
            if (str_is(a->keywords[i].name, "attribute")) {
                it.attr = a->keywords[i].value;
                has = true;
            } else if (str_is(a->keywords[i].name, "default")) {
                it.fallback = a->keywords[i].value;
            } else {
                has = false;
                break;
            }
        }
        if (!has)
            return render_fail(r, "FilterArgumentError",
                               "map wants a filter's name, or attribute= and default=");
    } else {
        if (!a->n)
            return render_fail(r, "FilterArgumentError", "map requires a filter argument");
        if (a->items[0].kind != V_STR || !(it.filter = filter_find(a->items[0].str)))
            return render_fail(r, "TemplateRuntimeError", "map: no filter is named so");
        it.kind = ITER_MAP_FILTER;
        it.args = *a;
        it.args.items++;
        it.args.n--;
    }
    *ret = iter_value(r, it);
    return true;
}

static bool select_items(struct render *r, struct value v, const struct args *a, bool keep,
                         bool by_attr, struct value *ret)
{
    struct iter it = {.kind = ITER_SELECT, .source = v, .keep = keep, .attr = MISSING, .args = *a};

    if (!value_truth(v))
        return empty(r, ret);
    if (by_attr) {
        if (!a->n)
            return render_fail(r, "FilterArgumentError", "Missing parameter for attribute name");
        it.attr = a->items[0];
        it.args.items++;
        it.args.n--;
    }
    if (it.args.n) {
        if (it.args.items[0].kind != V_STR || !(it.test = test_find(it.args.items[0].str)))
            return render_fail(r, "TemplateRuntimeError", "select: no test is named so");
        it.args.items++;
        it.args.n--;
    }
    *ret = iter_value(r, it);
    return true;
}
static bool filter_select(struct render *r, struct value v, const struct args *a, struct value *ret)
{
    return select_items(r, v, a, true, false, ret);
}
static bool filter_reject(struct render *r, struct value v, const struct args *a, struct value *ret)
{
    return select_items(r, v, a, false, false, ret);
}
static bool filter_selectattr(struct render *r, struct value v, const struct args *a,
                              struct value *ret)
{
    return select_items(r, v, a, true, true, ret);
}
static bool filter_rejectattr(struct render *r, struct value v, const struct args *a,
                              struct value *ret)
{
    return select_items(r, v, a, false, true, ret);
}

const struct filter_def filters_sequence[] = {
    {"length", filter_length, {NULL}, 0, 0},
    {"count", filter_length, {NULL}, 0, 0},
    {"items", filter_items, {NULL}, 0, 0},
    {"list", filter_list, {NULL}, 0, 0},
    {"join", filter_join, {"d", "attribute"}, 0, 2},
    {"selectattr", .run_any = filter_selectattr},
    {"rejectattr", .run_any = filter_rejectattr},
    {"select", .run_any = filter_select},
    {"reject", .run_any = filter_reject},
    {"map", .run_any = filter_map},
    {"first", filter_first, {NULL}, 0, 0},
    {"last", filter_last, {NULL}, 0, 0},
    {"reverse", filter_reverse, {NULL}, 0, 0},
    {"dictsort", filter_dictsort, {"case_sensitive", "by", "reverse"}, 0, 3},
    {"sort", filter_sort, {"reverse", "case_sensitive", "attribute"}, 0, 3},
    {"unique", filter_unique, {"case_sensitive", "attribute"}, 0, 2},
    {"min", filter_min, {"case_sensitive", "attribute"}, 0, 2},
    {"max", filter_max, {"case_sensitive", "attribute"}, 0, 2},
    {"sum", filter_sum, {"attribute", "start"}, 0, 2},
    {"groupby", filter_groupby, {"attribute", "default", "case_sensitive"}, 1, 3},
    {"batch", filter_batch, {"linecount", "fill_with"}, 1, 2},
    {"slice", filter_slice, {"slices", "fill_with"}, 1, 2},
};
const size_t n_filters_sequence = ARRAY_SIZE(filters_sequence);
