/* Rendering: statements, limits, errors, and the way in. */
#define RENDER_C /* see its header */
#include "template/render.h"

#include "template/filters.h"
#include "template/inputs.h"
#include "template/iterate.h"
#include "template/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* What a statement does besides: break and continue leave the loop's body. */
enum flow { FLOW_FAIL, FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static enum flow exec(struct render *r, struct frame *f, const struct node *n);

/* ---- errors and limits */

static bool add_place(struct render *r, const char *what)
{
    int64_t line, column;

    source_place(r->t->source, r->t->source_size, r->at ? r->at->at : 0, &line, &column);
    err_fact_int(r->err, "line", line);
    err_fact_int(r->err, "column", column);
    return what ? err_fact_str(r->err, "detail", what) : false;
}

bool render_fail(struct render *r, const char *exception, const char *fmt, ...)
{
    char what[300];
    int64_t line, column;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    source_place(r->t->source, r->t->source_size, r->at ? r->at->at : 0, &line, &column);
    err_set(r->err, ERR_TEMPLATE_FAILED, "chat template, line %lld, column %lld: %s: %s",
            (long long)line, (long long)column, exception, what);
    err_fact_str(r->err, "exception", exception);
    return add_place(r, what);
}

bool render_limit(struct render *r, enum err_code code, int64_t limit, const char *what)
{
    err_set(r->err, code, "chat template: %s; the limit is %lld", what, (long long)limit);
    err_fact_int(r->err, "limit", limit);
    return add_place(r, NULL);
}

bool render_steps_over(struct render *r)
{
    if (r->arena.bytes <= r->limits.max_memory)
        return render_limit(r, ERR_TEMPLATE_STEPS, r->limits.max_steps,
                            "rendering takes too many steps");
    return render_limit(r, ERR_TEMPLATE_MEMORY, (int64_t)r->limits.max_memory,
                        "rendering takes too many bytes of memory");
}

bool render_room(struct render *r, size_t size)
{
    if (size < r->limits.max_memory && r->arena.bytes < r->limits.max_memory - size)
        return true;
    return render_limit(r, ERR_TEMPLATE_MEMORY, (int64_t)r->limits.max_memory,
                        "rendering takes too many bytes of memory");
}

bool render_nest_over(struct render *r)
{
    return render_limit(r, ERR_TEMPLATE_DEPTH, RENDER_NEST_MAX,
                        "values or calls are nested too deeply");
}

/* ---- frames */

struct frame *frame_new(struct render *r, const struct scope *s, struct frame *parent)
{
    struct frame *f = arena_take(&r->arena, sizeof(*f) + s->n * sizeof(struct value));

    f->parent = parent;
    return f;
}

bool frame_enter(struct render *r, const struct scope *s, struct frame *f)
{
    if (!render_charge(r, s->n * sizeof(struct value)))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        const struct symbol *y = &s->symbols[i];

        if (y->load == LOAD_RESOLVE) {
            f->slots[i] = r->inputs[y->from.slot];
        } else if (y->load == LOAD_ALIAS) {
            const struct frame *from = f;
            for (uint32_t hops = y->from.hops; hops; hops--)
                from = from->parent;
            f->slots[i] = from->slots[y->from.slot];
        } else {
            f->slots[i] = MISSING;
        }
    }
    return true;
}

static struct value *place_of(struct frame *f, struct place at)
{
    for (; at.hops; at.hops--)
        f = f->parent;
    return &f->slots[at.slot];
}

static bool unpack(struct render *r, struct frame *f, const struct node *target, struct value v)
{
    struct value list;

    if (!iter_list(r, v, &list))
        return false;
    if (list.seq->n != target->items.n)
        return render_fail(r, "ValueError", "%zu names are to be set from %zu values",
                           target->items.n, list.seq->n);
    for (size_t i = 0; i < list.seq->n; i++)
        if (!assign(r, f, target->items.items[i], list.seq->items[i]))
            return false;
    return true;
}

bool assign(struct render *r, struct frame *f, const struct node *target, struct value v)
{
    if (target->kind != N_NAME)
        return unpack(r, f, target, v);
    *place_of(f, target->name.place) = v;
    return true;
}

