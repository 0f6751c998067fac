#include "base/utf8.h"
#include "tokenizer/added_finder.h"
#include "tokenizer/parts.h"
#include "tokenizer/scalar.h"

enum { TEXT_MAX = 1 << 30 };

static bool check_text(const char *text, size_t size, struct err *err)
{
    size_t bad;

    if (size > TEXT_MAX)
        return err_set(err, ERR_TOO_LARGE, "a text of %zu bytes: at most %d are allowed", size,
                       TEXT_MAX);
    if (utf8_valid(text, size, &bad))
        return true;
    err_set(err, ERR_INVALID, "the text is not UTF-8: byte %zu", bad);
    return err_fact_int(err, "offset", (int64_t)bad);
}

/* ---- offsets */

/* Counts characters; most tokens come in order, so it walks from where it was. */
struct char_cursor {
    const char *text;
    size_t size, at, count;
    bool is_ascii;
};

static bool is_ascii(const char *text, size_t size)
{
    uint64_t all = 0, word;
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        memcpy(&word, text + at, 8);
        all |= word;
    }
    for (; at < size; at++)
        all |= (uint8_t)text[at];
    return !(all & 0x8080808080808080u);
}

static bool is_inside(const char *text, size_t at) { return ((uint8_t)text[at] & 0xc0) == 0x80; }

static uint32_t chars_before(struct char_cursor *c, size_t at)
{
    if (c->is_ascii)
        return (uint32_t)at;
    for (; c->at < at; c->at++)
        c->count += !is_inside(c->text, c->at);
    for (; c->at > at;)
        c->count -= !is_inside(c->text, --c->at);
    return (uint32_t)c->count;
}

/*
 * As the reference converts: a place within a character is that character, an end
 * behind the text's end is two behind the start, and a start that is not in the
 * text leaves both in bytes.
 */
static struct offset convert(struct char_cursor *c, struct span span, enum offset_unit unit)
{
    if (unit == OFFSET_BYTE || span.start >= c->size)
        return (struct offset){span.start, span.end};

    uint32_t first = chars_before(c, span.start + 1) - 1;
    if (span.end > c->size)
        return (struct offset){first, first + 2};
    if (span.end == c->size)
        return (struct offset){first, chars_before(c, span.end)};
    return (struct offset){first, chars_before(c, span.end + 1) - 1};
}

/* ---- white space of names, for post-processors that trim offsets */

static bool is_space(uint32_t cp)
{
    return (cp >= 9 && cp <= 13) || cp == 32 || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000 || cp == 0x120 /* ByteLevel's space */;
}

static void count_spaces(struct row *row, const char *name, size_t size, bool bytes,
                         enum offset_unit unit)
{
    uint32_t run = 0, lead = 0;
    bool in_lead = true;

    for (size_t at = 0; at < size;) {
        size_t begin = at;
        uint32_t cp = bytes ? (uint8_t)name[at++] : scalar_next(name, &at);
        /* Of a bytes model only 0x20 has a stand-in that counts. */
        bool space = bytes ? cp == ' ' : is_space(cp);
        uint32_t width = unit == OFFSET_BYTE && !bytes && cp != 0x120 ? (uint32_t)(at - begin) : 1;

        run = space ? run + width : 0;
        in_lead = in_lead && space;
        if (in_lead)
            lead += width;
    }
    row->lead = lead;
    row->trail = run;
}

/* The reference's Unigram calls an unknown token by its text. */
static void note_spaces(const struct tokenizer *t, struct row *row, const struct piece *piece,
                        struct span span, const struct scratch *scratch, enum offset_unit unit)
{
    uint32_t size;
    bool is_name;
    const char *bytes = token_model_bytes(t->model, row->id, &size, &is_name);

    if (row->id == token_model_unk(t->model)) {
        count_spaces(row, scratch->pieces.text.data + piece->at + span.start, span.end - span.start,
                     false, unit);
        return;
    }
    if (bytes)
        count_spaces(row, bytes, size, token_model_is_bytes(t->model) && !is_name, unit);
}

/* ---- one sequence */

struct sequence_job {
    const struct tokenizer *t;
    const struct encode_options *options;
    struct scratch *scratch;
    struct char_cursor cursor;
    bool trims;
    uint32_t type_id;
    int32_t word; /* of pre-tokenized input; else -1: pieces are words */
};

static bool encode_piece(struct sequence_job *job, const struct piece *piece, struct err *err)
{
    struct scratch *s = job->scratch;

    s->tokens.n = 0;
    return token_model_encode(job->t->model, s->pieces.text.data + piece->at, piece->size,
                              s->model_scratch, &s->tokens, err);
}

