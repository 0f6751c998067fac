#include "template/iterate.h"

#include "template/filters.h"
#include "template/tests.h"
#include "template/text.h"

bool iter_begin(struct render *r, struct value v, struct iter *ret)
{
    static const enum iter_kind views[] = {ITER_KEYS, ITER_VALUES, ITER_ITEMS};
    struct iter it = {.source = v};

    switch (v.kind) {
    case V_UNDEF:
        it.source = seq_new(&r->arena, V_LIST, 0);
        break;
    case V_LIST:
    case V_TUPLE:
        break;
    case V_STR:
        it.kind = ITER_CHARS;
        break;
    case V_DICT:
        it.kind = ITER_KEYS;
        break;
    case V_VIEW:
        it.kind = views[v.view->of];
        it.source = (struct value){.kind = V_DICT, .dict = v.view->dict};
        break;
    case V_RANGE:
        it.kind = ITER_RANGE;
        break;
    case V_ITER:
        it.kind = ITER_OTHER;
        it.other = v.iter;
        break;
    default:
        return render_fail(r, "TypeError", "'%s' object is not iterable", value_type(v));
    }
    *ret = it;
    return true;
}

struct value iter_value(struct render *r, struct iter it)
{
    struct iter *copy = arena_new(&r->arena, struct iter);

    *copy = it;
    return (struct value){.kind = V_ITER, .iter = copy};
}

static struct value pair(struct render *r, struct value a, struct value b)
{
    struct value v = seq_new(&r->arena, V_TUPLE, 2);

    v.seq->items[0] = a;
    v.seq->items[1] = b;
    return v;
}

static struct value entry_of(struct render *r, const struct iter *it, const struct entry *e)
{
    return it->kind == ITER_KEYS     ? e->key
           : it->kind == ITER_VALUES ? e->value
                                     : pair(r, e->key, e->value);
}

/* What is there already: no code of a template runs. */
static bool next_plain(struct render *r, struct iter *it, struct value *ret)
{
    size_t n, step;

    switch (it->kind) {
    case ITER_CHARS:
        if (it->i >= it->source.str->size)
            return false;
        text_at(it->source.str->data + it->i, &step);
        *ret = str_cut(&r->arena, it->source.str, it->i, step);
        ret->str->n_chars = 2;
        it->i += step;
        return true;
    case ITER_RANGE: {
        const struct range *g = it->source.range;
        if (it->i >= (size_t)g->n)
            return false;
        n = it->reverse ? (size_t)g->n - 1 - it->i : it->i;
        *ret = v_int(g->start + (int64_t)n * g->step);
        it->i++;
        return true;
    }
    case ITER_SEQ: {
        const struct seq *s = it->source.seq;
        if (it->i >= s->n)
            return false;
        *ret = s->items[it->reverse ? s->n - 1 - it->i : it->i];
        it->i++;
        return true;
    }
    default: {
        const struct dict *d = it->source.dict;
        if (it->i >= d->n)
            return false;
        *ret = entry_of(r, it, &d->entries[it->reverse ? d->n - 1 - it->i : it->i]);
        it->i++;
        return true;
    }
    }
}

static bool select_item(struct render *r, struct iter *it, struct value item, bool *keep)
{
    struct value v = item;

    if (it->attr.kind != V_MISSING && !item_attr(r, item, it->attr, MISSING, &v))
        return false;
    if (!it->test) {
        *keep = value_truth(v);
    } else if (!test_run(r, it->test, v, &it->args, keep)) {
        return false;
    }
    *keep = *keep == it->keep;
    return true;
}

static bool for_if_item(struct render *r, struct iter *it, struct value item, bool *keep)
{
    const struct for_loop *f = it->loop->loop;
    struct frame *inner = frame_new(r, f->test_scope, it->frame);
    struct value v;

    if (!frame_enter(r, f->test_scope, inner) || !assign(r, inner, f->target, item) ||
        !eval(r, inner, f->test, &v))
        return false;
    *keep = value_truth(v);
    return true;
}