/* ---- output */

bool render_print(struct render *r, struct value v)
{
    if (!write_str(r, v, r->out))
        return false;
    if (r->out->size > r->limits.max_output)
        return render_limit(r, ERR_TEMPLATE_OUTPUT, (int64_t)r->limits.max_output,
                            "the text has too many bytes");
    return true;
}

bool render_captured(struct render *r, struct marking *m, struct buf *b, struct value *ret)
{
    if (!render_room(r, b->size))
        return false;
    *ret = marking_str(r, m, b);
    return true;
}

static enum flow exec_list(struct render *r, struct frame *f, const struct nodes *body)
{
    enum flow flow = FLOW_ON;

    for (size_t i = 0; i < body->n && flow == FLOW_ON; i++)
        flow = exec(r, f, body->items[i]);
    return flow;
}

bool exec_body(struct render *r, struct frame *f, const struct nodes *body)
{
    return exec_list(r, f, body) != FLOW_FAIL;
}

/* A block's body in a scope of its own, its text kept apart. */
static enum flow capture(struct render *r, struct frame *f, const struct nodes *body,
                         struct value *ret)
{
    AUTO_BUF struct buf b = {0};
    struct buf *out = r->out;
    struct marking m;
    enum flow flow;

    r->out = &b;
    marking_begin(r, &m, &b);
    flow = exec_list(r, f, body);
    r->out = out;
    if (flow == FLOW_ON)
        return render_captured(r, &m, &b, ret) ? FLOW_ON : FLOW_FAIL;
    marking_end(r, &m);
    return flow;
}

/* ---- statements */

static enum flow exec_print(struct render *r, struct frame *f, const struct node *n)
{
    struct value v;

    for (size_t i = 0; i < n->items.n; i++) {
        const struct node *item = n->items.items[i];
        if (item->kind == N_CONST)
            v = item->value;
        else if (!eval(r, f, item, &v))
            return FLOW_FAIL;
        if (!render_print(r, v))
            return FLOW_FAIL;
    }
    return FLOW_ON;
}

static enum flow exec_if(struct render *r, struct frame *f, const struct node *n)
{
    struct value v;

    for (size_t i = 0; i < n->tests.n; i++) {
        if (!eval(r, f, n->tests.items[i], &v))
            return FLOW_FAIL;
        if (value_truth(v))
            return exec_list(r, f, &n->bodies[i]);
    }
    return exec_list(r, f, &n->otherwise);
}

static enum flow loop_turns(struct render *r, struct frame *f, const struct node *n, struct loop *l,
                            bool *completed)
{
    const struct for_loop *loop = n->loop;
    const struct scope *s = loop->body.scope;
    struct frame *inner = frame_new(r, s, f);
    struct value item;
    enum flow flow;
    bool more;

    for (bool first = true; r->at = n, loop_next(r, l, &item, &more); first = false) {
        if (!more)
            return FLOW_ON;
        /* A macro may have kept the frame of the last turn. */
        if (!first && s->captured)
            inner = frame_new(r, s, f);
        if (!frame_enter(r, s, inner))
            return FLOW_FAIL;
        if (loop->extended)
            inner->slots[loop->loop_slot] = (struct value){.kind = V_LOOP, .loop = l};
        if (!assign(r, inner, loop->target, item))
            return FLOW_FAIL;
        flow = exec_list(r, inner, &loop->body.body);
        if (flow == FLOW_FAIL || flow == FLOW_BREAK)
            return flow == FLOW_FAIL ? FLOW_FAIL : FLOW_ON;
        /* Jinja's else asks whether a turn came to its end. */
        if (flow == FLOW_ON)
            *completed = true;
    }
    return FLOW_FAIL;
}

static enum flow exec_for(struct render *r, struct frame *f, const struct node *n)
{
    const struct for_loop *loop = n->loop;
    struct loop *l = arena_new(&r->arena, struct loop);
    struct frame *inner;
    bool completed = false;

