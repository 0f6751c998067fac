#include "hub/diskcache.h"

#include "base/file.h"
#include "hub/model_info.h"
#include "hub/protocol.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHECK_MAX_BYTES = 64 << 20, /* a whole read up to here is hashed */
    SCAN_DEPTH_MAX = 16,
    TREE_MAX_BYTES = 32 << 20,
};

struct diskcache {
    char *root;
};

static bool io_error(struct err *err, const char *what, const char *path)
{
    return err_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO,
                   "cannot %s %.250s: %s", what, path, strerror(errno));
}

bool diskcache_open(struct diskcache **ret, const char *root, struct err *err)
{
    struct stat st;
    struct diskcache *d;

    if (stat(root, &st) == 0 && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return io_error(err, "use the Hub cache", root);
    }
    d = mem_new(struct diskcache);
    d->root = str_dup(root);
    *ret = d;
    return true;
}

void diskcache_close(struct diskcache *d)
{
    if (!d)
        return;
    free(d->root);
    free(d);
}

/* models--org--name */
static char *repo_folder(const char *repo)
{
    AUTO_BUF struct buf b = {0};

    buf_append_str(&b, "models--");
    for (; *repo; repo++)
        if (*repo == '/')
            buf_append_str(&b, "--");
        else
            buf_append_char(&b, *repo);
    return buf_take(&b);
}

/* <root>/models--org--name/<kind>/<a>[/<b>] */
static char *cache_path(const struct diskcache *d, const char *repo, const char *kind,
                        const char *a, const char *b)
{
    AUTO_FREE char *folder = repo_folder(repo);

    return str_printf("%s/%s/%s/%s%s%s", d->root, folder, kind, a, b ? "/" : "", b ? b : "");
}

/* A small file's content; NULL when it cannot be read or has more than max bytes. */
static char *slurp(const char *path, size_t max, size_t *ret_size)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    char *text;
    size_t size = 0;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
        return NULL;
    text = mem_alloc((size_t)st.st_size + 1);
    while (size < (size_t)st.st_size) {
        ssize_t n = read(fd, text + size, (size_t)st.st_size - size);

        if (n <= 0)
            break;
        size += (size_t)n;
    }
    text[size] = '\0';
    *ret_size = size;
    return text;
}

/* ---- reading */

bool diskcache_ref(const struct diskcache *d, const char *repo, const char *revision, char ret[41])
{
    AUTO_FREE char *path = NULL, *text = NULL;
    size_t size;

    if (revision_is_commit(revision)) {
        memcpy(ret, revision, 41);
        return true;
    }
    if (!repo_path_valid(revision))
        return false;
    path = cache_path(d, repo, "refs", revision, NULL);
    text = slurp(path, 128, &size);
    if (!text)
        return false;
    text[strcspn(text, " \r\n")] = '\0';
    if (!revision_is_commit(text))
        return false;
    memcpy(ret, text, 41);
    return true;
}

enum disk_answer diskcache_find(const struct diskcache *d, const char *repo, const char *commit,
                                const char *path, int *ret_fd, int64_t *ret_size)
{
    AUTO_FREE char *file = NULL, *absent = NULL;
    AUTO_CLOSE int fd = -1;
    struct stat st;

    if (!revision_is_commit(commit) || !repo_path_valid(path))
        return DISK_MISS;
    file = cache_path(d, repo, "snapshots", commit, path);
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *ret_fd = fd;
        *ret_size = st.st_size;
        fd = -1;
        return DISK_HIT;
    }
    absent = cache_path(d, repo, ".no_exist", commit, path);
    return access(absent, F_OK) == 0 ? DISK_ABSENT : DISK_MISS;
}

