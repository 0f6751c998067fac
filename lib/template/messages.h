#pragma once
/* Messages: what is done to them before a template sees them. */
#include "template/render.h"

/*
 * Checks that they are objects, and applies modes and MAX's rules in place.
 * Errors: FIELD, naming the field and the message.
 */
bool messages_prepare(struct render *r, struct value messages, const struct template_modes *modes,
                      bool max_rules);
struct value *member(struct render *r, struct value object, const char *name);
/* FIELD. */
bool wrong_input(struct render *r, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
#if defined(__clang_analyzer__) && !defined(MESSAGES_C) /* see render.h */
#define wrong_input(...) ((void)wrong_input(__VA_ARGS__), false)
#endif
