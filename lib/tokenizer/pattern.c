#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/pattern.h"

#include "base/utf8.h"
#include "tokenizer/pattern_translate.h"

#include <pcre2.h>

enum {
    HEAP_KIB = 64 << 10,
    STEPS_FREE = 1 << 20,
    STEPS_PER_BYTE = 256,
};

struct pattern {
    pcre2_code *code;
};

/*
 * What a search costs is counted over all searches of one text, from front to
 * back: so that not even a pattern which looks far at every place takes more
 * than STEPS_PER_BYTE.
 */
struct pattern_scratch {
    pcre2_match_data *found;
    pcre2_match_context *context;
    const char *text;
    size_t size, at;
    uint64_t steps, max_steps;
    size_t start, current; /* of the last callout */
};

static int on_callout(pcre2_callout_block *block, void *ctx)
{
    struct pattern_scratch *s = ctx;
    size_t from = block->start_match == s->start ? s->current : block->start_match;
    size_t here = block->current_position;

    s->steps += 1 + (here > from ? here - from : from - here);
    s->start = block->start_match;
    s->current = here;
    return s->steps > s->max_steps ? PCRE2_ERROR_CALLOUT : 0;
}

struct pattern_scratch *pattern_scratch_new(void)
{
    struct pattern_scratch *s = mem_new(struct pattern_scratch);

    s->found = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (!s->found || !s->context)
        abort();
    pcre2_set_heap_limit(s->context, HEAP_KIB);
    pcre2_set_callout(s->context, on_callout, s);
    return s;
}

void pattern_scratch_free(struct pattern_scratch *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->found);
    pcre2_match_context_free(s->context);
    free(s);
}

static bool refused_by_pcre2(const struct pattern_source *source, int code, struct err *err)
{
    PCRE2_UCHAR message[160];

    if (source->lookbehind != SIZE_MAX && code == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH)
        return err_set(err, ERR_COMBINATION,
                       "regex: offset %zu: a lookbehind must have alternatives of fixed length",
                       source->lookbehind);
    pcre2_get_error_message(code, message, sizeof(message));
    return err_set(err, ERR_COMBINATION, "regex: offset 0: %s", (const char *)message);
}

bool pattern_compile(const char *text, size_t size, struct pattern **ret, struct err *err)
{
    struct pattern_source source = {0};
    pcre2_compile_context *context;
    pcre2_code *code = NULL;
    PCRE2_SIZE where;
    size_t bad;
    int failure = 0;
    bool ok;

    if (!utf8_valid(text, size, &bad))
        return err_set(err, ERR_COMBINATION, "regex: offset %zu: not UTF-8", bad);
    ok = pattern_translate(text, size, &source, err);
    if (ok) {
        context = pcre2_compile_context_create(NULL);
        if (!context)
            abort();
        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        code = pcre2_compile((PCRE2_SPTR)source.text.data, source.text.size,
                             PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_MULTILINE | PCRE2_DOTALL |
                                 PCRE2_NEVER_UCP,
                             &failure, &where, context);
        pcre2_compile_context_free(context);
        ok = code || refused_by_pcre2(&source, failure, err);
    }
    buf_release(&source.text);
    if (!ok)
        return false;
    *ret = mem_new(struct pattern);
    (*ret)->code = code;
    return true;
}

void pattern_free(struct pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    free(p);
}

enum pattern_result pattern_find(const struct pattern *p, const char *text, size_t size, size_t at,
                                 struct pattern_scratch *s, struct span *ret)
{
    const PCRE2_SIZE *bounds;
    int n;

    if (s->text != text || s->size != size || at <= s->at) {
        s->steps = 0;
        s->max_steps = STEPS_FREE + (uint64_t)STEPS_PER_BYTE * size;
    }
    s->text = text;
    s->size = size;
    s->at = at;
    s->start = s->current = at;
    pcre2_set_match_limit(s->context,
                          (uint32_t)(s->max_steps > UINT32_MAX ? UINT32_MAX : s->max_steps));
    n = pcre2_match(p->code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK, s->found, s->context);
    if (n == PCRE2_ERROR_NOMATCH)
        return PATTERN_NONE;
    if (n < 0)
        return PATTERN_LIMIT;
    bounds = pcre2_get_ovector_pointer(s->found);
    *ret = (struct span){(uint32_t)bounds[0], (uint32_t)bounds[1]};
    return PATTERN_MATCH;
}

enum pattern_result pattern_next(const struct pattern *p, const char *text, size_t size,
                                 struct pattern_scratch *s, struct pattern_cursor *c,
                                 struct span *ret)
{
    for (;;) {
        enum pattern_result result;

        if (c->at > size)
            return PATTERN_NONE;
        result = pattern_find(p, text, size, c->at, s, ret);
        if (result != PATTERN_MATCH)
            return result;
        if (ret->start < ret->end || !c->has_last || c->last != ret->end)
            break;
        do
            c->at++;
        while (c->at < size && ((uint8_t)text[c->at] & 0xC0) == 0x80);
    }
    c->at = c->last = ret->end;
    c->has_last = true;
    return PATTERN_MATCH;
}
