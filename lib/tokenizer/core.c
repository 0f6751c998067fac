#include "tokenizer/core.h"

struct writer {
    const struct tokenizer_spec *spec;
    struct buf strings;
};

static struct text put(struct writer *w, struct text t)
{
    struct text to = {(uint32_t)w->strings.size, t.size};

    if (t.size)
        buf_append(&w->strings, spec_str(w->spec, t), t.size);
    return to;
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n ? memcmp(a.data, b.data, n) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* ---- added tokens */

struct added_sort {
    struct slice content;
    uint32_t id, order;
};

static int by_content(const void *a, const void *b)
{
    const struct added_sort *x = a, *y = b;
    int order = compare_slices(x->content, y->content);

    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_id(const void *a, const void *b)
{
    const struct added_sort *x = a, *y = b;

    return x->id != y->id ? (x->id > y->id) - (x->id < y->id)
                          : (x->order > y->order) - (x->order < y->order);
}

/* Of equal ones the last counts. */
static size_t keep_last(struct added_sort *items, size_t n, bool ids)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool same = i + 1 < n && (ids ? items[i].id == items[i + 1].id
                                      : !compare_slices(items[i].content, items[i + 1].content));
        if (!same)
            items[kept++] = items[i];
    }
    return kept;
}

static struct added_sort *sort_added(const struct tokenizer_spec *spec, bool ids, size_t *ret_n)
{
    struct added_sort *items = mem_new_array(spec->n_added + 1, struct added_sort);

    for (size_t i = 0; i < spec->n_added; i++)
        items[i] = (struct added_sort){
            {spec_str(spec, spec->added[i].content), spec->added[i].content.size},
            spec->added[i].id,
            (uint32_t)i};
    qsort(items, spec->n_added, sizeof(*items), ids ? by_id : by_content);
    *ret_n = keep_last(items, spec->n_added, ids);
    return items;
}

/*
 * A token of ASCII is in the normalized text just where it is in the raw one, if
 * normalizers do no more than compose and turn spaces into something else. (Three signs of ASCII
 * are what other characters compose to.)
 */
static bool survives_normalizers(const struct tokenizer_spec *spec, const struct added_token *a)
{
    const char *text = spec_str(spec, a->content);

    for (size_t i = 0; i < spec->n_normalizers; i++) {
        const struct normalizer *n = &spec->normalizers[i];
        bool spaces = n->kind == NORMALIZE_REPLACE && !n->replace.what.regex &&
                      n->replace.what.pattern.size == 1 &&
                      *spec_str(spec, n->replace.what.pattern) == ' ' && n->replace.with.size &&
                      (uint8_t)*spec_str(spec, n->replace.with) >= 0x80;
        bool prefix = n->kind == NORMALIZE_PREPEND && n->prepend.size &&
                      (uint8_t)*spec_str(spec, n->prepend) >= 0x80;

        if (n->kind != NORMALIZE_NFC && !spaces && !prefix)
            return false;
    }
    for (size_t i = 0; spec->n_normalizers && i < a->content.size; i++)
        if ((uint8_t)text[i] >= 0x80 || strchr("K;` ", text[i]))
            return false;
    return true;
}

struct layout {
    struct buf specials, added, by_text;
};

static void write_specials(const struct tokenizer_spec *spec, struct writer *w,
                           const struct added_sort *by_text, size_t n, struct layout *to,
                           struct core_head *head)
{
    for (size_t i = 0; i < n; i++) {
        struct text t;

        if (!spec->added[by_text[i].order].special)
            continue;
        t = put(w, spec->added[by_text[i].order].content);
        buf_append(&to->specials, &t, sizeof(t));
        head->n_specials++;
    }
}

/*
 * The reference looks for those first that are not normalized; with one kind
 * only, order does not matter. What a normalizer puts before a text is not put behind tokens
 * that are found after it.
 */
static bool only_normalized(const struct tokenizer_spec *spec)
{
    for (size_t i = 0; i < spec->n_normalizers; i++)
        if (spec->normalizers[i].kind != NORMALIZE_NFC)
            return false;
    for (size_t i = 0; i < spec->n_added; i++)
        if (!spec->added[i].normalized)
            return false;
    return true;
}

/* Most tokens are called what they are. */
static struct text put_name(struct writer *w, struct text content, struct slice name)
{
    struct text to = {(uint32_t)w->strings.size, (uint32_t)name.size};

