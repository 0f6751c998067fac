#include "hub/repo_id.h"

#include "base/utf8.h"

#include <stdio.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool is_edge_char(char c) { return c == '-' || c == '.'; }

/* One of the two parts of a repository id: size characters from s. */
static bool name_valid(const char *s, size_t size)
{
    if (size == 0 || is_edge_char(s[0]) || is_edge_char(s[size - 1]))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!is_name_char(s[i]))
            return false;
        if (i > 0 && is_edge_char(s[i]) && s[i] == s[i - 1])
            return false; /* -- and .. are the cache's and the file system's */
    }
    return true;
}

bool repo_id_valid(const char *id)
{
    const char *slash = strchr(id, '/');
    size_t size = strlen(id);

    if (size > REPO_ID_MAX || str_ends(id, ".git"))
        return false;
    if (!slash)
        return name_valid(id, size);
    return name_valid(id, (size_t)(slash - id)) && name_valid(slash + 1, strlen(slash + 1));
}

bool revision_is_commit(const char *revision)
{
    return strlen(revision) == 40 && strspn(revision, "0123456789abcdef") == 40;
}

/* One segment of a path: not empty, not "." or "..", at most 255 bytes. */
static bool segment_valid(const char *s, size_t size)
{
    return size > 0 && size <= 255 && !(size == 1 && s[0] == '.') &&
           !(size == 2 && s[0] == '.' && s[1] == '.');
}

/* No control characters, no backslash, UTF-8. */
static bool text_valid(const char *s)
{
    size_t size = strlen(s);

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || s[i] == '\\')
            return false;
    return utf8_valid(s, size, NULL);
}

bool repo_path_valid(const char *path)
{
    if (!text_valid(path))
        return false;
    for (;;) {
        size_t size = strcspn(path, "/");

        if (!segment_valid(path, size))
            return false;
        if (!path[size])
            return true;
        path += size + 1;
    }
}

/*
 * Branches and tags as Git names them, refs/pr/N, HEAD, commits. It becomes a
 * path segment of a URL (quoted) and a path below refs/ on disk.
 */
static bool revision_valid(const char *revision)
{
    size_t size = strlen(revision);

    return size > 0 && size <= REVISION_MAX && repo_path_valid(revision) && revision[0] != '-' &&
           !strpbrk(revision, " ~^:?*[") && !strstr(revision, "..") && !strstr(revision, "@{") &&
           !str_ends(revision, ".lock") && !str_ends(revision, ".");
}

static bool field_err(struct err *err, const char *field, const char *value, const char *why)
{
    char shown[128];

    snprintf(shown, sizeof(shown), "%s", value);
    err_set(err, ERR_FIELD, "%s \"%s\": %s", field, shown, why);
    err_fact_str(err, "field", field);
    return err_fact_str(err, "value", value);
}

/* "/a//b/" names the same directory as "/a/b"; one spelling makes one cache key. */
static bool local_path(char *ret, const char *path, struct err *err)
{
    size_t n = 0;

    if (strlen(path) > MODEL_PATH_MAX)
        return field_err(err, "model", path, "a path has at most 1024 bytes");
    while (*path) {
        size_t size = strcspn(path, "/");

        if (size > 0) {
            if (!segment_valid(path, size))
                return field_err(err, "model", path, "a path has no . or .. in it");
            ret[n++] = '/';
            memcpy(ret + n, path, size);
            n += size;
        }
        path += size + (path[size] == '/');
    }
    if (n == 0)
        ret[n++] = '/';
    ret[n] = '\0';
    return true;
}

static bool model_name(struct model_ref *ret, const char *model, struct err *err)
{
    if (!model || !model[0])
        return field_err(err, "model", "", "say which model: org/name, name, or an absolute path");
    if (!text_valid(model))
        return field_err(err, "model", model, "neither control characters nor backslashes, UTF-8");
    if (model[0] == '/') {
        ret->source = MODEL_LOCAL;
        return local_path(ret->model, model, err);
    }
    ret->source = MODEL_HUB;
    if (strstr(model, "://"))
        return field_err(err, "model", model, "not a URL: give what follows the host, org/name");
    if (model[0] == '.' || model[0] == '~')
        return field_err(err, "model", model, "a local model is an absolute path");
    if (!repo_id_valid(model))
        return field_err(err, "model", model,
                         "a repository is name or org/name of letters, digits, - _ and ., at most "
                         "96, without -- and .., not ending in .git; a local model is an absolute "
                         "path");
    snprintf(ret->model, sizeof(ret->model), "%s", model);
    return true;
}

bool model_ref_parse(struct model_ref *ret, const char *model, const char *revision,
                     const char *subfolder, struct err *err)
{
    struct model_ref ref = {.revision = "main"};

    if (!model_name(&ref, model, err))
        return false;
    if (revision && revision[0]) {
        if (!revision_valid(revision))
            return field_err(err, "revision", revision,
                             "a branch, tag, refs/pr/N or commit, at most 200 bytes");
        snprintf(ref.revision, sizeof(ref.revision), "%s", revision);
    }
    if (subfolder && subfolder[0]) {
        size_t size = strlen(subfolder);

        size -= subfolder[size - 1] == '/';
        if (size > SUBFOLDER_MAX)
            return field_err(err, "subfolder", subfolder, "at most 255 bytes");
        memcpy(ref.subfolder, subfolder, size);
        if (!repo_path_valid(ref.subfolder))
            return field_err(err, "subfolder", subfolder,
                             "a folder of the repository: relative, without . and ..");
    }
    *ret = ref;
    return true;
}
