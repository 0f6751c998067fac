#include "tokenizer/decoder.h"
#include "base/utf8.h"
#include "tokenizer/bytelevel.h"
#include "tokenizer/scalar.h"

void strings_release(struct strings *s)
{
    buf_release(&s->text);
    buf_release(&s->spare);
    free(s->items);
    *s = (struct strings){0};
}

void strings_clear(struct strings *s)
{
    buf_clear(&s->text);
    buf_clear(&s->spare);
    s->n = 0;
}

void strings_end(struct strings *s)
{
    uint32_t start = s->n ? s->items[s->n - 1].end : 0;

    if (s->n == s->capacity) {
        s->capacity = s->capacity * 2 + 64;
        s->items = mem_resize(s->items, s->capacity * sizeof(*s->items));
    }
    s->items[s->n++] = (struct span){start, (uint32_t)s->text.size};
}

/* ---- text */

static size_t char_size(const char *data) { return scalar_size(*data); }

static uint32_t char_at(const char *data)
{
    size_t at = 0;

    return scalar_next(data, &at);
}

/* With an empty `what`, `with` comes before every character and at the end, as in Rust. */
static void append_replaced(struct buf *out, struct slice in, struct slice what, struct slice with)
{
    size_t at = 0;

    if (!what.size) {
        for (; at < in.size; at += char_size(in.data + at)) {
            buf_append(out, with.data, with.size);
            buf_append(out, in.data + at, char_size(in.data + at));
        }
        buf_append(out, with.data, with.size);
        return;
    }
    for (;;) {
        const char *hit =
            in.size > at ? memmem(in.data + at, in.size - at, what.data, what.size) : NULL;
        size_t end = hit ? (size_t)(hit - in.data) : in.size;

        buf_append(out, in.data + at, end - at);
        if (!hit)
            return;
        buf_append(out, with.data, with.size);
        at = end + what.size;
    }
}

static void replace_in_place(struct buf *out, size_t from, const char *what, const char *with)
{
    size_t n_what = strlen(what), n_with = strlen(with);
    char *at = out->data + from, *end = out->data + out->size;
    char *hit = memmem(at, (size_t)(end - at), what, n_what), *to = hit;

    if (!hit)
        return;
    for (at = hit; hit;) {
        memcpy(to, with, n_with);
        to += n_with;
        at = hit + n_what;
        hit = memmem(at, (size_t)(end - at), what, n_what);
        size_t n = (size_t)((hit ? hit : end) - at);
        memmove(to, at, n);
        to += n;
    }
    out->size = (size_t)(to - out->data);
    *to = '\0';
}

/* Both, the reference and transformers, replace one after another; the order counts. */
static const struct {
    const char *what, *with;
    bool wordpiece_only;
} clean_ups[] = {
    {" .", ".", false},     {" ?", "?", false},          {" !", "!", false},
    {" ,", ",", false},     {" ' ", "'", false},         {" n't", "n't", false},
    {" 'm", "'m", false},   {" do not", " don't", true}, {" 's", "'s", false},
    {" 've", "'ve", false}, {" 're", "'re", false},
};

static void clean_up(struct buf *out, size_t from, bool wordpiece)
{
    if (out->size == from)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(clean_ups); i++)
        if (wordpiece || !clean_ups[i].wordpiece_only)
            replace_in_place(out, from, clean_ups[i].what, clean_ups[i].with);
}

void clean_up_spaces(struct buf *out, size_t from) { clean_up(out, from, false); }

