#include "tokenizer/program.h"

#include <stdio.h>

/* ---- compiling */

struct writer {
    const struct tokenizer_spec *spec;
    struct buf strings;
};

static struct text put(struct writer *w, struct text t)
{
    struct text to = {(uint32_t)w->strings.size, t.size};

    buf_append(&w->strings, t.size ? spec_str(w->spec, t) : "", t.size);
    return to;
}

static uint32_t place(struct buf *out, const void *data, size_t size)
{
    uint32_t at;

    while (out->size % 8)
        buf_append_char(out, '\0');
    at = (uint32_t)out->size;
    buf_append(out, size ? data : "", size);
    return at;
}

static void put_normalizer(struct writer *w, struct normalizer *n)
{
    if (n->kind == NORMALIZE_REPLACE) {
        n->replace.what.pattern = put(w, n->replace.what.pattern);
        n->replace.with = put(w, n->replace.with);
    } else if (n->kind == NORMALIZE_PREPEND) {
        n->prepend = put(w, n->prepend);
    } else if (n->kind == NORMALIZE_PRECOMPILED) {
        n->charsmap = put(w, n->charsmap);
    }
}

static void compile_steps(const struct tokenizer_spec *spec, struct buf *out)
{
    struct program_head head = {.n_normalizers = (uint32_t)spec->n_normalizers,
                                .n_pretokenizers = (uint32_t)spec->n_pretokenizers,
                                .is_bytes = spec_is_bytes(spec)};
    struct writer w = {.spec = spec};
    size_t begin = place(out, &head, sizeof(head));

    head.normalizers = place(out, NULL, 0);
    for (size_t i = 0; i < spec->n_normalizers; i++) {
        struct normalizer n = spec->normalizers[i];

        put_normalizer(&w, &n);
        buf_append(out, &n, sizeof(n));
    }
    head.pretokenizers = place(out, NULL, 0);
    for (size_t i = 0; i < spec->n_pretokenizers; i++) {
        struct pretokenizer p = spec->pretokenizers[i];

        if (p.kind == SPLIT_PATTERN)
            p.pattern.what.pattern = put(&w, p.pattern.what.pattern);
        buf_append(out, &p, sizeof(p));
    }
    head.strings = place(out, w.strings.data, w.strings.size);
    head.strings_size = (uint32_t)w.strings.size;
    memcpy(out->data + begin, &head, sizeof(head));
    buf_release(&w.strings);
}

static uint8_t flags_of(const struct added_token *t)
{
    return (uint8_t)((t->single_word ? ADDED_SINGLE_WORD : 0) | (t->lstrip ? ADDED_LSTRIP : 0) |
                     (t->rstrip ? ADDED_RSTRIP : 0) | (t->special ? ADDED_SPECIAL : 0));
}

/* Head of IMAGE_ADDED: the nodes of raw tokens follow, then those of normalized ones. */
struct added_head {
    uint32_t n_raw, n_normalized;
};

void added_names_release(struct added_names *n)
{
    buf_release(&n->text);
    free(n->items);
}

static void compile_set(const struct tokenizer_spec *spec, bool normalized,
                        const struct added_names *names, struct buf *out)
{
    struct added_text *items = mem_new_array(spec->n_added + 1, struct added_text);
    size_t n = 0;

    for (size_t i = 0; i < spec->n_added; i++) {
        const struct added_token *t = &spec->added[i];
        struct slice name = {names->text.data + names->items[i].at, names->items[i].size};

        if (t->normalized == normalized)
            items[n++] = (struct added_text){name, t->id, flags_of(t)};
    }
    added_compile(items, n, out);
    free(items);
}

static void compile_added(const struct tokenizer_spec *spec, const struct added_names *names,
                          struct buf *out)
{
    struct added_head head = {0};
    size_t begin;

    buf_append(out, &head, sizeof(head));
    begin = out->size;
    compile_set(spec, false, names, out);
    head.n_raw = (uint32_t)((out->size - begin) / sizeof(struct added_node));
    begin = out->size;
    compile_set(spec, true, names, out);
    head.n_normalized = (uint32_t)((out->size - begin) / sizeof(struct added_node));
    memcpy(out->data, &head, sizeof(head));
}

static bool open_steps(struct program *p, const char *data, size_t size, struct err *err);

/* Tokens that are looked for in normalized text are normalized themselves. */
static bool normalize_contents(const struct tokenizer_spec *spec, const struct buf *steps,
                               struct added_names *ret, struct err *err)
{
    struct program *p = mem_new(struct program);
    struct pieces_scratch *s = pieces_scratch_new();
    struct pieces out = {0};
    bool ok = open_steps(p, steps->data, steps->size, err);

    ret->items = mem_new_array(spec->n_added + 1, struct text);
    buf_reserve(&ret->text, 1);
    for (size_t i = 0; ok && i < spec->n_added; i++) {
        const struct added_token *t = &spec->added[i];
        struct slice text = {t->content.size ? spec_str(spec, t->content) : "", t->content.size};

        if (t->normalized && spec->n_normalizers) {
            ok = program_normalize(p, text.data, text.size, s, &out, err);
            text = (struct slice){out.text.data, ok ? out.text.size : 0};
        }
        ret->items[i] = (struct text){(uint32_t)ret->text.size, (uint32_t)text.size};
        if (text.size)
            buf_append(&ret->text, text.data, text.size);
    }
    pieces_release(&out);
    pieces_scratch_free(s);
    program_free(p);
    return ok;
}