/*
 * With truncation the reference leaves off once there are max_length tokens,
 * specials not counted, at the end of a piece; added tokens count but do not
 * stop it. From the left it starts at the end. Only the first sequence under
 * only_second is spared. *ret_first to *ret_end is what is kept.
 */
static bool limit_pieces(struct sequence_job *job, size_t *ret_first, size_t *ret_end,
                         struct err *err)
{
    const struct truncation *truncation = &job->options->truncation;
    const struct pieces *pieces = &job->scratch->pieces;
    size_t n_tokens = 0;

    *ret_first = 0;
    *ret_end = pieces->n;
    if (!truncation->set || (!job->type_id && truncation->strategy == TRUNCATE_ONLY_SECOND))
        return true;
    for (size_t i = 0; i < pieces->n; i++) {
        size_t at = truncation->side == SIDE_RIGHT ? i : pieces->n - 1 - i;

        if (pieces->items[at].id != NO_ID) {
            n_tokens++;
            continue;
        }
        if (!encode_piece(job, &pieces->items[at], err))
            return false;
        n_tokens += job->scratch->tokens.n;
        if (n_tokens < truncation->max_length)
            continue;
        if (truncation->side == SIDE_RIGHT)
            *ret_end = at + 1;
        else
            *ret_first = at;
        return true;
    }
    return true;
}

static void add_added(struct sequence_job *job, const struct piece *piece, int32_t word)
{
    struct row *row = parts_row(job->scratch->parts);

    row->id = piece->id;
    row->type_id = job->type_id;
    row->word = word;
    if (!job->options->offsets)
        return;
    row->offset = convert(&job->cursor, piece->origin, job->options->offset_unit);
    if (job->trims)
        count_spaces(row, job->scratch->pieces.text.data + piece->at, piece->size, false,
                     job->options->offset_unit);
}

/*
 * What a token came from. Fallback tokens of bytes that an affix brought reach
 * behind the end of the piece: their places stay as the model counted them.
 */
static struct span origin_of(const struct pieces *p, const struct piece *piece, struct span span)
{
    if (span.end > piece->size)
        return span;
    return (struct span){p->origins[piece->at + span.start].start,
                         p->origins[piece->at + span.end - 1].end};
}

static bool add_tokens(struct sequence_job *job, const struct piece *piece, int32_t word,
                       struct err *err)
{
    struct scratch *s = job->scratch;

    if (!encode_piece(job, piece, err))
        return false;
    for (size_t i = 0; i < s->tokens.n; i++) {
        const struct token *token = &s->tokens.items[i];
        struct row *row = parts_row(s->parts);

        row->id = token->id;
        row->type_id = job->type_id;
        row->word = word;
        if (!job->options->offsets)
            continue;
        row->offset = convert(&job->cursor, origin_of(&s->pieces, piece, token->span),
                              job->options->offset_unit);
        if (job->trims)
            note_spaces(job->t, row, piece, token->span, s, job->options->offset_unit);
    }
    return true;
}

static unsigned pieces_flags(const struct encode_options *options, bool pretokenized)
{
    return (options->offsets ? PIECES_ORIGINS : 0u) |
           (options->no_special ? PIECES_NO_SPECIAL : 0u) |
           (pretokenized ? PIECES_PRETOKENIZED : 0u);
}

static bool encode_word(struct sequence_job *job, struct slice text, struct err *err)
{
    struct scratch *s = job->scratch;
    size_t first, end;

    if (!check_text(text.data, text.size, err) ||
        !pieces_make(job->t->program, text.data, text.size,
                     pieces_flags(job->options, job->word >= 0), s->pieces_scratch, &s->pieces,
                     err))
        return false;
    job->cursor =
        (struct char_cursor){.text = text.data,
                             .size = text.size,
                             .is_ascii = job->options->offsets && is_ascii(text.data, text.size)};
    if (!limit_pieces(job, &first, &end, err))
        return false;
    for (size_t i = first; i < end; i++) {
        int32_t word = job->word >= 0 ? job->word : (int32_t)(i - first);

        if (s->pieces.items[i].id != NO_ID)
            add_added(job, &s->pieces.items[i], word);
        else if (!add_tokens(job, &s->pieces.items[i], word, err))
            return false;
    }
    return true;
}

static bool encode_sequence(const struct tokenizer *t, const struct encode_input *input,
                            const struct encode_options *options, uint32_t type_id,
                            struct scratch *scratch, uint32_t *ret_part, struct err *err)
{
    struct sequence_job job = {.t = t,
                               .options = options,
                               .scratch = scratch,
                               .trims = options->offsets && t->trims != TRIMS_NOT,
                               .type_id = type_id,
                               .word = -1};
    size_t first = scratch->parts->n_rows;

