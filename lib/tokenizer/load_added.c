/* Added tokens get their ids. */
#include "tokenizer/load_fields.h"

#include "base/hash.h"

/* Added tokens by their content: open addressing, a power of two at most half full. */
struct added_table {
    uint32_t *slots; /* index + 1; 0: free */
    size_t mask;
};

static uint32_t *find(const struct added_table *t, const struct tokenizer_spec *s, struct text text)
{
    const char *data = spec_str(s, text);
    size_t i = hash_table_key(data, text.size) & t->mask;

    for (; t->slots[i]; i = (i + 1) & t->mask) {
        struct text other = s->added[t->slots[i] - 1].content;
        if (other.size == text.size && memcmp(spec_str(s, other), data, text.size) == 0)
            break;
    }
    return &t->slots[i];
}

/* Equal contents: the first stays. Empty ones are no tokens. */
static void drop_repeated(struct added_table *t, struct tokenizer_spec *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_added; i++) {
        struct added_token a = s->added[i];
        if (!a.content.size)
            continue;
        uint32_t *slot = find(t, s, a.content);
        if (*slot)
            continue;
        a.id = UINT32_MAX;
        s->added[n] = a;
        *slot = (uint32_t)++n;
    }
    s->n_added = n;
}

static int by_id(const void *a, const void *b)
{
    const struct added_token *x = *(const struct added_token *const *)a;
    const struct added_token *y = *(const struct added_token *const *)b;

    return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x > y) - (x < y);
}

/* Of those with one id the last stays. It takes a vocabulary that leaves out ids. */
static void drop_replaced(struct tokenizer_spec *s)
{
    AUTO_FREE struct added_token **order = mem_new_array(s->n_added, struct added_token *);
    size_t n = 0;

    for (size_t i = 0; i < s->n_added; i++)
        order[i] = &s->added[i];
    qsort(order, s->n_added, sizeof(*order), by_id);
    for (size_t i = 0; i + 1 < s->n_added; i++)
        if (order[i]->id == order[i + 1]->id)
            order[i]->content.size = 0;
    for (size_t i = 0; i < s->n_added; i++)
        if (s->added[i].content.size)
            s->added[n++] = s->added[i];
    s->n_added = n;
}

/*
 * As the reference numbers them: those of the vocabulary have its id, the others
 * one after another from its size on, whether that is free or not.
 */
bool load_number_added(struct tokenizer_spec *s, struct err *err)
{
    struct added_table t = {.mask = 15};
    uint64_t longest = 0, next = s->n_vocab;
    bool meets = false;

    if (!s->n_added)
        return true;
    while (t.mask < s->n_added * 2)
        t.mask = t.mask * 2 + 1;
    AUTO_FREE uint32_t *slots = mem_new_array(t.mask + 1, uint32_t);
    t.slots = slots;
    drop_repeated(&t, s);
    for (size_t i = 0; i < s->n_added; i++)
        if (s->added[i].content.size > longest)
            longest = s->added[i].content.size;
    for (size_t i = 0; i < s->n_vocab; i++) {
        struct text token = s->vocab[i].token;
        uint32_t *slot = token.size && token.size <= longest ? find(&t, s, token) : NULL;
        if (slot && *slot)
            s->added[*slot - 1].id = s->vocab[i].id;
    }
    for (size_t i = 0; i < s->n_added; i++) {
        struct added_token *a = &s->added[i];
        if (a->id == UINT32_MAX)
            a->id = (uint32_t)next++;
        else
            meets = meets || a->id >= s->n_vocab;
        if (next > VOCAB_MAX)
            return err_set(err, ERR_FILE_CORRUPT, "added tokens beyond id %d", VOCAB_MAX - 1);
    }
    if (meets)
        drop_replaced(s);
    return true;
}
