#include "test.h"

#include "store/registry_store.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a directory per test */

struct fixture {
    char dir[64], path[96];
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    strcpy(f->dir, "/tmp/registry-store-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/registry.db", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *command = str_printf("rm -rf '%s'", f->dir);
    int rc = system(command);

    free(f);
    return rc;
}

static bool exists(const char *path) { return access(path, F_OK) == 0; }

/* Anything SQL says, behind the store's back. */
static void execute(const char *path, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static char *read_text(const char *path)
{
    struct buf text = {0};
    char part[4096];
    FILE *f = fopen(path, "re");
    size_t n;

    assert_non_null(f);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_append(&text, part, n);
    fclose(f);
    return buf_take(&text);
}

/* ---- what is in a store, as text: one line per row */

static void on_arch(void *ctx, const struct store_arch *a)
{
    buf_printf(ctx, "arch %s/%s %s @%d #%d\n", a->name, a->task, a->doc, (int)a->revision,
               (int)a->ordinal);
}

static void on_tombstone(void *ctx, const struct store_tombstone *t)
{
    buf_printf(ctx, "tombstone %s/%s @%d\n", t->name, t->task, (int)t->revision);
}

static void on_handle(void *ctx, const struct store_handle *h)
{
    buf_printf(ctx, "handle %s %s %s used %d\n", h->id, h->state,
               h->members ? h->members : "(no texts)", (int)h->last_used);
}

static void on_lease(void *ctx, const struct store_lease *l)
{
    buf_printf(ctx, "lease %s of %s by %s until %d/%d '%s'\n", l->id, l->pipeline, l->holder,
               (int)(l->expires.wall_ms % 100000), (int)l->expires.boot_ms, l->expires.boot_id);
}

static void on_reply(void *ctx, const struct store_reply *r)
{
    buf_printf(ctx, "reply %s/%s %s %d %.*s\n", r->key, r->principal, r->fingerprint, r->status,
               (int)r->body_size, (const char *)r->body);
}

static void on_event(void *ctx, const struct store_event *e)
{
    buf_printf(ctx, "event %d %s %s %s\n", (int)e->revision, e->kind, e->op, e->ref);
}

static const struct registry_store_loader everything = {
    .arch = on_arch,
    .tombstone = on_tombstone,
    .handle = on_handle,
    .handle_texts = true,
    .lease = on_lease,
    .reply = on_reply,
    .event = on_event,
};

static void content(struct registry_store *s, struct buf *ret, struct store_meta *ret_meta)
{
    struct registry_store_loader loader = everything;
    AUTO_ERR struct err err = {0};

    buf_clear(ret);
    buf_append_str(ret, "");
    loader.ctx = ret;
    assert_true(registry_store_load(s, &loader, ret_meta, &err));
}

static void assert_content(struct registry_store *s, int64_t revision, const char *expected)
{
    AUTO_BUF struct buf text = {0};
    struct store_meta meta;

    content(s, &text, &meta);
    assert_string_equal(text.data, expected);
    assert_int_equal(meta.revision, revision);
}

static struct registry_store *open_ok(const char *path, struct registry_store_report *report)
{
    struct registry_store *s;
    AUTO_ERR struct err err = {0};

    if (!registry_store_open(&s, path, NULL, report, &err))
        fail_msg("%s", err.msg);
    return s;
}

static void open_fails(const char *path, enum err_code code, const char *part)
{
    struct registry_store *s;
    AUTO_ERR struct err err = {0};

    assert_false(registry_store_open(&s, path, NULL, NULL, &err));
    assert_string_equal(err_slug(err.code), err_slug(code));
    assert_non_null(strstr(err.msg, part));
}

/* ---- ops */

static struct store_op arch_op(const char *name, int64_t revision)
{
    return (struct store_op){.kind = STORE_ARCH_PUT,
                             .arch = {.name = name,
                                      .task = "text_generation",
                                      .doc = "{}",
                                      .ordinal = revision,
                                      .revision = revision,
                                      .created_at = 1700000000}};
}

static struct store_op handle_op(const char *id, int64_t last_used)
{
    return (struct store_op){.kind = STORE_HANDLE_PUT,
                             .handle = {.id = id,
                                        .kind = STORE_PIPELINE,
                                        .state = "ready",
                                        .arch = "A",
                                        .task = "text_generation",
                                        .model = "org/m",
                                        .commit = "c0",
                                        .effective = "{\"max_length\":1}",
                                        .members = "\"a\":1",
                                        .detail = "{}",
                                        .revision = 2,
                                        .created_at = 1700000000,
                                        .last_used = last_used,
                                        .bytes = 100}};
}

static struct store_op lease_op(const char *id, const char *pipeline)
{
    return (struct store_op){.kind = STORE_LEASE_PUT,
                             .lease = {.id = id,
                                       .pipeline = pipeline,
                                       .holder = "me",
                                       .ttl_ms = 5000,
                                       .expires = {.wall_ms = 42, .boot_ms = 43, .boot_id = "b"},
                                       .created_at = 1700000000}};
}

static bool apply(struct registry_store *s, const struct store_op *ops, size_t n, int64_t revision,
                  struct err *err)
{
    return registry_store_apply(
        s, &(struct store_write){.ops = ops, .n_ops = n, .revision = revision}, 1, err);
}

static void apply_ok(struct registry_store *s, const struct store_op *ops, size_t n,
                     int64_t revision)
{
    AUTO_ERR struct err err = {0};

    if (!apply(s, ops, n, revision, &err))
        fail_msg("%s", err.msg);
}

#define APPLY(s, revision, ...)                         \
    apply_ok(s, (const struct store_op[]){__VA_ARGS__}, \
             ARRAY_SIZE(((const struct store_op[]){__VA_ARGS__})), revision)

/* ---- tests: what is kept */

static void a_new_store_is_empty_and_has_an_identity(void **state)
{
    struct fixture *f = *state;
    struct registry_store_report report;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, &report);
    AUTO_BUF struct buf text = {0};
    struct store_meta meta;

    assert_true(report.created);
    assert_false(report.unclean);
    content(s, &text, &meta);
    assert_string_equal(text.data, "");
    assert_int_equal(meta.revision, 0);
    assert_int_equal(strlen(meta.instance_id), 36);
    assert_false(meta.cleared);
}

static void everything_written_is_there_after_reopening(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    struct registry_store_report report;

    APPLY(s, 7, arch_op("B", 1), arch_op("A", 2),
          {.kind = STORE_TOMBSTONE_PUT, .tombstone = {"Bert", "embeddings_generation", 3}},
          handle_op("pl_2", 20), handle_op("pl_1", 10), lease_op("ls_1", "pl_1"),
          {.kind = STORE_REPLY_PUT,
           .reply = {"key", "local", "f1", 201, "", "{}", 2, 1700000000, 1700000100}},
          {.kind = STORE_EVENT, .event = {7, "architecture", "put", "A", 5, "{}"}});
    registry_store_close(s);

    s = open_ok(f->path, &report);
    assert_false(report.created);
    assert_false(report.unclean);
    assert_content(s, 7,
                   "arch B/text_generation {} @1 #1\n"
                   "arch A/text_generation {} @2 #2\n"
                   "tombstone Bert/embeddings_generation @3\n"
                   "handle pl_1 ready \"a\":1 used 10\n"
                   "handle pl_2 ready \"a\":1 used 20\n"
                   "lease ls_1 of pl_1 by me until 42/43 'b'\n"
                   "reply key/local f1 201 {}\n"
                   "event 7 architecture put A\n");
    registry_store_close(s);
}

static void closing_leaves_one_file_and_the_lock(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    AUTO_FREE char *wal = str_printf("%s-wal", f->path), *shm = str_printf("%s-shm", f->path);

    APPLY(s, 1, arch_op("A", 1));
    assert_true(exists(wal));
    registry_store_close(s);
    assert_true(exists(f->path));
    assert_false(exists(wal));
    assert_false(exists(shm));
}

static void a_replaced_architecture_is_one_row(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    struct store_op again = arch_op("A", 2);

    again.arch.doc = "{\"new\":1}";
    APPLY(s, 1, arch_op("A", 1));
    APPLY(s, 2, again);
    assert_content(s, 2, "arch A/text_generation {\"new\":1} @2 #1\n");
}

static void deletion_and_reset_stay(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    AUTO_BUF struct buf text = {0};
    struct store_meta meta;

    APPLY(s, 3, arch_op("A", 1), arch_op("B", 2),
          {.kind = STORE_TOMBSTONE_PUT, .tombstone = {"C", "text_generation", 3}});
    APPLY(s, 4, {.kind = STORE_ARCH_DELETE, .tombstone = {"A", "text_generation", 4}});
    assert_content(s, 4, "arch B/text_generation {} @2 #2\ntombstone C/text_generation @3\n");

    APPLY(s, 5,
          {.kind = STORE_ARCH_CLEAR, .base = {.cleared = true, .builtin_since = 5, .digest = "d"}});
    content(s, &text, &meta);
    assert_string_equal(text.data, "");
    assert_true(meta.cleared);
    assert_int_equal(meta.builtin_since, 5);
    assert_string_equal(meta.base_digest, "d");

    APPLY(s, 6, {.kind = STORE_BASE, .base = {.cleared = false, .builtin_since = 6}});
    content(s, &text, &meta);
    assert_false(meta.cleared);
    assert_string_equal(meta.base_digest, "d");
}

static void a_handle_changes_state_and_keeps_its_texts(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    CLEANUP(store_handle_freep) struct store_handle *h = NULL;
    AUTO_ERR struct err err = {0};

    APPLY(s, 1, handle_op("pl_1", 10));
    APPLY(
        s, 2,
        {.kind = STORE_HANDLE_STATE, .handle = {.id = "pl_1", .state = "draining", .revision = 2}},
        {.kind = STORE_HANDLE_TOUCH, .handle = {.id = "pl_1", .last_used = 99}});
    assert_content(s, 2, "handle pl_1 draining \"a\":1 used 99\n");
    APPLY(s, 3,
          {.kind = STORE_HANDLE_STATE,
           .handle = {.id = "pl_1", .state = "failed", .members = "\"b\":2", .revision = 3}});
    assert_true(registry_store_get_handle(s, "pl_1", &h, &err));
    assert_string_equal(h->members, "\"b\":2");
    assert_string_equal(h->effective, "{\"max_length\":1}");
    assert_string_equal(h->model, "org/m");
    assert_int_equal(h->revision, 3);
    store_handle_free(take(&h));
    assert_true(registry_store_get_handle(s, "pl_2", &h, &err));
    assert_null(h);
}

static void leases_go_with_their_pipeline_and_survive_its_replacement(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    AUTO_ERR struct err err = {0};

    APPLY(s, 1, handle_op("pl_1", 1), lease_op("ls_1", "pl_1"), lease_op("ls_2", "pl_1"));
    APPLY(s, 2, handle_op("pl_1", 2), {.kind = STORE_LEASE_DELETE, .lease = {.id = "ls_2"}});
    assert_content(s, 2,
                   "handle pl_1 ready \"a\":1 used 2\n"
                   "lease ls_1 of pl_1 by me until 42/43 'b'\n");
    APPLY(s, 3, {.kind = STORE_HANDLE_DELETE, .handle = {.id = "pl_1"}});
    assert_content(s, 3, "");
    /* A lease of nothing is a bug of the caller's that must not be stored. */
    assert_false(apply(s, (struct store_op[]){lease_op("ls_3", "pl_9")}, 1, 4, &err));
    assert_int_equal(err.code, ERR_STORE);
    assert_content(s, 3, "");
}

static void handles_are_cleared_by_kind(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    struct store_op tokenizer = handle_op("tk_1", 5);

    tokenizer.handle.kind = STORE_TOKENIZER;
    APPLY(s, 1, handle_op("pl_1", 1), lease_op("ls_1", "pl_1"), tokenizer);
    APPLY(s, 2, {.kind = STORE_HANDLES_CLEAR, .handle = {.kind = STORE_PIPELINE}});
    assert_content(s, 2, "handle tk_1 ready \"a\":1 used 5\n");
}

static void replies_expire_by_their_time(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);

