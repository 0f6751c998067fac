/* The longest sequence: by the architecture's policy, from the model's config. */
#include "resolve/resolution.h"

enum { MAMBA_LENGTH = 2048, QWEN3_EMBEDDING_LENGTH = 8192 };

static int64_t config_length(const struct config *c)
{
    return c->max_positions > 0 ? c->max_positions : c->max_position_embeddings;
}

static bool too_long(const struct arch *arch, int64_t given, int64_t limit, struct err *err)
{
    err_set(err, ERR_MAX_LENGTH,
            "max_length %lld is more than the model's %lld positions; ask for at most that.",
            (long long)given, (long long)limit);
    err_fact_str(err, "architecture", arch->name);
    err_fact_int(err, "value", given);
    return err_fact_int(err, "limit", limit);
}

static bool bounded(const struct arch *arch, int64_t given, int64_t limit, int64_t *ret,
                    const char **ret_because, struct err *err)
{
    if (given > 0 && limit > 0 && given > limit)
        return too_long(arch, given, limit, err);
    *ret = given > 0 ? given : limit;
    *ret_because = given > 0   ? "the request asks for it"
                   : limit > 0 ? "the model's number of positions"
                               : "the model's config sets no bound";
    return true;
}

bool policy_length(const struct arch *arch, const struct config *config, int64_t given,
                   int64_t *ret, const char **ret_because, struct err *err)
{
    int64_t positions = config_length(config);

    switch (arch->max_length_policy) {
    case MAX_LENGTH_BOUNDED:
    case MAX_LENGTH_TEXT_CONFIG:
        return bounded(arch, given, positions, ret, ret_because, err);
    case MAX_LENGTH_MAMBA:
        return bounded(arch, given, positions > 0 ? positions : MAMBA_LENGTH, ret, ret_because,
                       err);
    case MAX_LENGTH_QWEN3_EMBEDDING:
        *ret = given > 0 ? given : QWEN3_EMBEDDING_LENGTH;
        *ret_because = given > 0 ? "the request asks for it" : "the architecture's default";
        return true;
    case MAX_LENGTH_CONSTANT:
        *ret = given > 0 ? given : arch->max_length_constant;
        *ret_because = given > 0 ? "the request asks for it" : "the architecture's constant";
        return true;
    case MAX_LENGTH_PERMISSIVE:
    case MAX_LENGTH_PIXTRAL:
    case MAX_LENGTH_INTERNVL:
        break;
    }
    *ret = given > 0 ? given : positions;
    *ret_because = given > 0 ? "the request asks for it; the architecture sets no bound"
                             : "the model's number of positions";
    return true;
}

bool decide_length(struct resolution *r, struct side *s, struct err *err)
{
    int64_t given = s->fields->max_length.set ? s->fields->max_length.value : 0, length;
    const char *because;

    if (!policy_length(s->arch, s->model->config, given, &length, &because, err))
        return err_wrap(err, "%s model", s->name);
    if (length > 0)
        s->fields->max_length = (struct opt_int){true, length};
    if (s == &r->main)
        decide_int(&r->decisions, "max_length", length, "%s", because);
    return true;
}