int byte_token(const char *token, size_t size)
{
    int value = 0;

    if (size != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>')
        return -1;
    for (int i = 3; i < 5; i++) {
        char c = token[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = value * 16 + (c | 32) - 'a' + 10;
        else if (i > 3 || c != '+') /* Rust reads "+f" as 15 */
            return -1;
    }
    return value;
}

/* The length of the valid character at data, or minus that of the maximal invalid part. */
static int scan_char(const unsigned char *d, size_t size)
{
    unsigned lo = 0x80, hi = 0xbf, n;

    if (d[0] < 0x80)
        return 1;
    if (d[0] >= 0xc2 && d[0] <= 0xdf) {
        n = 1;
    } else if (d[0] >= 0xe0 && d[0] <= 0xef) {
        n = 2;
        lo = d[0] == 0xe0 ? 0xa0 : 0x80;
        hi = d[0] == 0xed ? 0x9f : 0xbf;
    } else if (d[0] >= 0xf0 && d[0] <= 0xf4) {
        n = 3;
        lo = d[0] == 0xf0 ? 0x90 : 0x80;
        hi = d[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return -1;
    }
    for (unsigned i = 1; i <= n; i++, lo = 0x80, hi = 0xbf)
        if (i >= size || d[i] < lo || d[i] > hi)
            return -(int)i;
    return (int)n + 1;
}

void append_lossy(struct buf *out, const char *data, size_t size)
{
    size_t at = 0, bad;

    while (!utf8_valid(data + at, size - at, &bad)) {
        buf_append(out, data + at, bad);
        buf_append(out, "\xef\xbf\xbd", 3);
        at += bad;
        at += (size_t)-scan_char((const unsigned char *)data + at, size - at);
    }
    if (at < size)
        buf_append(out, data + at, size - at);
}

size_t utf8_complete(const char *data, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        unsigned char c = (unsigned char)data[size - back];

        if ((c & 0xc0) == 0x80)
            continue;
        if (c < 0x80)
            return size;
        /* Incomplete, when all that is there would be fine: the fault is the end. */
        return scan_char((const unsigned char *)data + size - back, back) == -(int)back &&
                       c >= 0xc2 && c <= 0xf4
                   ? size - back
                   : size;
    }
    return size;
}

/* ---- steps on one token */

/* A token with any other character is taken as it is. */
static void byte_level_token(struct slice token, struct buf *out)
{
    size_t begin = out->size;

    for (size_t at = 0; at < token.size; at += char_size(token.data + at)) {
        int byte = bytelevel_byte(char_at(token.data + at));

        if (byte < 0) {
            out->size = begin;
            buf_append(out, token.data, token.size);
            return;
        }
        buf_append_char(out, (char)byte);
    }
}

static void wordpiece_token(const struct core *c, const struct decoder *d, bool first,
                            struct slice token, struct buf *out)
{
    struct slice prefix = core_text(c, d->wordpiece.prefix);
    size_t begin = out->size;

    if (!first) {
        if (token.size >= prefix.size && memcmp(token.data, prefix.data, prefix.size) == 0) {
            token.data += prefix.size;
            token.size -= prefix.size;
        } else {
            buf_append_char(out, ' ');
        }
    }
    buf_append(out, token.data, token.size);
    if (d->wordpiece.cleanup)
        clean_up(out, begin, true);
}

static void metaspace_token(const struct decoder *d, bool first, struct slice token,
                            struct buf *out)
{
    for (size_t at = 0; at < token.size; at += char_size(token.data + at)) {
        if (char_at(token.data + at) != d->metaspace.replacement)
            buf_append(out, token.data + at, char_size(token.data + at));
        else if (!first || d->metaspace.scheme == PREPEND_NEVER)
            buf_append_char(out, ' ');
    }
}

/* The reference dies where both ends meet or a token is empty; here nothing is left then. */
static void strip_token(const struct decoder *d, struct slice token, struct buf *out)
{
    size_t start = 0, end = token.size;

    for (uint32_t i = 0;
         i < d->strip.start && start < end && char_at(token.data + start) == d->strip.content; i++)
        start += char_size(token.data + start);
    for (uint32_t i = 0; i < d->strip.stop && end > start; i++) {
        size_t at = end - 1;

        while (at > start && ((unsigned char)token.data[at] & 0xc0) == 0x80)
            at--;
        if (char_at(token.data + at) != d->strip.content)
            break;
        end = at;
    }
    buf_append(out, token.data + start, end - start);
}

static bool replace_token(const struct core *c, const struct decoder *d, struct pattern *pattern,
                          struct pattern_scratch *scratch, struct slice token, struct buf *out,
                          struct err *err)
{
    struct slice with = core_text(c, d->replace.with);
    size_t at = 0, copied = 0;
    bool matched = false;

    if (!pattern) {
        if (token.size)
            append_replaced(out, token, core_text(c, d->replace.what.pattern), with);
        return true;
    }
    while (at <= token.size && token.size) {
        struct span match;

        switch (pattern_find(pattern, token.data, token.size, at, scratch, &match)) {
        case PATTERN_LIMIT:
            return err_set(err, ERR_COMBINATION, "decoder Replace: the pattern ran into its limit");
        case PATTERN_NONE:
            at = token.size + 1;
            continue;
        case PATTERN_MATCH:
            break;
        }
        /* Nothing is found a second time where a match has just ended. */
        if (match.end > match.start || !matched || match.start != copied) {
            buf_append(out, token.data + copied, match.start - copied);
            buf_append(out, with.data, with.size);
            copied = match.end;
            matched = true;
        }
        at = match.end;
        if (match.end == match.start)
            at += at < token.size ? char_size(token.data + at) : 1;
    }
    buf_append(out, token.data + copied, token.size - copied);
    return true;
}

bool decoder_token(const struct core *c, uint32_t step, struct pattern *pattern,
                   struct pattern_scratch *scratch, bool first, bool last, struct slice token,
                   struct buf *out, struct err *err)
{
    const struct decoder *d = &c->decoders[step];

    switch (d->kind) {
    case DECODE_BYTE_LEVEL:
        byte_level_token(token, out);
        return true;
    case DECODE_WORDPIECE:
        wordpiece_token(c, d, first, token, out);
        return true;
    case DECODE_METASPACE:
        metaspace_token(d, first, token, out);
        return true;
    case DECODE_BPE:
        append_replaced(out, token, core_text(c, d->suffix), (struct slice){" ", last ? 0 : 1});
        return true;
    case DECODE_STRIP:
        strip_token(d, token, out);
        return true;
    case DECODE_REPLACE:
        return replace_token(c, d, pattern, scratch, token, out, err);
    case DECODE_BYTE_FALLBACK:
    case DECODE_FUSE:
    case DECODE_CTC:
        break;
    }
    buf_append(out, token.data, token.size);
    return true;
}

/* ---- the chain */

static struct slice string_at(const struct strings *s, size_t i)
{
    return (struct slice){s->text.data + s->items[i].start, s->items[i].end - s->items[i].start};
}

static void flush_bytes(struct strings *to, struct buf *run)
{
    if (!run->size)
        return;
    if (utf8_valid(run->data, run->size, NULL)) {
        buf_append(&to->text, run->data, run->size);
        strings_end(to);
    } else {
        for (size_t i = 0; i < run->size; i++) {
            buf_append(&to->text, "\xef\xbf\xbd", 3);
            strings_end(to);
        }
    }
    buf_clear(run);
}

static void byte_fallback(const struct strings *from, struct strings *to)
{
    struct buf *run = &to->spare;

    for (size_t i = 0; i < from->n; i++) {
        struct slice token = string_at(from, i);
        int byte = byte_token(token.data, token.size);

        if (byte >= 0) {
            buf_append_char(run, (char)byte);
            continue;
        }
        flush_bytes(to, run);
        buf_append(&to->text, token.data, token.size);
        strings_end(to);
    }
    flush_bytes(to, run);
}

static void ctc(const struct core *c, const struct decoder *d, const struct strings *from,
                struct strings *to)
{
    struct buf *token = &to->spare;

    for (size_t i = 0; i < from->n; i++) {
        struct slice in = string_at(from, i);
        size_t begin = to->text.size;

        if (i) {
            struct slice before = string_at(from, i - 1);

            if (before.size == in.size && memcmp(before.data, in.data, in.size) == 0)
                continue;
        }
        if (!d->ctc.cleanup) {
            append_replaced(&to->text, in, core_text(c, d->ctc.pad), (struct slice){"", 0});
        } else {
            buf_clear(token);
            append_replaced(token, in, core_text(c, d->ctc.pad), (struct slice){"", 0});
            clean_up(token, 0, true);
            append_replaced(&to->text, (struct slice){token->data, token->size},
                            core_text(c, d->ctc.word_delimiter), (struct slice){" ", 1});
        }
        if (to->text.size > begin)
            strings_end(to);
    }
}

static bool run_step(const struct core *c, uint32_t step, struct pattern *pattern,
                     struct pattern_scratch *scratch, const struct strings *from,
                     struct strings *to, struct err *err)
{
    strings_clear(to);
    switch (c->decoders[step].kind) {
    case DECODE_BYTE_FALLBACK:
        byte_fallback(from, to);
        return true;
    case DECODE_CTC:
        ctc(c, &c->decoders[step], from, to);
        return true;
    case DECODE_FUSE:
        buf_append(&to->text, from->text.data, from->text.size);
        strings_end(to);
        return true;
    case DECODE_BYTE_LEVEL:
        for (size_t i = 0; i < from->n; i++)
            byte_level_token(string_at(from, i), &to->spare);
        append_lossy(&to->text, to->spare.data, to->spare.size);
        strings_end(to);
        return true;
    case DECODE_WORDPIECE:
    case DECODE_METASPACE:
    case DECODE_BPE:
    case DECODE_STRIP:
    case DECODE_REPLACE:
        break;
    }
    for (size_t i = 0; i < from->n; i++) {
        if (!decoder_token(c, step, pattern, scratch, i == 0, i + 1 == from->n, string_at(from, i),
                           &to->text, err))
            return false;
        strings_end(to);
    }
    return true;
}

bool decoder_run(const struct core *c, struct pattern **patterns, struct pattern_scratch *scratch,
                 struct strings *s[2], struct buf *out, struct err *err)
{
    struct strings *from = s[0], *to = s[1];

    if (!c->head->has_decoder) {
        for (size_t i = 0; i < from->n; i++) {
            struct slice token = string_at(from, i);

            buf_append(out, " ", i > 0);
            buf_append(out, token.data, token.size);
        }
        return true;
    }
    for (uint32_t i = 0; i < c->head->n_decoders; i++) {
        struct strings *swap = from;

        if (!run_step(c, i, patterns[i], scratch, from, to, err))
            return false;
        from = to;
        to = swap;
    }
    buf_append(out, from->text.data, from->text.size);
    return true;
}

bool decoder_patterns(const struct core *c, struct pattern ***ret, struct err *err)
{
    struct pattern **patterns = mem_new_array(c->head->n_decoders + 1, struct pattern *);

    for (uint32_t i = 0; i < c->head->n_decoders; i++) {
        const struct decoder *d = &c->decoders[i];
        struct slice text;

        if (d->kind != DECODE_REPLACE || !d->replace.what.regex)
            continue;
        text = core_text(c, d->replace.what.pattern);
        if (!pattern_compile(text.data, text.size, &patterns[i], err)) {
            decoder_patterns_free(c, patterns);
            return false;
        }
    }
    *ret = patterns;
    return true;
}

void decoder_patterns_free(const struct core *c, struct pattern **patterns)
{
    for (uint32_t i = 0; patterns && i < c->head->n_decoders; i++)
        pattern_free(patterns[i]);
    free(patterns);
}
