/*
 * Driver: the tokenizer behind a pipe, for comparing it with the reference. Requests come on
 * standard input, answers go to standard output, in order:
 *
 *     request  u32 size, u8 what (enum request), then as below
 *     answer   u32 size, u8 failed, then the answer, or the error's text
 *
 * Numbers are little endian. A string is u32 size and its bytes.
 *
 *     OPEN     u8 n, then files: u8 enum file_kind, string. Answers size of the image, id end.
 *     ENCODE   u8 flags, u32 seed, u32 max_length, u32 stride, u8 strategy, u8 side, texts: u32 n,
 * then strings (PAIR: two each). Answers n encodings, each as put_encoding() writes it. DECODE   u8
 * skip special tokens, u32 n, ids. Answers the text. NAMES    Answers for every id below the end:
 * u8 there is one, string. STAGES   string: a text. Answers the pieces before the model: u32 id,
 * string, u32 begin, end. SELF     u32 seed, string: a text. Holds every other way to the ids
 * against encode; answers what differs, nothing when all agree.
 */
#include "reference/self.h"
#include "tokenizer/load.h"

#include <stdio.h>
#include <stdlib.h>

enum request { OPEN = 1, ENCODE, DECODE, NAMES, STAGES, SELF };
enum file_kind {
    TOKENIZER_JSON,
    TOKENIZER_CONFIG,
    SENTENCEPIECE,
    TIKTOKEN,
    TEKKEN,
    GGUF,
    VOCAB_JSON,
    MERGES_TXT,
    VOCAB_TXT
};
enum encode_flags { SPECIAL = 1, PAIR = 2, DEFAULTS = 4, TRUNCATE = 8, PAD = 16, IDS = 32 };

struct driver {
    struct buf image;
    struct tokenizer *tokenizer;
    struct program *program;
    struct scratch *scratch;
};

/* What is left of a request. A short one is the script's mistake. */
struct input {
    const char *at, *end;
};

static uint32_t take_u32(struct input *in)
{
    uint32_t value;

    if (in->end - in->at < 4)
        abort();
    memcpy(&value, in->at, 4);
    in->at += 4;
    return value;
}

static uint8_t take_u8(struct input *in)
{
    if (in->at == in->end)
        abort();
    return (uint8_t)*in->at++;
}

static struct slice take_string(struct input *in)
{
    uint32_t size = take_u32(in);
    struct slice text = {in->at, size};

    if (in->end - in->at < (ptrdiff_t)size)
        abort();
    in->at += size;
    return text;
}

static void put_u32(struct buf *out, uint32_t value) { buf_append(out, &value, 4); }

static void put_string(struct buf *out, const char *data, size_t size)
{
    put_u32(out, (uint32_t)size);
    buf_append(out, data, size);
}

static void close_tokenizer(struct driver *d)
{
    program_free(d->program);
    tokenizer_unref(d->tokenizer);
    buf_release(&d->image);
    d->program = NULL;
    d->tokenizer = NULL;
    d->image = (struct buf){0};
}

static bool open_tokenizer(struct driver *d, struct input *in, struct buf *out, struct err *err)
{
    struct tokenizer_files files = {0};
    struct slice *const slots[] = {
        [TOKENIZER_JSON] = &files.tokenizer_json,
        [TOKENIZER_CONFIG] = &files.tokenizer_config,
        [SENTENCEPIECE] = &files.sentencepiece,
        [TIKTOKEN] = &files.tiktoken,
        [TEKKEN] = &files.tekken,
        [GGUF] = &files.gguf,
        [VOCAB_JSON] = &files.vocab_json,
        [MERGES_TXT] = &files.merges_txt,
        [VOCAB_TXT] = &files.vocab_txt,
    };
    AUTO_TOKENIZER_SPEC struct tokenizer_spec spec = {0};
    const struct image_key key = {0};

    close_tokenizer(d);
    for (uint8_t n = take_u8(in); n; n--) {
        uint8_t kind = take_u8(in);

        if (kind >= ARRAY_SIZE(slots))
            abort();
        *slots[kind] = take_string(in);
    }
    if (!tokenizer_load(&files, &spec, err) || !tokenizer_compile(&spec, &key, &d->image, err))
        return false;

    struct image image = {(const uint8_t *)d->image.data, d->image.size};
    if (!tokenizer_open(image, NULL, NULL, &d->tokenizer, err) ||
        !program_open(image, &d->program, err))
        return false;
    put_u32(out, (uint32_t)image.size);
    put_u32(out, tokenizer_id_end(d->tokenizer));
    return true;
}

/* One after another: n, ids, offsets, type ids, special mask, attention mask, words, sequences,
 * overflowing. */
static void put_encoding(struct buf *out, const struct encoded *e, bool all)
{
    put_u32(out, (uint32_t)e->n);
    buf_append(out, e->ids, e->n * 4);
    if (!all)
        return;
    buf_append(out, e->offsets, e->n * sizeof(*e->offsets));
    for (size_t i = 0; i < e->n; i++)
        put_u32(out, e->plain ? 0 : e->type_ids[i]);
    for (size_t i = 0; i < e->n; i++)
        put_u32(out, e->plain ? 0 : e->special_mask[i]);
    for (size_t i = 0; i < e->n; i++)
        put_u32(out, e->plain ? 1 : e->attention_mask[i]);
    for (size_t i = 0; i < e->n; i++)
        put_u32(out, e->plain ? 0 : (uint32_t)e->word_ids[i]);
    for (size_t i = 0; i < e->n; i++)
        put_u32(out, e->plain ? 0 : (uint32_t)(int32_t)e->sequence_ids[i]);
    put_u32(out, (uint32_t)e->n_overflowing);
    for (size_t i = 0; i < e->n_overflowing; i++)
        put_encoding(out, &e->overflowing[i], true);
}

