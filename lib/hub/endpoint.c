#include "hub/endpoint.h"

#include "base/hash.h"
#include "hub/origin.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { TOKEN_MAX = 1024 };

bool env_is_true(const char *value)
{
    static const char *const yes[] = {"1", "ON", "YES", "TRUE"};

    for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++)
        if (strcasecmp(value, yes[i]) == 0)
            return true;
    return false;
}

/* The value of the first name that is set to something. */
static const char *env_first(const char *const *names,
                             const char *(*get)(void *ctx, const char *name), void *ctx)
{
    for (; *names; names++) {
        const char *value = get(ctx, *names);

        if (value && *value)
            return value;
    }
    return NULL;
}

/* Appends the variable at p (behind its '$') or the '$' alone; returns what follows. */
static const char *expand_variable(struct buf *out, const char *p,
                                   const char *(*get)(void *ctx, const char *name), void *ctx)
{
    bool braced = *p == '{';
    const char *name = p + braced, *end = name;
    const char *value;
    char *key;

    while (isalnum((unsigned char)*end) || *end == '_')
        end++;
    if (end == name || (braced && *end != '}')) {
        buf_append_char(out, '$');
        return p;
    }
    key = str_dup_n(name, (size_t)(end - name));
    value = get(ctx, key);
    free(key);
    end += braced;
    if (value)
        buf_append_str(out, value);
    else {
        buf_append_char(out, '$');
        buf_append(out, p, (size_t)(end - p));
    }
    return end;
}

char *env_expand_path(const char *path, const char *(*get)(void *ctx, const char *name), void *ctx)
{
    AUTO_BUF struct buf out = {0};

    if (path[0] == '~' && (path[1] == '/' || !path[1])) {
        const char *home = get(ctx, "HOME");

        if (home && *home) {
            buf_append_str(&out, home);
            path++;
        }
    }
    while (*path) {
        if (*path == '$')
            path = expand_variable(&out, path + 1, get, ctx);
        else
            buf_append_char(&out, *path++);
    }
    return buf_take(&out);
}

static void trim(char *s)
{
    size_t from = strspn(s, " \t\r\n"), size;

    memmove(s, s + from, strlen(s + from) + 1);
    size = strlen(s);
    while (size && strchr(" \t\r\n", s[size - 1]))
        s[--size] = '\0';
}

/* The file's first TOKEN_MAX bytes, trimmed; NULL when it is missing or empty. */
static char *read_token_file(const char *path)
{
    char text[TOKEN_MAX + 1];
    size_t size;
    FILE *f = fopen(path, "re");

    if (!f)
        return NULL;
    size = fread(text, 1, TOKEN_MAX, f);
    fclose(f);
    text[size] = '\0';
    trim(text);
    return *text ? str_dup(text) : NULL;
}

static bool token_check(const struct endpoint *e, struct err *err)
{
    for (const char *p = e->token; p && *p; p++)
        if (*p <= 0x20 || *p >= 0x7f) {
            err_set(err, ERR_FIELD,
                    "the token from %s holds white space or characters outside of ASCII; it should "
                    "be one line such as hf_...",
                    e->token_from);
            return err_fact_str(err, "field", e->token_from);
        }
    return true;
}

static bool read_token(struct endpoint *e, const char *(*get)(void *ctx, const char *name),
                       void *ctx, struct err *err)
{
    static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", NULL};
    AUTO_FREE char *path = NULL;
    const char *value;

    if (env_is_true(get(ctx, "HF_HUB_DISABLE_IMPLICIT_TOKEN")))
        return true;
    value = env_first(names, get, ctx);
    if (value) {
        e->token = str_dup(value);
        trim(e->token);
        e->token_from = str_dup("HF_TOKEN");
        if (!*e->token)
            free(take(&e->token));
        return token_check(e, err);
    }
    value = get(ctx, "HF_TOKEN_PATH");
    path = value && *value ? env_expand_path(value, get, ctx) : str_printf("%s/token", e->home);
    e->token = read_token_file(path);
    if (e->token)
        e->token_from = take(&path);
    return token_check(e, err);
}

