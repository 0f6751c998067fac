#include "daemon/tokenizers.h"

#include "base/hash.h"
#include "daemon/model_read.h"
#include "daemon/tokenizer_image.h"

#include <stdio.h>

struct loaded {
    struct map_node node;
    char key[65];
    TAILQ_ENTRY(loaded) link;
    struct tokenizer *tokenizer;
    size_t bytes;
};

/* One being loaded, for all who wait for it. */
struct load {
    struct map_node node;
    char key[65];
    struct tokenizers *owner;
    struct image_key digest;
    struct model *model;
    char *token;
    struct tokenizer_set set;
    struct model_read reads[N_TOKENIZER_PARTS];
    size_t n_reading;
    TAILQ_HEAD(, tokenizers_op) ops;
    uv_work_t work;

    /* ---- the worker's */
    struct tokenizer *tokenizer;
    size_t size;
    bool compiled;
    struct err err;
};

void tokenizers_init(struct tokenizers *t, uv_loop_t *loop, struct hub *hub,
                     const struct localroots *roots, const char *cache_dir, size_t max_bytes)
{
    *t = (struct tokenizers){.loop = loop,
                             .hub = hub,
                             .roots = roots,
                             .folder = str_printf("%s/tokenizers", cache_dir),
                             .max_bytes = max_bytes};
    TAILQ_INIT(&t->by_use);
}

/* ---- what is loaded */

static void drop(struct tokenizers *t, struct loaded *l)
{
    map_remove(&t->by_key, &l->node);
    TAILQ_REMOVE(&t->by_use, l, link);
    t->bytes -= l->bytes;
    tokenizer_unref(l->tokenizer);
    free(l);
}

void tokenizers_forget(struct tokenizers *t)
{
    struct loaded *l;

    while ((l = TAILQ_FIRST(&t->by_use)))
        drop(t, l);
}

void tokenizers_release(struct tokenizers *t)
{
    tokenizers_forget(t);
    map_release(&t->by_key);
    map_release(&t->loading);
    free(t->folder);
}

static void put(struct tokenizers *t, const struct load *load)
{
    struct loaded *l = mem_new(struct loaded);

    snprintf(l->key, sizeof(l->key), "%s", load->key);
    l->node.key = l->key;
    l->tokenizer = tokenizer_ref(load->tokenizer);
    l->bytes = load->size;
    map_insert(&t->by_key, &l->node);
    TAILQ_INSERT_HEAD(&t->by_use, l, link);
    t->bytes += l->bytes;
    /* The newest stays, however large: somebody is about to use it. */
    while (t->bytes > t->max_bytes && TAILQ_NEXT(TAILQ_FIRST(&t->by_use), link))
        drop(t, TAILQ_LAST(&t->by_use, loaded_list));
}

/* ---- loading */

static void load_end(struct load *load)
{
    struct tokenizers *t = load->owner;
    struct tokenizers_op *op;

    map_remove(&t->loading, &load->node);
    if (load->tokenizer) {
        put(t, load);
        load->compiled ? t->n_compiled++ : t->n_mapped++;
    } else
        t->n_failed++;
    while ((op = TAILQ_FIRST(&load->ops))) {
        TAILQ_REMOVE(&load->ops, op, link);
        op->done(op, load->tokenizer, &load->err);
    }
    for (size_t i = 0; i < N_TOKENIZER_PARTS; i++) {
        buf_release(&load->reads[i].data);
        err_release(&load->reads[i].err);
    }
    tokenizer_unref(load->tokenizer);
    model_unref(load->model);
    err_release(&load->err);
    free(load->token);
    free(load);
    t->n_loading--;
}

static void on_loaded(uv_work_t *work, int status)
{
    (void)status; /* never canceled */
    load_end(container_of(work, struct load, work));
}

static struct slice part(const struct load *load, enum tokenizer_part p)
{
    const struct buf *b = &load->reads[p].data;

    return (struct slice){load->set.files[p] ? (b->data ? b->data : "") : NULL, b->size};
}

