/*
 * The floor of a durable registration: SQLite and group commit, and nothing else.
 *
 * One writer thread takes whatever waits, writes it in one transaction (WAL,
 * synchronous = FULL), and wakes those whose rows are durable; N clients, each a
 * thread, hand over a registration and wait. The rows of a registration are those
 * of registry.db: its architecture, its event, the revision.
 *
 *     bare_commit DIR CLIENTS SECONDS    prints registrations per second
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_CLIENTS = 1024, N_NAMES = 512, DOC_BYTES = 1290, EVENT_BYTES = 177 };

struct client {
    pthread_t thread;
    pthread_cond_t durable;
    struct client *next; /* in the queue */
    long n_done;
    bool waits;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct client clients[MAX_CLIENTS], *queue;
static bool stopping;
static char doc[DOC_BYTES + 1];

static void check(int result, sqlite3 *db)
{
    if (result == SQLITE_OK || result == SQLITE_DONE)
        return;
    fprintf(stderr, "bare_commit: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *run_client(void *arg)
{
    struct client *c = arg;

    pthread_mutex_lock(&lock);
    while (!stopping) {
        c->waits = true;
        c->next = queue;
        queue = c;
        pthread_cond_signal(&work);
        while (c->waits)
            pthread_cond_wait(&c->durable, &lock);
        c->n_done++;
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void step(sqlite3 *db, sqlite3_stmt *s)
{
    check(sqlite3_step(s), db);
    sqlite3_reset(s);
}

struct writer {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *arch, *event, *revision;
    sqlite3_int64 next;
};

static void prepare(struct writer *w, const char *dir)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/bare.db", dir);
    check(sqlite3_open_v2(path, &w->db,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL),
          w->db);
    check(sqlite3_exec(
              w->db,
              "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
              "CREATE TABLE arch (name TEXT NOT NULL, task TEXT NOT NULL, doc TEXT NOT NULL,"
              " ordinal INTEGER NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL,"
              " PRIMARY KEY (name, task)) STRICT;"
              "CREATE TABLE event (revision INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
              " op TEXT NOT NULL, ref TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL)"
              " STRICT; CREATE TABLE meta (id INTEGER PRIMARY KEY, revision INTEGER);"
              "INSERT INTO meta VALUES (1, 0)",
              NULL, NULL, NULL),
          w->db);
    struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&w->begin, "BEGIN IMMEDIATE"},
        {&w->commit, "COMMIT"},
        {&w->arch, "INSERT INTO arch VALUES (?, 'text_generation', ?, ?, ?, 0)"
                   " ON CONFLICT (name, task) DO UPDATE SET doc = excluded.doc,"
                   " ordinal = excluded.ordinal, revision = excluded.revision"},
        {&w->event, "INSERT INTO event VALUES (?, 'architecture.registered', 'put', '', 0, ?)"},
        {&w->revision, "UPDATE meta SET revision = ?"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        check(sqlite3_prepare_v2(w->db, all[i].sql, -1, all[i].stmt, NULL), w->db);
}

static void write_one(struct writer *w)
{
    char name[32], body[EVENT_BYTES + 1];

    snprintf(name, sizeof(name), "Bench%lldForCausalLM", (long long)(w->next % N_NAMES));
    snprintf(body, sizeof(body), "{\"name\":\"%s\",\"more\":\"%.120s\"}", name, doc);
    w->next++;
    sqlite3_bind_text(w->arch, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(w->arch, 2, doc, DOC_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(w->arch, 3, w->next);
    sqlite3_bind_int64(w->arch, 4, w->next);
    step(w->db, w->arch);
    sqlite3_bind_int64(w->event, 1, w->next);
    sqlite3_bind_text(w->event, 2, body, -1, SQLITE_STATIC);
    step(w->db, w->event);
}

static void *run_writer(void *arg)
{
    struct writer *w = arg;
    struct client *batch, *next;

    pthread_mutex_lock(&lock);
    for (;;) {
        while (!queue && !stopping)
            pthread_cond_wait(&work, &lock);
        if (!queue)
            break;
        batch = queue;
        queue = NULL;
        pthread_mutex_unlock(&lock);
        step(w->db, w->begin);
        for (struct client *c = batch; c; c = c->next)
            write_one(w);
        sqlite3_bind_int64(w->revision, 1, w->next);
        step(w->db, w->revision);
        step(w->db, w->commit);
        pthread_mutex_lock(&lock);
        for (struct client *c = batch; c; c = next) {
            next = c->next;
            c->waits = false;
            pthread_cond_signal(&c->durable);
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    struct writer w = {.next = 0};
    int n = argc > 2 ? atoi(argv[2]) : 64;
    double seconds = argc > 3 ? atof(argv[3]) : 1, start;
    struct timespec pause = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    pthread_t writer;
    long done = 0;

    if (argc < 2 || n < 1 || n > MAX_CLIENTS)
        return 2;
    memset(doc, 'x', DOC_BYTES);
    prepare(&w, argv[1]);
    pthread_create(&writer, NULL, run_writer, &w);
    start = now_s();
    for (int i = 0; i < n; i++) {
        pthread_cond_init(&clients[i].durable, NULL);
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < n; i++) {
        pthread_join(clients[i].thread, NULL);
        done += clients[i].n_done;
    }
    seconds = now_s() - start;
    pthread_mutex_lock(&lock);
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
    pthread_join(writer, NULL);
    printf("%.0f\n", (double)done / seconds);
    return 0;
}
