#include "test.h"

#include "base/hash.h"
#include "hub/diskcache.h"
#include "hub/model_info.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT "0123456789012345678901234567890123456789"
#define OTHER  "abcdefabcdefabcdefabcdefabcdefabcdefabcd"

struct fixture {
    char root[32];
    struct diskcache *disk;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    AUTO_ERR struct err err = {0};

    strcpy(f->root, "/tmp/diskcache-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    assert_true(diskcache_open(&f->disk, f->root, &err));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    diskcache_close(f->disk);
    nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static bool put(struct fixture *f, const char *commit, const char *path, const char *text)
{
    AUTO_ERR struct err err = {0};
    char oid[SHA1_HEX];
    bool is_new;

    hash_git_blob_hex(text, strlen(text), oid);
    if (!diskcache_put(f->disk, "org/name", commit, path, oid, text, strlen(text), &is_new, &err))
        fail_msg("%s", err.msg);
    return is_new;
}

/* A file as another program would write it, below the repository's folder. */
static void write_text(struct fixture *f, const char *path, const char *text)
{
    AUTO_FREE char *full = str_printf("%s/models--org--name/%s", f->root, path);
    FILE *file;

    for (char *slash = strchr(full + strlen(f->root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0777);
        *slash = '/';
    }
    file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool is_there(struct fixture *f, const char *path)
{
    AUTO_FREE char *full = str_printf("%s/models--org--name/%s", f->root, path);

    return access(full, F_OK) == 0;
}

static enum disk_answer get(struct fixture *f, const char *commit, const char *path,
                            struct buf *ret)
{
    AUTO_ERR struct err err = {0};
    enum disk_answer answer;

    assert_true(
        diskcache_read(f->disk, "org/name", commit, path, 0, -1, 1 << 20, ret, &answer, &err));
    return answer;
}

static void what_was_put_is_found_as_a_relative_link(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf b = {0};
    char path[256], target[256] = "";

    put(f, COMMIT, "a/b/c.json", "{}");
    assert_int_equal(get(f, COMMIT, "a/b/c.json", &b), DISK_HIT);
    assert_string_equal(b.data, "{}");
    snprintf(path, sizeof(path), "%s/models--org--name/snapshots/%s/a/b/c.json", f->root, COMMIT);
    assert_true(readlink(path, target, sizeof(target) - 1) > 0);
    assert_true(str_starts(target, "../../../../blobs/"));
}

static void bytes_that_are_not_their_hash_are_not_kept(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};

    bool is_new;

    assert_false(diskcache_put(f->disk, "org/name", COMMIT, "x", OTHER, "hi", 2, &is_new, &err));
    assert_int_equal(err.code, ERR_CONTENT_MISMATCH);
    assert_int_equal(get(f, COMMIT, "x", &b), DISK_MISS);
}

static void a_blob_goes_when_its_last_link_does(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    int64_t freed;

    put(f, COMMIT, "a", "same");
    put(f, OTHER, "deep/b", "same");
    assert_true(diskcache_remove(f->disk, "org/name", COMMIT, "a", &freed, &err));
    assert_int_equal(freed, 0);
    assert_int_equal(get(f, OTHER, "deep/b", &b), DISK_HIT);
    assert_true(diskcache_remove(f->disk, "org/name", OTHER, "deep/b", &freed, &err));
    assert_int_equal(freed, 4);
    assert_true(diskcache_remove(f->disk, "org/name", OTHER, "deep/b", &freed, &err));
    assert_int_equal(freed, 0);
}

static void a_snapshot_goes_with_its_last_file_and_so_do_its_refs(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    int64_t freed;

    put(f, COMMIT, "deep/er/a", "1");
    put(f, COMMIT, "b", "2");
    put(f, OTHER, "b", "2");
    assert_true(diskcache_put_ref(f->disk, "org/name", "main", COMMIT, &err));
    assert_true(diskcache_put_ref(f->disk, "org/name", "refs/pr/1", COMMIT, &err));
    assert_true(diskcache_put_ref(f->disk, "org/name", "dev", OTHER, &err));
    assert_true(diskcache_remove(f->disk, "org/name", COMMIT, "deep/er/a", &freed, &err));
    assert_false(is_there(f, "snapshots/" COMMIT "/deep"));
    assert_true(is_there(f, "refs/main"));
    assert_true(diskcache_remove(f->disk, "org/name", COMMIT, "b", &freed, &err));
    assert_false(is_there(f, "snapshots/" COMMIT));
    assert_false(is_there(f, "refs/main"));
    assert_false(is_there(f, "refs/refs/pr/1"));
    assert_true(is_there(f, "refs/dev"));
}

static void a_blob_that_was_there_stays_its_writers_unless_it_is_damaged(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf b = {0};
    char oid[SHA1_HEX];

    assert_true(put(f, COMMIT, "a", "same"));
    assert_false(put(f, OTHER, "a", "same"));
    hash_git_blob_hex("same", 4, oid);
    AUTO_FREE char *blob = str_printf("blobs/%s", oid);
    write_text(f, blob, "lame");
    assert_int_equal(get(f, COMMIT, "a", &b), DISK_MISS);
    assert_true(put(f, COMMIT, "a", "same"));
    assert_int_equal(get(f, COMMIT, "a", &b), DISK_HIT);
}

static void a_file_that_lies_there_itself_is_left_alone(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    int64_t freed;

    put(f, COMMIT, "a", "linked");
    write_text(f, "snapshots/" COMMIT "/plain", "mine");
    assert_true(diskcache_remove(f->disk, "org/name", COMMIT, "plain", &freed, &err));
    assert_int_equal(get(f, COMMIT, "plain", &b), DISK_HIT);
}

static void refs_and_marks_of_absence_are_read_back(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    char commit[41];

    assert_false(diskcache_ref(f->disk, "org/name", "refs/pr/1", commit));
    assert_true(diskcache_put_ref(f->disk, "org/name", "refs/pr/1", COMMIT, &err));
    assert_true(diskcache_ref(f->disk, "org/name", "refs/pr/1", commit));
    assert_string_equal(commit, COMMIT);
    /* … and stays what it is: somebody may rely on it. */
    assert_true(diskcache_put_ref(f->disk, "org/name", "refs/pr/1", OTHER, &err));
    assert_true(diskcache_ref(f->disk, "org/name", "refs/pr/1", commit));
    assert_string_equal(commit, COMMIT);
    write_text(f, ".no_exist/" COMMIT "/no.json", "");
    assert_int_equal(get(f, COMMIT, "no.json", &b), DISK_ABSENT);
    assert_false(diskcache_ref(f->disk, "org/name", "../../refs", commit));
}

static void a_tree_makes_the_list_complete(void **state)
{
    struct fixture *f = *state;
    CLEANUP(pin_release) struct pin scanned = {0}, listed = {0};
    bool complete;

    assert_false(diskcache_pin(f->disk, "org/name", COMMIT, &scanned, &complete));
    put(f, COMMIT, "a/x", "1");
    assert_true(diskcache_pin(f->disk, "org/name", COMMIT, &scanned, &complete));
    assert_false(complete);
    assert_int_equal(scanned.n_files, 1);
    assert_string_equal(scanned.files[0].path, "a/x");
    assert_int_equal(strlen(scanned.files[0].oid), 40);

    write_text(f, "trees/" COMMIT ".json",
               "{\"format_version\":1,\"files\":{\"a/x\":{\"size\":1},"
               "\"not/here.bin\":{\"size\":5,\"blob_id\":\"" OTHER "\"},\"../out\":{}}}");
    assert_true(diskcache_pin(f->disk, "org/name", COMMIT, &listed, &complete));
    assert_true(complete);
    assert_int_equal(listed.n_files, 2);
}

static void paths_that_lead_out_are_misses(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf b = {0};

    assert_int_equal(get(f, COMMIT, "../../../../../etc/passwd", &b), DISK_MISS);
    assert_int_equal(get(f, COMMIT, "/etc/passwd", &b), DISK_MISS);
    assert_int_equal(get(f, "..", "x", &b), DISK_MISS);
}

static void parts_are_cut_at_the_end_of_the_file(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    enum disk_answer answer;

    put(f, COMMIT, "x", "0123456789");
    assert_true(diskcache_read(f->disk, "org/name", COMMIT, "x", 8, 100, 1, &b, &answer, &err));
    assert_string_equal(b.data, "89");
    assert_true(diskcache_read(f->disk, "org/name", COMMIT, "x", 80, 100, 1, &b, &answer, &err));
    assert_int_equal(b.size, 2);
    assert_false(diskcache_read(f->disk, "org/name", COMMIT, "x", 0, -1, 9, &b, &answer, &err));
    assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
}

static void repositories_are_listed_by_their_ids(void **state)
{
    struct fixture *f = *state;
    char path[128];
    char **repos;
    size_t n;

    put(f, COMMIT, "x", "1");
    snprintf(path, sizeof(path), "%s/models--gpt2", f->root);
    mkdir(path, 0777);
    repos = diskcache_repos(f->disk, &n); /* nothing in it yet */
    assert_int_equal(n, 1);
    free(repos[0]), free(repos);
    snprintf(path, sizeof(path), "%s/models--gpt2/snapshots", f->root);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/models--gpt2/snapshots/" COMMIT, f->root);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/datasets--org--d", f->root);
    mkdir(path, 0777);
    repos = diskcache_repos(f->disk, &n);
    assert_int_equal(n, 2);
    assert_string_equal(repos[0], "gpt2");
    assert_string_equal(repos[1], "org/name");
    free(repos[0]), free(repos[1]), free(repos);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_put_is_found_as_a_relative_link),
        T(bytes_that_are_not_their_hash_are_not_kept),
        T(a_blob_goes_when_its_last_link_does),
        T(a_snapshot_goes_with_its_last_file_and_so_do_its_refs),
        T(a_blob_that_was_there_stays_its_writers_unless_it_is_damaged),
        T(a_file_that_lies_there_itself_is_left_alone),
        T(refs_and_marks_of_absence_are_read_back),
        T(a_tree_makes_the_list_complete),
        T(paths_that_lead_out_are_misses),
        T(parts_are_cut_at_the_end_of_the_file),
        T(repositories_are_listed_by_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
