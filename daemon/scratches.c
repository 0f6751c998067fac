#include "daemon/scratches.h"

#include <pthread.h>

enum { SCRATCHES_KEPT = 64 };

struct scratches {
    pthread_mutex_t lock; /* of the rest */
    struct text_scratch *free[SCRATCHES_KEPT];
    size_t n;
    size_t max_bytes;
};

struct scratches *scratches_new(size_t max_bytes_each)
{
    struct scratches *s = mem_new(struct scratches);

    pthread_mutex_init(&s->lock, NULL);
    s->max_bytes = max_bytes_each;
    return s;
}

void scratches_free(struct scratches *s)
{
    for (size_t i = 0; i < s->n; i++)
        text_scratch_free(s->free[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct text_scratch *scratches_take(struct scratches *s)
{
    struct text_scratch *scratch = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->n)
        scratch = s->free[--s->n];
    pthread_mutex_unlock(&s->lock);
    return scratch ? scratch : text_scratch_new(s->max_bytes);
}

static bool is_swollen(const struct text_scratch *s)
{
    return scratch_buffers(s->scratch) + s->text.capacity +
               s->ids.capacity * sizeof(*s->ids.items) +
               s->encoding.capacity * sizeof(*s->encoding.offsets) >
           SCRATCH_BUFFERS_MAX;
}

void scratches_give(struct scratches *s, struct text_scratch *scratch)
{
    bool is_kept = !is_swollen(scratch);

    pthread_mutex_lock(&s->lock);
    if (is_kept && s->n < SCRATCHES_KEPT)
        s->free[s->n++] = take(&scratch);
    pthread_mutex_unlock(&s->lock);
    text_scratch_free(scratch);
}