    l->index0 = l->length = -1;
    if (!eval(r, f, loop->iter, &l->source))
        return FLOW_FAIL;
    r->at = n;
    if (!iter_begin(r, l->source, &l->it))
        return FLOW_FAIL;
    if (loop->test) {
        l->source = iter_value(
            r, (struct iter){.kind = ITER_FOR_IF, .source = l->source, .frame = f, .loop = n});
        l->it = *l->source.iter;
    }
    if (loop_turns(r, f, n, l, &completed) == FLOW_FAIL)
        return FLOW_FAIL;
    if (completed || !loop->otherwise.body.n)
        return FLOW_ON;
    inner = frame_new(r, loop->otherwise.scope, f);
    if (!frame_enter(r, loop->otherwise.scope, inner))
        return FLOW_FAIL;
    return exec_list(r, inner, &loop->otherwise.body);
}

static bool set_attr(struct render *r, struct frame *f, const struct node *n)
{
    struct value v, ns = *place_of(f, n->ns.place);

    if (ns.kind != V_NAMESPACE)
        return render_fail(r, "TemplateRuntimeError",
                           "cannot assign attribute on non-namespace object '%.*s'",
                           (int)n->ns.text->size, n->ns.text->data);
    if (!eval(r, f, n->ns_value, &v))
        return false;
    dict_set_str(&r->arena, ns.dict, v_str(n->ns_attr), v);
    return true;
}

/* set and filter blocks: the body's text, then through the filter, whose scope is the block's. */
static enum flow exec_block(struct render *r, struct frame *f, const struct node *n)
{
    struct frame *inner = frame_new(r, n->block.scope, f);
    struct value v;
    enum flow flow;

    if (!frame_enter(r, n->block.scope, inner))
        return FLOW_FAIL;
    flow = capture(r, inner, &n->block.body, &v);
    if (flow != FLOW_ON)
        return flow;
    if (n->block_filter) {
        /* The innermost filter has no value of its own: it gets the text. */
        const struct node *outer[TEMPLATE_NEST_MAX + 1], *filter = n->block_filter;
        size_t depth = 0;

        for (; filter; filter = filter->callee)
            outer[depth++] = filter;
        while (depth--) {
            struct args args;
            r->at = outer[depth];
            if (!outer[depth]->filter) {
                render_fail(r, "TemplateRuntimeError", "no filter is named '%.*s'",
                            (int)outer[depth]->called->size, outer[depth]->called->data);
                return FLOW_FAIL;
            }
            if (!eval_args(r, inner, outer[depth]->args, &args) ||
                !filter_run(r, outer[depth]->filter, v, &args, &v))
                return FLOW_FAIL;
        }
    }
    if (n->kind == N_SET_BLOCK)
        return assign(r, f, n->block_target, v) ? FLOW_ON : FLOW_FAIL;
    if (v.kind != V_STR) {
        render_fail(r, "TypeError", "a filter block must come to a string, not %s", value_type(v));
        return FLOW_FAIL;
    }
    return render_print(r, v) ? FLOW_ON : FLOW_FAIL;
}

static struct value macro_value(struct render *r, struct frame *f, const struct macro_def *def)
{
    struct macro *m = arena_new(&r->arena, struct macro);

    m->def = def;
    m->frame = f;
    return (struct value){.kind = V_MACRO, .macro = m};
}

static bool call_block(struct render *r, struct frame *f, const struct node *n)
{
    struct value callee, v;
    struct args args;
    struct keyword_value *keywords;

    if (!eval(r, f, n->call->callee, &callee) || !eval_args(r, f, n->call->args, &args))
        return false;
    keywords = arena_new_array(&r->arena, args.n_keywords + 1, struct keyword_value);
    if (args.n_keywords)
        memcpy(keywords, args.keywords, args.n_keywords * sizeof(*keywords));
    keywords[args.n_keywords].name = str_const(&r->arena, "caller").str;
    keywords[args.n_keywords++].value = macro_value(r, f, n->caller);
    args.keywords = keywords;
    r->at = n;
    if (!call_value(r, callee, &args, &v))
        return false;
    if (v.kind != V_STR)
        return render_fail(r, "TypeError", "a call block must come to a string, not %s",
                           value_type(v));
    return render_print(r, v);
}