static void compile(uv_work_t *work)
{
    struct load *load = container_of(work, struct load, work);
    const struct tokenizer_files files = {
        .tokenizer_json = part(load, TOKENIZER_PART_JSON),
        .tokenizer_config = part(load, TOKENIZER_PART_CONFIG),
        .special_tokens_map = part(load, TOKENIZER_PART_SPECIAL_MAP),
        .added_tokens = part(load, TOKENIZER_PART_ADDED),
        .vocab_json = part(load, TOKENIZER_PART_VOCAB_JSON),
        .merges_txt = part(load, TOKENIZER_PART_MERGES),
        .vocab_txt = part(load, TOKENIZER_PART_VOCAB_TXT),
        .sentencepiece = part(load, TOKENIZER_PART_SENTENCEPIECE),
        .tiktoken = part(load, TOKENIZER_PART_TIKTOKEN),
        .tekken = part(load, TOKENIZER_PART_TEKKEN),
        .config = part(load, TOKENIZER_PART_MODEL_CONFIG),
        .gguf = part(load, TOKENIZER_PART_GGUF),
    };

    load->compiled = true;
    if (!tokenizer_image_make(load->owner->folder, &load->digest, &files, &load->tokenizer,
                              &load->size, &load->err))
        err_wrap(&load->err, "%s", load->model->ref.model);
}

/* The first fault in the order of the parts, so that it is the same each time. */
static bool reads_ok(struct load *load)
{
    for (size_t i = 0; i < N_TOKENIZER_PARTS; i++)
        if (load->set.files[i] && !load->reads[i].ok) {
            err_copy(&load->err, &load->reads[i].err);
            return false;
        }
    return true;
}

static void on_read(struct model_read *r)
{
    struct load *load = r->ctx;

    if (--load->n_reading)
        return;
    if (reads_ok(load))
        uv_queue_work(load->owner->loop, &load->work, compile, on_loaded);
    else
        load_end(load);
}

static void read_parts(struct load *load)
{
    load->n_reading = 1; /* until all are started */
    for (size_t i = 0; i < N_TOKENIZER_PARTS; i++) {
        struct model_read *r = &load->reads[i];

        if (!load->set.files[i])
            continue;
        *r = (struct model_read){.loop = load->owner->loop,
                                 .hub = load->owner->hub,
                                 .roots = load->owner->roots,
                                 .model = load->model,
                                 .file = load->set.files[i],
                                 .token = load->token,
                                 .max_bytes = TOKENIZER_PART_MAX,
                                 .is_header = i == TOKENIZER_PART_GGUF,
                                 .ctx = load,
                                 .done = on_read};
        load->n_reading++;
        model_read_start(r);
    }
    load->n_reading--; /* there is at least one, and none ends from inside */
}

static void map_image(uv_work_t *work)
{
    struct load *load = container_of(work, struct load, work);

    tokenizer_image_map(load->owner->folder, &load->digest, &load->tokenizer, &load->size);
}

static void on_mapped(uv_work_t *work, int status)
{
    struct load *load = container_of(work, struct load, work);

    (void)status; /* never canceled */
    if (load->tokenizer)
        load_end(load);
    else
        read_parts(load);
}

static struct load *load_new(struct tokenizers *t, const struct tokenizers_op *op,
                             const struct tokenizer_set *set, const struct image_key *digest,
                             const char *key)
{
    struct load *load = mem_new(struct load);

    snprintf(load->key, sizeof(load->key), "%s", key);
    load->node.key = load->key;
    load->owner = t;
    load->digest = *digest;
    load->model = model_ref_count(op->model);
    load->token = op->token ? str_dup(op->token) : NULL;
    load->set = *set;
    TAILQ_INIT(&load->ops);
    map_insert(&t->loading, &load->node);
    t->n_loading++;
    uv_queue_work(t->loop, &load->work, map_image, on_mapped);
    return load;
}

void tokenizers_open(struct tokenizers *t, struct tokenizers_op *op)
{
    AUTO_ERR struct err err = {0};
    struct tokenizer_set set;
    struct image_key digest;
    struct map_node *node;
    struct load *load;
    char key[65];

    if (!tokenizer_set_choose(op->model, &set, &err)) {
        op->done(op, NULL, &err);
        return;
    }
    tokenizer_set_digest(op->model, &set, digest.digest);
    hash_hex(digest.digest, sizeof(digest.digest), key);
    if ((node = map_find(&t->by_key, key))) {
        struct loaded *l = container_of(node, struct loaded, node);

        TAILQ_REMOVE(&t->by_use, l, link);
        TAILQ_INSERT_HEAD(&t->by_use, l, link);
        op->done(op, l->tokenizer, &err);
        return;
    }
    node = map_find(&t->loading, key);
    load = node ? container_of(node, struct load, node) : load_new(t, op, &set, &digest, key);
    TAILQ_INSERT_TAIL(&load->ops, op, link);
}