/* The hash a snapshot's link leads to, "" when it is no link to one. */
static void linked_oid(const struct diskcache *d, const char *repo, const char *commit,
                       const char *path, char ret[65])
{
    AUTO_FREE char *file = cache_path(d, repo, "snapshots", commit, path);
    char target[4096];
    ssize_t n = readlink(file, target, sizeof(target) - 1);
    const char *name;

    ret[0] = '\0';
    if (n <= 0)
        return;
    target[n] = '\0';
    name = strrchr(target, '/');
    name = name ? name + 1 : target;
    if (hub_etag_is_hash(name))
        snprintf(ret, 65, "%s", name);
}

bool diskcache_read(const struct diskcache *d, const char *repo, const char *commit,
                    const char *path, int64_t offset, int64_t size, int64_t max_bytes,
                    struct buf *ret, enum disk_answer *ret_answer, struct err *err)
{
    AUTO_CLOSE int fd = -1;
    AUTO_ERR struct err ignored = {0};
    size_t before = ret->size;
    int64_t whole = 0;
    enum disk_answer answer = diskcache_find(d, repo, commit, path, &fd, &whole);
    char oid[65];

    if (answer != DISK_HIT) {
        *ret_answer = answer;
        return true;
    }
    if (size < 0 && whole > max_bytes) {
        err_set(err, ERR_FILE_TOO_LARGE, "%.200s has %lld bytes, at most %lld are read", path,
                (long long)whole, (long long)max_bytes);
        return err_fact_int(err, "limit", max_bytes);
    }
    if (size < 0)
        offset = 0, size = whole;
    if (size > whole - offset)
        size = whole > offset ? whole - offset : 0;
    if (!file_read_range(fd, offset, size, ret)) {
        ret->size = before;
        return io_error(err, "read", path);
    }
    *ret_answer = DISK_HIT;
    if (offset == 0 && size == whole && whole <= CHECK_MAX_BYTES) {
        linked_oid(d, repo, commit, path, oid);
        if (oid[0] &&
            !hub_content_check(oid, path, ret->data + before, ret->size - before, &ignored)) {
            ret->size = before;
            *ret_answer = DISK_MISS;
        }
    }
    return true;
}

static void add_file(struct pin *pin, const char *path, int64_t size, const char *oid)
{
    struct model_file *f = pin_add_file(pin, path);

    f->size = size;
    if (oid && hub_etag_is_hash(oid))
        snprintf(f->oid, sizeof(f->oid), "%s", oid);
}

/* trees/<commit>.json */
static bool read_tree(const struct diskcache *d, const char *repo, const char *commit,
                      struct pin *pin)
{
    AUTO_FREE char *name = str_printf("%s.json", commit);
    AUTO_FREE char *path = cache_path(d, repo, "trees", name, NULL);
    AUTO_FREE char *text = NULL;
    const char *file;
    size_t size;
    json_t *root, *one;

    text = slurp(path, TREE_MAX_BYTES, &size);
    root = text ? json_loadb(text, size, 0, NULL) : NULL;
    if (json_integer_value(json_object_get(root, "format_version")) != 1) {
        json_decref(root);
        return false;
    }
    json_object_foreach(json_object_get(root, "files"), file, one)
    {
        const char *sha256 = json_string_value(json_object_get(one, "lfs_sha256"));
        const json_t *bytes = json_object_get(one, "size");

        if (repo_path_valid(file))
            add_file(pin, file, json_is_integer(bytes) ? json_integer_value(bytes) : -1,
                     sha256 ? sha256 : json_string_value(json_object_get(one, "blob_id")));
    }
    json_decref(root);
    return true;
}

