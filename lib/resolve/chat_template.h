#pragma once
/*
 * Chat template: which text renders a tokenizer's messages, chosen as
 * transformers chooses it.
 */
#include "hub/model.h"

/* What a request and its tokenizer's handle say; NULL: nothing. */
struct chat_template_request {
    const char *text;      /* the request's own */
    const char *name;      /* one of the model's, by name */
    const char *of_handle; /* the tokenizer was asked for with it */
    bool has_tools;        /* then "tool_use" comes before "default" */
};

struct chat_template_choice {
    const char *text;   /* borrowed, of the request, the handle or the model */
    const char *name;   /* "default", "tool_use", …; "custom" for a text of the request's */
    const char *origin; /* "request", "tokenizer", or the model's file */
};

/*
 * The request's text, the named one, the handle's, then the model's: "tool_use"
 * when there are tools, "default", the only one.
 *
 * Errors: TEMPLATE_NOT_FOUND, with the names there are.
 */
bool chat_template_choose(const struct chat_template_request *req,
                          const struct tokenizer_facts *facts, struct chat_template_choice *ret,
                          struct err *err) MUST_CHECK;

/*
 * The parts of a tokenizer's effective request (canonical JSON of ours) that
 * say where its templates are. ret_text: the caller frees; NULL: the model's.
 */
bool tokenizer_effective_read(const char *effective, struct model_ref *ret_ref, char **ret_text,
                              struct err *err) MUST_CHECK;
