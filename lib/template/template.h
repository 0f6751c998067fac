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
 * and tests outside of conditions. TEMPLATE_SIZE (bytes or parts), TEMPLATE_DEPTH.
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

/*
 * What is done to messages before a template sees them. GIVEN and OPENAI are
 * transformers' own: nothing. AUTO is what suits the template, as its text tells
 * (see below), and when rendering fails so the other ways, one after another; the
 * report says which way it was.
 */
enum content_format {
    CONTENT_OPENAI, /* contents as they are */
    CONTENT_STRING, /* lists of text parts become one text, joined by newlines */
    CONTENT_AUTO,   /* OPENAI for a template that loops over a content */
};
/* tool_calls[].function.arguments */
enum arguments_format {
    ARGUMENTS_GIVEN,
    ARGUMENTS_OBJECT, /* JSON text becomes what it says; none or "" becomes {} */
    ARGUMENTS_TEXT,   /* anything else becomes JSON text */
    /*
     * GIVEN for a template that asks what they are, TEXT for one that prints or
     * concatenates them as they are, OBJECT for others.
     */
    ARGUMENTS_AUTO,
};
/* A content of null. */
enum null_content {
    NULL_GIVEN,
    NULL_EMPTY, /* becomes "" */
    NULL_AUTO,  /* GIVEN first */
};
const char *content_format_name(enum content_format f);
const char *arguments_format_name(enum arguments_format f);
const char *null_content_name(enum null_content n);

struct template_modes {
    enum content_format content;
    enum arguments_format arguments;
    enum null_content null;
};
/* AUTO settled by a look at the template alone: what is tried first. */
struct template_modes template_modes_for(const struct template *t, struct template_modes asked);

struct template_token {
    const char *name; /* bos_token, … */
    const char *text;
};

/*
 * What a template sees. JSON texts are borrowed; data NULL is None. tools and
 * documents that a template does not name are not read.
 */
struct template_inputs {
    struct slice messages;               /* array of objects */
    struct slice tools;                  /* array */
    struct slice documents;              /* array */
    struct slice kwargs;                 /* object: its members become variables */
    const struct template_token *tokens; /* variables too; missing ones are undefined */
    size_t n_tokens;
    struct slice additional_tokens; /* array of texts: additional_special_tokens; else undefined */
    bool add_generation_prompt;
    /* The end of the last message is where the model goes on: the text ends there. */
    bool continue_final_message;
    struct template_modes modes;
    /*
     * Messages are held to MAX's rules: one of six roles, contents of text parts
     * that become one text (null: ""), and of other fields only tool_calls,
     * tool_call_id and reasoning_content. Errors: FIELD, naming the message.
     */
    bool max_rules;
};

struct template_limits {
    size_t max_output; /* bytes; 16 MB */
    int64_t max_steps; /* nodes and items, and every 256 bytes looked at; a million */
    size_t max_memory; /* bytes of the arena; 256 MB */
    int max_depth;     /* macros within macros; 64 */
    int64_t max_range; /* length of range(); 100,000, as the reference has it */
};

struct template_options {
    struct template_limits limits; /* 0 is the default */
    /* strftime_now()'s clock: Unix seconds and the zone of localtime_r(). NULL: the time now. */
    const int64_t *now_s;
};

/* A part of the text, in bytes. */
struct template_span {
    size_t start, end;
};
struct template_spans {
    struct template_span *items;
    size_t n, capacity;
};
void template_spans_release(struct template_spans *s);

/* From bytes to code points of the text they are of. Spans must be in order. */
void template_spans_in_chars(struct template_spans *s, const char *text);

/* What a rendering tells besides its text. */
struct template_report {
    bool wants_users; /* the caller's: fill users, which costs time */
    /*
     * {% generation %} blocks, in order. One inside of a macro or a set block has
     * no place of its own in the text and is not among them.
     */
    struct template_spans generation;
    /*
     * What is the request's own text, in order, apart from each other: strings of
     * messages, tools, documents and kwargs, wherever they were put; see marks.h.
     * A role that is a plain word is the template's.
     */
    struct template_spans users;
    struct template_modes modes; /* as they were applied; no AUTO */
    size_t memory;               /* bytes allocated, besides the first 32 KB and the text */
};
void template_report_release(struct template_report *r);
#define AUTO_TEMPLATE_REPORT CLEANUP(template_report_release)

/*
 * Appends the text to out. options and report may be NULL; a report is to be
 * empty but for wants_users.
 *
 * Errors: TEMPLATE_RAISED (raise_exception; the message is the template's),
 * TEMPLATE_FAILED (with line, column, exception), TEMPLATE_OUTPUT, _STEPS,
 * _MEMORY, _DEPTH, _RANGE; FIELD for inputs that are not what they must be. On
 * failure out is as it was and the report without spans. Where several ways were
 * tried the error is that of the first.
 */
bool template_render(const struct template *t, const struct template_inputs *in,
                     const struct template_options *options, struct buf *out,
                     struct template_report *report, struct err *err) MUST_CHECK;