    if (name.size == content.size && !memcmp(w->strings.data + content.at, name.data, name.size))
        return content;
    buf_append(&w->strings, name.data, name.size);
    return to;
}

static void write_added(const struct tokenizer_spec *spec, const struct added_names *names,
                        struct writer *w, struct layout *to, struct core_head *head)
{
    size_t n_ids, n_texts;
    bool one_kind = only_normalized(spec);
    AUTO_FREE struct added_sort *ids = sort_added(spec, true, &n_ids);
    AUTO_FREE struct added_sort *texts = sort_added(spec, false, &n_texts);

    write_specials(spec, w, texts, n_texts, to, head);
    for (size_t i = 0; i < n_ids; i++) {
        struct core_added added = {.content = put(w, spec->added[ids[i].order].content),
                                   .id = ids[i].id,
                                   .special = spec->added[ids[i].order].special};
        const struct added_token *a = &spec->added[ids[i].order];
        struct text name = names->items[ids[i].order];

        added.name =
            put_name(w, added.content, (struct slice){names->text.data + name.at, name.size});
        added.plain = !a->lstrip && !a->rstrip && !a->single_word && (!a->normalized || one_kind);
        if (a->normalized && !survives_normalizers(spec, a))
            head->added_plain = false;

        buf_append(&to->added, &added, sizeof(added));
        if (added.content.size > head->added_size_max)
            head->added_size_max = added.content.size;
        if (added.id >= head->id_end)
            head->id_end = added.id + 1;
    }
    head->n_added = (uint32_t)n_ids;
    head->added_plain = head->added_plain && n_ids == n_texts && n_ids == spec->n_added;
    for (size_t i = 0; i < n_texts; i++) {
        struct added_sort *found =
            bsearch(&(struct added_sort){.id = texts[i].id, .order = texts[i].order}, ids, n_ids,
                    sizeof(*ids), by_id);
        uint32_t index;

        if (!found) /* another token took its id later */
            continue;
        index = (uint32_t)(found - ids);
        buf_append(&to->by_text, &index, sizeof(index));
        head->n_texts++;
    }
}

/* ---- the rest */

static bool check_posts(const struct tokenizer_spec *spec, struct err *err)
{
    bool template = false;

    for (size_t i = 0; i < spec->n_postprocessors; i++) {
        enum postprocessor_kind kind = spec->postprocessors[i].kind;

        if (template && kind != POST_BYTE_LEVEL)
            return err_set(err, ERR_COMBINATION,
                           "post_processor: only ByteLevel can come after TemplateProcessing in a "
                           "Sequence");
        template |= kind == POST_TEMPLATE;
    }
    return true;
}

static struct decoder put_decoder(struct writer *w, struct decoder d)
{
    switch (d.kind) {
    case DECODE_WORDPIECE:
        d.wordpiece.prefix = put(w, d.wordpiece.prefix);
        break;
    case DECODE_BPE:
        d.suffix = put(w, d.suffix);
        break;
    case DECODE_REPLACE:
        d.replace.what.pattern = put(w, d.replace.what.pattern);
        d.replace.with = put(w, d.replace.with);
        break;
    case DECODE_CTC:
        d.ctc.pad = put(w, d.ctc.pad);
        d.ctc.word_delimiter = put(w, d.ctc.word_delimiter);
        break;
    case DECODE_BYTE_LEVEL:
    case DECODE_METASPACE:
    case DECODE_BYTE_FALLBACK:
    case DECODE_FUSE:
    case DECODE_STRIP:
        break;
    }
    return d;
}

static struct pretokenizer put_pretokenizer(struct writer *w, struct pretokenizer p)
{
    if (p.kind == SPLIT_PATTERN)
        p.pattern.what.pattern = put(w, p.pattern.what.pattern);
    return p;
}

static uint32_t append_part(struct buf *out, size_t begin, const void *data, size_t size)
{
    static const char zeros[8];
    size_t at;

    buf_append(out, zeros, (8 - (out->size - begin) % 8) % 8);
    at = out->size - begin;
    buf_append(out, data, size);
    return (uint32_t)at;
}

