#include "test.h"

#include "store/cache_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64], path[96];
    struct cache_store *s;
    struct err err;
};

static void reopen(struct fixture *f, char *ret_note)
{
    cache_store_close(take(&f->s));
    assert_true(cache_store_open(&f->s, f->path, ret_note, &f->err));
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    strcpy(f->dir, "/tmp/cache-store-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/cache.db", f->dir);
    *state = f;
    return cache_store_open(&f->s, f->path, NULL, &f->err) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *command = str_printf("rm -rf '%s'", f->dir);

    cache_store_close(f->s);
    err_release(&f->err);
    free(f);
    return system(command);
}

/* ---- short forms: strings of rows given to a put are only read */

static void put_inline(struct fixture *f, const char *model, const char *path, const char *content,
                       int64_t last_used)
{
    assert_true(cache_put_file(f->s,
                               &(struct cache_file){.model = (char *)model,
                                                    .commit = (char *)"c1",
                                                    .path = (char *)path,
                                                    .credential = (char *)"",
                                                    .etag = (char *)"e1",
                                                    .size = (int64_t)strlen(content),
                                                    .content = (char *)content,
                                                    .content_size = strlen(content),
                                                    .last_used = last_used},
                               &f->err));
}

static void put_blob(struct fixture *f, const char *commit, const char *path, const char *blob,
                     int64_t size, int64_t last_used)
{
    assert_true(cache_put_file(f->s,
                               &(struct cache_file){.model = (char *)"org/m",
                                                    .commit = (char *)commit,
                                                    .path = (char *)path,
                                                    .credential = (char *)"",
                                                    .etag = (char *)"e2",
                                                    .size = size,
                                                    .blob_path = (char *)blob,
                                                    .last_used = last_used},
                               &f->err));
}

static void put_pin(struct fixture *f, const char *model, const char *revision,
                    const char *canonical)
{
    assert_true(cache_put_pin(f->s,
                              &(struct cache_pin){.model = (char *)model,
                                                  .revision = (char *)revision,
                                                  .credential = (char *)"",
                                                  .commit = (char *)"c1",
                                                  .canonical = (char *)canonical,
                                                  .info = (char *)"{\"gated\":0}",
                                                  .info_size = 11,
                                                  .pinned_at = 100},
                              &f->err));
}

static bool has_pin(struct fixture *f, const char *model, const char *revision,
                    const char *credential)
{
    struct cache_pin pin = {0};
    bool found;

    assert_true(cache_get_pin(f->s, model, revision, credential, &pin, &found, &f->err));
    cache_pin_release(&pin);
    return found;
}

static bool has_file(struct fixture *f, const char *model, const char *path, const char *credential)
{
    struct cache_file file = {0};
    bool found;

    assert_true(cache_get_file(f->s, model, "c1", path, credential, 0, &file, &found, &f->err));
    cache_file_release(&file);
    return found;
}

static int64_t bytes(struct fixture *f)
{
    int64_t n;

    assert_true(cache_bytes(f->s, &n, &f->err));
    return n;
}

/* Notes what is asked to go; the blob itself does when it is not one of "shared". */
static int64_t on_blob(void *ctx, const struct cache_file *file)
{
    buf_printf(ctx, "%s/%s:%s ", file->commit, file->path, file->blob_path);
    return str_eq(file->commit, "c1") ? 7 : 0;
}

/* ---- tests */

static void a_pin_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct cache_pin pin = {0};
    bool found;

    put_pin(f, "old/name", "main", "new/name");
    reopen(f, NULL);
    assert_true(cache_get_pin(f->s, "old/name", "main", "", &pin, &found, &f->err));
    assert_true(found);
    assert_string_equal(pin.commit, "c1");
    assert_string_equal(pin.canonical, "new/name");
    assert_int_equal(pin.info_size, 11);
    assert_string_equal(pin.info, "{\"gated\":0}");
    assert_int_equal(pin.pinned_at, 100);
    cache_pin_release(&pin);
    assert_false(has_pin(f, "old/name", "v2", ""));
}

