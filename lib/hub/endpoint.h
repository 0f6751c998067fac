#pragma once
/*
 * Endpoint: where the Hub is and who we are there, read from the environment
 * as huggingface_hub reads it, so that a machine set up for Python needs no
 * second set-up for us.
 */
#include "base/err.h"

struct endpoint {
    char *url;        /* HF_ENDPOINT without trailing slash; https://huggingface.co by default */
    char *token;      /* NULL: anonymous */
    char *token_from; /* "HF_TOKEN" or the path of the file; NULL without token */
    char *home;       /* HF_HOME */
    char *cache_dir;  /* HF_HUB_CACHE > HUGGINGFACE_HUB_CACHE > $HF_HOME/hub */
    char
        *ca_bundle; /* of CURL_CA_BUNDLE > REQUESTS_CA_BUNDLE > SSL_CERT_FILE; NULL: the system's */
    bool offline;   /* HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: no socket at all */
    bool behind_proxy;       /* a proxy variable is set; the proxy then resolves names, not we */
    int etag_timeout_ms;     /* HF_HUB_ETAG_TIMEOUT: until the first byte of an answer */
    int download_timeout_ms; /* HF_HUB_DOWNLOAD_TIMEOUT: longest silence inside a body */
};

/*
 * Reads the environment through get, which is like getenv(). With HF_HUB_DISABLE_IMPLICIT_TOKEN
 * there is no token. Errors: ERR_FIELD when HF_ENDPOINT is no http(s) URL, a time-out is no
 * positive number or the token holds something else than visible ASCII. Blocks: reads the token
 * file.
 */
bool endpoint_read(struct endpoint *ret, const char *(*get)(void *ctx, const char *name), void *ctx,
                   struct err *err) MUST_CHECK;
void endpoint_release(struct endpoint *e);

/* huggingface_hub's idea of true: 1, ON, YES, TRUE in any case. NULL is false. */
bool env_is_true(const char *value);

/*
 * "~" and "$VAR", "${VAR}" replaced as os.path does; unknown variables stay as
 * written. The caller frees.
 */
char *env_expand_path(const char *path, const char *(*get)(void *ctx, const char *name), void *ctx);

/*
 * What keeps one user's answers from another: 16 hex digits of the token's
 * SHA-256, "anon" without one. Safe to log and to store.
 */
enum { CREDENTIAL_SIZE = 17 };
void credential_class(const char *token, char ret[CREDENTIAL_SIZE]);
