#pragma once
/* Apply: the nodes that give something to a function, a macro, a filter or a test. */
#include "template/render.h"

bool eval_call(struct render *r, struct frame *f, const struct node *n, struct value *ret);
bool eval_filter(struct render *r, struct frame *f, const struct node *n, struct value *ret);
bool eval_test(struct render *r, struct frame *f, const struct node *n, bool *ret);
