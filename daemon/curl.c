/*
 * libcurl, loaded when it is first called.
 *
 * It brings thirty libraries (Kerberos, LDAP, SSH, OpenSSL beside GnuTLS), which
 * are 5 MiB of a process that may never ask the Hub anything: everything it was
 * asked for may be in its cache. So we do not link it. These are its functions, as
 * <curl/curl.h> declares them: each goes on to the real one, so that who calls them
 * writes ordinary curl, with its compile-time checks.
 *
 * curl_multi_init() loads, which takes some milliseconds once, and is NULL when it
 * cannot; nothing but curl_multi_cleanup(NULL) and curl_easy_strerror(), which says
 * why, may be called before it succeeded. One thread.
 */
#include "base/base.h"

#include <assert.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>

#define FUNCTIONS(X)       \
    X(easy_cleanup)        \
    X(easy_getinfo)        \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_strerror)       \
    X(multi_add_handle)    \
    X(multi_assign)        \
    X(multi_cleanup)       \
    X(multi_info_read)     \
    X(multi_init)          \
    X(multi_remove_handle) \
    X(multi_setopt)        \
    X(multi_socket_action) \
    X(slist_append)        \
    X(slist_free_all)

static struct {
#define X(name) __typeof__(curl_##name) *name;
    FUNCTIONS(X)
#undef X
} lib;

static bool is_loaded;
static char reason[256] = "libcurl is not loaded";

static void *find(void *handle, const char *name)
{
    void *f = dlsym(handle, name);

    if (!f)
        snprintf(reason, sizeof(reason), "%s", dlerror());
    return f;
}

static bool load(void)
{
    void *handle = NULL;

    if (is_loaded)
        return true;
    /* Debian's two flavours, the one with the TLS library that we have anyway first. */
    if (!(handle = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL)) &&
        !(handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL))) {
        snprintf(reason, sizeof(reason), "%s", dlerror());
        return false;
    }
    is_loaded = true;
#define X(name) is_loaded = is_loaded && (lib.name = find(handle, "curl_" #name));
    FUNCTIONS(X)
#undef X
    return is_loaded;
}

/*
 * The optional argument is a pointer, a long or a curl_off_t, and goes on in the
 * same register whichever it is.
 */
static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "LP64");

#define FORWARD(call, last)     \
    va_list ap;                 \
    void *value;                \
                                \
    va_start(ap, last);         \
    value = va_arg(ap, void *); \
    va_end(ap);                 \
    return call

CURLcode(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
    FORWARD(lib.easy_setopt(easy, option, value), option);
}

CURLcode(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
    FORWARD(lib.easy_getinfo(easy, info, value), info);
}

CURLMcode(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
    FORWARD(lib.multi_setopt(multi, option, value), option);
}

CURLM *curl_multi_init(void) { return load() ? lib.multi_init() : NULL; }

CURLMcode curl_multi_cleanup(CURLM *multi) { return multi ? lib.multi_cleanup(multi) : CURLM_OK; }

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    return lib.multi_add_handle(multi, easy);
}

CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
    return lib.multi_remove_handle(multi, easy);
}

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int flags, int *running)
{
    return lib.multi_socket_action(multi, fd, flags, running);
}

CURLMcode curl_multi_assign(CURLM *multi, curl_socket_t fd, void *ctx)
{
    return lib.multi_assign(multi, fd, ctx);
}

CURLMsg *curl_multi_info_read(CURLM *multi, int *left) { return lib.multi_info_read(multi, left); }

CURL *curl_easy_init(void) { return lib.easy_init(); }

void curl_easy_cleanup(CURL *easy) { lib.easy_cleanup(easy); }

const char *curl_easy_strerror(CURLcode code)
{
    return is_loaded ? lib.easy_strerror(code) : reason;
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    return lib.slist_append(list, text);
}

void curl_slist_free_all(struct curl_slist *list) { lib.slist_free_all(list); }