static void add_span(struct template_spans *s, size_t start, size_t end)
{
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 8;
        s->items = mem_resize(s->items, s->capacity * sizeof(*s->items));
    }
    s->items[s->n++] = (struct template_span){start, end};
}

static bool generation(struct render *r, struct frame *f, const struct node *n)
{
    struct macro m = {n->macro, f};
    struct args none = {0};
    struct value v;
    size_t start = r->out->size;

    if (!call_macro(r, &m, &none, &v) || !render_print(r, v))
        return false;
    if (r->spans && r->out == r->text)
        add_span(r->spans, start, r->out->size);
    return true;
}

static enum flow with(struct render *r, struct frame *f, const struct node *n)
{
    struct frame *inner = frame_new(r, n->with->scope, f);
    struct value v;

    if (!frame_enter(r, n->with->scope, inner))
        return FLOW_FAIL;
    for (size_t i = 0; i < n->values.n; i++)
        if (!eval(r, f, n->values.items[i], &v) || !assign(r, inner, n->targets.items[i], v))
            return FLOW_FAIL;
    return exec_list(r, inner, &n->with->body);
}

static enum flow exec_one(struct render *r, struct frame *f, const struct node *n)
{
    struct value v;
    bool ok;

    switch (n->kind) {
    case N_PRINT:
        return exec_print(r, f, n);
    case N_IF:
        return exec_if(r, f, n);
    case N_FOR:
        return exec_for(r, f, n);
    case N_SET_BLOCK:
    case N_FILTER_BLOCK:
        return exec_block(r, f, n);
    case N_WITH:
        return with(r, f, n);
    case N_BREAK:
        return FLOW_BREAK;
    case N_CONTINUE:
        return FLOW_CONTINUE;
    case N_SET:
        ok = eval(r, f, n->from, &v) && assign(r, f, n->target, v);
        break;
    case N_SET_ATTR:
        ok = set_attr(r, f, n);
        break;
    case N_MACRO:
        *place_of(f, n->macro->self.place) = macro_value(r, f, n->macro);
        ok = true;
        break;
    case N_CALL_BLOCK:
        ok = call_block(r, f, n);
        break;
    case N_GENERATION:
        ok = generation(r, f, n);
        break;
    default: /* N_DO */
        ok = eval(r, f, n->a, &v);
    }
    return ok ? FLOW_ON : FLOW_FAIL;
}

static enum flow exec(struct render *r, struct frame *f, const struct node *n)
{
    enum flow flow;

    r->at = n;
    if (!render_step(r) || !render_enter(r))
        return FLOW_FAIL;
    flow = exec_one(r, f, n);
    render_leave(r);
    return flow;
}

/* ---- the way in */

static struct template_limits limits_of(const struct template_options *o)
{
    struct template_limits l = o ? o->limits : (struct template_limits){0};

    l.max_output = l.max_output ? l.max_output : 16 << 20;
    l.max_steps = l.max_steps ? l.max_steps : 1000 * 1000;
    l.max_memory = l.max_memory ? l.max_memory : 256 << 20;
    l.max_depth = l.max_depth ? l.max_depth : 64;
    l.max_range = l.max_range ? l.max_range : 100 * 1000;
    return l;
}

void template_spans_in_chars(struct template_spans *s, const char *text)
{
    size_t bytes = 0, chars = 0;

    for (size_t i = 0; i < s->n; i++) {
        size_t *ends[] = {&s->items[i].start, &s->items[i].end};
        for (int k = 0; k < 2; k++) {
            chars += text_count(text + bytes, *ends[k] - bytes);
            bytes = *ends[k];
            *ends[k] = chars;
        }
    }
}

static struct buf take_buf(struct buf *b)
{
    struct buf taken = *b;

    *b = (struct buf){0};
    return taken;
}

enum { LENT = 32 << 10 }; /* bytes of the stack for what small renderings need */