    APPLY(s, 0, {.kind = STORE_REPLY_PUT, .reply = {"a", "x", "f", 200, "", "1", 1, 0, 10}},
          {.kind = STORE_REPLY_PUT, .reply = {"a", "y", "f", 200, "", NULL, 0, 0, 11}},
          {.kind = STORE_REPLY_PUT, .reply = {"b", "x", "f", 200, "", "3", 1, 0, 12}});
    APPLY(s, 0, {.kind = STORE_REPLIES_EXPIRE, .reply = {.expires_at = 10}});
    assert_content(s, 0, "reply a/y f 200 \nreply b/x f 200 3\n");
    APPLY(s, 0, {.kind = STORE_REPLY_DELETE, .reply = {.key = "a", .principal = "y"}});
    assert_content(s, 0, "reply b/x f 200 3\n");
}

static void compaction_drops_events_and_says_how_far(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    struct registry_store_loader newest = {.event = on_event, .max_events = 1};
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};
    struct store_meta meta;

    APPLY(s, 3, {.kind = STORE_EVENT, .event = {1, "a", "put", "x", 0, ""}},
          {.kind = STORE_EVENT, .event = {2, "a", "put", "y", 0, ""}},
          {.kind = STORE_EVENT, .event = {3, "a", "put", "z", 0, ""}},
          {.kind = STORE_EVENTS_COMPACT, .event = {.revision = 1}});
    content(s, &text, &meta);
    assert_string_equal(text.data, "event 2 a put y\nevent 3 a put z\n");
    assert_int_equal(meta.compacted, 1);
    buf_clear(&text);
    newest.ctx = &text;
    assert_true(registry_store_load(s, &newest, &meta, &err));
    assert_string_equal(text.data, "event 3 a put z\n");
}

