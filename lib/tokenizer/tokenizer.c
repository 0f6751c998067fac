#include "tokenizer/added_finder.h"
#include "tokenizer/decoder.h"
#include "tokenizer/parts.h"

static bool compile_parts(const struct tokenizer_spec *spec, struct image_writer *w,
                          struct err *err)
{
    AUTO_ADDED_NAMES struct added_names names = {0};
    struct core core;
    struct pattern **patterns;
    bool ok;

    if (!program_compile(spec, w, &names, err) ||
        !core_compile(spec, &names, &w->sections[IMAGE_CORE], err) ||
        !token_model_compile(spec, w, err))
        return false;
    words_compile(spec, w);
    if (!core_open(w->sections[IMAGE_CORE].data, w->sections[IMAGE_CORE].size, &core, err) ||
        !decoder_patterns(&core, &patterns, err))
        return false;
    ok = decode_table_compile(&core, patterns, w, err);
    decoder_patterns_free(&core, patterns);
    return ok;
}

/* Added tokens may be entries of the vocabulary too; each name counts once. */
static uint32_t count_names(const struct core *c, const struct token_model *model)
{
    uint32_t n = token_model_vocab_size(model);

    for (uint32_t i = 0; i < c->head->n_added; i++) {
        struct slice name = core_text(c, c->added[i].content);
        n += token_model_id(model, name.data, name.size) == NO_ID;
    }
    return n;
}

bool tokenizer_compile(const struct tokenizer_spec *spec, const struct image_key *key,
                       struct buf *out, struct err *err)
{
    struct image_writer w = {0};
    bool ok = compile_parts(spec, &w, err);

    if (ok)
        image_finish(&w, key, out);
    image_writer_release(&w);
    return ok;
}

/* Lets one marked token through post-processing, to see what is put around it. */
static void learn_wrapping(struct tokenizer *t)
{
    static const uint32_t mark = UINT32_MAX - 1;
    struct parts p = {0};
    size_t n_marks = 0, n = 0;

    parts_row(&p)->id = mark;
    parts_list(&p, parts_add(&p, 0, -1));
    postprocess(&t->core, &p, true);
    t->prefix_ids = mem_new_array(p.n_rows + 1, uint32_t);
    t->suffix_ids = mem_new_array(p.n_rows + 1, uint32_t);
    for (size_t i = 0; i < p.n_list; i++)
        for (uint32_t r = 0; r < p.items[p.list[i]].n; r++, n++) {
            uint32_t id = p.rows[p.items[p.list[i]].row + r].id;

            if (id == mark)
                n_marks++;
            else if (n_marks)
                t->suffix_ids[t->n_suffix++] = id;
            else
                t->prefix_ids[t->n_prefix++] = id;
        }
    t->wraps_plainly = n_marks == 1;
    parts_release(&p);
}

static const struct scanner *find_scanner(const struct core *c)
{
    struct tokenizer_spec strings = {
        .strings = {(char *)(uintptr_t)c->strings, c->head->strings_size, c->head->strings_size}};

    return c->head->n_pretokenizers
               ? scanner_find(&strings, c->pretokenizers, c->head->n_pretokenizers)
               : NULL;
}

static bool open_parts(struct tokenizer *t, struct err *err)
{
    size_t size;
    const void *data = image_section(t->image, IMAGE_CORE, &size);

    if (!core_open(data, size, &t->core, err) || !program_open(t->image, &t->program, err) ||
        !token_model_open(t->image, &t->model, err) ||
        !decoder_patterns(&t->core, &t->patterns, err))
        return false;
    data = image_section(t->image, IMAGE_TEXTS, &size);
    if (!decode_table_open(&t->core, token_model_vocab(t->model), data, size, &t->table, err))
        return false;
    t->scanner = find_scanner(&t->core);
    t->added_pairs = cut_added_pairs(&t->core);
    t->finder = mem_new(struct added_finder);
    added_finder_open(&t->core, t->finder);
    t->trims = postprocess_trims(&t->core);
    if (t->finder->usable)
        t->words = words_open(t->image, t->model, t->program, t->scanner, t->trims == TRIMS_WORDS);
    if (!t->words && t->finder->usable && t->trims == TRIMS_WORDS) {
        t->trims = TRIMS_ROWS;
        t->words = words_open(t->image, t->model, t->program, t->scanner, false);
    }
    t->n_names = count_names(&t->core, t->model);
    learn_wrapping(t);
    return true;
}

bool tokenizer_open(struct image image, void (*release)(void *ctx), void *ctx,
                    struct tokenizer **ret, struct err *err)
{
    static atomic_uint_fast64_t last_serial;
    struct tokenizer *t = mem_new(struct tokenizer);

