#pragma once
/*
 * Chat fields: what a request may say of messages and of the template that
 * makes a text of them; for every route that takes messages.
 */
#include "api/chat.h"
#include "api/routes/text_fields.h"
#include "json/writer.h"

struct chat_fields {
    struct slice messages, tools, documents, kwargs, chat_template, template_name;
    int prompt, go_on;                             /* -1: not said */
    int content, arguments, nulls, rules, special; /* likewise */
};
#define CHAT_FIELDS_NONE                                                                     \
    {                                                                                        \
        .prompt = -1, .go_on = -1, .content = -1, .arguments = -1, .nulls = -1, .rules = -1, \
        .special = -1                                                                        \
    }

extern const char *const content_format_names[],
    *const tool_arguments_names[], *const null_content_names[], *const message_rules_names[],
                                                                    *const special_tokens_names[];

/* Rows of a table; at: offset of a struct chat_fields. */
/* clang-format off */
#define CHAT_FIELDS(at, kwargs_name)                                                               \
    {"messages", TEXT_FIELD_ARRAY, (at) + offsetof(struct chat_fields, messages)},                 \
    {"tools", TEXT_FIELD_ARRAY, (at) + offsetof(struct chat_fields, tools)},                       \
    {"documents", TEXT_FIELD_ARRAY, (at) + offsetof(struct chat_fields, documents)},               \
    {kwargs_name, TEXT_FIELD_OBJECT, (at) + offsetof(struct chat_fields, kwargs)},                 \
    {"chat_template", TEXT_FIELD_STRING, (at) + offsetof(struct chat_fields, chat_template)},      \
    {"template_name", TEXT_FIELD_STRING, (at) + offsetof(struct chat_fields, template_name)},      \
    {"add_generation_prompt", TEXT_FIELD_YES_NO, (at) + offsetof(struct chat_fields, prompt)},     \
    {"continue_final_message", TEXT_FIELD_YES_NO, (at) + offsetof(struct chat_fields, go_on)},     \
    {"content_format", TEXT_FIELD_ENUM, (at) + offsetof(struct chat_fields, content),              \
     .names = content_format_names},                                                               \
    {"tool_arguments", TEXT_FIELD_ENUM, (at) + offsetof(struct chat_fields, arguments),            \
     .names = tool_arguments_names},                                                               \
    {"null_content", TEXT_FIELD_ENUM, (at) + offsetof(struct chat_fields, nulls),                  \
     .names = null_content_names},                                                                 \
    {"message_rules", TEXT_FIELD_ENUM, (at) + offsetof(struct chat_fields, rules),                 \
     .names = message_rules_names},                                                                \
    {"special_tokens", TEXT_FIELD_ENUM, (at) + offsetof(struct chat_fields, special),              \
     .names = special_tokens_names}
/* clang-format on */

/* The first field that was given; NULL: none. */
const char *chat_fields_given(const struct chat_fields *f);
/*
 * Checks what was read and makes a chat of it; modes are what counts where the request
 * says nothing. On failure nothing is owed. kwargs_name: what the request calls them.
 * Errors: FIELD, COMBINATION.
 */
bool chat_fields_take(const struct chat_fields *f, const struct template_modes *modes,
                      const char *kwargs_name, struct chat *ret, struct err *err) MUST_CHECK;

/* Members of an answer: which template it was, and what was done to the messages. */
void chat_json(const struct chat *c, const struct template_report *report, struct json *j);
