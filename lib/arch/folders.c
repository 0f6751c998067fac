/* Catalog files of the operator: which of them count, and what is in them. */
#include "arch/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void catalog_faults_release(struct catalog_faults *faults)
{
    for (size_t i = 0; i < faults->n; i++) {
        free(faults->items[i].file);
        free(faults->items[i].pointer);
        free(faults->items[i].text);
    }
    free(faults->items);
    *faults = (struct catalog_faults){0};
}

static void report(struct catalog_faults *faults, const char *file, int line, const char *pointer,
                   const char *fmt, ...) PRINTF_LIKE(5, 6);

static void report(struct catalog_faults *faults, const char *file, int line, const char *pointer,
                   const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    faults->items = mem_resize(faults->items, (faults->n + 1) * sizeof(*faults->items));
    faults->items[faults->n++] =
        (struct catalog_fault){str_dup(file), line, str_dup(pointer), buf_take(&text)};
}

/*
 * Lines of members: jansson keeps none, so the text, known to be valid JSON, is
 * walked once more along the pointer. Only for a fault.
 */
struct walk {
    const char *p, *end;
    int line;
};

static void skip_space(struct walk *w)
{
    for (; w->p < w->end && strchr(" \t\r\n", *w->p); w->p++)
        w->line += *w->p == '\n';
}

static void skip_string(struct walk *w)
{
    for (w->p++; w->p < w->end && *w->p != '"'; w->p++)
        w->p += *w->p == '\\';
    w->p++;
}

/* A whole value, by counting brackets. */
static void skip_value(struct walk *w)
{
    int depth = 0;

    do {
        skip_space(w);
        if (w->p >= w->end)
            return;
        if (*w->p == '"') {
            skip_string(w);
            continue;
        }
        if (depth == 0 && strchr(",]}", *w->p))
            return;
        depth += strchr("[{", *w->p) != NULL;
        depth -= strchr("]}", *w->p) != NULL;
        w->p++;
    } while (depth > 0 || (w->p < w->end && !strchr(",]} \t\r\n", *w->p)));
}

/* Goes into the container at hand, to the value of segment (as the pointer writes it). */
static bool enter(struct walk *w, const char *segment, size_t size)
{
    bool object = *w->p == '{';
    size_t index = strtoul(segment, NULL, 10);

    for (size_t i = 0; w->p < w->end && !(i > 0 && strchr("]}", *w->p)); i++) {
        w->p++; /* the bracket or a comma */
        skip_space(w);
        const char *key = w->p + 1;
        size_t key_size = 0;

        if (object && *w->p == '"') {
            skip_string(w);
            key_size = (size_t)(w->p - key) - 1;
            skip_space(w);
            w->p++; /* the colon */
            skip_space(w);
        }
        if (object ? key_size == size && memcmp(key, segment, size) == 0 : i == index)
            return true;
        skip_value(w);
        skip_space(w);
    }
    return false;
}

static int line_of(const char *text, size_t size, const char *pointer)
{
    struct walk w = {text, text + size, 1};

    skip_space(&w);
    while (*pointer == '/' && w.p < w.end && strchr("[{", *w.p)) {
        size_t n = strcspn(++pointer, "/");
        struct walk before = w;

        if (!enter(&w, pointer, n))
            return before.line; /* a missing member: where its object begins */
        pointer += n;
    }
    return w.line;
}

static void report_faults(struct catalog_faults *faults, const char *path, const char *text,
                          size_t size, const struct faults *f)
{
    AUTO_FREE char *json = str_printf("[%s]", f->list.data);
    json_t *list = json_loads(json, 0, NULL), *fault;
    size_t i;

    json_array_foreach(list, i, fault)
    {
        const char *pointer = json_string_value(json_object_get(fault, "pointer"));

        report(faults, path, line_of(text, size, pointer), pointer, "%s",
               json_string_value(json_object_get(fault, "detail")));
    }
    json_decref(list);
}

/* Takes a over; says so when it replaces another of its identity. */
static void add(struct archs *ret, struct arch *a, const char *path, const char *pointer, int line,
                struct catalog_faults *faults)
{
    for (size_t i = 0; i < ret->n; i++) {
        struct arch *old = ret->items[i];

        if (old->task != a->task || !str_eq(old->name, a->name))
            continue;
        report(faults, path, line, pointer, "%s for %s was in a file before; this one counts",
               a->name, task_name(a->task));
        ret->items[i] = a;
        arch_unref(old);
        return;
    }
    archs_add(ret, a);
}

