#include "tokenizer/load_build.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "tokenizer/load_fields.h"

struct text build_text(struct tokenizer_spec *s, const char *text)
{
    return spec_text(s, text, strlen(text));
}

struct normalizer *build_normalizer(struct tokenizer_spec *s, enum normalizer_kind kind)
{
    struct normalizer *n = LOAD_PUSH(s->normalizers, s->n_normalizers);

    n->kind = kind;
    return n;
}

void build_normalize_replace(struct tokenizer_spec *s, const char *from, bool regex, const char *to)
{
    struct normalizer *n = build_normalizer(s, NORMALIZE_REPLACE);

    n->replace.what = (struct matcher){build_text(s, from), regex};
    n->replace.with = build_text(s, to);
}

struct pretokenizer *build_pretokenizer(struct tokenizer_spec *s, enum pretokenizer_kind kind)
{
    struct pretokenizer *p = LOAD_PUSH(s->pretokenizers, s->n_pretokenizers);

    p->kind = kind;
    return p;
}

void build_split(struct tokenizer_spec *s, const char *regex, size_t size)
{
    struct pretokenizer *p = build_pretokenizer(s, SPLIT_PATTERN);

    p->pattern.what = (struct matcher){spec_text(s, regex, size), true};
    p->pattern.behavior = BEHAVIOR_ISOLATED;
}

void build_byte_level(struct tokenizer_spec *s, bool add_prefix_space, bool use_regex)
{
    struct pretokenizer *p = build_pretokenizer(s, SPLIT_BYTE_LEVEL);

    p->byte_level.add_prefix_space = add_prefix_space;
    p->byte_level.trim_offsets = true;
    p->byte_level.use_regex = use_regex;
}

struct decoder *build_decoder(struct tokenizer_spec *s, enum decoder_kind kind)
{
    struct decoder *d = LOAD_PUSH(s->decoders, s->n_decoders);

    s->has_decoder = true;
    d->kind = kind;
    return d;
}

void build_decode_strip(struct tokenizer_spec *s)
{
    struct decoder *d = build_decoder(s, DECODE_STRIP);

    d->strip.content = ' ';
    d->strip.start = 1;
}

void build_decode_replace(struct tokenizer_spec *s, const char *from, const char *to)
{
    struct decoder *d = build_decoder(s, DECODE_REPLACE);

    d->replace.what = (struct matcher){build_text(s, from), false};
    d->replace.with = build_text(s, to);
}

bool build_vocab(struct tokenizer_spec *s, const void *token, size_t size, uint32_t id,
                 double score)
{
    if (s->n_vocab == VOCAB_MAX || id >= VOCAB_MAX || size > TOKEN_SIZE_MAX)
        return false;
    struct vocab_entry *e = LOAD_PUSH(s->vocab, s->n_vocab);
    *e = (struct vocab_entry){spec_text(s, token, size), id, score};
    return true;
}

bool build_merge(struct tokenizer_spec *s, struct text left, struct text right)
{
    if (s->n_merges == MERGES_MAX)
        return false;
    *LOAD_PUSH(s->merges, s->n_merges) = (struct merge){left, right};
    return true;
}

bool build_added(struct tokenizer_spec *s, const void *token, size_t size, bool special)
{
    if (s->n_added == ADDED_MAX || size > TOKEN_SIZE_MAX)
        return false;
    struct added_token *a = LOAD_PUSH(s->added, s->n_added);
    a->content = spec_text(s, token, size);
    a->id = UINT32_MAX; /* numbered later; until then the vocabulary's counts */
    a->special = special;
    a->normalized = !special;
    return true;
}

bool build_find(const struct tokenizer_spec *s, const char *token, size_t size, uint32_t *ret)
{
    for (size_t i = s->n_added; i-- > 0;) {
        struct text t = s->added[i].content;
        if (t.size == size && memcmp(spec_str(s, t), token, size) == 0 &&
            s->added[i].id != UINT32_MAX) {
            *ret = s->added[i].id;
            return true;
        }
    }
    for (size_t i = s->n_vocab; i-- > 0;) {
        struct text t = s->vocab[i].token;
        if (t.size == size && memcmp(spec_str(s, t), token, size) == 0) {
            *ret = s->vocab[i].id;
            return true;
        }
    }
    return false;
}