/* What lies below folder, which is prefix of the snapshot. */
static void scan_snapshot(const struct diskcache *d, const char *repo, struct pin *pin,
                          const char *prefix, int depth)
{
    AUTO_FREE char *folder = cache_path(d, repo, "snapshots", pin->commit, prefix);
    DIR *dir = depth < SCAN_DEPTH_MAX ? opendir(folder) : NULL;
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        AUTO_FREE char *path = NULL;
        struct stat st;
        char oid[65];

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        path = str_printf("%s%s%s", prefix ? prefix : "", prefix ? "/" : "", e->d_name);
        if (!repo_path_valid(path) || fstatat(dirfd(dir), e->d_name, &st, 0) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            scan_snapshot(d, repo, pin, path, depth + 1);
        else if (S_ISREG(st.st_mode)) {
            linked_oid(d, repo, pin->commit, path, oid);
            add_file(pin, path, st.st_size, oid);
        }
    }
    if (dir)
        closedir(dir);
}

bool diskcache_pin(const struct diskcache *d, const char *repo, const char *commit, struct pin *ret,
                   bool *ret_complete)
{
    CLEANUP(pin_release) struct pin pin = {.origin = FROM_HUB_CACHE};
    bool complete;

    if (!revision_is_commit(commit))
        return false;
    snprintf(pin.commit, sizeof(pin.commit), "%s", commit);
    snprintf(pin.canonical, sizeof(pin.canonical), "%s", repo);
    complete = read_tree(d, repo, commit, &pin);
    if (!complete)
        scan_snapshot(d, repo, &pin, NULL, 0);
    if (!complete && !pin.n_files)
        return false;
    *ret = pin;
    *ret_complete = complete;
    pin = (struct pin){0};
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Does the repository in the folder name of dir hold any commit? */
static bool has_snapshot(DIR *dir, const char *name)
{
    AUTO_FREE char *path = str_printf("%s/snapshots", name);
    AUTO_CLOSE int fd = openat(dirfd(dir), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *snapshots = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    bool found = false;

    if (!snapshots)
        return false;
    fd = -1; /* the stream's now */
    while (!found && (e = readdir(snapshots)))
        found = revision_is_commit(e->d_name);
    closedir(snapshots);
    return found;
}

char **diskcache_repos(const struct diskcache *d, size_t *ret_n)
{
    DIR *dir = opendir(d->root);
    struct dirent *e;
    char **repos = NULL;
    size_t n = 0;

    while (dir && (e = readdir(dir))) {
        char id[REPO_ID_MAX + 1];
        const char *dashes;

        if (!str_starts(e->d_name, "models--"))
            continue;
        dashes = strstr(e->d_name + 8, "--");
        if (dashes)
            snprintf(id, sizeof(id), "%.*s/%s", (int)(dashes - e->d_name - 8), e->d_name + 8,
                     dashes + 2);
        else
            snprintf(id, sizeof(id), "%s", e->d_name + 8);
        if (!repo_id_valid(id) || !has_snapshot(dir, e->d_name))
            continue;
        if ((n & (n - 1)) == 0)
            repos = mem_resize(repos, (n ? 2 * n : 1) * sizeof(*repos));
        repos[n++] = str_dup(id);
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(repos, n, sizeof(*repos), by_name);
    *ret_n = n;
    return repos;
}

/* ---- writing */

/* Makes every folder above the last name of path. */
static bool make_folders(char *path, struct err *err)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int failed;

        *slash = '\0';
        failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        if (failed)
            io_error(err, "make the folder", path);
        *slash = '/';
        if (failed)
            return false;
    }
    return true;
}

/* A name nobody else uses beside path. The caller frees. */
static char *temporary_name(const char *path, const char *suffix)
{
    uint32_t random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort();
    return str_printf("%s.%08x%s", path, random, suffix);
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static void sync_folder(const char *path)
{
    AUTO_FREE char *folder = str_dup(path);
    AUTO_CLOSE int fd = -1;

    *strrchr(folder, '/') = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd); /* not on every file system; the rename is then as safe as it gets */
}

/* Complete at path, or not at all. */
static bool write_file(char *path, const char *suffix, const void *data, size_t size,
                       struct err *err)
{
    AUTO_FREE char *temporary = temporary_name(path, suffix);
    int fd;
    bool ok;

    if (!make_folders(path, err))
        return false;
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return io_error(err, "write", path);
    ok = write_all(fd, data, size) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(temporary, path) == 0;
    if (!ok) {
        io_error(err, "write", path);
        unlink(temporary);
        return false;
    }
    sync_folder(path);
    return true;
}

/*
 * The lock other programs take while they download the same content. Not waited
 * for: whoever holds it writes these very bytes, under a name of his own, and
 * what is renamed last changes nothing.
 */
static int take_lock(const struct diskcache *d, const char *repo, const char *oid)
{
    AUTO_FREE char *folder = repo_folder(repo);
    AUTO_FREE char *path = str_printf("%s/.locks/%s/%s.lock", d->root, folder, oid);
    AUTO_ERR struct err ignored = {0};
    int fd = -1;

    if (make_folders(path, &ignored))
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX | LOCK_NB);
    return fd;
}

