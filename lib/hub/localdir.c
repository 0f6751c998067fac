#include "hub/localdir.h"

#include "base/file.h"
#include "base/hash.h"
#include "hub/model_info.h"
#include "json/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct localroots {
    struct root {
        char *path;      /* as configured, without trailing slash */
        char *real_path; /* without symlinks */
        int fd;
    } * roots;
    size_t n_roots;
};

bool localroots_open(struct localroots **ret, const char *const *paths, size_t n_paths,
                     struct err *err)
{
    CLEANUP(localroots_closep) struct localroots *r = mem_new(struct localroots);

    r->roots = mem_new_array(n_paths ? n_paths : 1, struct root);
    for (size_t i = 0; i < n_paths; i++) {
        struct root *root = &r->roots[r->n_roots];
        size_t size = strlen(paths[i]);

        while (size > 1 && paths[i][size - 1] == '/')
            size--;
        root->path = str_dup_n(paths[i], size);
        root->real_path = realpath(root->path, NULL);
        root->fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r->n_roots++;
        if (root->fd < 0 || !root->real_path)
            return err_set(err, ERR_IO, "cannot open the model root %.250s: %s", root->path,
                           strerror(errno));
    }
    *ret = take(&r);
    return true;
}

void localroots_close(struct localroots *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_roots; i++) {
        free(r->roots[i].path);
        free(r->roots[i].real_path);
        if (r->roots[i].fd >= 0)
            close(r->roots[i].fd);
    }
    free(r->roots);
    free(r);
}

/* ---- opening */

/* What is left of path below folder: "." for itself, NULL when it is not below. */
static const char *path_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    if (str_eq(folder, "/"))
        return path[1] ? path + 1 : ".";
    if (strncmp(path, folder, size) != 0)
        return NULL;
    if (!path[size])
        return ".";
    return path[size] != '/' ? NULL : path[size + 1] ? path + size + 1 : ".";
}

/*
 * Where the kernel has no openat2() or a sandbox forbids it: open, then ask
 * what it was that got opened. Nothing was read by then, and the answer is
 * about this descriptor, so nobody can swap it behind our back.
 */
static int open_and_check(const struct root *root, const char *path, int flags)
{
    char link[64], real[4096];
    ssize_t n;
    int fd = openat(root->fd, path, flags);

    if (fd < 0)
        return -1;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, real, sizeof(real) - 1);
    if (n > 0) {
        real[n] = '\0';
        if (path_below(real, root->real_path))
            return fd;
    }
    close(fd);
    errno = EXDEV;
    return -1;
}

/* Never leaves root, never waits for a pipe; errno EXDEV or ELOOP when path would leave. */
static int open_below(const struct root *root, const char *path, int flags)
{
    flags |= O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY);

    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, root->fd, path, &how, sizeof(how));

    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return open_and_check(root, path, flags);
    return (int)fd;
}

static void add_path_facts(const struct localroots *r, const char *path, struct err *err)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '[');
    for (size_t i = 0; i < r->n_roots; i++)
        json_item(&j), json_write_str(j.out, r->roots[i].path);
    json_close(&j, ']');
    err_fact_str(err, "path", path);
    err_fact_json(err, "roots", b.data);
}

static bool not_allowed(const struct localroots *r, const char *path, const char *why,
                        struct err *err)
{
    if (r->n_roots)
        err_set(err, ERR_PATH_NOT_ALLOWED, "%.150s %s; local models may lie below %.100s%s", path,
                why, r->roots[0].path, r->n_roots > 1 ? " and the other roots" : "");
    else
        err_set(err, ERR_PATH_NOT_ALLOWED,
                "%.150s is a local path, and no folder for local models is configured "
                "(--model-root)",
                path);
    add_path_facts(r, path, err);
    return false;
}

static bool open_failed(const struct localroots *r, const char *path, struct err *err)
{
    if (errno == EXDEV || errno == ELOOP)
        return not_allowed(r, path, "leads out of its root", err);
    if (errno == EACCES)
        return not_allowed(r, path, "may not be read by this daemon's user", err);
    if (errno == ENOENT || errno == ENOTDIR)
        err_set(err, ERR_PATH_NOT_FOUND, "there is no file or folder %.250s", path);
    else
        err_set(err, ERR_IO, "cannot open %.250s: %s", path, strerror(errno));
    add_path_facts(r, path, err);
    return false;
}