/* ---- templates */

static bool template_piece(struct tokenizer_spec *s, const char *word, size_t size)
{
    struct template_piece p = {.part = PART_TOKENS};
    uint32_t id;

    if (size > 2 && word[size - 2] == ':') {
        p.type_id = (uint32_t)(word[size - 1] - '0');
        size -= 2;
    }
    if (size == 1 && (*word == 'A' || *word == 'B')) {
        p.part = *word == 'A' ? PART_A : PART_B;
    } else {
        if (!build_find(s, word, size, &id))
            return false;
        p.first_id = (uint32_t)s->n_post_ids;
        p.n_ids = 1;
        *LOAD_PUSH(s->post_ids, s->n_post_ids) = id;
    }
    *LOAD_PUSH(s->pieces, s->n_pieces) = p;
    return true;
}

static bool template_pieces(struct tokenizer_spec *s, const char *words, uint32_t *ret_first,
                            uint32_t *ret_n)
{
    *ret_first = (uint32_t)s->n_pieces;
    while (*words) {
        size_t size = strcspn(words, " ");
        if (size && !template_piece(s, words, size))
            return false;
        words += size + (words[size] == ' ');
    }
    *ret_n = (uint32_t)s->n_pieces - *ret_first;
    return true;
}

bool build_template(struct tokenizer_spec *s, const char *single, const char *pair)
{
    struct postprocessor p = {.kind = POST_TEMPLATE};
    size_t i = 0;

    if (!template_pieces(s, single, &p.template.first_single, &p.template.n_single) ||
        !template_pieces(s, pair, &p.template.first_pair, &p.template.n_pair))
        return false;
    while (i < s->n_postprocessors && s->postprocessors[i].kind != POST_TEMPLATE)
        i++;
    if (i < s->n_postprocessors)
        s->postprocessors[i] = p;
    else
        *LOAD_PUSH(s->postprocessors, s->n_postprocessors) = p;
    return true;
}

/* ---- tokens by their bytes */

struct token_index {
    const struct tokenizer_spec *s;
    uint32_t *slots; /* index + 1; 0: free. A power of two, at most half full */
    size_t mask;
};

static uint32_t *slot(const struct token_index *x, const void *token, size_t size)
{
    size_t i = hash_table_key(token, size) & x->mask;

    for (; x->slots[i]; i = (i + 1) & x->mask) {
        struct text t = x->s->vocab[x->slots[i] - 1].token;
        if (t.size == size && memcmp(spec_str(x->s, t), token, size) == 0)
            break;
    }
    return &x->slots[i];
}

struct token_index *token_index_new(const struct tokenizer_spec *s)
{
    struct token_index *x = mem_new(struct token_index);

    x->s = s;
    x->mask = 15;
    while (x->mask < s->n_vocab * 2)
        x->mask = x->mask * 2 + 1;
    x->slots = mem_new_array(x->mask + 1, uint32_t);
    for (size_t i = 0; i < s->n_vocab; i++)
        if (s->vocab[i].token.size) {
            struct text t = s->vocab[i].token;
            *slot(x, spec_str(s, t), t.size) = (uint32_t)i + 1;
        }
    return x;
}

void token_index_free(struct token_index *x)
{
    if (!x)
        return;
    free(x->slots);
    free(x);
}

int64_t token_index_find(const struct token_index *x, const void *token, size_t size)
{
    return size ? (int64_t)*slot(x, token, size) - 1 : -1;
}

/* ---- merges */

struct made_merge {
    double score;
    uint32_t left, right; /* indices into vocab */
    uint32_t left_id, right_id;
    uint32_t left_length, right_length; /* characters */
    uint32_t listed;                    /* its place before sorting */
};

struct merge_list {
    enum merge_order order;
    struct made_merge *items;
    size_t n;
};

static int compare(uint32_t a, uint32_t b) { return (a > b) - (a < b); }

