#include "daemon/crew.h"

#include "daemon/core.h"

#include <pthread.h>

/* One run: counted by its caller, its message and its helpers. */
struct gang {
    atomic_uint refs;
    struct crew *crew; /* lives until the message was heard */
    struct core *core;
    struct message message;
    void (*part)(void *ctx, size_t i, struct text_scratch *scratch);
    void *ctx; /* lives until all parts are done */
    size_t n;
    atomic_size_t next;
    pthread_mutex_t lock; /* of done */
    pthread_cond_t all_done;
    size_t done;
};

struct helper {
    struct gang *gang;
    uv_work_t work;
};

static struct gang *gang_ref(struct gang *g)
{
    atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    return g;
}

static void gang_unref(struct gang *g)
{
    if (atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_cond_destroy(&g->all_done);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- on workers */

static void take_parts(struct gang *g, struct text_scratch *scratch)
{
    size_t i;

    while ((i = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed)) < g->n) {
        g->part(g->ctx, i, scratch);
        pthread_mutex_lock(&g->lock);
        if (++g->done == g->n)
            pthread_cond_signal(&g->all_done);
        pthread_mutex_unlock(&g->lock);
    }
}

static bool is_taken(struct gang *g)
{
    return atomic_load_explicit(&g->next, memory_order_relaxed) >= g->n;
}

static void help(uv_work_t *work)
{
    struct gang *g = container_of(work, struct helper, work)->gang;
    struct text_scratch *scratch;

    if (is_taken(g))
        return;
    scratch = scratches_take(g->core->scratches);
    take_parts(g, scratch);
    scratches_give(g->core->scratches, scratch);
}

/* ---- on the core loop */

static void on_helped(uv_work_t *work, int status)
{
    struct helper *h = container_of(work, struct helper, work);

    (void)status; /* never canceled */
    h->gang->core->n_jobs--;
    gang_unref(h->gang);
    free(h);
}

static void on_asked(struct message *m)
{
    struct gang *g = container_of(m, struct gang, message);
    struct crew *crew = g->crew;
    size_t n_others = (size_t)g->core->settings->workers - 1;
    size_t n = g->n - 1 < n_others ? g->n - 1 : n_others;

    for (size_t i = 0; i < n && !is_taken(g); i++) {
        struct helper *h = mem_new(struct helper);

        h->gang = gang_ref(g);
        g->core->n_jobs++;
        uv_queue_work(g->core->loop, &h->work, help, on_helped);
    }
    gang_unref(g);
    crew->n_heard++;
    if (crew->ended && crew->n_heard == crew->n_asked)
        crew->ended(crew);
}

void crew_end(struct crew *crew, void (*ended)(struct crew *crew))
{
    crew->ended = ended;
    if (crew->n_heard == crew->n_asked)
        ended(crew);
}

/* ---- on the job's worker */

static void run(struct text_crew *text, size_t n,
                void (*part)(void *ctx, size_t i, struct text_scratch *scratch), void *ctx,
                struct text_scratch *own)
{
    struct crew *crew = container_of(text, struct crew, text);
    struct gang *g = mem_new(struct gang);

    atomic_init(&g->refs, 1);
    g->crew = crew;
    g->core = crew->core;
    g->part = part;
    g->ctx = ctx;
    g->n = n;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->all_done, NULL);
    if (n > 1 && crew->core->settings->workers > 1) {
        g->message.run = on_asked;
        gang_ref(g);
        crew->n_asked++;
        mailbox_post(&crew->core->mailbox, &g->message);
    }
    take_parts(g, own);
    pthread_mutex_lock(&g->lock);
    while (g->done < n)
        pthread_cond_wait(&g->all_done, &g->lock);
    pthread_mutex_unlock(&g->lock);
    gang_unref(g);
}

void crew_init(struct crew *crew, struct core *core)
{
    *crew = (struct crew){.text = {.run = run}, .core = core};
}