static void a_failing_op_undoes_every_write_of_its_commit(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    struct store_op good = arch_op("A", 1), bad = lease_op("ls_1", "pl_none");
    const struct store_write writes[] = {{&good, 1, 1}, {&bad, 1, 2}};
    AUTO_ERR struct err err = {0};

    assert_false(registry_store_apply(s, writes, 2, &err));
    assert_content(s, 0, "");
    APPLY(s, 1, good);
    assert_content(s, 1, "arch A/text_generation {} @1 #1\n");
}

static void a_second_owner_is_refused_and_told_who_has_it(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = open_ok(f->path, NULL);
    AUTO_FREE char *pid = str_printf("process %d", (int)getpid());

    assert_non_null(s);
    open_fails(f->path, ERR_BUSY, pid);
}

/* ---- tests: versions */

static void a_store_of_schema_1_is_migrated(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *dump = read_text(TEST_DATA "/store/registry-v1.sql");
    struct registry_store_report report;
    struct registry_store *s;
    AUTO_BUF struct buf text = {0};
    struct store_meta meta;

    execute(f->path, dump);
    s = open_ok(f->path, &report);
    assert_int_equal(report.migrated_from, 1);
    content(s, &text, &meta);
    assert_string_equal(
        text.data, "arch OldForCausalLM/text_generation {\"name\":\"OldForCausalLM\"} @6 #1\n"
                   "arch LlamaForCausalLM/text_generation {\"name\":\"LlamaForCausalLM\"} @12 #2\n"
                   "tombstone BertModel/embeddings_generation @7\n"
                   "handle pl_1 ready \"encoding\":\"bfloat16\" used 1700000150\n"
                   "lease ls_1 of pl_1 by web-3 until 10000/0 ''\n"
                   "reply k1/local f00d 201 {}\n"
                   "event 8 pipeline put pl_1\n"
                   "event 12 architecture put LlamaForCausalLM\n");
    assert_int_equal(meta.revision, 12);
    assert_int_equal(meta.compacted, 3);
    assert_true(meta.cleared);
    assert_string_equal(meta.instance_id, "7d5b0d0e-2f0a-4a0e-9d33-3a5f0f8b6a11");
    /* And it is one that can be written. */
    APPLY(s, 13, handle_op("pl_2", 1), lease_op("ls_2", "pl_2"));
    registry_store_close(s);
    s = open_ok(f->path, &report);
    assert_int_equal(report.migrated_from, 0);
    registry_store_close(s);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);

    APPLY(s, 1, arch_op("A", 1));
    registry_store_close(s);
    execute(f->path, "PRAGMA user_version = 99");
    open_fails(f->path, ERR_STORE_NEWER, "schema 99");
    execute(f->path, "PRAGMA user_version = 2");
    s = open_ok(f->path, NULL);
    assert_content(s, 1, "arch A/text_generation {} @1 #1\n");
    registry_store_close(s);
}

