/*
 * Writes to a registry store until it is killed, and tells what was acknowledged.
 *
 *     store_writer write DIR    one line per acknowledged revision, at once
 *     store_writer list DIR     "revision N", then "arch N" and "event N" for every row
 *
 * Revision n puts architecture An and event n, and takes A(n-KEPT) away, so the
 * whole of a sound store follows from its revision alone. Many writes are under
 * way at a time, as in the daemon.
 */
#include "daemon/storage.h"

#include <stdio.h>
#include <unistd.h>

enum { N_CLIENTS = 16, KEPT = 300 };

struct client {
    struct storage_write w;
    struct store_op ops[4];
    char name[24], old_name[24];
    struct storage *storage;
    int64_t *last_revision;
};

static int fail(const struct err *err)
{
    fprintf(stderr, "store_writer: %s\n", err->msg);
    return 1;
}

static void submit(struct client *c)
{
    int64_t revision = ++*c->last_revision;
    AUTO_ERR struct err err = {0};

    snprintf(c->name, sizeof(c->name), "A%lld", (long long)revision);
    snprintf(c->old_name, sizeof(c->old_name), "A%lld", (long long)revision - KEPT);
    c->ops[0] = (struct store_op){.kind = STORE_ARCH_PUT,
                                  .arch = {.name = c->name,
                                           .task = "text_generation",
                                           .doc = "{}",
                                           .ordinal = revision,
                                           .revision = revision}};
    c->ops[1] = (struct store_op){.kind = STORE_ARCH_DELETE,
                                  .tombstone = {.name = c->old_name, .task = "text_generation"}};
    c->ops[2] = (struct store_op){
        .kind = STORE_EVENT,
        .event = {
            .revision = revision, .kind = "architecture", .op = "put", .ref = c->name, .body = ""}};
    c->ops[3] =
        (struct store_op){.kind = STORE_EVENTS_COMPACT, .event = {.revision = revision - KEPT}};
    c->w.write = (struct store_write){.ops = c->ops, .n_ops = 4, .revision = revision};
    if (!storage_submit(c->storage, &c->w, &err))
        exit(fail(&err));
}

static void on_written(struct storage_write *w)
{
    struct client *c = container_of(w, struct client, w);
    char line[24];
    int n = snprintf(line, sizeof(line), "%lld\n", (long long)w->write.revision);

    if (!w->ok)
        exit(fail(&w->err));
    /* Straight to the pipe: what is in a buffer of ours dies with us. */
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        exit(0); /* the reader has gone */
    submit(c);
}

static int run_writer(const char *registry, const char *cache)
{
    static struct client clients[N_CLIENTS];
    const struct storage_config config = {.registry_path = registry, .cache_path = cache};
    struct storage_report report;
    struct storage *storage;
    struct store_meta meta;
    uv_loop_t loop;
    AUTO_ERR struct err err = {0};

    uv_loop_init(&loop);
    if (!storage_open(&storage, &config, &report, &err))
        return fail(&err);
    if (report.registry.set_aside[0]) {
        fprintf(stderr, "store_writer: set aside: %s\n", report.registry.reason);
        return 2;
    }
    if (!registry_store_load(storage_registry(storage), &(struct registry_store_loader){0}, &meta,
                             &err))
        return fail(&err);
    storage_start(storage, &loop);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        clients[i].storage = storage;
        clients[i].last_revision = &meta.revision;
        clients[i].w.done = on_written;
        submit(&clients[i]);
    }
    return uv_run(&loop, UV_RUN_DEFAULT);
}

static void on_arch(void *ctx, const struct store_arch *a)
{
    (void)ctx;
    printf("arch %s\n", a->name + 1);
}

static void on_event(void *ctx, const struct store_event *e)
{
    (void)ctx;
    printf("event %lld\n", (long long)e->revision);
}

static int list(const char *registry)
{
    CLEANUP(registry_store_closep) struct registry_store *s = NULL;
    struct registry_store_report report;
    struct store_meta meta;
    AUTO_ERR struct err err = {0};

    if (!registry_store_open(&s, registry, NULL, &report, &err))
        return fail(&err);
    if (report.set_aside[0]) {
        fprintf(stderr, "store_writer: set aside: %s\n", report.reason);
        return 2;
    }
    if (!registry_store_load(s, &(struct registry_store_loader){.arch = on_arch, .event = on_event},
                             &meta, &err))
        return fail(&err);
    printf("revision %lld\n", (long long)meta.revision);
    return 0;
}

int main(int argc, char **argv)
{
    AUTO_FREE char *registry = NULL, *cache = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: store_writer write|list DIR\n");
        return 64;
    }
    registry = str_printf("%s/registry.db", argv[2]);
    cache = str_printf("%s/cache.db", argv[2]);
    return str_eq(argv[1], "write") ? run_writer(registry, cache) : list(registry);
}