    for (size_t i = 0; i < input->n_words; i++) {
        if (input->pretokenized)
            job.word = (int32_t)i;
        if (!encode_word(&job, input->words[i], err))
            return input->pretokenized ? err_wrap(err, "word %zu", i) : false;
    }
    *ret_part = parts_add(scratch->parts, first, -1);
    return true;
}

/* ---- the fast way: ids and places, word by word */

/*
 * Appends to out; NULL: adds to *ret_n how many ids there are. *ret false: the text must go the
 * exact way, and what out holds is of no use. The text is copied, for words look behind its end.
 */
static bool encode_words(const struct tokenizer *t, struct slice text, bool no_special,
                         struct scratch *s, struct words_out *out, size_t *ret_n, bool *ret,
                         struct err *err)
{
    struct span added = {0};
    uint32_t id = NO_ID;

    *ret = false;
    if (!t->words)
        return true;
    buf_clear(&s->text);
    buf_reserve(&s->text, text.size + WORDS_TAIL);
    buf_append(&s->text, text.data, text.size);
    for (size_t at = 0; at < text.size; at = added.end) {
        enum added_found found =
            added_find(&t->core, t->finder, s->text.data, text.size, at, no_special, &added, &id);
        bool ok = true;

        if (found == ADDED_EXACT)
            return true;
        if (found == ADDED_NONE)
            added = (struct span){(uint32_t)text.size, (uint32_t)text.size};
        if (added.start > at)
            ok = out ? words_encode(t->words, s->text.data, at, added.start, s->words_scratch, out,
                                    err)
                     : words_count(t->words, s->text.data, at, added.start, s->words_scratch, ret_n,
                                   err);
        if (!ok)
            return false;
        if (found == ADDED_TOKEN && !out)
            ++*ret_n;
        else if (found == ADDED_TOKEN)
            words_out_add(out, id, added);
    }
    *ret = true;
    return true;
}

static void convert_spans(const struct tokenizer *t, struct slice text, const struct words_out *out,
                          enum offset_unit unit, struct scratch *s, struct offset *ret)
{
    if (is_ascii(text.data, text.size)) {
        for (size_t i = 0; i < out->n; i++)
            ret[i] = (struct offset){out->spans[i].start, out->spans[i].end};
        return;
    }
    char_index_make(&s->char_index, text.data, text.size);
    char_index_convert(&s->char_index, out->spans, out->n, unit, t->trims == TRIMS_WORDS, ret);
}

static void append_added(struct encoded *e, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++, e->n++) {
        e->ids[e->n] = ids[i];
        e->offsets[e->n] = (struct offset){0, 0};
    }
}

/* *ret_done false: not this way. */
static bool encode_plain(const struct tokenizer *t, const struct encode_input *input,
                         const struct encode_options *options, struct scratch *s,
                         struct encoded *ret, bool *ret_done, struct err *err)
{
    struct slice text = input->words[0];
    struct words_out *out = &s->words_out;

    *ret_done = false;
    if (!options->plain || options->truncation.set || input->pretokenized || !t->words ||
        !t->wraps_plainly || (options->offsets && t->trims == TRIMS_ROWS))
        return true;
    out->n = 0;
    out->want_spans = options->offsets;
    if (!check_text(text.data, text.size, err) ||
        !encode_words(t, text, options->no_special, s, out, NULL, ret_done, err))
        return false;
    if (!*ret_done)
        return true;
    encoded_reserve(ret, out->n + t->n_prefix + t->n_suffix);
    ret->n = ret->n_overflowing = 0;
    ret->plain = true;
    if (options->add_special_tokens)
        append_added(ret, t->prefix_ids, t->n_prefix);
    if (out->n)
        memcpy(ret->ids + ret->n, out->ids, out->n * sizeof(*out->ids));
    if (options->offsets)
        convert_spans(t, text, out, options->offset_unit, s, ret->offsets + ret->n);
    ret->n += out->n;
    if (options->add_special_tokens)
        append_added(ret, t->suffix_ids, t->n_suffix);
    return true;
}

bool tokenizer_encode(const struct tokenizer *t, const struct encode_input *input,
                      const struct encode_input *pair, const struct encode_options *options,
                      struct scratch *scratch, struct encoded *ret, struct err *err)
{
    struct parts *parts = scratch->parts;
    uint32_t a, b = 0;
    size_t n_added = options->add_special_tokens ? postprocess_added(&t->core, pair != NULL) : 0;
    bool done = false;

