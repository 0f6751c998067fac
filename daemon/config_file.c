#include "daemon/config_file.h"

#include "base/utf8.h"
#include "daemon/setting.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Cuts blanks at both ends, in place. */
static char *trim(char *s)
{
    char *end;

    while (isspace((unsigned char)*s))
        s++;
    end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return s;
}

static bool read_line(struct settings *c, char *line, const char *at, bool *replaced,
                      struct err *err)
{
    char *key = trim(line), *equals, near[160];
    const struct setting *s;

    if (!*key || *key == '#' || *key == ';')
        return true;
    if (*key == '[')
        return err_set(err, ERR_INVALID, "%s: there are no sections here; write key = value", at);
    equals = strchr(key, '=');
    if (!equals)
        return err_set(err, ERR_INVALID, "%s: \"%.60s\" has no \"=\"; write key = value", at, key);
    *equals = '\0';
    key = trim(key);
    s = setting_find(key);
    if (!s) {
        setting_suggest(key, near);
        return err_set(err, ERR_INVALID, "%s: unknown setting \"%.60s\"%s", at, key, near);
    }
    return config_assign(c, s, trim(equals + 1), at, replaced, err);
}

bool config_text_read(struct settings *c, const char *name, const char *text, size_t size,
                      bool *replaced, struct err *err)
{
    size_t bad;
    int number = 0;

    if (!size)
        return true;
    if (!utf8_valid(text, size, &bad) || memchr(text, '\0', size))
        return err_set(err, ERR_INVALID, "%s: is not text in UTF-8", name);
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        AUTO_FREE char *line = str_dup_n(text + at, length);
        AUTO_FREE char *where = str_printf("%s:%d", name, ++number);

        if (!read_line(c, line, where, replaced, err))
            return false;
        at += length + 1;
    }
    return true;
}

/* The bytes of a file that is not larger than it should be. */
static bool read_bytes(const char *path, struct buf *out, bool *ret_missing, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    *ret_missing = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: %m", path);
    do {
        buf_reserve(out, 4096);
        n = read(fd, out->data + out->size, 4096);
        if (n > 0)
            out->size += (size_t)n;
    } while (n > 0 && out->size <= CONFIG_FILE_MAX_BYTES);
    if (n < 0)
        err_set(err, ERR_IO, "%s: %m", path);
    close(fd);
    if (n > 0)
        return err_set(err, ERR_INVALID, "%s: larger than %d bytes", path, CONFIG_FILE_MAX_BYTES);
    return n == 0;
}

static bool read_file(struct settings *c, const char *path, enum config_file_missing missing,
                      bool *replaced, struct err *err)
{
    AUTO_BUF struct buf text = {0};
    bool is_missing;

    if (!read_bytes(path, &text, &is_missing, err)) {
        if (!is_missing || missing == CONFIG_FILE_REQUIRED)
            return false;
        err_release(err);
        return true;
    }
    return config_text_read(c, path, text.data, text.size, replaced, err);
}

bool config_file_read(struct settings *c, const char *path, enum config_file_missing missing,
                      struct err *err)
{
    AUTO_FREE bool *replaced = mem_new_array(n_settings, bool);

    return read_file(c, path, missing, replaced, err);
}

static int is_conf(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(entry->d_name, ".conf");
}

bool config_folder_read(struct settings *c, const char *path, struct err *err)
{
    AUTO_FREE bool *replaced = mem_new_array(n_settings, bool);
    struct dirent **names;
    int n = scandir(path, &names, is_conf, alphasort);
    bool ok = true;

    if (n < 0)
        return errno == ENOENT || err_set(err, ERR_IO, "%s: %m", path);
    for (int i = 0; i < n; i++) {
        AUTO_FREE char *file = str_printf("%s/%s", path, names[i]->d_name);

        ok = ok && read_file(c, file, CONFIG_FILE_REQUIRED, replaced, err);
        free(names[i]);
    }
    free(names);
    return ok;
}