void catalog_load_text(const char *path, const char *text, size_t size, int64_t revision,
                       int64_t created_at, struct archs *ret, struct catalog_faults *faults)
{
    json_error_t at;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at), *list, *doc;
    size_t i;

    if (!root) {
        report(faults, path, at.line, "", "%s", at.text);
        return;
    }
    list = json_object_get(root, "architectures");
    bool many = json_is_array(list) && json_object_size(root) == 1;

    list = many ? json_incref(list) : json_pack("[O]", root);
    json_array_foreach(list, i, doc)
    {
        AUTO_FAULTS struct faults f = {0};
        AUTO_BUF struct buf prefix = {0};

        buf_append_str(&prefix, many ? "/architectures" : "");
        if (many)
            pointer_push_index(&prefix, i);
        struct arch *a = arch_build(doc, prefix.data, ARCH_CATALOG, revision, created_at, &f);
        if (a)
            add(ret, a, path, prefix.data, line_of(text, size, prefix.data), faults);
        else
            report_faults(faults, path, text, size, &f);
    }
    json_decref(list);
    json_decref(root);
}

/* A file that counts: its name orders it, its folder is the last that has it. */
struct entry {
    char *name, *path;
};
struct entries {
    struct entry *items;
    size_t n;
};

static void entries_release(struct entries *e)
{
    for (size_t i = 0; i < e->n; i++) {
        free(e->items[i].name);
        free(e->items[i].path);
    }
    free(e->items);
}

static void put_entry(struct entries *e, const char *folder, const char *name)
{
    char *path = str_printf("%s/%s", folder, name);

    for (size_t i = 0; i < e->n; i++) {
        if (!str_eq(e->items[i].name, name))
            continue;
        free(e->items[i].path);
        e->items[i].path = path;
        return;
    }
    e->items = mem_resize(e->items, (e->n + 1) * sizeof(*e->items));
    e->items[e->n++] = (struct entry){str_dup(name), path};
}

static void list_folder(struct entries *e, const char *folder, struct catalog_faults *faults)
{
    DIR *dir = opendir(folder);

    if (!dir) {
        if (errno != ENOENT)
            report(faults, folder, 0, "", "cannot be read: %s", strerror(errno));
        return;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (d->d_name[0] == '.' || !str_ends(d->d_name, ".json"))
            continue;
        if (e->n == CATALOG_FILES) {
            report(faults, folder, 0, "", "more than %d catalog files; the rest is left out",
                   CATALOG_FILES);
            break;
        }
        put_entry(e, folder, d->d_name);
    }
    closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* All of fd into ret; false and a report when it is too big or fails. */
static bool read_all(int fd, const char *path, struct buf *ret, struct catalog_faults *faults)
{
    ssize_t n;

    do {
        buf_reserve(ret, 65536);
        n = read(fd, ret->data + ret->size, 65536);
        if (n > 0)
            ret->size += (size_t)n;
    } while ((n > 0 && ret->size <= CATALOG_FILE_BYTES) || (n < 0 && errno == EINTR));
    if (n < 0)
        report(faults, path, 0, "", "cannot be read: %s", strerror(errno));
    else if (ret->size > CATALOG_FILE_BYTES)
        report(faults, path, 0, "", "is larger than %d bytes", CATALOG_FILE_BYTES);
    return n == 0;
}

static void load_file(const char *path, int64_t revision, int64_t created_at, struct archs *ret,
                      struct catalog_faults *faults)
{
    AUTO_BUF struct buf text = {0};
    struct stat st;
    /* NONBLOCK: a FIFO of the name must not hold the start up */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) < 0)
        report(faults, path, 0, "", "cannot be read: %s", strerror(errno));
    else if (S_ISCHR(st.st_mode)) /* /dev/null: hidden on purpose */
        ;
    else if (!S_ISREG(st.st_mode))
        report(faults, path, 0, "", "is not a regular file");
    else if (read_all(fd, path, &text, faults) && text.size > 0)
        catalog_load_text(path, text.data, text.size, revision, created_at, ret, faults);
    if (fd >= 0)
        close(fd);
}

void catalog_load_folders(const char *const *folders, size_t n, int64_t revision,
                          int64_t created_at, struct archs *ret, struct catalog_faults *faults)
{
    CLEANUP(entries_release) struct entries e = {0};

    for (size_t i = 0; i < n; i++)
        list_folder(&e, folders[i], faults);
    if (e.n)
        qsort(e.items, e.n, sizeof(*e.items), by_name);
    for (size_t i = 0; i < e.n; i++)
        load_file(e.items[i].path, revision, created_at, ret, faults);
}
