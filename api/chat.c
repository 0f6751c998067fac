#include "api/chat.h"

enum { TOKENS_MAX = 64 };

void chat_release(struct chat *c)
{
    free(c->text);
    free(c->name);
    template_unref(c->compiled);
}

bool chat_take_max_rules(struct chat *c, struct err *err)
{
    if (c->rules_given)
        return true;
    if (c->parts_given) {
        err_set(err, ERR_COMBINATION,
                "this pipeline takes messages by MAX's rules, which make one text of every "
                "content; content_format openai goes with message_rules given");
        return err_fact_str(err, "field", "content_format");
    }
    c->inputs.max_rules = true;
    return true;
}

static size_t special_tokens(const struct tokenizer_facts *f, struct template_token ret[TOKENS_MAX])
{
    size_t n = f->n_special < TOKENS_MAX ? f->n_special : TOKENS_MAX;

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct template_token){f->special[i].role, f->special[i].content};
    return n;
}

bool chat_render(struct chat *c, struct buf *out, struct template_report *report, struct err *err)
{
    struct template_token tokens[TOKENS_MAX];

    if (!c->compiled) {
        if (!template_compile(c->choice.text, strlen(c->choice.text), &c->compiled, err))
            return false;
        c->fresh = true;
    }
    c->inputs.tokens = tokens;
    c->inputs.n_tokens = special_tokens(c->facts, tokens);
    report->wants_users = c->template_only;
    return template_render(c->compiled, &c->inputs, NULL, out, report, err);
}