static void another_programs_database_is_refused(void **state)
{
    struct fixture *f = *state;

    execute(f->path, "CREATE TABLE songs (title TEXT); PRAGMA application_id = 77");
    open_fails(f->path, ERR_STORE, "another program's database");
    execute(f->path, "PRAGMA application_id = 0");
    open_fails(f->path, ERR_STORE, "another program's database");
}

/* ---- tests: faults */

static void fill(struct registry_store *s, int n)
{
    AUTO_FREE char *doc = mem_alloc(2001);

    memset(doc, 'x', 2000);
    for (int i = 1; i <= n; i++) {
        char name[16];
        struct store_op op;

        snprintf(name, sizeof(name), "Arch%04d", i);
        op = arch_op(name, i);
        op.arch.doc = doc;
        apply_ok(s, &op, 1, i);
    }
}

static void scribble(const char *path, int64_t at, size_t size)
{
    AUTO_FREE char *garbage = mem_alloc(size);
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    memset(garbage, 0xA5, size);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, garbage, size, at), size);
    close(fd);
}

static void count_arch(void *ctx, const struct store_arch *a)
{
    (void)a;
    ++*(int *)ctx;
}

static int n_archs(struct registry_store *s, struct store_meta *ret_meta)
{
    int n = 0;
    AUTO_ERR struct err err = {0};

    assert_true(registry_store_load(
        s, &(struct registry_store_loader){.arch = count_arch, .ctx = &n}, ret_meta, &err));
    return n;
}

