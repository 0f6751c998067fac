#include "api/text_parts.h"

#include "base/utf8.h"

/* One part of a text. Offsets of an error would be the part's, so an error is only noted. */
struct part {
    struct slice text;
    struct id_list ids;
    struct encoded encoded;
    size_t count, reused;
    bool ok;
};

struct cut_text {
    const struct text_job *job;
    const struct tokenizer *tokenizer;
    const struct encode_options *options; /* of encode_part() */
    struct part *parts;
    size_t n;
};

/* False: it stays whole. */
static bool cut(struct text_job *job, struct slice text, struct cut_text *ret)
{
    size_t max = text.size / SPLIT_PART + 1;
    struct slice *slices;

    *ret = (struct cut_text){.job = job, .tokenizer = job->tokenizer->tokenizer};
    if (!job->crew || text.size < TEXT_SHARED_MIN || !utf8_valid(text.data, text.size, NULL))
        return false;
    slices = mem_new_array(max, struct slice);
    ret->n = tokenizer_split(ret->tokenizer, text.data, text.size, slices, max);
    if (ret->n > 1) {
        ret->parts = mem_new_array(ret->n, struct part);
        for (size_t i = 0; i < ret->n; i++)
            ret->parts[i].text = slices[i];
    }
    free(slices);
    return ret->n > 1;
}

static void cut_release(struct cut_text *c)
{
    for (size_t i = 0; c->parts && i < c->n; i++) {
        id_list_release(&c->parts[i].ids);
        encoded_release(&c->parts[i].encoded);
    }
    free(c->parts);
}

/* False: some part failed. */
static bool run_parts(struct text_job *job, struct cut_text *c,
                      void (*part)(void *ctx, size_t i, struct text_scratch *scratch))
{
    bool ok = true;

    job->crew->run(job->crew, c->n, part, c, job->scratch);
    for (size_t i = 0; i < c->n; i++)
        ok = ok && c->parts[i].ok;
    return ok;
}

/* ---- ids */

static bool encode_whole(const struct text_job *job, struct slice text, bool add_special_tokens,
                         struct text_scratch *scratch, struct id_list *ids, size_t *ret_reused,
                         struct err *err)
{
    struct tokenizer *t = job->tokenizer->tokenizer;
    struct prefix_use use = {0};
    bool ok = job->prefixes ? prefix_encode(job->prefixes, t, text.data, text.size,
                                            add_special_tokens, scratch->scratch, ids, &use, err)
                            : tokenizer_encode_ids(t, text.data, text.size, add_special_tokens,
                                                   scratch->scratch, ids, err);

    *ret_reused = use.bytes;
    return ok;
}

static void ids_of_part(void *ctx, size_t i, struct text_scratch *scratch)
{
    struct cut_text *c = ctx;
    struct part *p = &c->parts[i];
    AUTO_ERR struct err err = {0};

    p->ok = encode_whole(c->job, p->text, false, scratch, &p->ids, &p->reused, &err);
}

static void join_ids(struct text_job *job, const struct cut_text *c, const struct id_slice *before,
                     const struct id_slice *behind, struct id_list *ids)
{
    size_t n = before->n + behind->n;

    for (size_t i = 0; i < c->n; i++)
        n += c->parts[i].ids.n;
    id_list_reserve(ids, n);
    id_list_append(ids, before->items, before->n);
    for (size_t i = 0; i < c->n; i++) {
        id_list_append(ids, c->parts[i].ids.items, c->parts[i].ids.n);
        job->reused_bytes += c->parts[i].reused;
    }
    id_list_append(ids, behind->items, behind->n);
}

bool text_parts_ids(struct text_job *job, struct slice text, bool add_special_tokens,
                    struct id_list *ids, struct err *err)
{
    struct id_slice before = {0}, behind = {0};
    struct cut_text c = {0};
    size_t reused;
    bool done = false;

    if (tokenizer_wrap(job->tokenizer->tokenizer, &before, &behind) && cut(job, text, &c)) {
        done = run_parts(job, &c, ids_of_part);
        if (done && add_special_tokens)
            join_ids(job, &c, &before, &behind, ids);
        else if (done)
            join_ids(job, &c, &(struct id_slice){0}, &(struct id_slice){0}, ids);
    }
    cut_release(&c);
    if (done)
        return true;
    if (!encode_whole(job, text, add_special_tokens, job->scratch, ids, &reused, err))
        return false;
    job->reused_bytes += reused;
    return true;
}

/* ---- how many */

static void count_part(void *ctx, size_t i, struct text_scratch *scratch)
{
    struct cut_text *c = ctx;
    struct part *p = &c->parts[i];
    AUTO_ERR struct err err = {0};

    p->ok = tokenizer_count(c->tokenizer, p->text.data, p->text.size, false, scratch->scratch,
                            &p->count, &err);
}

