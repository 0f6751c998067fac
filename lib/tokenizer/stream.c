/* Streams: ids or text that come bit by bit. */
#include "base/utf8.h"
#include "tokenizer/decoder.h"

struct decode_stream {
    struct tokenizer *t;
    struct decode_options options;
    struct decode_state state;
    struct buf bytes;   /* DECODE_AS_BYTES: an incomplete character */
    struct buf held;    /* text that clean-up may still change */
    struct id_list ids; /* DECODE_AS_CHAIN: all of them */
};

struct decode_stream *decode_stream_new(const struct tokenizer *t,
                                        const struct decode_options *options)
{
    struct decode_stream *s = mem_new(struct decode_stream);

    s->t = tokenizer_ref(t);
    s->options = *options;
    s->state.patterns = pattern_scratch_new();
    return s;
}

void decode_stream_free(struct decode_stream *s)
{
    if (!s)
        return;
    tokenizer_unref(s->t);
    decode_state_release(&s->state);
    buf_release(&s->bytes);
    buf_release(&s->held);
    id_list_release(&s->ids);
    free(s);
}

static void drop_front(struct buf *b, size_t size)
{
    if (size)
        memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
}

/*
 * How much of the text no clean-up can reach from behind: up to a character
 * that is in none of its patterns, for then no match spans that place.
 */
static size_t cleaned_for_good(const struct buf *text)
{
    size_t n = text->size;

    while (n && memchr(" '.?!,ntmsvre", text->data[n - 1], 13))
        n--;
    return n;
}

static void give(struct decode_stream *s, struct buf *text, bool all, struct buf *out)
{
    size_t begin = out->size, n;

    if (!s->options.clean_up_spaces)
        return;
    n = all ? text->size : cleaned_for_good(text);
    buf_append(out, text->data, n);
    clean_up_spaces(out, begin);
    drop_front(text, n);
}

bool decode_stream_push(struct decode_stream *s, const uint32_t *ids, size_t n, struct buf *out,
                        struct err *err)
{
    struct buf *text = s->options.clean_up_spaces ? &s->held : out;

    if (s->t->table.kind == DECODE_AS_CHAIN) {
        id_list_append(&s->ids, ids, n);
        return true;
    }
    if (s->t->table.kind == DECODE_AS_BYTES) {
        if (!decode_some(s->t, ids, n, s->options.skip_special_tokens, &s->state, &s->bytes, err))
            return false;
        size_t complete = utf8_complete(s->bytes.data, s->bytes.size);
        append_lossy(text, s->bytes.data, complete);
        drop_front(&s->bytes, complete);
    } else if (!decode_some(s->t, ids, n, s->options.skip_special_tokens, &s->state, text, err)) {
        return false;
    }
    give(s, text, false, out);
    return true;
}

bool decode_stream_end(struct decode_stream *s, struct buf *out, struct err *err)
{
    struct buf *text = s->options.clean_up_spaces ? &s->held : out;

    if (s->t->table.kind == DECODE_AS_CHAIN) {
        struct scratch *scratch = scratch_new(0);
        bool ok = tokenizer_decode(s->t, s->ids.items, s->ids.n, &s->options, scratch, out, err);

        scratch_free(scratch);
        s->ids.n = 0;
        return ok;
    }
    append_lossy(text, s->bytes.data, s->bytes.size);
    buf_clear(&s->bytes);
    decode_rest(s->t, &s->state, text);
    give(s, text, true, out);
    decode_state_clear(&s->state);
    return true;
}

/* ---- encoding */

struct encode_stream {
    struct tokenizer *t;
    struct buf pending; /* text whose ids are not final */
    size_t done;        /* bytes before it */
    bool add_special_tokens, started;
};

struct encode_stream *encode_stream_new(const struct tokenizer *t, bool add_special_tokens)
{
    struct encode_stream *s = mem_new(struct encode_stream);

    s->t = tokenizer_ref(t);
    s->add_special_tokens = add_special_tokens;
    return s;
}

void encode_stream_free(struct encode_stream *s)
{
    if (!s)
        return;
    tokenizer_unref(s->t);
    buf_release(&s->pending);
    free(s);
}

static bool encode_part(struct encode_stream *s, size_t size, struct scratch *scratch,
                        struct id_list *out, struct err *err)
{
    size_t n = out->n;

    if (s->add_special_tokens && !s->started)
        id_list_append(out, s->t->prefix_ids, s->t->n_prefix);
    if (!tokenizer_encode_ids(s->t, s->pending.data, size, false, scratch, out, err)) {
        out->n = n;
        return false;
    }
    s->started = true;
    s->done += size;
    drop_front(&s->pending, size);
    return true;
}

bool encode_stream_push(struct encode_stream *s, const char *text, size_t size,
                        struct scratch *scratch, struct id_list *out, struct err *err)
{
    /* A cut looks at what follows it; so much must be there for it to hold whatever comes. */
    enum { LOOK_AHEAD = 64 };
    size_t known, bad, cut;

    buf_append(&s->pending, text, size);
    known = utf8_complete(s->pending.data, s->pending.size);
    if (!utf8_valid(s->pending.data, known, &bad)) {
        err_set(err, ERR_INVALID, "the text is not UTF-8: byte %zu", s->done + bad);
        return err_fact_int(err, "offset", (int64_t)(s->done + bad));
    }
    if (!s->t->wraps_plainly || known <= LOOK_AHEAD)
        return true;
    cut = tokenizer_safe_cut(s->t, s->pending.data, known, 0, known - LOOK_AHEAD);
    return !cut || encode_part(s, cut, scratch, out, err);
}

bool encode_stream_end(struct encode_stream *s, struct scratch *scratch, struct id_list *out,
                       struct err *err)
{
    if (!s->t->wraps_plainly)
        return tokenizer_encode_ids(s->t, s->pending.data, s->pending.size, s->add_special_tokens,
                                    scratch, out, err);
    if (!encode_part(s, s->pending.size, scratch, out, err))
        return false;
    if (s->add_special_tokens)
        id_list_append(out, s->t->suffix_ids, s->t->n_suffix);
    return true;
}