    t->serial = atomic_fetch_add_explicit(&last_serial, 1, memory_order_relaxed) + 1;
    atomic_init(&t->refs, 1);
    t->image = image;
    t->release = release;
    t->ctx = ctx;
    if (!open_parts(t, err)) {
        tokenizer_unref(t);
        return false;
    }
    *ret = t;
    return true;
}

struct tokenizer *tokenizer_ref(const struct tokenizer *t)
{
    struct tokenizer *mine = (struct tokenizer *)(uintptr_t)t; /* only the count changes */

    atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void tokenizer_unref(struct tokenizer *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    words_free(t->words);
    free(t->finder);
    program_free(t->program);
    token_model_free(t->model);
    if (t->core.head)
        decoder_patterns_free(&t->core, t->patterns);
    free(t->added_pairs);
    free(t->prefix_ids);
    free(t->suffix_ids);
    if (t->release)
        t->release(t->ctx);
    free(t);
}

struct scratch *scratch_new(size_t max_bytes)
{
    struct scratch *s = mem_new(struct scratch);

    s->words_scratch = words_scratch_new(max_bytes);
    s->pieces_scratch = pieces_scratch_new();
    s->model_scratch = model_scratch_new();
    s->decode.patterns = pattern_scratch_new();
    s->parts = mem_new(struct parts);
    s->strings[0] = mem_new(struct strings);
    s->strings[1] = mem_new(struct strings);
    return s;
}

size_t scratch_buffers(const struct scratch *s)
{
    const struct pieces *p = &s->pieces;

    return s->text.capacity + s->decoded.capacity + p->text.capacity +
           p->origins_capacity * sizeof(*p->origins) + p->capacity * sizeof(*p->items) +
           s->tokens.capacity * sizeof(*s->tokens.items) +
           s->words_out.capacity * (sizeof(*s->words_out.ids) + sizeof(*s->words_out.spans)) +
           s->ids.capacity * sizeof(*s->ids.items);
}

void scratch_free(struct scratch *s)
{
    if (!s)
        return;
    pieces_scratch_free(s->pieces_scratch);
    model_scratch_free(s->model_scratch);
    words_scratch_free(s->words_scratch);
    free(s->words_out.ids);
    free(s->words_out.spans);
    char_index_release(&s->char_index);
    buf_release(&s->text);
    pieces_release(&s->pieces);
    free(s->tokens.items);
    parts_release(s->parts);
    free(s->parts);
    id_list_release(&s->ids);
    encoded_release(&s->encoding);
    buf_release(&s->decoded);
    decode_state_release(&s->decode);
    for (size_t i = 0; i < ARRAY_SIZE(s->strings); i++) {
        strings_release(s->strings[i]);
        free(s->strings[i]);
    }
    free(s);
}

void id_list_release(struct id_list *l)
{
    free(l->items);
    *l = (struct id_list){0};
}

void id_list_reserve(struct id_list *l, size_t more)
{
    if (l->n + more <= l->capacity)
        return;
    l->capacity = l->n + more + l->capacity / 2 + 64;
    l->items = mem_resize(l->items, l->capacity * sizeof(*l->items));
}

void id_list_append(struct id_list *l, const uint32_t *ids, size_t n)
{
    id_list_reserve(l, n);
    if (n)
        memcpy(l->items + l->n, ids, n * sizeof(*ids));
    l->n += n;
}

/* ---- facts */

uint32_t tokenizer_vocab_size(const struct tokenizer *t) { return t->n_names; }

uint32_t tokenizer_id_end(const struct tokenizer *t) { return t->core.head->id_end; }

uint32_t tokenizer_token_id(const struct tokenizer *t, const char *token, size_t size)
{
    const struct core_added *added = core_added_by_text(&t->core, token, size);

    return added ? added->id : token_model_id(t->model, token, size);
}

bool tokenizer_token_name(const struct tokenizer *t, uint32_t id, struct buf *out)
{
    const struct core_added *added = core_added_by_id(&t->core, id);

    if (!added)
        return token_model_name(t->model, id, out);
    struct slice name = core_text(&t->core, added->name);
    buf_append(out, name.data, name.size);
    return true;
}

bool tokenizer_is_special(const struct tokenizer *t, uint32_t id)
{
    AUTO_BUF struct buf name = {0};

    return t->core.head->n_specials && tokenizer_token_name(t, id, &name) &&
           core_is_special_text(&t->core, name.data, name.size);
}

const struct truncation *tokenizer_truncation(const struct tokenizer *t)
{
    return &t->core.head->truncation;
}

const struct padding *tokenizer_padding(const struct tokenizer *t)
{
    return &t->core.head->padding;
}

bool tokenizer_cleans_up(const struct tokenizer *t) { return t->core.head->clean_up_spaces; }

size_t tokenizer_special_count(const struct tokenizer *t, bool pair)
{
    return postprocess_added(&t->core, pair);
}
