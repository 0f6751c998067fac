#pragma once
/*
 * Abilities: what a chat template can do, found by trying it.
 *
 * A template shows a system message when its text is in what comes out, tools when
 * their names are; a text that only names a field tells less. A few small
 * renderings, each held to far less than a request's may take.
 */
#include "template/template.h"

struct template_abilities {
    struct template_modes modes; /* what AUTO comes to at first */
    bool system;                 /* system messages are shown */
    bool tools;                  /* tools are */
    bool tool_calls;             /* the assistant's calls of tools are, with their arguments */
    bool generation_prompt;      /* add_generation_prompt changes something */
    bool generation_spans;       /* {% generation %} blocks mark what the assistant says */
};
/* Cost: some 10 us for a usual template; 20,000 steps of each of 15 renderings at the worst. */
struct template_abilities template_try(const struct template *t);

/*
 * The variables it reads besides messages, tools, documents, add_generation_prompt and special
 * tokens (…_token): what template_kwargs are for it. At most max; borrowed from the template, not
 * NUL-terminated.
 */
size_t template_variables(const struct template *t, struct slice *ret, size_t max);
