#include "reference/self.h"

#include <stdlib.h>

struct self {
    const struct tokenizer *t;
    struct slice text;
    struct scratch *scratch;
    uint32_t random;
    const struct encoded *whole; /* without special tokens, offsets in bytes */
    struct buf *out;
};

static uint32_t random_below(struct self *s, uint32_t n)
{
    s->random = s->random * 1664525 + 1013904223;
    return n ? (uint32_t)(((uint64_t)s->random * n) >> 32) : 0;
}

static void differ(struct self *s, const char *what, const uint32_t *ids, size_t n)
{
    const struct encoded *whole = s->whole;
    size_t at = 0;

    if (n == whole->n && !memcmp(ids, whole->ids, n * 4))
        return;
    while (at < n && at < whole->n && ids[at] == whole->ids[at])
        at++;
    buf_printf(s->out, "%s: %zu ids for %zu, first difference at %zu (byte %u)\n", what, n,
               whole->n, at, at < whole->n ? whole->offsets[at].start : 0);
}

static bool check_ids(struct self *s, struct err *err)
{
    struct id_list ids = {0};
    size_t n = 0;

    bool ok =
        tokenizer_encode_ids(s->t, s->text.data, s->text.size, false, s->scratch, &ids, err) &&
        tokenizer_count(s->t, s->text.data, s->text.size, false, s->scratch, &n, err);
    if (ok) {
        differ(s, "encode_ids", ids.items, ids.n);
        if (n != s->whole->n)
            buf_printf(s->out, "count: %zu for %zu\n", n, s->whole->n);
    }
    id_list_release(&ids);
    return ok;
}

/* What is asked for alone may come the fast way, offsets too. */
static bool check_plain(struct self *s, struct err *err)
{
    struct encode_input input = {&s->text, 1, false};
    struct encoded full = {0}, plain = {0};
    bool ok = true;

    for (int unit = 0; ok && unit < 2; unit++) {
        struct encode_options options = {.offsets = true,
                                         .offset_unit = unit ? OFFSET_BYTE : OFFSET_CODE_POINT};

        ok = tokenizer_encode(s->t, &input, NULL, &options, s->scratch, &full, err);
        options.plain = true;
        ok = ok && tokenizer_encode(s->t, &input, NULL, &options, s->scratch, &plain, err);
        if (!ok)
            break;
        differ(s, "plain", plain.ids, plain.n);
        for (size_t i = 0; i < plain.n && i < full.n; i++)
            if (memcmp(&plain.offsets[i], &full.offsets[i], sizeof(*full.offsets)) != 0) {
                buf_printf(s->out, "plain: token %zu is at %u to %u, not at %u to %u\n", i,
                           plain.offsets[i].start, plain.offsets[i].end, full.offsets[i].start,
                           full.offsets[i].end);
                break;
            }
    }
    encoded_release(&full);
    encoded_release(&plain);
    return ok;
}

static bool check_cut(struct self *s, struct err *err)
{
    struct id_list ids = {0};
    size_t from = 0;
    bool ok = true;

    while (ok && from < s->text.size) {
        size_t at = from + 1 + random_below(s, (uint32_t)(s->text.size - from));
        size_t cut = tokenizer_safe_cut(s->t, s->text.data, s->text.size, from, at);
        size_t end = cut > from && cut <= at ? cut : s->text.size;
        if (cut > at || (cut && cut < from))
            buf_printf(s->out, "safe_cut: %zu, asked between %zu and %zu\n", cut, from, at);
        ok = tokenizer_encode_ids(s->t, s->text.data + from, end - from, false, s->scratch, &ids,
                                  err);
        from = end;
    }
    if (ok)
        differ(s, "safe_cut", ids.items, ids.n);
    id_list_release(&ids);
    return ok;
}