static void a_broken_page_costs_its_rows_and_no_others(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    struct registry_store_report report;
    struct store_meta before, after;
    int n;

    fill(s, 200);
    APPLY(s, 201, handle_op("pl_1", 1), lease_op("ls_1", "pl_1"),
          {.kind = STORE_EVENT, .event = {201, "pipeline", "put", "pl_1", 0, ""}});
    assert_int_equal(n_archs(s, &before), 200);
    registry_store_close(s);
    /* Two rows fill a page, so these two are leaves of the table, far apart. */
    scribble(f->path, 40 * 4096L, 4096);
    scribble(f->path, 80 * 4096L, 4096);

    s = open_ok(f->path, &report);
    assert_true(report.set_aside[0]);
    assert_true(exists(report.set_aside));
    assert_non_null(strstr(report.set_aside, "registry.db.corrupt-"));
    assert_true(report.reason[0]);
    n = n_archs(s, &after);
    assert_in_range(n, 190, 199);
    assert_int_equal(report.n_salvaged, n + 2);
    /* No number is given twice, nobody may go on from an old event, and the identity is another. */
    assert_true(after.revision > 201);
    assert_int_equal(after.compacted, after.revision);
    assert_string_not_equal(after.instance_id, before.instance_id);
    APPLY(s, after.revision + 1, arch_op("New", after.revision + 1));
    registry_store_close(s);

    s = open_ok(f->path, &report);
    assert_false(report.set_aside[0]);
    assert_int_equal(n_archs(s, &after), n + 1);
    registry_store_close(s);
}

