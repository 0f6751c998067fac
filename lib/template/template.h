#pragma once
/*
 * Template: chat templates as transformers renders them.
 *
 * A template is Jinja text. Compiled once it is an immutable tree that any
 * number of threads render from at the same time; what a rendering allocates
 * lives in an arena of its own and is gone when it returns. Rendering is pure:
 * same template, same inputs, same clock, same bytes.
 *
 * The reference is Jinja2 3.1 as transformers sets it up: immutable sandbox,
 * trim_blocks, lstrip_blocks, loop controls, no autoescape, its own tojson,
 * raise_exception, strftime_now and {% generation %}. Output is the same byte
 * for byte; where the reference raises, this fails, with the name of the Python
 * exception as the fact "exception". docs/templates.md says what is supported.
 *
 *     AUTO_TEMPLATE struct template *t = NULL;
 *     AUTO_BUF struct buf out = {0};
 *
 *     if (!template_compile(text, size, &t, err))
 *         return false;
 *     struct template_inputs in = {.messages = …, .add_generation_prompt = true};
 *     if (!template_render(t, &in, NULL, &out, NULL, err))
 *         return false;
 *
 * Everything that could run away has a limit: see struct template_limits. No
 * recursion is without bound, in the parser, in rendering or in printing.
 */
#include "json/reader.h"

#include <stdatomic.h>

enum { TEMPLATE_SIZE_MAX = 1 << 20, TEMPLATE_NEST_MAX = 200 };

struct template;

/*
 * text is UTF-8 and is copied.
 *
 * Errors: TEMPLATE_INVALID with line, column (from 1, in code points) and what
 * was found; also for what this engine does not have (include, import, extends,
 * block, recursive loops, …) and, as the reference does it, for unknown filters
 * and tests outside of conditions. TEMPLATE_SIZE.
 * Cost: linear in size; some 20 ns a byte.
 */
bool template_compile(const char *text, size_t size, struct template **ret,
                      struct err *err) MUST_CHECK;
struct template *template_ref(const struct template *t);
void template_unref(struct template *t);
DEFINE_CLEANUP(struct template *, template_unref)
#define AUTO_TEMPLATE CLEANUP(template_unrefp)
/* Bytes held, for budgets. */
size_t template_bytes(const struct template *t);

/* The templates's messages want their content as text, or as a list of parts. */
enum content_format { CONTENT_STRING, CONTENT_OPENAI };
/*
 * What the template itself can handle: OPENAI when it loops over the content of
 * a message, STRING otherwise. A guess from the tree, made once.
 */
enum content_format template_content_format(const struct template *t);
const char *content_format_name(enum content_format f);

struct template_token {
    const char *name; /* bos_token, … */
    const char *text;
};

/* What a template sees. JSON texts are borrowed; data NULL is None. */
struct template_inputs {
    struct slice messages;               /* array of objects */
    struct slice tools;                  /* array */
    struct slice documents;              /* array */
    struct slice kwargs;                 /* object: its members become variables */
    const struct template_token *tokens; /* variables too; missing ones are undefined */
    size_t n_tokens;
    bool add_generation_prompt;
    /* The end of the last message is where the model goes on: the text ends there. */
    bool continue_final_message;
    /* STRING: lists of text parts become one text, joined by newlines, before rendering. */
    enum content_format content_format;
};

struct template_limits {
    size_t max_output; /* bytes; 16 MB */
    int64_t max_steps; /* nodes visited and items handled; a million */
    size_t max_memory; /* bytes of the arena; 256 MB */
    int max_depth;     /* macros within macros; 64 */
    int64_t max_range; /* length of range(); 100,000, as the reference has it */
};

struct template_options {
    struct template_limits limits; /* 0 is the default */
    /* strftime_now()'s clock: Unix seconds and the zone of localtime_r(). NULL: the time now. */
    const int64_t *now_s;
};

/* A {% generation %} block: where it is in the text, in code points. */
struct template_span {
    int64_t start, end;
};
struct template_spans {
    struct template_span *items;
    size_t n, capacity;
};
void template_spans_release(struct template_spans *s);
#define AUTO_TEMPLATE_SPANS CLEANUP(template_spans_release)

/*
 * Appends the text to out. options and spans may be NULL. A block inside of a
 * macro or a set block has no place of its own in the text and gives no span.
 *
 * Errors: TEMPLATE_RAISED (raise_exception; the message is the template's),
 * TEMPLATE_FAILED (with line, column, exception), TEMPLATE_OUTPUT, _STEPS,
 * _MEMORY, _DEPTH, _RANGE; FIELD for inputs that are not what they must be. On
 * failure out and spans are as they were.
 */
bool template_render(const struct template *t, const struct template_inputs *in,
                     const struct template_options *options, struct buf *out,
                     struct template_spans *spans, struct err *err) MUST_CHECK;
