#include "daemon/keys.h"

#include <ctype.h>
#include <errno.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/random.h>

static const struct {
    const char *name;
    unsigned bits;
} scopes[] = {
    {"read", SCOPE_READ},
    {"tokenize", SCOPE_TOKENIZE},
    {"write", SCOPE_WRITE},
    {"admin", SCOPE_ALL},
};

bool scopes_parse(const char *text, unsigned *ret, struct err *err)
{
    unsigned bits = 0;

    for (;;) {
        size_t size = strcspn(text, ","), i = 0;

        while (i < ARRAY_SIZE(scopes) &&
               !(strlen(scopes[i].name) == size && strncmp(scopes[i].name, text, size) == 0))
            i++;
        if (i == ARRAY_SIZE(scopes))
            return err_set(err, ERR_INVALID,
                           "\"%.*s\" is no scope; there are read, tokenize, write and admin",
                           (int)(size < 60 ? size : 60), text);
        bits |= scopes[i].bits;
        if (!text[size])
            break;
        text += size + 1;
    }
    *ret = bits;
    return true;
}

void scopes_print(unsigned bits, char ret[40])
{
    size_t n = 0;

    ret[0] = '\0';
    if ((bits & SCOPE_ADMIN) == SCOPE_ADMIN) {
        strcpy(ret, "admin");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(scopes) - 1; i++)
        if (bits & scopes[i].bits)
            n += (size_t)snprintf(ret + n, 40 - n, "%s%s", n ? "," : "", scopes[i].name);
}

static void digest_of(const void *data, size_t size, uint8_t ret[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, ret);
}

static bool parse_hex(const char *text, uint8_t *ret, size_t size)
{
    if (strlen(text) != size * 2)
        return false;
    for (size_t i = 0; i < size; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'}, *end;

        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
            return false;
        ret[i] = (uint8_t)strtoul(pair, &end, 16);
    }
    return true;
}

static bool is_name(const char *name)
{
    size_t size = strlen(name);

    if (!size || size >= sizeof(((struct key *)0)->name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("._-@", *name))
            return false;
    return true;
}

/* "NAME SCOPES sha256:HEX" */
static bool parse_line(char *line, struct key *ret, struct err *err)
{
    char *rest = NULL, *name = strtok_r(line, " \t\r\n", &rest),
         *list = strtok_r(NULL, " \t\r\n", &rest);
    char *digest = strtok_r(NULL, " \t\r\n", &rest);

    if (!digest || strtok_r(NULL, " \t\r\n", &rest))
        return err_set(err, ERR_INVALID, "a line is NAME SCOPES sha256:DIGEST");
    if (!is_name(name))
        return err_set(err, ERR_INVALID,
                       "\"%.60s\" is no name: letters, digits, . _ - @, at most 63", name);
    if (!scopes_parse(list, &ret->scopes, err))
        return false;
    if (!str_starts(digest, "sha256:") ||
        !parse_hex(digest + strlen("sha256:"), ret->digest, sizeof(ret->digest)))
        return err_set(err, ERR_INVALID, "the digest is sha256: and 64 hexadecimal digits");
    strcpy(ret->name, name);
    return true;
}

static bool add(struct keys *k, const struct key *key, struct err *err)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(k->items[i].name, key->name))
            return err_set(err, ERR_INVALID, "a second key named %s", key->name);
    k->items = mem_resize(k->items, (k->n + 1) * sizeof(*k->items));
    k->items[k->n++] = *key;
    return true;
}

static bool read_lines(FILE *f, const char *path, struct keys *k, struct err *err)
{
    AUTO_FREE char *line = NULL;
    size_t capacity = 0;

    for (int number = 1; getline(&line, &capacity, f) >= 0; number++) {
        struct key key = {0};
        const char *first = line + strspn(line, " \t\r\n");

        if (!*first || *first == '#')
            continue;
        if (!parse_line(line, &key, err) || !add(k, &key, err))
            return err_wrap(err, "%s:%d", path, number);
    }
    return !ferror(f) || err_set(err, ERR_IO, "%s: %m", path);
}

bool keys_load(struct keys *k, const char *path, struct err *err)
{
    FILE *f = fopen(path, "re");
    struct keys fresh = {0};
    bool ok;

    if (!f)
        return err_set(err, ERR_IO, "%s: %m", path);
    ok = read_lines(f, path, &fresh, err);
    fclose(f);
    if (!ok) {
        keys_release(&fresh);
        return false;
    }
    *k = fresh;
    return true;
}

void keys_release(struct keys *k)
{
    free(k->items);
    *k = (struct keys){0};
}

const struct key *keys_find(const struct keys *k, const char *token, size_t size)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    const struct key *found = NULL;

    digest_of(token, size, digest);
    for (size_t i = 0; i < k->n; i++) /* all of them, so that time tells nothing */
        if (memeql_sec(k->items[i].digest, digest, sizeof(digest)))
            found = &k->items[i];
    return found;
}

bool keys_make(const char *name, unsigned bits, char ret_key[KEY_TEXT], struct buf *ret_line,
               struct err *err)
{
    uint8_t random[32], digest[SHA256_DIGEST_SIZE];
    char list[40];

    if (!is_name(name))
        return err_set(err, ERR_INVALID,
                       "\"%.60s\" is no name: letters, digits, . _ - @, at most 63", name);
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return err_set(err, ERR_IO, "no randomness: %m");
    strcpy(ret_key, "pk_");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(ret_key + 3 + 2 * i, 3, "%02x", random[i]);
    digest_of(ret_key, strlen(ret_key), digest);
    scopes_print(bits, list);
    buf_printf(ret_line, "%s %s sha256:", name, list);
    for (size_t i = 0; i < sizeof(digest); i++)
        buf_printf(ret_line, "%02x", digest[i]);
    return true;
}