static void a_file_of_garbage_is_set_aside_for_an_empty_store(void **state)
{
    struct fixture *f = *state;
    CLEANUP(registry_store_closep) struct registry_store *s = NULL;
    struct registry_store_report report;
    FILE *file = fopen(f->path, "we");

    for (int i = 0; i < 5000; i++)
        fputs("not a database ", file);
    fclose(file);
    s = open_ok(f->path, &report);
    assert_true(exists(report.set_aside));
    assert_int_equal(report.n_salvaged, 0);
    assert_int_equal(report.n_lost_tables, 5);
    assert_non_null(strstr(report.reason, "not a database"));
    APPLY(s, 2000001, arch_op("A", 1));
}

static void a_salvage_that_a_crash_cut_short_is_finished(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    AUTO_FREE char *ready = str_printf("%s.salvaged", f->path);
    AUTO_FREE char *wal = str_printf("%s-wal", f->path);
    FILE *file;

    APPLY(s, 1, arch_op("A", 1));
    registry_store_close(s);
    assert_int_equal(rename(f->path, ready), 0);
    file = fopen(wal, "we"); /* the broken store's */
    fputs("left over", file);
    fclose(file);
    s = open_ok(f->path, NULL);
    assert_content(s, 1, "arch A/text_generation {} @1 #1\n");
    assert_false(exists(ready));
    registry_store_close(s);
}

static void a_truncated_file_is_salvaged_as_far_as_it_goes(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    struct registry_store_report report;
    struct store_meta meta;

    fill(s, 200);
    registry_store_close(s);
    assert_int_equal(truncate(f->path, 60 * 4096), 0);
    s = open_ok(f->path, &report);
    assert_true(report.set_aside[0]);
    assert_in_range(n_archs(s, &meta), 60, 140);
    registry_store_close(s);
}

static void a_file_that_may_not_grow_is_told_and_survived(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    struct rlimit old, limit;
    AUTO_FREE char *doc = mem_alloc(300001);
    AUTO_ERR struct err err = {0};
    struct store_op big = arch_op("Big", 2);

    memset(doc, 'x', 300000);
    big.arch.doc = doc;
    APPLY(s, 1, arch_op("A", 1));
    /* The kernel's word for a disk that ends: EFBIG, and a signal to ignore. */
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){.rlim_cur = 100000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_false(apply(s, &big, 1, 2, &err));
    assert_string_equal(err_slug(err.code), "store-full");
    assert_content(s, 1, "arch A/text_generation {} @1 #1\n");
    setrlimit(RLIMIT_FSIZE, &old);
    APPLY(s, 2, big);
    registry_store_close(s);
    s = open_ok(f->path, NULL);
    assert_int_equal(n_archs(s, &(struct store_meta){0}), 2);
    registry_store_close(s);
}

/* ---- tests that need a file system of their own: root in a private mount namespace */

/* Runs body in a child with dir as a tmpfs of size bytes; skips where that is not allowed. */
static void on_tmpfs(const char *dir, const char *options, void (*body)(const char *dir))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", dir, "tmpfs", 0, options) < 0)
            _exit(77);
        body(dir);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* cmocka's assertions jump, which must not happen in a child. */
#define CHECK(x)                                            \
    do {                                                    \
        if (!(x)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #x); \
            _exit(1);                                       \
        }                                                   \
    } while (0)