static int by_parts(const void *pa, const void *pb)
{
    const struct made_merge *a = pa, *b = pb;
    int c = compare(a->left_id, b->left_id);

    return c ? c : compare(a->right_id, b->right_id);
}

static int by_rank(const void *pa, const void *pb)
{
    const struct made_merge *a = pa, *b = pb;

    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return compare(a->listed, b->listed);
}

/* Python's sort with reverse=True: descending, but equal ones in their order. */
static int by_score(const void *pa, const void *pb)
{
    const struct made_merge *a = pa, *b = pb;
    int c;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    c = compare(b->left_length, a->left_length);
    c = c ? c : compare(b->right_length, a->right_length);
    return c ? c : compare(a->listed, b->listed);
}

static bool starts_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

/* All ways to cut one token in two; false: too many merges. */
static bool cuts_of(const struct tokenizer_spec *s, const struct token_index *x,
                    const struct vocab_entry *e, struct merge_list *list)
{
    const char *token = spec_str(s, e->token);
    size_t first = list->n, size = e->token.size;
    uint32_t length = 0, at = 0;

    for (size_t k = 0; k < size; k++)
        length += starts_character(token[k]);
    for (size_t k = 1; k < size; k++) {
        if (!starts_character(token[k]))
            continue;
        at++;
        int64_t left = token_index_find(x, token, k);
        int64_t right = left < 0 ? -1 : token_index_find(x, token + k, size - k);
        if (right < 0)
            continue;
        if (list->n == MERGES_MAX)
            return false;
        *LOAD_PUSH(list->items, list->n) =
            (struct made_merge){.score = list->order == MERGES_BY_SCORE ? e->score : e->id,
                                .left = (uint32_t)left,
                                .right = (uint32_t)right,
                                .left_id = s->vocab[left].id,
                                .right_id = s->vocab[right].id,
                                .left_length = at,
                                .right_length = length - at};
    }
    if (list->n - first > 1)
        qsort(list->items + first, list->n - first, sizeof(*list->items), by_parts);
    return true;
}

/* Hashing the parts of a token costs the square of its length: 4 GB in all are allowed. */
static bool short_enough(const struct tokenizer_spec *s)
{
    uint64_t work = 0;

    for (size_t i = 0; i < s->n_vocab; i++)
        work += (uint64_t)s->vocab[i].token.size * s->vocab[i].token.size;
    return work <= (uint64_t)1 << 32;
}

bool build_merges(struct tokenizer_spec *s, enum merge_order order, struct err *err)
{
    CLEANUP(token_index_freep) struct token_index *x = token_index_new(s);
    struct merge_list list = {.order = order};
    bool ok = true;

    if (!short_enough(s))
        return err_set(err, ERR_FILE_CORRUPT, "the vocabulary's tokens are too long to merge");
    for (size_t i = 0; ok && i < s->n_vocab; i++)
        ok = cuts_of(s, x, &s->vocab[i], &list);
    for (size_t i = 0; i < list.n; i++)
        list.items[i].listed = (uint32_t)i;
    if (ok && list.n)
        qsort(list.items, list.n, sizeof(*list.items),
              order == MERGES_BY_SCORE ? by_score : by_rank);
    for (size_t i = 0; ok && i < list.n; i++)
        ok =
            build_merge(s, s->vocab[list.items[i].left].token, s->vocab[list.items[i].right].token);
    free(list.items);
    return ok ||
           err_set(err, ERR_FILE_CORRUPT, "the vocabulary makes more than %d merges", MERGES_MAX);
}

/* ---- ByteLevel */

void byte_level_encode(const void *data, size_t size, struct buf *ret)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < size; i++) {
        unsigned c = p[i];
        char text[4];
        /* What is not printable Latin-1 follows from U+0100 on, in its order. */
        if (c <= 0x20)
            c += 0x100;
        else if (c >= 0x7f && c <= 0xa0)
            c += 0x121 - 0x7f;
        else if (c == 0xad)
            c = 0x143;
        size_t n = utf8_encode(c, text);
        buf_append(ret, text, n);
    }
}
