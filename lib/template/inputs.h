#pragma once
/* Inputs: the variables of a template, read from the request's JSON. */
#include "template/render.h"

struct inputs {
    struct str *last; /* continue_final_message: the text that is continued */
};

/* Fills r->inputs; modes are settled. Errors: FIELD, naming messages[2].content and the like. */
bool inputs_read(struct render *r, const struct template_inputs *in,
                 const struct template_modes *modes, struct inputs *ret);
/* continue_final_message: cuts the text behind the last message's. */
bool inputs_cut(struct render *r, const struct inputs *inputs, struct buf *text);
