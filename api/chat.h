#pragma once
/*
 * Chat: messages on their way to a text, by a chat template.
 *
 * The route fills in what the request says, the backend what the handle and its
 * model say; then it is rendered, once, on the thread that runs the job.
 */
#include "resolve/chat_template.h"
#include "template/template.h"

struct chat {
    /* ---- the route's */
    char *text, *name;             /* of a template; owned, NULL: not given */
    struct template_inputs inputs; /* borrows from the job's body; tokens apart */
    bool rules_given;              /* message_rules is the request's own */
    bool parts_given;              /* content_format openai is the request's own */
    bool template_only;            /* special tokens of the template count, others are text */
    bool only_text;                /* nobody wants ids: no tokenizer has to be opened */
    bool brief;                    /* on an I/O loop: a rendering that takes long is given up */

    /* ---- the backend's */
    struct chat_template_choice choice;  /* borrowed */
    const struct tokenizer_facts *facts; /* of the model: special tokens; borrowed */
    struct template *compiled;           /* counted; NULL: rendering compiles it */
    bool fresh;                          /* rendering compiled it: worth keeping */
};
void chat_release(struct chat *c);

/* The pipeline that was named takes messages as MAX does. Errors: COMBINATION. */
bool chat_take_max_rules(struct chat *c, struct err *err) MUST_CHECK;

/*
 * Chooses the template. Both are borrowed; of_handle: the handle's own, or NULL.
 * Errors: TEMPLATE_NOT_FOUND.
 */
bool chat_choose(struct chat *c, const struct tokenizer_facts *facts, const char *of_handle,
                 struct err *err) MUST_CHECK;
/* It is the one for requests that wish for none and have no tools. */
bool chat_is_usual(const struct chat *c, const char *of_handle);

/*
 * Appends the text to out; the report is to be empty.
 * Errors: those of template_compile() and template_render().
 */
bool chat_render(struct chat *c, struct buf *out, struct template_report *report,
                 struct err *err) MUST_CHECK;