static void what_one_credential_saw_another_does_not(void **state)
{
    struct fixture *f = *state;

    put_pin(f, "org/m", "main", "org/m");
    put_inline(f, "org/m", "config.json", "{}", 1);
    assert_true(has_pin(f, "org/m", "main", ""));
    assert_false(has_pin(f, "org/m", "main", "token-1"));
    assert_true(has_file(f, "org/m", "config.json", ""));
    assert_false(has_file(f, "org/m", "config.json", "token-1"));
}

static void a_file_is_bytes_or_a_path_or_a_size(void **state)
{
    struct fixture *f = *state;
    struct cache_file file = {0};
    bool found;

    put_inline(f, "org/m", "empty", "", 1);
    put_blob(f, "c1", "big", "models--org--m/blobs/e2", 5000000, 1);
    put_blob(f, "c1", "known", NULL, 7, 1);

    assert_true(cache_get_file(f->s, "org/m", "c1", "empty", "", 1, &file, &found, &f->err));
    assert_true(found);
    assert_non_null(file.content);
    assert_int_equal(file.content_size, 0);
    assert_null(file.blob_path);
    cache_file_release(&file);

    assert_true(cache_get_file(f->s, "org/m", "c1", "big", "", 1, &file, &found, &f->err));
    assert_null(file.content);
    assert_string_equal(file.blob_path, "models--org--m/blobs/e2");
    assert_int_equal(file.size, 5000000);
    cache_file_release(&file);

    assert_true(cache_get_file(f->s, "org/m", "c1", "known", "", 1, &file, &found, &f->err));
    assert_null(file.content);
    assert_null(file.blob_path);
    assert_int_equal(file.size, 7);
    cache_file_release(&file);
    assert_int_equal(bytes(f), 5000000);
}

static void content_beyond_a_mebibyte_is_refused(void **state)
{
    struct fixture *f = *state;
    struct cache_file file = {.model = (char *)"m",
                              .commit = (char *)"c",
                              .path = (char *)"p",
                              .credential = (char *)"",
                              .etag = (char *)"",
                              .content = mem_alloc(CACHE_INLINE_MAX + 1),
                              .content_size = CACHE_INLINE_MAX + 1};

    assert_false(cache_put_file(f->s, &file, &f->err));
    assert_int_equal(f->err.code, ERR_TOO_LARGE);
    file.content_size = CACHE_INLINE_MAX;
    assert_true(cache_put_file(f->s, &file, &f->err));
    free(file.content);
}

static void eviction_takes_the_least_recently_used(void **state)
{
    struct fixture *f = *state;
    struct cache_file file = {0};
    int64_t left;
    bool found;

    put_inline(f, "org/m", "a", "0123456789", 1000);
    put_inline(f, "org/m", "b", "0123456789", 2000);
    put_inline(f, "org/m", "c", "0123456789", 3000);
    /* Reading a an hour later makes b the oldest. */
    assert_true(cache_get_file(f->s, "org/m", "c1", "a", "", 9000, &file, &found, &f->err));
    assert_int_equal(file.last_used, 9000);
    cache_file_release(&file);

    assert_true(cache_evict(f->s, 30, NULL, NULL, &left, &f->err));
    assert_int_equal(left, 30);
    assert_true(cache_evict(f->s, 25, NULL, NULL, &left, &f->err));
    assert_int_equal(left, 20);
    assert_true(has_file(f, "org/m", "a", ""));
    assert_false(has_file(f, "org/m", "b", ""));
    assert_true(has_file(f, "org/m", "c", ""));
}

static void a_blob_goes_with_its_last_row(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf blobs = {0};
    int64_t left;

    put_blob(f, "c1", "model.bin", "blobs/x", 1000, 1);
    put_blob(f, "c2", "model.bin", "blobs/x", 1000, 2);
    put_blob(f, "c2", "other.bin", "blobs/y", 500, 3);
    assert_int_equal(bytes(f), 1500);
    /* Both rows of x have to go before any byte is free. */
    assert_true(cache_evict(f->s, 1400, on_blob, &blobs, &left, &f->err));
    assert_string_equal(blobs.data, "c1/model.bin:blobs/x c2/model.bin:blobs/x ");
    assert_int_equal(left, 500);
    assert_int_equal(bytes(f), 500);
}