bool text_parts_count(struct text_job *job, struct slice text, bool add_special_tokens, size_t *ret,
                      struct err *err)
{
    const struct tokenizer *t = job->tokenizer->tokenizer;
    struct id_slice before = {0}, behind = {0};
    struct cut_text c = {0};
    bool done = false;

    if (tokenizer_wrap(t, &before, &behind) && cut(job, text, &c)) {
        done = run_parts(job, &c, count_part);
        *ret = add_special_tokens ? before.n + behind.n : 0;
        for (size_t i = 0; i < c.n; i++)
            *ret += c.parts[i].count;
    }
    cut_release(&c);
    return done || tokenizer_count(t, text.data, text.size, add_special_tokens,
                                   job->scratch->scratch, ret, err);
}

/* ---- with offsets */

static void encode_part(void *ctx, size_t i, struct text_scratch *scratch)
{
    struct cut_text *c = ctx;
    struct part *p = &c->parts[i];
    struct encode_options options = *c->options;
    AUTO_ERR struct err err = {0};

    options.add_special_tokens = false;
    p->ok = tokenizer_encode(c->tokenizer, &(struct encode_input){.words = &p->text, .n_words = 1},
                             NULL, &options, scratch->scratch, &p->encoded, &err);
}

static bool join(const struct cut_text *c, struct encoded *ret)
{
    struct slice *texts = mem_new_array(c->n, struct slice);
    struct encoded *parts = mem_new_array(c->n, struct encoded);
    bool ok;

    for (size_t i = 0; i < c->n; i++) {
        texts[i] = c->parts[i].text;
        parts[i] = c->parts[i].encoded; /* borrowed */
    }
    ok = tokenizer_join(c->tokenizer, texts, parts, c->n, c->options, ret);
    free(texts);
    free(parts);
    return ok;
}

bool text_parts_encode(struct text_job *job, struct slice text,
                       const struct encode_options *options, struct encoded *ret, struct err *err)
{
    const struct encode_input input = {.words = &text, .n_words = 1};
    struct cut_text c = {0};
    bool done = false;

    if (cut(job, text, &c)) {
        c.options = options;
        done = run_parts(job, &c, encode_part) && join(&c, ret);
    }
    cut_release(&c);
    return done || tokenizer_encode(job->tokenizer->tokenizer, &input, NULL, options,
                                    job->scratch->scratch, ret, err);
}

/* ---- lists */

/* Texts [from, to), of some SPLIT_PART bytes together. */
struct range {
    size_t from, to;
    struct err err;
    bool ok;
};

struct list {
    bool (*one)(void *ctx, size_t i, struct text_scratch *scratch, struct err *err);
    void *ctx;
    struct range *ranges;
    size_t n;
};

static void run_range(void *ctx, size_t i, struct text_scratch *scratch)
{
    const struct list *l = ctx;
    struct range *r = &l->ranges[i];

    r->ok = true;
    for (size_t k = r->from; r->ok && k < r->to; k++)
        r->ok = l->one(l->ctx, k, scratch, &r->err);
}

static size_t make_ranges(const struct slice *texts, size_t n, struct range *ret)
{
    size_t n_ranges = 0, bytes = 0;

    for (size_t i = 0; i < n; i++) {
        if (!n_ranges || bytes >= SPLIT_PART) {
            ret[n_ranges++].from = i;
            bytes = 0;
        }
        ret[n_ranges - 1].to = i + 1;
        bytes += texts[i].size;
    }
    return n_ranges;
}

bool text_parts_each(struct text_job *job, const struct slice *texts, size_t n,
                     bool (*one)(void *ctx, size_t i, struct text_scratch *scratch,
                                 struct err *err),
                     void *ctx, struct err *err)
{
    struct list list = {.one = one, .ctx = ctx};
    size_t bytes = 0;
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        bytes += texts[i].size;
    if (!job->crew || bytes < TEXT_SHARED_MIN) {
        for (size_t i = 0; ok && i < n; i++)
            ok = one(ctx, i, job->scratch, err);
        return ok;
    }
    list.ranges = mem_new_array(n, struct range);
    list.n = make_ranges(texts, n, list.ranges);
    job->crew->run(job->crew, list.n, run_range, &list, job->scratch);
    for (size_t i = 0; i < list.n; i++) {
        if (ok && !list.ranges[i].ok) {
            ok = false;
            err_move(err, &list.ranges[i].err);
        }
        err_release(&list.ranges[i].err);
    }
    free(list.ranges);
    return ok;
}
