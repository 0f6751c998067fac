/* Methods of dicts, lists, tuples and of loop. */
#include "template/functions.h"
#include "template/iterate.h"

static bool view(struct render *r, struct value self, enum view_of of, struct value *ret)
{
    struct view *v = arena_new(&r->arena, struct view);

    v->dict = self.dict;
    v->of = of;
    *ret = (struct value){.kind = V_VIEW, .view = v};
    return true;
}

static bool dict_keys(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    (void)argv;
    return view(r, self, VIEW_KEYS, ret);
}
static bool dict_values(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    (void)argv;
    return view(r, self, VIEW_VALUES, ret);
}
static bool dict_items(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    (void)argv;
    return view(r, self, VIEW_ITEMS, ret);
}

static bool dict_get(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    struct value *found;

    if (!dict_find(r, self.dict, argv[0], &found))
        return false;
    *ret = found ? *found : argv[1].kind == V_MISSING ? NONE : argv[1];
    return true;
}

static bool dict_copy(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    (void)argv;
    *ret = (struct value){.kind = V_DICT, .dict = dict_new(&r->arena)};
    for (size_t i = 0; i < self.dict->n; i++)
        if (!render_step(r) ||
            !dict_set(r, ret->dict, self.dict->entries[i].key, self.dict->entries[i].value))
            return false;
    return true;
}

const struct function_def dict_methods[] = {
    {"get", dict_get, {NULL}, 1, 2},   {"items", dict_items, {NULL}, 0, 0},
    {"keys", dict_keys, {NULL}, 0, 0}, {"values", dict_values, {NULL}, 0, 0},
    {"copy", dict_copy, {NULL}, 0, 0}, {"clear", .forbidden = true},
    {"pop", .forbidden = true},        {"popitem", .forbidden = true},
    {"setdefault", .forbidden = true}, {"update", .forbidden = true},
};
const size_t n_dict_methods = ARRAY_SIZE(dict_methods);

static bool seq_count(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    int64_t n = 0;
    bool same;

    if (!iter_list(r, self, &self)) /* of a range too */
        return false;
    for (size_t i = 0; i < self.seq->n; i++) {
        if (!render_step(r) || !value_equal(r, self.seq->items[i], argv[0], &same))
            return false;
        n += same;
    }
    *ret = v_int(n);
    return true;
}

static bool seq_index(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    bool same;

    if (!iter_list(r, self, &self))
        return false;
    int64_t n = (int64_t)self.seq->n, start = 0, stop = n;
    if (!arg_int(r, argv[1], &start) || !arg_int(r, argv[2], &stop))
        return false;
    start = start < 0 ? (start + n > 0 ? start + n : 0) : start;
    stop = stop < 0 ? stop + n : stop;
    for (int64_t i = start; i < n && i < stop; i++) {
        if (!render_step(r) || !value_equal(r, self.seq->items[i], argv[0], &same))
            return false;
        if (same) {
            *ret = v_int(i);
            return true;
        }
    }
    return render_fail(r, "ValueError", "the value is not in the list");
}

static bool list_copy(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    (void)argv;
    return iter_list(r, self, ret);
}

const struct function_def seq_methods[] = {
    {"count", seq_count, {NULL}, 1, 1},
    {"index", seq_index, {NULL}, 1, 3},
};
const size_t n_seq_methods = ARRAY_SIZE(seq_methods);

const struct function_def list_methods[] = {
    {"copy", list_copy, {NULL}, 0, 0}, {"append", .forbidden = true},
    {"extend", .forbidden = true},     {"insert", .forbidden = true},
    {"pop", .forbidden = true},        {"remove", .forbidden = true},
    {"clear", .forbidden = true},      {"reverse", .forbidden = true},
    {"sort", .forbidden = true},
};
const size_t n_list_methods = ARRAY_SIZE(list_methods);

static bool loop_cycle(struct render *r, struct value self, const struct args *a, struct value *ret)
{
    if (!a->n || a->n_keywords)
        return render_fail(r, "TypeError", "no items for cycling given");
    *ret = a->items[(size_t)self.loop->index0 % a->n];
    return true;
}

static bool loop_changed(struct render *r, struct value self, const struct args *a,
                         struct value *ret)
{
    struct value now = seq_new(&r->arena, V_TUPLE, a->n);
    bool same = false;

    for (size_t i = 0; i < a->n; i++)
        now.seq->items[i] = a->items[i];
    if (self.loop->changed.kind != V_MISSING && !value_equal(r, self.loop->changed, now, &same))
        return false;
    self.loop->changed = now;
    *ret = v_bool(!same);
    return true;
}

const struct function_def loop_methods[] = {
    {"cycle", .run_any = loop_cycle},
    {"changed", .run_any = loop_changed},
};
const size_t n_loop_methods = ARRAY_SIZE(loop_methods);