static size_t next_boundary(struct self *s, size_t at)
{
    at += 1 + random_below(s, (uint32_t)(s->text.size / 4 + 1));
    if (at > s->text.size)
        return s->text.size;
    while (at < s->text.size && (s->text.data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static bool check_stream(struct self *s, struct err *err)
{
    struct encode_stream *stream = encode_stream_new(s->t, false);
    struct id_list ids = {0};
    bool ok = true;

    for (size_t at = 0; ok && at < s->text.size;) {
        size_t end = next_boundary(s, at);
        ok = encode_stream_push(stream, s->text.data + at, end - at, s->scratch, &ids, err);
        at = end;
    }
    ok = ok && encode_stream_end(stream, s->scratch, &ids, err);
    if (ok)
        differ(s, "encode_stream", ids.items, ids.n);
    encode_stream_free(stream);
    id_list_release(&ids);
    return ok;
}

static bool check_decode_stream(struct self *s, struct err *err)
{
    struct decode_options options = {.skip_special_tokens = s->random & 0x10000};
    struct decode_stream *stream = decode_stream_new(s->t, &options);
    AUTO_BUF struct buf parts = {0}, whole = {0};
    bool ok = tokenizer_decode(s->t, s->whole->ids, s->whole->n, &options, s->scratch, &whole, err);

    for (size_t at = 0; ok && at < s->whole->n;) {
        size_t n = 1 + random_below(s, 4);
        if (n > s->whole->n - at)
            n = s->whole->n - at;
        ok = decode_stream_push(stream, s->whole->ids + at, n, &parts, err);
        at += n;
    }
    ok = ok && decode_stream_end(stream, &parts, err);
    if (ok && (parts.size != whole.size ||
               (whole.size && memcmp(parts.data, whole.data, whole.size) != 0)))
        buf_printf(s->out, "decode_stream: %zu bytes for %zu\n", parts.size, whole.size);
    decode_stream_free(stream);
    return ok;
}

static bool check_chunk(struct self *s, struct err *err)
{
    /* A character may need as many tokens as it has bytes, normalized. */
    uint32_t max = 256 + random_below(s, 256), overlap = random_below(s, max);
    struct id_list ids = {0};
    struct chunks chunks = {0};
    size_t next = 0;

    bool ok = tokenizer_chunk(s->t, s->text.data, s->text.size, max, overlap, s->scratch, &ids,
                              &chunks, err);
    if (!ok && !strncmp(err->msg, "max_tokens", 10)) { /* a character that alone needs more */
        err_release(err);
        id_list_release(&ids);
        chunks_release(&chunks);
        return true;
    }
    if (ok)
        differ(s, "chunk", ids.items, ids.n);
    for (size_t i = 0; ok && i < chunks.n; i++) {
        const struct chunk *c = &chunks.items[i];
        bool misplaced =
            c->first_token > next || c->first_token + (size_t)c->n_tokens > s->whole->n;
        if (misplaced || c->bytes.end > s->text.size || c->bytes.start > c->bytes.end)
            buf_printf(s->out, "chunk %zu: tokens %u and %u more, bytes %u to %u\n", i,
                       c->first_token, c->n_tokens, c->bytes.start, c->bytes.end);
        next = c->first_token + (size_t)c->n_tokens;
    }
    if (ok && next != s->whole->n)
        buf_printf(s->out, "chunk: %zu tokens of %zu\n", next, s->whole->n);
    chunks_release(&chunks);
    id_list_release(&ids);
    return ok;
}

bool self_check(const struct tokenizer *t, struct slice text, uint32_t seed,
                struct scratch *scratch, struct buf *out, struct err *err)
{
    struct encode_input input = {&text, 1, false};
    struct encode_options options = {.offsets = true, .offset_unit = OFFSET_BYTE};
    struct encoded whole = {0};
    struct self s = {t, text, scratch, seed, &whole, out};

    if (!tokenizer_encode(t, &input, NULL, &options, scratch, &whole, err)) {
        err_release(err); /* it cannot be encoded, as the other suites find too */
        encoded_release(&whole);
        return true;
    }
    bool ok = check_ids(&s, err) && check_plain(&s, err) && check_cut(&s, err) &&
              check_stream(&s, err) && check_decode_stream(&s, err) && check_chunk(&s, err);
    encoded_release(&whole);
    return ok;
}
