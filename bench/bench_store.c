/*
 * bench_store: how near to bare SQLite is a durable registration?
 *
 * Three ways to make the same number of commits' worth of 1 KiB documents
 * durable on the same disk, in turns, so that a disk that gets slower gets
 * slower for all:
 *
 *   bare      one thread, one prepared INSERT, 64 rows per transaction
 *   same      one thread, the statements of a registration (architecture,
 *             event, revision), 64 of them per transaction
 *   storage   64 clients on a loop, each waiting for its done() before the
 *             next: what the daemon does
 *
 *     bench_store [DIR [ROUNDS]]
 *
 * A JSON line per case: median, fastest and slowest registrations per second,
 * and what storage is of the others.
 */
#include "base/clock.h"
#include "daemon/storage.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

enum { N_CLIENTS = 64, N_EACH = 40, N_WRITES = N_CLIENTS * N_EACH, MAX_ROUNDS = 100 };

static char doc[1025];

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_store: %s\n", what);
    exit(1);
}

static double rate(int64_t start_ns)
{
    return N_WRITES / ((double)(clock_mono_ns() - start_ns) / 1e9);
}

/* ---- bare */

static double run_bare(const char *dir, int round)
{
    AUTO_FREE char *path = str_printf("%s/bare-%d.db", dir, round);
    sqlite3_stmt *insert;
    sqlite3 *db;
    int64_t start_ns;
    double ret;

    check(sqlite3_open(path, &db) == SQLITE_OK, path);
    check(sqlite3_exec(db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, doc TEXT)",
                       NULL, NULL, NULL) == SQLITE_OK,
          "schema");
    sqlite3_prepare_v2(db, "INSERT INTO t (name, doc) VALUES (?, ?)", -1, &insert, NULL);
    start_ns = clock_mono_ns();
    for (int i = 0; i < N_EACH; i++) {
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        for (int j = 0; j < N_CLIENTS; j++) {
            char name[24];

            snprintf(name, sizeof(name), "A%d", i * N_CLIENTS + j);
            sqlite3_bind_text(insert, 1, name, -1, SQLITE_STATIC);
            sqlite3_bind_text(insert, 2, doc, -1, SQLITE_STATIC);
            check(sqlite3_step(insert) == SQLITE_DONE, "insert");
            sqlite3_reset(insert);
        }
        check(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "commit");
    }
    ret = rate(start_ns);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return ret;
}

/* ---- a registration */

struct client {
    struct storage_write w;
    struct store_op ops[2];
    char name[24];
    struct storage *storage;
    int n_done;
    int *n_running;
    int64_t *revision;
};

static void make_write(struct client *c, int64_t revision)
{
    snprintf(c->name, sizeof(c->name), "A%lld", (long long)revision);
    c->ops[0] = (struct store_op){.kind = STORE_ARCH_PUT,
                                  .arch = {.name = c->name,
                                           .task = "text_generation",
                                           .doc = doc,
                                           .ordinal = revision,
                                           .revision = revision}};
    c->ops[1] = (struct store_op){.kind = STORE_EVENT,
                                  .event = {.revision = revision,
                                            .kind = "architecture.registered",
                                            .op = "put",
                                            .ref = c->name,
                                            .body = "{\"task\":\"text_generation\"}"}};
    c->w.write = (struct store_write){.ops = c->ops, .n_ops = 2, .revision = revision};
}

static double run_same(const char *dir, int round)
{
    AUTO_FREE char *path = str_printf("%s/same-%d.db", dir, round);
    CLEANUP(registry_store_closep) struct registry_store *s = NULL;
    static struct client clients[N_CLIENTS];
    struct store_write writes[N_CLIENTS];
    AUTO_ERR struct err err = {0};
    int64_t start_ns, revision = 0;

    check(registry_store_open(&s, path, NULL, NULL, &err), err.msg);
    start_ns = clock_mono_ns();
    for (int i = 0; i < N_EACH; i++) {
        for (int j = 0; j < N_CLIENTS; j++) {
            make_write(&clients[j], ++revision);
            writes[j] = clients[j].w.write;
        }
        check(registry_store_apply(s, writes, N_CLIENTS, &err), err.msg);
    }
    return rate(start_ns);
}

/* ---- storage */

static void submit(struct client *c)
{
    AUTO_ERR struct err err = {0};

    make_write(c, ++*c->revision);
    check(storage_submit(c->storage, &c->w, &err), err.msg);
}

static void on_written(struct storage_write *w)
{
    struct client *c = container_of(w, struct client, w);

    check(w->ok, w->err.msg);
    if (++c->n_done < N_EACH)
        submit(c);
    else
        --*c->n_running;
}

static double run_storage(const char *dir, int round)
{
    AUTO_FREE char *registry = str_printf("%s/registry-%d.db", dir, round);
    AUTO_FREE char *cache = str_printf("%s/cache-%d.db", dir, round);
    struct client *clients = mem_new_array(N_CLIENTS, struct client);
    const struct storage_config config = {.registry_path = registry, .cache_path = cache};
    AUTO_ERR struct err err = {0};
    int64_t start_ns, revision = 0;
    struct storage *storage;
    int n_running = N_CLIENTS;
    uv_loop_t loop;
    double ret;

    uv_loop_init(&loop);
    check(storage_open(&storage, &config, NULL, &err), err.msg);
    storage_start(storage, &loop);
    start_ns = clock_mono_ns();
    for (int i = 0; i < N_CLIENTS; i++) {
        clients[i] = (struct client){.w = {.done = on_written},
                                     .storage = storage,
                                     .n_running = &n_running,
                                     .revision = &revision};
        submit(&clients[i]);
    }
    while (n_running)
        uv_run(&loop, UV_RUN_ONCE);
    ret = rate(start_ns);
    storage_stop(storage);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    free(clients);
    return ret;
}

/* ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double report(const char *name, double *rates, int n)
{
    qsort(rates, (size_t)n, sizeof(*rates), compare);
    printf(
        "{\"case\":\"%s\",\"n\":%d,\"per_s_min\":%.0f,\"per_s_median\":%.0f,\"per_s_max\":%.0f}\n",
        name, n, rates[0], rates[n / 2], rates[n - 1]);
    return rates[n / 2];
}

int main(int argc, char **argv)
{
    AUTO_FREE char *dir = str_printf("%s/bench-store-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
    int n_rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 9;
    double bare[MAX_ROUNDS], same[MAX_ROUNDS], storage[MAX_ROUNDS], b, m, s;
    AUTO_FREE char *clean = NULL;

    check(n_rounds > 0 && n_rounds <= MAX_ROUNDS, "1 to 100 rounds");
    check(mkdtemp(dir) != NULL, dir);
    clean = str_printf("rm -rf '%s'", dir);
    memset(doc, 'x', sizeof(doc) - 1);
    for (int i = 0; i < n_rounds; i++) {
        bare[i] = run_bare(dir, i);
        same[i] = run_same(dir, i);
        storage[i] = run_storage(dir, i);
    }
    b = report("bare", bare, n_rounds);
    m = report("same", same, n_rounds);
    s = report("storage", storage, n_rounds);
    printf("{\"case\":\"ratio\",\"storage_to_bare\":%.2f,\"storage_to_same\":%.2f}\n", s / b,
           s / m);
    return system(clean);
}