bool program_compile(const struct tokenizer_spec *spec, struct image_writer *w,
                     struct added_names *ret, struct err *err)
{
    struct buf *steps = &w->sections[IMAGE_PROGRAM];

    compile_steps(spec, steps);
    if (!normalize_contents(spec, steps, ret, err))
        return false;
    compile_added(spec, ret, &w->sections[IMAGE_ADDED]);
    return true;
}

/* ---- opening */

static bool open_matcher(const struct program *p, const struct matcher *m, const char *where,
                         size_t i, struct pattern **ret, struct err *err)
{
    /* An empty literal matches everywhere, as the empty pattern does. */
    if (!m->regex && m->pattern.size)
        return true;
    if (pattern_compile(p->strings + m->pattern.at, m->pattern.size, ret, err))
        return true;
    return err_wrap(err, "%s %zu", where, i);
}

static bool open_normalizer(struct program *p, size_t i, struct err *err)
{
    const struct normalizer *n = &p->normalizers[i];

    if (n->kind == NORMALIZE_REPLACE)
        return open_matcher(p, &n->replace.what, "normalizer", i, &p->normalizer_patterns[i], err);
    if (n->kind == NORMALIZE_PRECOMPILED)
        return charsmap_open(&p->charsmaps[i], p->strings + n->charsmap.at, n->charsmap.size, err);
    return true;
}

static void find_scanners(struct program *p)
{
    const struct pretokenizer byte_level = {.kind = SPLIT_BYTE_LEVEL,
                                            .byte_level = {.use_regex = true}};
    struct tokenizer_spec strings = {
        .strings = {(char *)(uintptr_t)p->strings, p->head->strings_size, p->head->strings_size}};

    p->byte_level = scanner_find(&strings, &byte_level, 1);
    if (!p->head->is_bytes)
        return;
    for (size_t i = 0; i < p->head->n_pretokenizers; i++)
        if (p->pretokenizers[i].kind == SPLIT_BYTE_LEVEL &&
            p->pretokenizers[i].byte_level.add_prefix_space)
            return; /* it changes the text */
    p->scanner = scanner_find(&strings, p->pretokenizers, p->head->n_pretokenizers);
}

static bool open_steps(struct program *p, const char *data, size_t size, struct err *err)
{
    const struct program_head *head = (const struct program_head *)(const void *)data;

    if (size < sizeof(*head))
        return err_set(err, ERR_FILE_CORRUPT, "an image without a program");
    p->head = head;
    p->normalizers = (const struct normalizer *)(const void *)(data + head->normalizers);
    p->pretokenizers = (const struct pretokenizer *)(const void *)(data + head->pretokenizers);
    p->strings = data + head->strings;
    p->normalizer_patterns = mem_new_array(head->n_normalizers + 1, struct pattern *);
    p->pretokenizer_patterns = mem_new_array(head->n_pretokenizers + 1, struct pattern *);
    p->charsmaps = mem_new_array(head->n_normalizers + 1, struct charsmap);
    for (size_t i = 0; i < head->n_normalizers; i++)
        if (!open_normalizer(p, i, err))
            return false;
    find_scanners(p);
    for (size_t i = 0; i < head->n_pretokenizers; i++) {
        const struct pretokenizer *step = &p->pretokenizers[i];

        if (step->kind == SPLIT_METASPACE && step->metaspace.scheme == PREPEND_FIRST)
            p->looks_at_begin = true;
        if (step->kind == SPLIT_PATTERN && !p->scanner &&
            !open_matcher(p, &step->pattern.what, "pre-tokenizer", i, &p->pretokenizer_patterns[i],
                          err))
            return false;
    }
    return true;
}

bool program_open(struct image image, struct program **ret, struct err *err)
{
    struct program *p = mem_new(struct program);
    size_t size;
    const char *steps = image_section(image, IMAGE_PROGRAM, &size);

    if (!open_steps(p, steps, size, err)) {
        program_free(p);
        return false;
    }
    const struct added_head *added = image_section(image, IMAGE_ADDED, &size);
    if (size >= sizeof(*added)) {
        const struct added_node *nodes = (const struct added_node *)(const void *)(added + 1);

        added_open(&p->raw, nodes, added->n_raw);
        added_open(&p->normalized, nodes + added->n_raw, added->n_normalized);
    }
    *ret = p;
    return true;
}

void program_free(struct program *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->normalizer_patterns && i < p->head->n_normalizers; i++)
        pattern_free(p->normalizer_patterns[i]);
    for (size_t i = 0; p->pretokenizer_patterns && i < p->head->n_pretokenizers; i++)
        pattern_free(p->pretokenizer_patterns[i]);
    free(p->normalizer_patterns);
    free(p->pretokenizer_patterns);
    free(p->charsmaps);
    free(p);
}

bool program_has_added(const struct program *p)
{
    return p->raw.n_nodes > 1 || p->normalized.n_nodes > 1;
}