static bool read_timeout(const char *name, int *ret_ms,
                         const char *(*get)(void *ctx, const char *name), void *ctx,
                         struct err *err)
{
    const char *value = get(ctx, name);
    char *end;
    double seconds;

    *ret_ms = 10000;
    if (!value || !*value)
        return true;
    seconds = strtod(value, &end);
    if (*end || !isfinite(seconds) || seconds <= 0 || seconds > 86400) {
        err_set(err, ERR_FIELD, "%s is \"%.40s\"; a number of seconds up to 86400 is meant", name,
                value);
        return err_fact_str(err, "field", name);
    }
    *ret_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
    return true;
}

static bool read_url(struct endpoint *e, const char *(*get)(void *ctx, const char *name), void *ctx,
                     struct err *err)
{
    const char *value = get(ctx, "HF_ENDPOINT");
    struct origin origin;
    size_t size;

    e->url = str_dup(value && *value ? value : "https://huggingface.co");
    trim(e->url);
    size = strlen(e->url);
    while (size && e->url[size - 1] == '/')
        e->url[--size] = '\0';
    if (origin_parse(&origin, e->url) && !strpbrk(e->url, "?#"))
        return true;
    err_set(err, ERR_FIELD,
            "HF_ENDPOINT is \"%.200s\"; a URL such as https://huggingface.co is meant", value);
    return err_fact_str(err, "field", "HF_ENDPOINT");
}

static void read_folders(struct endpoint *e, const char *(*get)(void *ctx, const char *name),
                         void *ctx)
{
    static const char *const cache_names[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", NULL};
    static const char *const ca_names[] = {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE",
                                           NULL};
    const char *value = get(ctx, "HF_HOME"), *xdg = get(ctx, "XDG_CACHE_HOME");
    AUTO_FREE char *home = NULL;

    if (value && *value)
        home = str_dup(value);
    else if (xdg && *xdg)
        home = str_printf("%s/huggingface", xdg);
    else
        home = str_dup("~/.cache/huggingface");
    e->home = env_expand_path(home, get, ctx);
    value = env_first(cache_names, get, ctx);
    e->cache_dir = value ? env_expand_path(value, get, ctx) : str_printf("%s/hub", e->home);
    value = env_first(ca_names, get, ctx);
    e->ca_bundle = value ? str_dup(value) : NULL;
}

bool endpoint_read(struct endpoint *ret, const char *(*get)(void *ctx, const char *name), void *ctx,
                   struct err *err)
{
    static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "http_proxy",
                                          "all_proxy",   "ALL_PROXY",   NULL};
    CLEANUP(endpoint_release) struct endpoint e = {0};

    read_folders(&e, get, ctx);
    if (!read_url(&e, get, ctx, err) || !read_token(&e, get, ctx, err) ||
        !read_timeout("HF_HUB_ETAG_TIMEOUT", &e.etag_timeout_ms, get, ctx, err) ||
        !read_timeout("HF_HUB_DOWNLOAD_TIMEOUT", &e.download_timeout_ms, get, ctx, err))
        return false;
    e.offline =
        env_is_true(get(ctx, "HF_HUB_OFFLINE")) || env_is_true(get(ctx, "TRANSFORMERS_OFFLINE"));
    e.behind_proxy = env_first(proxies, get, ctx) != NULL;
    *ret = e;
    e = (struct endpoint){0};
    return true;
}

void endpoint_release(struct endpoint *e)
{
    free(e->url);
    free(e->token);
    free(e->token_from);
    free(e->home);
    free(e->cache_dir);
    free(e->ca_bundle);
    *e = (struct endpoint){0};
}

void credential_class(const char *token, char ret[CREDENTIAL_SIZE])
{
    char hex[SHA256_HEX];

    if (!token) {
        memcpy(ret, "anon", sizeof("anon"));
        return;
    }
    hash_sha256_hex(token, strlen(token), hex);
    memcpy(ret, hex, CREDENTIAL_SIZE - 1);
    ret[CREDENTIAL_SIZE - 1] = '\0';
}