bool core_compile(const struct tokenizer_spec *spec, const struct added_names *names,
                  struct buf *out, struct err *err)
{
    struct writer w = {.spec = spec};
    struct layout to = {0};
    AUTO_BUF struct buf decoders = {0}, pretokenizers = {0};
    size_t begin = out->size;
    struct core_head head = {.truncation = spec->truncation,
                             .padding = spec->padding,
                             .n_posts = (uint32_t)spec->n_postprocessors,
                             .n_pieces = (uint32_t)spec->n_pieces,
                             .n_post_ids = (uint32_t)spec->n_post_ids,
                             .n_decoders = (uint32_t)spec->n_decoders,
                             .n_pretokenizers = (uint32_t)spec->n_pretokenizers,
                             .normalizes = spec->n_normalizers > 0,
                             .has_decoder = spec->has_decoder,
                             .has_postprocessor = spec->has_postprocessor || spec->n_postprocessors,
                             .clean_up_spaces = spec->clean_up_spaces,
                             .cut = (uint8_t)cut_rule(spec)};

    if (!check_posts(spec, err))
        return false;
    for (size_t i = 0; i < spec->n_decoders; i++) {
        struct decoder d = put_decoder(&w, spec->decoders[i]);
        buf_append(&decoders, &d, sizeof(d));
    }
    for (size_t i = 0; i < spec->n_pretokenizers; i++) {
        struct pretokenizer p = put_pretokenizer(&w, spec->pretokenizers[i]);
        buf_append(&pretokenizers, &p, sizeof(p));
    }
    head.padding.pad_token = put(&w, spec->padding.pad_token);
    for (size_t i = 0; i < spec->n_vocab; i++)
        if (spec->vocab[i].id >= head.id_end)
            head.id_end = spec->vocab[i].id + 1;
    head.added_plain = true;
    write_added(spec, names, &w, &to, &head);
    for (size_t i = 0; i < spec->n_added; i++)
        head.added_strip |=
            spec->added[i].lstrip || spec->added[i].rstrip || spec->added[i].single_word;

    buf_append(out, &head, sizeof(head));
#define PART(field, data, n) head.field = append_part(out, begin, data, (n) * sizeof(*(data)))
    PART(posts, spec->postprocessors, spec->n_postprocessors);
    PART(pieces, spec->pieces, spec->n_pieces);
    PART(post_ids, spec->post_ids, spec->n_post_ids);
    PART(decoders, decoders.data, decoders.size);
    PART(pretokenizers, pretokenizers.data, pretokenizers.size);
    PART(added, to.added.data, to.added.size);
    PART(by_text, to.by_text.data, to.by_text.size);
    PART(specials, to.specials.data, to.specials.size);
    PART(strings, w.strings.data, w.strings.size);
#undef PART
    head.strings_size = (uint32_t)w.strings.size;
    memcpy(out->data + begin, &head, sizeof(head));
    buf_release(&w.strings);
    buf_release(&to.added);
    buf_release(&to.by_text);
    buf_release(&to.specials);
    return true;
}

bool core_open(const void *data, size_t size, struct core *ret, struct err *err)
{
    const struct core_head *head = data;
    const char *base = data;

    if (size < sizeof(*head) || size < (size_t)head->strings + head->strings_size)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: its core is cut short");
    *ret = (struct core){.head = head,
                         .posts = (const void *)(base + head->posts),
                         .pieces = (const void *)(base + head->pieces),
                         .post_ids = (const void *)(base + head->post_ids),
                         .decoders = (const void *)(base + head->decoders),
                         .pretokenizers = (const void *)(base + head->pretokenizers),
                         .added = (const void *)(base + head->added),
                         .by_text = (const void *)(base + head->by_text),
                         .specials = (const void *)(base + head->specials),
                         .strings = base + head->strings};
    return true;
}

const struct core_added *core_added_by_id(const struct core *c, uint32_t id)
{
    size_t low = 0, high = c->head->n_added;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (c->added[middle].id == id)
            return &c->added[middle];
        if (c->added[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct core_added *core_added_by_text(const struct core *c, const char *text, size_t size)
{
    size_t low = 0, high = c->head->n_texts;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct core_added *added = &c->added[c->by_text[middle]];
        int order = compare_slices(core_text(c, added->content), (struct slice){text, size});

        if (!order)
            return added;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool core_is_special_text(const struct core *c, const char *text, size_t size)
{
    size_t low = 0, high = c->head->n_specials;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_slices(core_text(c, c->specials[middle]), (struct slice){text, size});

        if (!order)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
