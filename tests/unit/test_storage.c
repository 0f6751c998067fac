#include "test.h"

#include "daemon/storage.h"

#include <stdio.h>
#include <unistd.h>

struct fixture {
    char dir[64], registry[96], cache[96];
    uv_loop_t loop;
    struct storage *s;
    struct buf log; /* what done() said, in order */
};

static void start(struct fixture *f, size_t max_waiting)
{
    AUTO_ERR struct err err = {0};
    const struct storage_config config = {
        .registry_path = f->registry, .cache_path = f->cache, .max_waiting = max_waiting};

    if (!storage_open(&f->s, &config, NULL, &err))
        fail_msg("%s", err.msg);
    storage_start(f->s, &f->loop);
}

/* Everything is done and freed when the loop has nothing left. */
static void stop(struct fixture *f)
{
    storage_stop(take(&f->s));
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    strcpy(f->dir, "/tmp/storage-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->registry, sizeof(f->registry), "%s/registry.db", f->dir);
    snprintf(f->cache, sizeof(f->cache), "%s/cache.db", f->dir);
    *state = f;
    return uv_loop_init(&f->loop);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *command = str_printf("rm -rf '%s'", f->dir);
    int rc = uv_loop_close(&f->loop);

    buf_release(&f->log);
    free(f);
    return rc ? rc : system(command);
}

/* ---- a write of one architecture */

struct put {
    struct storage_write w;
    struct store_op op;
    struct fixture *f;
    char name[24];
    int n_done;
    void (*then)(struct put *p);
};

static void on_put(struct storage_write *w)
{
    struct put *p = container_of(w, struct put, w);

    p->n_done++;
    buf_printf(&p->f->log, "%s %s, ", p->name, w->ok ? "ok" : err_slug(w->err.code));
    err_release(&w->err);
    if (p->then)
        p->then(p);
}

static void prepare(struct put *p, struct fixture *f, const char *name, int64_t revision)
{
    *p = (struct put){.f = f};
    snprintf(p->name, sizeof(p->name), "%s", name);
    p->op = (struct store_op){.kind = STORE_ARCH_PUT,
                              .arch = {.name = p->name,
                                       .task = "text_generation",
                                       .doc = "{}",
                                       .ordinal = revision,
                                       .revision = revision}};
    p->w = (struct storage_write){.write = {.ops = &p->op, .n_ops = 1, .revision = revision},
                                  .done = on_put};
}

static void submit(struct put *p)
{
    AUTO_ERR struct err err = {0};

    assert_true(storage_submit(p->f->s, &p->w, &err));
    assert_int_equal(p->n_done, 0);
}

static void run_until_done(struct fixture *f, const int *n_done)
{
    while (*n_done == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void on_arch(void *ctx, const struct store_arch *a) { buf_printf(ctx, "%s ", a->name); }

static void assert_stored(struct fixture *f, const char *names, int64_t revision)
{
    CLEANUP(registry_store_closep) struct registry_store *s = NULL;
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};
    struct store_meta meta;

    buf_append_str(&text, "");
    assert_true(registry_store_open(&s, f->registry, NULL, NULL, &err));
    assert_true(registry_store_load(
        s, &(struct registry_store_loader){.arch = on_arch, .ctx = &text}, &meta, &err));
    assert_string_equal(text.data, names);
    assert_int_equal(meta.revision, revision);
}

/* ---- tests */

static void each_write_is_done_once_in_order_and_kept(void **state)
{
    struct fixture *f = *state;
    struct put a, b, c;

    start(f, 0);
    prepare(&a, f, "A", 1), prepare(&b, f, "B", 2), prepare(&c, f, "C", 3);
    submit(&a), submit(&b), submit(&c);
    run_until_done(f, &c.n_done);
    assert_string_equal(f->log.data, "A ok, B ok, C ok, ");
    assert_int_equal(a.n_done + b.n_done + c.n_done, 3);
    assert_int_equal(storage_stats(f->s).n_waiting, 0);
    assert_int_equal(storage_stats(f->s).n_writes, 3);
    stop(f);
    assert_stored(f, "A B C ", 3);
}

static void on_last_words(struct put *p)
{
    struct put late;
    AUTO_ERR struct err err = {0};

    prepare(&late, p->f, "late", 1001);
    assert_false(storage_submit(p->f->s, &late.w, &err));
    assert_int_equal(err.code, ERR_DRAINING);
    buf_append_str(&p->f->log, "refused, ");
}

static void stopping_finishes_what_waits_and_takes_no_more(void **state)
{
    struct fixture *f = *state;
    struct put *puts = mem_new_array(1000, struct put);
    int n = 0;

    start(f, 0);
    for (int i = 0; i < 1000; i++) {
        char name[8];

        snprintf(name, sizeof(name), "A%d", i);
        prepare(&puts[i], f, name, i + 1);
        submit(&puts[i]);
    }
    puts[999].then = on_last_words;
    storage_stop(f->s);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    for (int i = 0; i < 1000; i++)
        n += puts[i].n_done == 1 && puts[i].w.ok;
    assert_int_equal(n, 1000);
    assert_non_null(strstr(f->log.data, "A999 ok, refused, "));
    free(puts);
}

static void a_storage_never_started_can_be_stopped(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    const struct storage_config config = {.registry_path = f->registry, .cache_path = f->cache};

    assert_true(storage_open(&f->s, &config, NULL, &err));
    storage_stop(take(&f->s));
    assert_stored(f, "", 0);
}

static void too_many_waiting_is_busy_and_takes_nothing(void **state)
{
    struct fixture *f = *state;
    struct put a, b, c;
    AUTO_ERR struct err err = {0};

    start(f, 2);
    prepare(&a, f, "A", 1), prepare(&b, f, "B", 2), prepare(&c, f, "C", 3);
    submit(&a), submit(&b);
    assert_false(storage_submit(f->s, &c.w, &err));
    assert_int_equal(err.code, ERR_BUSY);
    run_until_done(f, &b.n_done);
    submit(&c);
    run_until_done(f, &c.n_done);
    assert_string_equal(f->log.data, "A ok, B ok, C ok, ");
    stop(f);
}

/* A lease of a pipeline that is not there: the database refuses it. */
static void prepare_bad(struct put *p, struct fixture *f, const char *name, int64_t revision)
{
    prepare(p, f, name, revision);
    p->op = (struct store_op){
        .kind = STORE_LEASE_PUT,
        .lease = {.id = p->name, .pipeline = "pl_none", .holder = "", .ttl_ms = 1}};
}

static struct put after_failure;

static void on_failed(struct put *p)
{
    AUTO_ERR struct err err = {0};

    /* For every failure, as an owner would that keeps no count. */
    storage_resume(p->f->s, &p->w);
    if (!str_eq(p->name, "bad"))
        return;
    prepare(&after_failure, p->f, "after", 1);
    assert_true(storage_submit(p->f->s, &after_failure.w, &err));
}

static void after_a_failure_nothing_is_written_until_resumed(void **state)
{
    struct fixture *f = *state;
    struct put before, bad, lost, last;

    start(f, 0);
    prepare(&before, f, "before", 1), prepare_bad(&bad, f, "bad", 2), prepare(&lost, f, "lost", 3);
    submit(&before);
    run_until_done(f, &before.n_done);
    submit(&bad), submit(&lost);
    run_until_done(f, &lost.n_done);
    /* Whatever the batches were: what was decided on the lost state is lost with it. */
    assert_string_equal(f->log.data, "before ok, bad store-failed, lost store-failed, ");

    /* Nobody has resumed yet. */
    prepare(&last, f, "last", 4);
    submit(&last);
    run_until_done(f, &last.n_done);
    assert_false(last.w.ok);

    storage_resume(f->s, &bad.w);
    storage_resume(f->s, &lost.w);
    prepare(&last, f, "last", 2);
    submit(&last);
    run_until_done(f, &last.n_done);
    assert_true(last.w.ok);
    assert_int_equal(storage_stats(f->s).n_failed, 3);
    stop(f);
    assert_stored(f, "before last ", 2);
}

static void resuming_in_the_first_failed_done_is_right(void **state)
{
    struct fixture *f = *state;
    struct put bad, lost;

    start(f, 0);
    prepare_bad(&bad, f, "bad", 1), prepare(&lost, f, "lost", 2);
    bad.then = lost.then = on_failed;
    submit(&bad), submit(&lost);
    run_until_done(f, &after_failure.n_done);
    assert_string_equal(f->log.data, "bad store-failed, lost store-failed, after ok, ");
    stop(f);
    assert_stored(f, "after ", 1);
}

struct get {
    struct storage_read r;
    int n_done;
};

static void on_get(struct storage_read *r) { container_of(r, struct get, r)->n_done++; }

static void a_read_sees_the_writes_before_it(void **state)
{
    struct fixture *f = *state;
    struct get get = {.r = {.id = "pl_1", .done = on_get}};
    struct put put;
    AUTO_ERR struct err err = {0};

    start(f, 0);
    prepare(&put, f, "put", 1);
    put.op = (struct store_op){.kind = STORE_HANDLE_PUT,
                               .handle = {.id = "pl_1",
                                          .state = "ready",
                                          .arch = "",
                                          .task = "",
                                          .model = "org/m",
                                          .commit = "",
                                          .effective = "{}",
                                          .members = "\"a\":1",
                                          .detail = "{}"}};
    submit(&put);
    assert_true(storage_submit_read(f->s, &get.r, &err));
    run_until_done(f, &get.n_done);
    assert_true(get.r.ok);
    assert_string_equal(get.r.handle->members, "\"a\":1");
    store_handle_free(get.r.handle);
    get.n_done = 0;
    strcpy(get.r.id, "pl_2");
    assert_true(storage_submit_read(f->s, &get.r, &err));
    run_until_done(f, &get.n_done);
    assert_true(get.r.ok);
    assert_null(get.r.handle);
    stop(f);
}

/* ---- the cache's thread */

struct slow {
    struct storage_cache_op op;
    uv_sem_t go;
    struct err err;
    bool found;
    int n_done;
};

static void run_slow(struct storage_cache_op *op, struct cache_store *cache)
{
    struct slow *slow = container_of(op, struct slow, op);
    struct cache_pin pin = {0};

    uv_sem_wait(&slow->go);
    assert_true(cache_get_pin(cache, "a/b", "main", "", &pin, &slow->found, &slow->err));
}

static void on_slow(struct storage_cache_op *op) { container_of(op, struct slow, op)->n_done++; }

static void a_commit_does_not_wait_for_the_cache(void **state)
{
    struct fixture *f = *state;
    struct slow slow = {.op = {.run = run_slow, .done = on_slow}};
    struct put a;
    AUTO_ERR struct err err = {0};

    start(f, 0);
    uv_sem_init(&slow.go, 0);
    assert_true(storage_submit_cache(f->s, &slow.op, &err));
    prepare(&a, f, "A", 1);
    submit(&a);
    run_until_done(f, &a.n_done);
    assert_int_equal(slow.n_done, 0);
    assert_int_equal(storage_stats(f->s).n_cache_waiting, 1);
    uv_sem_post(&slow.go);
    run_until_done(f, &slow.n_done);
    assert_false(slow.found);
    uv_sem_destroy(&slow.go);
    stop(f);
}

/* ---- many at once: what the thread sanitizer looks at */

enum { N_CLIENTS = 64, N_EACH = 20 };

static void on_client(struct put *p)
{
    int64_t next = p->w.write.revision + N_CLIENTS;
    AUTO_ERR struct err err = {0};

    assert_true(p->w.ok);
    if (p->n_done == N_EACH)
        return;
    p->op.arch.revision = p->w.write.revision = next;
    snprintf(p->name, sizeof(p->name), "A%lld", (long long)next);
    assert_true(storage_submit(p->f->s, &p->w, &err));
}

static void clients_share_commits(void **state)
{
    struct fixture *f = *state;
    struct put *clients = mem_new_array(N_CLIENTS, struct put);
    struct storage_stats stats;

    start(f, 0);
    for (int i = 0; i < N_CLIENTS; i++) {
        prepare(&clients[i], f, "A", i + 1);
        snprintf(clients[i].name, sizeof(clients[i].name), "A%d", i + 1);
        clients[i].then = on_client;
        submit(&clients[i]);
    }
    do {
        uv_run(&f->loop, UV_RUN_ONCE);
        stats = storage_stats(f->s);
    } while (stats.n_waiting);
    assert_int_equal(stats.n_writes, N_CLIENTS * N_EACH);
    assert_true(stats.n_commits < stats.n_writes / 4);
    stop(f);
    free(clients);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_write_is_done_once_in_order_and_kept),
        TEST(stopping_finishes_what_waits_and_takes_no_more),
        TEST(a_storage_never_started_can_be_stopped),
        TEST(too_many_waiting_is_busy_and_takes_nothing),
        TEST(after_a_failure_nothing_is_written_until_resumed),
        TEST(resuming_in_the_first_failed_done_is_right),
        TEST(a_read_sees_the_writes_before_it),
        TEST(a_commit_does_not_wait_for_the_cache),
        TEST(clients_share_commits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