static bool encode(struct driver *d, struct input *in, struct buf *out, struct err *err)
{
    uint8_t flags = take_u8(in);
    struct encode_options options = {
        .add_special_tokens = flags & SPECIAL,
        .offsets = !(flags & IDS),
        .plain = flags & IDS,
        .overflowing = true,
        .offset_unit = OFFSET_CODE_POINT,
    };
    struct padding padding = {0};

    options.truncation.max_length = take_u32(in);
    options.truncation.stride = take_u32(in);
    options.truncation.strategy = take_u8(in);
    options.truncation.side = take_u8(in);
    options.truncation.set = flags & TRUNCATE;
    padding.length = take_u32(in);
    padding.fixed = padding.length != 0;
    padding.multiple_of = take_u32(in);
    padding.side = take_u8(in);
    padding.set = flags & PAD;
    if (flags & DEFAULTS) {
        options.truncation = *tokenizer_truncation(d->tokenizer);
        padding = *tokenizer_padding(d->tokenizer);
    }

    uint32_t n = take_u32(in);
    struct encoded *items = mem_new_array(n + 1, struct encoded);
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) {
        struct slice text = take_string(in), other = {0};
        struct encode_input a = {&text, 1, false}, b = {&other, 1, false};

        if (flags & PAIR)
            other = take_string(in);
        ok = tokenizer_encode(d->tokenizer, &a, flags & PAIR ? &b : NULL, &options, d->scratch,
                              &items[i], err);
    }
    if (ok && padding.set)
        encoded_pad(items, n, &padding);
    for (uint32_t i = 0; i < n; i++) {
        if (ok)
            put_encoding(out, &items[i], options.offsets);
        encoded_release(&items[i]);
    }
    free(items);
    return ok;
}

static bool decode(struct driver *d, struct input *in, struct buf *out, struct err *err)
{
    struct decode_options options = {.skip_special_tokens = take_u8(in)};
    uint32_t n = take_u32(in);
    uint32_t *ids = mem_new_array(n + 1, uint32_t);

    for (uint32_t i = 0; i < n; i++)
        ids[i] = take_u32(in);
    bool ok = tokenizer_decode(d->tokenizer, ids, n, &options, d->scratch, out, err);
    free(ids);
    return ok;
}

static void names(struct driver *d, struct buf *out)
{
    AUTO_BUF struct buf name = {0};

    put_u32(out, tokenizer_vocab_size(d->tokenizer));
    for (uint32_t id = 0; id < tokenizer_id_end(d->tokenizer); id++) {
        buf_clear(&name);
        buf_append_char(out, (char)tokenizer_token_name(d->tokenizer, id, &name));
        put_string(out, name.data, name.size);
    }
}

static bool stages(struct driver *d, struct input *in, struct buf *out, struct err *err)
{
    struct slice text = take_string(in);
    struct pieces_scratch *scratch = pieces_scratch_new();
    struct pieces pieces = {0};

    bool ok = pieces_make(d->program, text.data, text.size, PIECES_ORIGINS, scratch, &pieces, err);
    for (size_t i = 0; ok && i < pieces.n; i++) {
        const struct piece *p = &pieces.items[i];
        put_u32(out, p->id);
        put_string(out, pieces.text.data + p->at, p->size);
        put_u32(out, p->origin.start);
        put_u32(out, p->origin.end);
    }
    pieces_release(&pieces);
    pieces_scratch_free(scratch);
    return ok;
}

static bool answer(struct driver *d, struct input *in, struct buf *out, struct err *err)
{
    enum request what = take_u8(in);

    if (what == OPEN)
        return open_tokenizer(d, in, out, err);
    if (!d->tokenizer)
        abort();
    switch (what) {
    case ENCODE:
        return encode(d, in, out, err);
    case DECODE:
        return decode(d, in, out, err);
    case NAMES:
        names(d, out);
        return true;
    case STAGES:
        return stages(d, in, out, err);
    case SELF: {
        uint32_t seed = take_u32(in);
        struct slice text = take_string(in);
        return self_check(d->tokenizer, text, seed, d->scratch, out, err);
    }
    default:
        abort();
    }
}

/* False at the end of the input. */
static bool serve(struct driver *d, struct buf *request, struct buf *out)
{
    AUTO_ERR struct err err = {0};
    uint32_t size;

    if (fread(&size, 4, 1, stdin) != 1)
        return false;
    buf_clear(request);
    buf_reserve(request, size);
    if (fread(request->data, 1, size, stdin) != size)
        return false;

    struct input in = {request->data, request->data + size};
    buf_clear(out);
    put_u32(out, 0);
    buf_append_char(out, 0);
    if (!answer(d, &in, out, &err)) {
        out->size = 4;
        buf_append_char(out, 1);
        buf_append_str(out, err.msg);
    }
    size = (uint32_t)out->size - 4;
    memcpy(out->data, &size, 4);
    return fwrite(out->data, 1, out->size, stdout) == out->size && !fflush(stdout);
}

int main(void)
{
    struct driver d = {.scratch = scratch_new(0)};
    AUTO_BUF struct buf request = {0}, out = {0};

    while (serve(&d, &request, &out))
        ;
    close_tokenizer(&d);
    scratch_free(d.scratch);
    return 0;
}