/* snapshots/<commit>/<path> -> ../../blobs/<oid>, one ../ more for each folder in path */
static bool link_snapshot(const struct diskcache *d, const char *repo, const char *commit,
                          const char *path, const char *oid, struct err *err)
{
    AUTO_FREE char *link = cache_path(d, repo, "snapshots", commit, path);
    AUTO_FREE char *temporary = temporary_name(link, ".link");
    AUTO_BUF struct buf target = {0};

    buf_append_str(&target, "../../");
    for (const char *p = path; *p; p++)
        if (*p == '/')
            buf_append_str(&target, "../");
    buf_printf(&target, "blobs/%s", oid);
    if (!make_folders(link, err))
        return false;
    if (symlink(target.data, temporary) != 0)
        return io_error(err, "link", link);
    if (rename(temporary, link) != 0) {
        io_error(err, "link", link);
        unlink(temporary);
        return false;
    }
    return true;
}

/* What a folder says to backup programs: nothing in here is worth keeping. */
static void write_tag(const struct diskcache *d)
{
    static const char text[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                               "# This folder holds downloads and can be made again.\n";
    AUTO_FREE char *path = str_printf("%s/CACHEDIR.TAG", d->root);
    AUTO_ERR struct err ignored = {0};

    if (access(path, F_OK) != 0)
        (void)!write_file(path, ".incomplete", text, sizeof(text) - 1, &ignored);
}

/* Is what lies there what it is named? */
static bool blob_is_whole(const char *blob, const char *oid, size_t wanted)
{
    AUTO_ERR struct err ignored = {0};
    AUTO_FREE char *data = NULL;
    struct stat st;
    size_t size;

    if (stat(blob, &st) != 0 || st.st_size != (off_t)wanted)
        return false;
    if (wanted > CHECK_MAX_BYTES)
        return true;
    data = slurp(blob, wanted, &size);
    return data && hub_content_check(oid, blob, data, size, &ignored);
}

char *diskcache_blob_path(const char *repo, const char *oid)
{
    AUTO_FREE char *folder = repo_folder(repo);

    return str_printf("%s/blobs/%s", folder, oid);
}

bool diskcache_put(struct diskcache *d, const char *repo, const char *commit, const char *path,
                   const char *oid, const void *data, size_t size, bool *ret_is_new,
                   struct err *err)
{
    AUTO_FREE char *blob = NULL;
    AUTO_CLOSE int lock = -1;
    bool is_new;

    assert(hub_etag_is_hash(oid) && revision_is_commit(commit) && repo_path_valid(path));
    if (!hub_content_check(oid, path, data, size, err))
        return false;
    write_tag(d);
    lock = take_lock(d, repo, oid);
    blob = cache_path(d, repo, "blobs", oid, NULL);
    is_new = !blob_is_whole(blob, oid, size);
    if (is_new && !write_file(blob, ".incomplete", data, size, err))
        return false;
    if (!link_snapshot(d, repo, commit, path, oid, err))
        return false;
    *ret_is_new = is_new;
    return true;
}

bool diskcache_put_ref(struct diskcache *d, const char *repo, const char *revision,
                       const char *commit, struct err *err)
{
    AUTO_FREE char *path = NULL;

    if (revision_is_commit(revision) || !repo_path_valid(revision))
        return true; /* a commit needs no ref, and a strange name gets none */
    path = cache_path(d, repo, "refs", revision, NULL);
    if (access(path, F_OK) == 0)
        return true;
    return write_file(path, ".incomplete", commit, strlen(commit), err);
}

/* Does any snapshot below folder link to oid? Says yes when it cannot tell. */
static bool is_linked(const char *folder, const char *oid, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    bool found = false;

    if (!dir)
        return errno != ENOENT;
    if (depth > SCAN_DEPTH_MAX)
        found = true;
    while (!found && (e = readdir(dir))) {
        char target[4096];
        ssize_t n;

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        if (n > 0) {
            const char *slash;

            target[n] = '\0';
            slash = strrchr(target, '/');
            found = str_eq(slash ? slash + 1 : target, oid);
        } else {
            struct stat st;

            if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISDIR(st.st_mode)) {
                AUTO_FREE char *inner = str_printf("%s/%s", folder, e->d_name);

                found = is_linked(inner, oid, depth + 1);
            }
        }
    }
    closedir(dir);
    return found;
}