static void full_disk(const char *dir)
{
    AUTO_FREE char *path = str_printf("%s/registry.db", dir);
    AUTO_FREE char *ballast = str_printf("%s/ballast", dir);
    struct registry_store *s;
    AUTO_ERR struct err err = {0};
    int64_t revision = 0;
    char page[4096] = "x";
    int fd;

    CHECK(registry_store_open(&s, path, NULL, NULL, &err));
    fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, page, sizeof(page)) == sizeof(page))
        ;
    close(fd);
    for (;;) {
        char name[16];
        struct store_op op;

        snprintf(name, sizeof(name), "A%lld", (long long)revision);
        op = arch_op(name, revision + 1);
        if (!apply(s, &op, 1, revision + 1, &err))
            break;
        revision++;
        CHECK(revision < 10000);
    }
    CHECK(err.code == ERR_STORE_FULL);
    CHECK(!apply(s, (struct store_op[]){arch_op("Still", 1)}, 1, 0, &err));
    CHECK(err.code == ERR_STORE_FULL);
    CHECK(unlink(ballast) == 0);
    CHECK(apply(s, (struct store_op[]){arch_op("After", revision + 1)}, 1, revision + 1, &err));
    registry_store_close(s);
    CHECK(registry_store_open(&s, path, NULL, NULL, &err));
    CHECK(n_archs(s, &(struct store_meta){0}) == revision + 1);
    registry_store_close(s);
}

static void a_full_file_system_is_told_and_survived(void **state)
{
    struct fixture *f = *state;

    on_tmpfs(f->dir, "size=512k", full_disk);
}