/* The root path lies below, and the rest. The longest root wins. */
static bool find_root(const struct localroots *r, const char *path, const struct root **ret_root,
                      const char **ret_rest, struct err *err)
{
    const char *rest = NULL;

    for (size_t i = 0; i < r->n_roots; i++) {
        const struct root *root = &r->roots[i];
        const char *one = path_below(path, root->path);

        if (!one)
            one = path_below(path, root->real_path);
        if (one && (!rest || strlen(one) < strlen(rest)))
            rest = one, *ret_root = root;
    }
    if (!rest)
        return not_allowed(r, path, "lies below no allowed root", err);
    *ret_rest = rest;
    return true;
}

/* ---- listing */

struct listing {
    const struct localroots *roots;
    const struct root *root;
    const char *model; /* path of the model, for errors */
    struct pin *pin;
    struct stamp {
        int64_t mtime_ns;
        uint64_t inode;
    } * stamps; /* one per file of pin */
};

static void add_file(struct listing *l, const char *path, const struct stat *st)
{
    size_t n = l->pin->n_files;

    if ((n & (n - 1)) == 0)
        l->stamps = mem_resize(l->stamps, (n ? 2 * n : 1) * sizeof(*l->stamps));
    l->stamps[n] = (struct stamp){
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .inode = st->st_ino,
    };
    pin_add_file(l->pin, path)->size = st->st_size;
}

/* A symlink is followed to a file inside the root; one to a folder could be a circle. */
static bool stat_entry(const struct listing *l, int dir_fd, const char *name, const char *below,
                       struct stat *st)
{
    AUTO_CLOSE int fd = -1;

    if (fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISLNK(st->st_mode))
        return true;
    fd = open_below(l->root, below, O_PATH);
    return fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode);
}

/* rest: the folder below the root; prefix: the same below the model. */
static bool list_folder(struct listing *l, const char *rest, const char *prefix, int depth,
                        struct err *err)
{
    int fd = open_below(l->root, rest, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    bool ok = true;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return depth > 0 || open_failed(l->roots, l->model, err); /* below: left out */
    }
    while (ok && (e = readdir(dir))) {
        AUTO_FREE char *path = NULL, *below = NULL;
        struct stat st;

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        path = str_printf("%s%s%s", prefix, *prefix ? "/" : "", e->d_name);
        below = str_eq(rest, ".") ? str_dup(e->d_name) : str_printf("%s/%s", rest, e->d_name);
        if (!repo_path_valid(path) || !stat_entry(l, fd, e->d_name, below, &st))
            continue;
        if (S_ISDIR(st.st_mode)) {
            if (e->d_name[0] != '.' && depth < LOCAL_DEPTH_MAX)
                ok = list_folder(l, below, path, depth + 1, err);
        } else if (S_ISREG(st.st_mode)) {
            if (l->pin->n_files == LOCAL_FILES_MAX) {
                err_set(err, ERR_TOO_LARGE, "%.200s holds more than %d files", l->model,
                        LOCAL_FILES_MAX);
                ok = err_fact_int(err, "limit", LOCAL_FILES_MAX);
            } else
                add_file(l, path, &st);
        }
    }
    closedir(dir);
    return ok;
}