/* Removes the refs below folder that name commit. */
static void drop_refs(const char *folder, const char *commit, int depth)
{
    DIR *dir = depth < SCAN_DEPTH_MAX ? opendir(folder) : NULL;
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        AUTO_FREE char *path = NULL, *text = NULL;
        struct stat st;
        size_t size;

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        path = str_printf("%s/%s", folder, e->d_name);
        if (lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            drop_refs(path, commit, depth + 1);
        else if (S_ISREG(st.st_mode) && (text = slurp(path, 128, &size)) &&
                 str_starts(text, commit))
            unlink(path);
    }
    if (dir)
        closedir(dir);
}

/* What the last file of a snapshot leaves behind. */
static void drop_empty_snapshot(const struct diskcache *d, const char *repo, const char *commit,
                                const char *path)
{
    AUTO_FREE char *file = cache_path(d, repo, "snapshots", commit, path);
    AUTO_FREE char *folder = repo_folder(repo);
    AUTO_FREE char *refs = str_printf("%s/%s/refs", d->root, folder);
    size_t end = strlen(file) - strlen(path);

    while (strlen(file) >= end) {
        *strrchr(file, '/') = '\0';
        if (rmdir(file) != 0 && errno != ENOENT)
            return; /* there is more in it */
    }
    drop_refs(refs, commit, 0);
}

bool diskcache_remove(struct diskcache *d, const char *repo, const char *commit, const char *path,
                      int64_t *ret_freed, struct err *err)
{
    AUTO_FREE char *link = NULL, *folder = NULL, *snapshots = NULL, *blob = NULL;
    AUTO_CLOSE int lock = -1;
    struct stat st;
    char oid[65];

    *ret_freed = 0;
    if (!revision_is_commit(commit) || !repo_path_valid(path))
        return true;
    linked_oid(d, repo, commit, path, oid);
    link = cache_path(d, repo, "snapshots", commit, path);
    if (!oid[0]) /* not a link of ours: a file that lies there itself is somebody's */
        return true;
    lock = take_lock(d, repo, oid);
    if (unlink(link) != 0 && errno != ENOENT)
        return io_error(err, "remove", link);
    drop_empty_snapshot(d, repo, commit, path);
    folder = repo_folder(repo);
    snapshots = str_printf("%s/%s/snapshots", d->root, folder);
    if (is_linked(snapshots, oid, 0))
        return true;
    blob = cache_path(d, repo, "blobs", oid, NULL);
    if (stat(blob, &st) == 0 && unlink(blob) == 0)
        *ret_freed = st.st_size;
    return true;
}
