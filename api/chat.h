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
 * Appends the text to out; the report is to be empty.
 * Errors: those of template_compile() and template_render().
 */
bool chat_render(struct chat *c, struct buf *out, struct template_report *report,
                 struct err *err) MUST_CHECK;