/* Sum of the files' digests: then the order in which they were listed does not matter. */
static void commit_digest(const struct listing *l, char ret[SHA256_HEX])
{
    uint8_t sum[SHA256_DIGEST_SIZE] = {0}, one[SHA256_DIGEST_SIZE];

    for (size_t i = 0; i < l->pin->n_files; i++) {
        const struct model_file *f = &l->pin->files[i];
        char numbers[80];
        struct sha256_ctx ctx;
        unsigned carry = 0;
        int n = snprintf(numbers, sizeof(numbers), "%lld %lld %llu", (long long)f->size,
                         (long long)l->stamps[i].mtime_ns, (unsigned long long)l->stamps[i].inode);

        sha256_init(&ctx);
        sha256_update(&ctx, strlen(f->path) + 1, (const uint8_t *)f->path);
        sha256_update(&ctx, (size_t)n, (const uint8_t *)numbers);
        sha256_digest(&ctx, sizeof(one), one);
        for (size_t k = 0; k < sizeof(sum); k++) {
            carry += (unsigned)sum[k] + one[k];
            sum[k] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    hash_hex(sum, sizeof(sum), ret);
}

/* The folder of a path below a root, "." for the root. The caller frees. */
static char *folder_of(const char *rest)
{
    const char *slash = strrchr(rest, '/');

    return slash ? str_dup_n(rest, (size_t)(slash - rest)) : str_dup(".");
}

static bool list_file(struct listing *l, const char *rest, const struct stat *st, struct err *err)
{
    const char *slash = strrchr(rest, '/'), *name = slash ? slash + 1 : rest;

    if (!str_ends(name, ".gguf")) {
        err_set(err, ERR_PATH_NOT_FOUND,
                "%.200s is a file but no .gguf; a model is a folder or one GGUF file", l->model);
        add_path_facts(l->roots, l->model, err);
        return false;
    }
    l->pin->origin = FROM_LOCAL_GGUF;
    add_file(l, name, st);
    return true;
}

bool local_pin(const struct localroots *r, const char *path, struct pin *ret, struct err *err)
{
    CLEANUP(pin_release) struct pin pin = {.origin = FROM_LOCAL_DIR};
    struct listing l = {.roots = r, .model = path, .pin = &pin};
    AUTO_CLOSE int fd = -1;
    const char *rest;
    struct stat st;
    bool ok;

    if (!find_root(r, path, &l.root, &rest, err))
        return false;
    fd = open_below(l.root, rest, O_PATH);
    if (fd < 0 || fstat(fd, &st) != 0)
        return open_failed(r, path, err);
    ok = S_ISDIR(st.st_mode) ? list_folder(&l, rest, "", 0, err) : list_file(&l, rest, &st, err);
    if (ok) {
        commit_digest(&l, pin.commit);
        snprintf(pin.canonical, sizeof(pin.canonical), "%s", path);
        *ret = pin;
        pin = (struct pin){0};
    }
    free(l.stamps);
    return ok;
}

/* ---- reading */

bool local_read(const struct localroots *r, const char *path, const char *file, int64_t offset,
                int64_t size, int64_t max_bytes, struct buf *ret, struct err *err)
{
    AUTO_FREE char *below = NULL, *folder = NULL;
    AUTO_CLOSE int fd = -1;
    const struct root *root;
    const char *rest;
    size_t before = ret->size;
    struct stat st;

    if (!find_root(r, path, &root, &rest, err))
        return false;
    if (!repo_path_valid(file))
        return err_set(err, ERR_FILE_NOT_FOUND, "%.200s is no path inside a model", file);
    fd = open_below(root, rest, O_PATH);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        folder = folder_of(rest); /* one GGUF: files are named from its folder */
    below = str_eq(folder ? folder : rest, ".") ? str_dup(file)
                                                : str_printf("%s/%s", folder ? folder : rest, file);
    file_closep(&fd);
    fd = open_below(root, below, O_RDONLY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        err_set(err, ERR_FILE_NOT_FOUND, "%.150s has no file %.200s", path, file);
        return err_fact_str(err, "path", file);
    }
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return open_failed(r, path, err);
    if (size < 0 && st.st_size > max_bytes) {
        err_set(err, ERR_FILE_TOO_LARGE, "%.200s has %lld bytes, at most %lld are read", file,
                (long long)st.st_size, (long long)max_bytes);
        return err_fact_int(err, "limit", max_bytes);
    }
    if (size < 0)
        offset = 0, size = st.st_size;
    if (size > st.st_size - offset)
        size = st.st_size > offset ? st.st_size - offset : 0;
    if (file_read_range(fd, offset, size, ret))
        return true;
    ret->size = before;
    return err_set(err, ERR_IO, "cannot read %.250s: %s", file, strerror(errno));
}