static void eviction_gives_the_space_back_to_the_disk(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *content = mem_alloc(100001);
    char name[8];
    struct stat st;
    int64_t left;

    memset(content, 'x', 100000);
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        put_inline(f, "org/m", name, content, i);
    }
    assert_true(cache_evict(f->s, 0, NULL, NULL, &left, &f->err));
    assert_int_equal(left, 0);
    reopen(f, NULL);
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(st.st_size < 200000);
}

static void a_blob_somebody_else_wrote_is_not_counted(void **state)
{
    struct fixture *f = *state;
    struct cache_file file = {.model = (char *)"org/m",
                              .commit = (char *)"c1",
                              .path = (char *)"model.bin",
                              .credential = (char *)"",
                              .etag = (char *)"e",
                              .size = 1000,
                              .blob_path = (char *)"blobs/x"};

    assert_true(cache_put_blob(f->s, &file, false, &f->err));
    assert_int_equal(bytes(f), 0);
    assert_true(cache_put_blob(f->s, &file, true, &f->err));
    assert_int_equal(bytes(f), 1000);
    /* The same content in the next commit: found there, and ours. */
    file.commit = (char *)"c2";
    assert_true(cache_put_blob(f->s, &file, false, &f->err));
    assert_int_equal(bytes(f), 1000);
}

static void a_file_used_elsewhere_is_not_the_oldest(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf blobs = {0};
    int64_t left;

    put_blob(f, "c1", "a", "blobs/a", 10, 1000);
    put_blob(f, "c1", "b", "blobs/b", 10, 2000);
    assert_true(cache_touch_file(f->s,
                                 &(struct cache_file){.model = (char *)"org/m",
                                                      .commit = (char *)"c1",
                                                      .path = (char *)"a",
                                                      .credential = (char *)""},
                                 9000, &f->err));
    assert_true(cache_evict(f->s, 10, on_blob, &blobs, &left, &f->err));
    assert_string_equal(blobs.data, "c1/b:blobs/b ");
}

static void pins_count_and_go_after_the_files(void **state)
{
    struct fixture *f = *state;
    int64_t left;

    put_pin(f, "org/m", "main", "org/m");
    put_inline(f, "org/m", "config.json", "0123456789", 1);
    assert_int_equal(bytes(f), 21);
    assert_true(cache_evict(f->s, 20, NULL, NULL, &left, &f->err));
    assert_int_equal(left, 11);
    assert_true(has_pin(f, "org/m", "main", ""));
    assert_true(cache_evict(f->s, 10, NULL, NULL, &left, &f->err));
    assert_int_equal(left, 0);
    assert_false(has_pin(f, "org/m", "main", ""));
}

static void a_model_is_deleted_under_both_its_names(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        const char *name = i ? "org/m" : "old/name";
        AUTO_BUF struct buf blobs = {0};
        struct cache_removed n;

        put_pin(f, "old/name", "main", "org/m");
        put_pin(f, "other/m", "main", "other/m");
        put_inline(f, "old/name", "config.json", "{}", 1);
        put_blob(f, "c1", "model.bin", "blobs/x", 1000, 1);
        put_inline(f, "other/m", "config.json", "{}", 1);
        assert_true(cache_delete_model(f->s, name, on_blob, &blobs, &n, &f->err));
        assert_int_equal(n.n_pins, 1);
        assert_int_equal(n.n_files, 2);
        assert_int_equal(n.bytes, 2 + 7);
        assert_string_equal(blobs.data, "c1/model.bin:blobs/x ");
        assert_false(has_pin(f, "old/name", "main", ""));
        assert_false(has_file(f, "old/name", "config.json", ""));
        assert_true(has_pin(f, "other/m", "main", ""));
        assert_true(has_file(f, "other/m", "config.json", ""));
    }
}

static void on_pin(void *ctx, const struct cache_pin *pin)
{
    buf_printf(ctx, "%s@%s ", pin->model, pin->revision);
}