static bool render_text(struct render *r, const struct template_inputs *in,
                        const struct template_modes *modes)
{
    const struct template *t = r->t;
    struct inputs inputs = {0};
    struct frame *f;

    if (!inputs_read(r, in, modes, &inputs))
        return false;
    f = frame_new(r, t->scope, NULL);
    return frame_enter(r, t->scope, f) && exec_body(r, f, &t->body) &&
           inputs_cut(r, &inputs, r->text);
}

/* What lies behind the end was cut away. */
static void report_users(const struct marking *m, size_t size, struct template_spans *ret)
{
    for (size_t i = 0; i < m->n && m->items[i].start < size; i++)
        add_span(ret, m->items[i].start, m->items[i].end < size ? m->items[i].end : size);
}

static bool render_once(const struct template *t, const struct template_inputs *in,
                        const struct template_modes *modes, const struct template_options *options,
                        struct buf *text, struct template_report *report, struct err *err)
{
    _Alignas(16) char lent[LENT];
    struct marking users = {.of = text};
    struct render r = {.t = t,
                       .arena = arena_on(lent, sizeof(lent)),
                       .limits = limits_of(options),
                       .out = text,
                       .text = text,
                       .marking = report && report->wants_users ? &users : NULL,
                       .spans = report ? &report->generation : NULL,
                       .now_s = options && options->now_s ? *options->now_s : (int64_t)time(NULL),
                       .err = err};
    bool ok;

    r.steps = r.limits.max_steps;
    r.arena.limit = r.limits.max_memory;
    r.arena.alarm = &r.steps;
    ok = render_text(&r, in, modes);

    if (ok && r.marking)
        report_users(&users, text->size, &report->users);
    if (!ok) {
        buf_clear(text);
        if (report)
            report->generation.n = 0;
    }
    arena_release(&r.arena);
    return ok;
}

/* Another way to prepare the messages than was tried last; false: there is none. */
static bool next_way(const struct template_modes *asked, const struct template_modes *first,
                     unsigned way, struct template_modes *ret)
{
    bool arguments = asked->arguments == ARGUMENTS_AUTO, null = asked->null == NULL_AUTO;

    *ret = *first;
    if (way > 3)
        return false;
    if (((way & 1) && !arguments) || ((way & 2) && !null))
        return next_way(asked, first, way + 1, ret);
    if (way & 1)
        ret->arguments = first->arguments == ARGUMENTS_TEXT ? ARGUMENTS_OBJECT : ARGUMENTS_TEXT;
    if (way & 2)
        ret->null = NULL_EMPTY;
    return true;
}

/* The ways AUTO leaves, the likeliest first. */
static bool render_ways(const struct template *t, const struct template_inputs *in,
                        const struct template_options *options, struct buf *text,
                        struct template_report *report, struct err *err)
{
    struct template_modes first = template_modes_for(t, in->modes), modes = first;

    if (in->max_rules)
        first.content = modes.content = CONTENT_STRING;
    if (!render_once(t, in, &modes, options, text, report, err)) {
        bool ok = false;

        for (unsigned way = 1;
             !ok && err->code == ERR_TEMPLATE_FAILED && next_way(&in->modes, &first, way, &modes);
             way++) {
            AUTO_ERR struct err again = {0};
            ok = render_once(t, in, &modes, options, text, report, &again);
        }
        if (!ok)
            return false;
        err_release(err);
        *err = (struct err){0};
    }
    if (report)
        report->modes = modes;
    return true;
}

bool template_render(const struct template *t, const struct template_inputs *in,
                     const struct template_options *options, struct buf *out,
                     struct template_report *report, struct err *err)
{
    AUTO_BUF struct buf text = {0};
    bool ok;

    if (!out->size) /* its memory will do */
        text = take_buf(out);
    ok = render_ways(t, in, options, &text, report, err);
    if (!out->data)
        *out = take_buf(&text);
    else if (ok)
        buf_append(out, text.data, text.size);
    return ok;
}

void template_report_release(struct template_report *r)
{
    template_spans_release(&r->generation);
    template_spans_release(&r->users);
}

void template_spans_release(struct template_spans *s)
{
    free(s->items);
    *s = (struct template_spans){0};
}