static int n_archs_of(const char *path, struct registry_store_report *report)
{
    struct registry_store *s;
    AUTO_ERR struct err err = {0};
    int n;

    if (!registry_store_open(&s, path, NULL, report, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return -1;
    }
    n = n_archs(s, &(struct store_meta){0});
    CHECK(!apply(s, (struct store_op[]){arch_op("B", 2)}, 1, 2, &err));
    CHECK(err.code == ERR_STORE_READ_ONLY);
    registry_store_close(s);
    return n;
}

static void read_only_disk(const char *dir)
{
    AUTO_FREE char *path = str_printf("%s/registry.db", dir);
    AUTO_FREE char *none = str_printf("%s/none.db", dir);
    struct registry_store_report report;
    struct registry_store *s;
    AUTO_ERR struct err err = {0};
    pid_t pid;

    CHECK(registry_store_open(&s, path, NULL, NULL, &err));
    apply_ok(s, (struct store_op[]){arch_op("A", 1)}, 1, 1);
    registry_store_close(s);
    CHECK(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHECK(n_archs_of(path, &report) == 1);
    CHECK(report.read_only);
    CHECK(n_archs_of(none, &report) == 0);
    CHECK(report.read_only);

    /* And after a kill, when what was written last is in the WAL only. */
    CHECK(mount(NULL, dir, NULL, MS_REMOUNT, NULL) == 0);
    pid = fork();
    if (pid == 0) {
        CHECK(registry_store_open(&s, path, NULL, NULL, &err));
        apply_ok(s, (struct store_op[]){arch_op("B", 2)}, 1, 2);
        raise(SIGKILL);
    }
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHECK(n_archs_of(path, &report) == 2);
}

static void a_read_only_file_system_is_read_and_writes_say_so(void **state)
{
    struct fixture *f = *state;

    on_tmpfs(f->dir, "size=4m", read_only_disk);
}

static void a_store_may_be_opened_for_reading_on_purpose(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s = open_ok(f->path, NULL);
    struct registry_store_report report;
    AUTO_ERR struct err err = {0};

    APPLY(s, 1, arch_op("A", 1));
    registry_store_close(s);
    assert_true(registry_store_open(
        &s, f->path, &(struct registry_store_options){.read_only = true}, &report, &err));
    assert_true(registry_store_is_read_only(s));
    assert_content(s, 1, "arch A/text_generation {} @1 #1\n");
    assert_false(apply(s, (struct store_op[]){arch_op("B", 2)}, 1, 2, &err));
    assert_int_equal(err.code, ERR_STORE_READ_ONLY);
    registry_store_close(s);
}

static void the_wal_is_kept_short(void **state)
{
    struct fixture *f = *state;
    struct registry_store *s;
    AUTO_FREE char *wal = str_printf("%s-wal", f->path);
    AUTO_ERR struct err err = {0};
    struct stat st;

    assert_true(registry_store_open(
        &s, f->path, &(struct registry_store_options){.checkpoint_pages = 10}, NULL, &err));
    fill(s, 400);
    assert_int_equal(stat(wal, &st), 0);
    /* 400 commits of 3 pages and more would be 5 MB. */
    assert_true(st.st_size < 200 * 4096);
    registry_store_close(s);
}

/* ---- tests: deadlines */

static void a_deadline_outlives_a_restart_and_a_reboot(void **state)
{
    struct clock_moment now = {.wall_ms = 1000000, .boot_ms = 5000, .boot_id = "boot-1"};
    struct clock_moment deadline = clock_after(&now, 3000);

    (void)state;
    assert_int_equal(clock_remaining_ms(&deadline, &now, 3000), 3000);
    /* The same boot: wall time may be set, and does not count. */
    now.boot_ms += 1000;
    now.wall_ms -= 500000;
    assert_int_equal(clock_remaining_ms(&deadline, &now, 3000), 2000);
    /* Another boot: wall time counts, as far as it can be believed. */
    strcpy(now.boot_id, "boot-2");
    now.boot_ms = 10;
    assert_int_equal(clock_remaining_ms(&deadline, &now, 3000), 3000);
    now.wall_ms = deadline.wall_ms - 1200;
    assert_int_equal(clock_remaining_ms(&deadline, &now, 3000), 1200);
    now.wall_ms = deadline.wall_ms + 1;
    assert_int_equal(clock_remaining_ms(&deadline, &now, 3000), 0);
}

static void now_knows_its_boot(void **state)
{
    struct clock_moment a = clock_now(), b = clock_now();

    (void)state;
    assert_int_equal(strlen(a.boot_id), 36);
    assert_string_equal(a.boot_id, b.boot_id);
    assert_true(b.boot_ms >= a.boot_ms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_store_is_empty_and_has_an_identity),
        TEST(everything_written_is_there_after_reopening),
        TEST(closing_leaves_one_file_and_the_lock),
        TEST(a_replaced_architecture_is_one_row),
        TEST(deletion_and_reset_stay),
        TEST(a_handle_changes_state_and_keeps_its_texts),
        TEST(leases_go_with_their_pipeline_and_survive_its_replacement),
        TEST(handles_are_cleared_by_kind),
        TEST(replies_expire_by_their_time),
        TEST(compaction_drops_events_and_says_how_far),
        TEST(a_failing_op_undoes_every_write_of_its_commit),
        TEST(a_second_owner_is_refused_and_told_who_has_it),
        TEST(a_store_of_schema_1_is_migrated),
        TEST(a_newer_schema_is_refused_and_left_alone),
        TEST(another_programs_database_is_refused),
        TEST(a_broken_page_costs_its_rows_and_no_others),
        TEST(a_file_of_garbage_is_set_aside_for_an_empty_store),
        TEST(a_salvage_that_a_crash_cut_short_is_finished),
        TEST(a_truncated_file_is_salvaged_as_far_as_it_goes),
        TEST(a_file_that_may_not_grow_is_told_and_survived),
        TEST(a_full_file_system_is_told_and_survived),
        TEST(a_read_only_file_system_is_read_and_writes_say_so),
        TEST(a_store_may_be_opened_for_reading_on_purpose),
        TEST(the_wal_is_kept_short),
        cmocka_unit_test(a_deadline_outlives_a_restart_and_a_reboot),
        cmocka_unit_test(now_knows_its_boot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