static void pins_are_listed_and_clearing_takes_everything(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf list = {0}, blobs = {0};
    struct cache_removed n;

    put_pin(f, "b/b", "main", "b/b");
    put_pin(f, "a/a", "main", "a/a");
    put_inline(f, "a/a", "config.json", "{}", 1);
    assert_true(cache_list_pins(f->s, on_pin, &list, &f->err));
    assert_string_equal(list.data, "a/a@main b/b@main ");
    put_blob(f, "c1", "model.bin", "blobs/x", 1000, 1);
    assert_true(cache_clear(f->s, on_blob, &blobs, &n, &f->err));
    assert_int_equal(n.n_pins, 2);
    assert_int_equal(n.n_files, 2);
    assert_string_equal(blobs.data, "c1/model.bin:blobs/x ");
    assert_false(has_pin(f, "a/a", "main", ""));
    assert_int_equal(bytes(f), 0);
}

static void execute(const char *path, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_cache_of_another_schema_is_started_anew(void **state)
{
    struct fixture *f = *state;
    char note[400];

    put_pin(f, "a/a", "main", "a/a");
    cache_store_close(take(&f->s));
    execute(f->path, "PRAGMA user_version = 77");
    reopen(f, note);
    assert_non_null(strstr(note, "schema 77"));
    assert_false(has_pin(f, "a/a", "main", ""));
    put_pin(f, "a/a", "main", "a/a");
    reopen(f, note);
    assert_string_equal(note, "");
    assert_true(has_pin(f, "a/a", "main", ""));
}

static void garbage_is_started_anew(void **state)
{
    struct fixture *f = *state;
    char note[400];
    FILE *file;

    cache_store_close(take(&f->s));
    file = fopen(f->path, "we");
    for (int i = 0; i < 1000; i++)
        fputs("not a database ", file);
    fclose(file);
    reopen(f, note);
    assert_true(note[0]);
    put_pin(f, "a/a", "main", "a/a");
    reopen(f, note);
    assert_true(has_pin(f, "a/a", "main", ""));
}

static void corruption_met_in_use_is_a_miss_and_then_works(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *garbage = mem_alloc(4096);
    AUTO_FREE char *content = mem_alloc(50001);
    struct stat st;
    char name[8];
    int fd;

    memset(content, 'x', 50000);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        put_inline(f, "org/m", name, content, i);
    }
    cache_store_close(take(&f->s));
    memset(garbage, 0xA5, 4096);
    fd = open(f->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    /* All but the schema, which SQLite reads when it opens. */
    for (off_t at = 10 * 4096; at < st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, garbage, 4096, at), 4096);
    close(fd);
    reopen(f, NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        has_file(f, "org/m", name, "");
    }
    assert_false(has_file(f, "org/m", "f99", ""));
    put_inline(f, "org/m", "f99", content, 1);
    assert_true(has_file(f, "org/m", "f99", ""));
}

static void without_a_disk_the_cache_is_in_memory(void **state)
{
    struct fixture *f = *state;
    char note[400];

    snprintf(f->path, sizeof(f->path), "%s/no/such/folder/cache.db", f->dir);
    reopen(f, note);
    assert_true(note[0]);
    put_pin(f, "a/a", "main", "a/a");
    assert_true(has_pin(f, "a/a", "main", ""));
    reopen(f, note);
    assert_false(has_pin(f, "a/a", "main", ""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pin_comes_back_whole),
        TEST(what_one_credential_saw_another_does_not),
        TEST(a_file_is_bytes_or_a_path_or_a_size),
        TEST(content_beyond_a_mebibyte_is_refused),
        TEST(eviction_takes_the_least_recently_used),
        TEST(a_blob_goes_with_its_last_row),
        TEST(eviction_gives_the_space_back_to_the_disk),
        TEST(a_blob_somebody_else_wrote_is_not_counted),
        TEST(a_file_used_elsewhere_is_not_the_oldest),
        TEST(pins_count_and_go_after_the_files),
        TEST(a_model_is_deleted_under_both_its_names),
        TEST(pins_are_listed_and_clearing_takes_everything),
        TEST(a_cache_of_another_schema_is_started_anew),
        TEST(garbage_is_started_anew),
        TEST(corruption_met_in_use_is_a_miss_and_then_works),
        TEST(without_a_disk_the_cache_is_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
