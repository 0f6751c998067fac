#pragma once
/*
 * Render: the state of one rendering, and what its parts share.
 *
 * Functions that return bool and take a struct render fail by render_fail(),
 * which fills the rendering's err with the place of the node at work.
 */
#include "template/ast.h"
#include "template/marks.h"

enum { RENDER_NEST_MAX = 1200 }; /* C calls deep, whatever of; some 400 bytes of stack each */

struct frame {
    struct frame *parent;
    struct value slots[];
};

struct render {
    const struct template *t;
    struct arena arena;
    struct template_limits limits;
    int64_t steps; /* left to be done; the arena's alarm */
    int macro_depth, nest;
    struct buf *out; /* what is being written: the text, or a block's */
    struct buf *text;
    struct marking *marking; /* the innermost; NULL: nobody asks what is the user's */
    struct template_spans *spans;
    const struct node *at;
    struct value *inputs; /* by the numbers the template gave them */
    int64_t now_s;
    struct err *err;
};

struct keyword_value {
    struct str *name;
    struct value value;
};

/* Arguments of a call, evaluated. */
struct args {
    struct value *items;
    size_t n;
    struct keyword_value *keywords;
    size_t n_keywords;
};

/* ---- failing; all return false */
/* exception is the Python class the reference raises. */
bool render_fail(struct render *r, const char *exception, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool render_fail_undef(struct render *r, struct value undef);
bool render_limit(struct render *r, enum err_code code, int64_t limit, const char *what);

/* As in err.h: clang's analyzer looks at one file at a time and cannot know that these are false.
 */
#if defined(__clang_analyzer__) && !defined(RENDER_C)
#define render_fail(...)  ((void)render_fail(__VA_ARGS__), false)
#define render_limit(...) ((void)render_limit(__VA_ARGS__), false)
#endif
#if defined(__clang_analyzer__) && !defined(EVAL_C)
#define render_fail_undef(...) ((void)render_fail_undef(__VA_ARGS__), false)
#endif

/* ---- limits */
bool render_steps_over(struct render *r);
/* A node, or an item of something. */
static inline bool render_step(struct render *r)
{
    return __builtin_expect(--r->steps >= 0, 1) || render_steps_over(r);
}
/* What looks at bytes in one go takes a step for so many. */
enum { STEP_BYTES = 256 };
static inline bool render_charge(struct render *r, size_t size)
{
    if (__builtin_expect(size < STEP_BYTES, 1))
        return true;
    r->steps -= (int64_t)(size / STEP_BYTES);
    return __builtin_expect(r->steps >= 0, 1) || render_steps_over(r);
}
/* What asks something of every code point takes more. */
static inline bool render_charge_walk(struct render *r, size_t size)
{
    return render_charge(r, size * 8);
}
/* size bytes are about to be made at once. */
bool render_room(struct render *r, size_t size);
bool render_nest_over(struct render *r);
static inline bool render_enter(struct render *r)
{
    if (__builtin_expect(r->nest < RENDER_NEST_MAX, 1)) {
        r->nest++;
        return true;
    }
    return render_nest_over(r);
}
static inline void render_leave(struct render *r) { r->nest--; }

/* ---- the tree */
bool eval(struct render *r, struct frame *f, const struct node *n, struct value *ret);
bool eval_args(struct render *r, struct frame *f, const struct call_args *a, struct args *ret);
bool assign(struct render *r, struct frame *f, const struct node *target, struct value v);
bool exec_body(struct render *r, struct frame *f, const struct nodes *body);
struct frame *frame_new(struct render *r, const struct scope *s, struct frame *parent);
/* Looks up what the scope begins with. */
bool frame_enter(struct render *r, const struct scope *s, struct frame *f);
/* Writes a value as print does. */
bool render_print(struct render *r, struct value v);
/* Takes what was captured out of b. */
bool render_captured(struct render *r, struct marking *m, struct buf *b, struct value *ret);

/* ---- calls */
struct function;
struct macro {
    const struct macro_def *def;
    struct frame *frame; /* where it was defined */
};
bool call_value(struct render *r, struct value callee, const struct args *a, struct value *ret);
bool call_macro(struct render *r, const struct macro *m, const struct args *a, struct value *ret);

/* ---- undefined */
struct value undef_name(struct render *r, struct str *name);
struct value undef_attr(struct render *r, struct value object, struct value name);
struct value undef_hint(struct render *r, const char *hint);

/* ---- attributes and subscripts */
bool get_attr(struct render *r, struct value object, struct value name, struct value *ret);
bool get_item(struct render *r, struct value object, struct value key, struct value *ret);
/* object[a:b:c]: no attribute is tried, and what cannot be sliced is an error. */
bool get_slice(struct render *r, struct value object, struct value slice, struct value *ret);

/* ---- operators */
bool operate(struct render *r, enum node_kind op, struct value a, struct value b,
             struct value *ret);
bool compare(struct render *r, enum compare_op op, struct value a, struct value b, bool *ret);

/* ---- text of values */
bool to_str(struct render *r, struct value v, struct value *ret); /* str(v), plain or Markup */
bool write_str(struct render *r, struct value v, struct buf *out);
bool write_repr(struct render *r, struct value v, struct buf *out);
void write_float(double d, struct buf *out);
/* What was made anew of a string: the user's when that was. */
struct value buf_str(struct render *r, struct buf *b, const struct str *from);
void escape_html(const struct str *s, struct buf *out);
/* markupsafe.escape() */
bool to_markup(struct render *r, struct value v, struct value *ret);