static bool next_made(struct render *r, struct iter *it, struct value *ret, bool *more)
{
    bool keep;

    if (!it->other) {
        it->other = arena_new(&r->arena, struct iter);
        if (it->kind != ITER_FOR_IF && !value_truth(it->source)) {
            it->other->source = seq_new(&r->arena, V_LIST, 0);
        } else if (!iter_begin(r, it->source, it->other)) {
            return false;
        }
    }
    for (;;) {
        if (!iter_next(r, it->other, ret, more))
            return false;
        if (!*more)
            return true;
        switch (it->kind) {
        case ITER_MAP_ATTR:
            return item_attr(r, *ret, it->attr, it->fallback, ret);
        case ITER_MAP_FILTER:
            return filter_run(r, it->filter, *ret, &it->args, ret);
        case ITER_SELECT:
            if (!select_item(r, it, *ret, &keep))
                return false;
            break;
        case ITER_FOR_IF:
            if (!for_if_item(r, it, *ret, &keep))
                return false;
            break;
        default:
            return true;
        }
        if (keep)
            return true;
    }
}

bool iter_next(struct render *r, struct iter *it, struct value *ret, bool *more)
{
    if (!render_step(r))
        return false;
    if (it->kind < ITER_OTHER) {
        *more = next_plain(r, it, ret);
        return true;
    }
    if (!render_enter(r))
        return false;
    bool ok = next_made(r, it, ret, more);
    render_leave(r);
    return ok;
}

bool iter_list(struct render *r, struct value v, struct value *ret)
{
    struct value list = seq_new(&r->arena, V_LIST, 0), item;
    struct iter it;
    bool more;

    if (!iter_begin(r, v, &it))
        return false;
    while (iter_next(r, &it, &item, &more)) {
        if (!more) {
            *ret = list;
            return true;
        }
        seq_append(&r->arena, list.seq, item);
    }
    return false;
}

/* ---- the loop of a for statement */

static bool peek(struct render *r, struct loop *l)
{
    bool more;

    if (l->has_after || l->ended)
        return true;
    if (!iter_next(r, &l->it, &l->after, &more))
        return false;
    l->has_after = more;
    l->ended = !more;
    return true;
}

bool loop_next(struct render *r, struct loop *l, struct value *ret, bool *more)
{
    *more = true;
    if (l->has_after) {
        *ret = l->after;
        l->has_after = false;
    } else if (l->ended) {
        *more = false;
    } else if (!iter_next(r, &l->it, ret, more)) {
        return false;
    }
    if (!*more)
        return true;
    l->index0++;
    l->before = l->current;
    l->current = *ret;
    return true;
}

static bool loop_length(struct render *r, struct loop *l)
{
    struct value rest;

    if (l->length >= 0)
        return true;
    if (l->source.kind == V_STR && !render_charge(r, l->source.str->size))
        return false;
    if (value_length(l->source, &l->length))
        return true;
    l->length = 0;
    if (!l->ended) {
        if (!iter_list(r, iter_value(r, l->it), &rest))
            return false;
        l->it = (struct iter){.source = rest};
        l->length = (int64_t)rest.seq->n;
    }
    l->length += l->index0 + 1 + l->has_after;
    return true;
}

bool loop_attr(struct render *r, struct value object, const struct str *name, struct value *ret)
{
    struct loop *l = object.loop;

    if (str_is(name, "index0"))
        *ret = v_int(l->index0);
    else if (str_is(name, "index"))
        *ret = v_int(l->index0 + 1);
    else if (str_is(name, "first"))
        *ret = v_bool(l->index0 == 0);
    else if (str_is(name, "depth"))
        *ret = v_int(1);
    else if (str_is(name, "depth0"))
        *ret = v_int(0);
    else if (str_is(name, "previtem"))
        *ret = l->index0 ? l->before : undef_hint(r, "there is no previous item");
    else if (str_is(name, "last") || str_is(name, "nextitem")) {
        if (!peek(r, l))
            return false;
        *ret = str_is(name, "last") ? v_bool(!l->has_after)
               : l->has_after       ? l->after
                                    : undef_hint(r, "there is no next item");
    } else if (str_is(name, "length") || str_is(name, "revindex") || str_is(name, "revindex0")) {
        if (!loop_length(r, l))
            return false;
        *ret = v_int(str_is(name, "length")     ? l->length
                     : str_is(name, "revindex") ? l->length - l->index0
                                                : l->length - l->index0 - 1);
    } else {
        *ret = MISSING;
    }
    return true;
}