    if (!pair && !encode_plain(t, input, options, scratch, ret, &done, err))
        return false;
    if (done)
        return true;
    parts_clear(parts);
    if (!encode_sequence(t, input, options, 0, scratch, &a, err) ||
        (pair && !encode_sequence(t, pair, options, 1, scratch, &b, err)))
        return false;
    if (options->truncation.set &&
        !parts_truncate(parts, a, pair ? (int64_t)b : -1, &options->truncation, (uint32_t)n_added,
                        options->overflowing, err))
        return false;
    parts_list(parts, a);
    if (pair)
        parts_list(parts, b);
    postprocess(&t->core, parts, options->add_special_tokens);
    return parts_join(parts, options, ret, err);
}

void encoded_reserve(struct encoded *e, size_t n)
{
    if (n <= e->capacity)
        return;
    e->capacity = n + n / 2 + 16;
    e->ids = mem_resize(e->ids, e->capacity * sizeof(*e->ids));
    e->offsets = mem_resize(e->offsets, e->capacity * sizeof(*e->offsets));
    e->type_ids = mem_resize(e->type_ids, e->capacity * sizeof(*e->type_ids));
    e->special_mask = mem_resize(e->special_mask, e->capacity);
    e->attention_mask = mem_resize(e->attention_mask, e->capacity);
    e->word_ids = mem_resize(e->word_ids, e->capacity * sizeof(*e->word_ids));
    e->sequence_ids = mem_resize(e->sequence_ids, e->capacity);
}

static void release_arrays(struct encoded *e)
{
    free(e->ids);
    free(e->offsets);
    free(e->type_ids);
    free(e->special_mask);
    free(e->attention_mask);
    free(e->word_ids);
    free(e->sequence_ids);
}

void encoded_release(struct encoded *e)
{
    release_arrays(e);
    for (size_t i = 0; i < e->overflowing_capacity; i++)
        release_arrays(&e->overflowing[i]);
    free(e->overflowing);
    *e = (struct encoded){0};
}

/* ---- ids only */

static bool encode_bare(const struct tokenizer *t, const char *text, size_t size, struct scratch *s,
                        struct id_list *ids, struct err *err)
{
    struct words_out out = {.ids = ids->items, .n = ids->n, .capacity = ids->capacity};
    bool done, ok = encode_words(t, (struct slice){text, size}, false, s, &out, NULL, &done, err);

    ids->items = out.ids;
    ids->capacity = out.capacity;
    if (!ok)
        return false;
    if (done) {
        ids->n = out.n;
        return true;
    }
    if (!pieces_make(t->program, text, size, 0, s->pieces_scratch, &s->pieces, err))
        return false;
    for (size_t i = 0; i < s->pieces.n; i++) {
        const struct piece *piece = &s->pieces.items[i];

        if (piece->id != NO_ID) {
            id_list_append(ids, &piece->id, 1);
            continue;
        }
        s->tokens.n = 0;
        if (!token_model_encode(t->model, s->pieces.text.data + piece->at, piece->size,
                                s->model_scratch, &s->tokens, err))
            return false;
        id_list_reserve(ids, s->tokens.n);
        for (size_t k = 0; k < s->tokens.n; k++)
            ids->items[ids->n++] = s->tokens.items[k].id;
    }
    return true;
}

bool tokenizer_encode_ids(const struct tokenizer *t, const char *text, size_t size,
                          bool add_special_tokens, struct scratch *scratch, struct id_list *ids,
                          struct err *err)
{
    size_t n = ids->n;

    if (!check_text(text, size, err))
        return false;
    if (!t->wraps_plainly) {
        struct slice word = {text, size};
        struct encode_options options = {.add_special_tokens = add_special_tokens, .plain = true};

        if (!tokenizer_encode(t, &(struct encode_input){.words = &word, .n_words = 1}, NULL,
                              &options, scratch, &scratch->encoding, err))
            return false;
        id_list_append(ids, scratch->encoding.ids, scratch->encoding.n);
        return true;
    }
    if (add_special_tokens)
        id_list_append(ids, t->prefix_ids, t->n_prefix);
    if (!encode_bare(t, text, size, scratch, ids, err)) {
        ids->n = n;
        return false;
    }
    if (add_special_tokens)
        id_list_append(ids, t->suffix_ids, t->n_suffix);
    return true;
}

bool tokenizer_count(const struct tokenizer *t, const char *text, size_t size,
                     bool add_special_tokens, struct scratch *scratch, size_t *ret, struct err *err)
{
    size_t n = add_special_tokens ? t->n_prefix + t->n_suffix : 0;
    bool done = false;

    if (!check_text(text, size, err) ||
        (t->wraps_plainly &&
         !encode_words(t, (struct slice){text, size}, false, scratch, NULL, &n, &done, err)))
        return false;
    if (!done) {
        scratch->ids.n = 0;
        if (!tokenizer_encode_ids(t, text, size, add_special_tokens, scratch, &scratch->ids, err))
            return false;
        n = scratch->ids.n;
    }
    *ret = n;
    return true;
}
