#pragma once
/*
 * Errors
 *
 * A function that can fail returns bool and takes `struct err *err` last.
 * false means: *err is filled, no return parameter was written, nothing is owed.
 *
 * An outcome the caller is expected to act on is not an error and never
 * travels here: a cache miss is `*ret == NULL`, a 304 is an enum value. What
 * does travel here is passed up unchanged, at most with err_wrap() adding
 * where we were, until one place turns it into a problem document or a log
 * line.
 *
 * The code is the slug of the problem document a client gets; api/problem.c
 * gives it title, status and explanation. The message is for people; nothing
 * parses it. Facts are what a program needs from the error: members of the
 * problem document, beside the standard ones.
 *
 *     AUTO_ERR struct err err = {0};
 *
 *     if (!registry_find(r, name, task, &arch, &err))
 *         return reply_problem(req, &err);
 */
#include "base/buf.h"

/* clang-format off */
/* X(enumerator, slug) */
#define ERR_CODES(X)                                          \
    X(ERR_NONE, "none")                                       \
    /* the request itself */                                  \
    X(ERR_INVALID, "invalid-request") /* does not parse */    \
    X(ERR_FIELD, "invalid-field") /* parses, makes no sense */ \
    X(ERR_UNKNOWN_FIELD, "unknown-field")                     \
    X(ERR_COMBINATION, "unsupported-combination")             \
    X(ERR_NOT_IMPLEMENTED, "not-implemented")                 \
    /* the registry */                                        \
    X(ERR_ARCH_NOT_FOUND, "architecture-not-found")           \
    X(ERR_ARCH_EXISTS, "architecture-exists")                 \
    X(ERR_TASK_NOT_FOUND, "task-not-found") /* of a known architecture */ \
    X(ERR_TASK_UNKNOWN, "task-unknown") /* no such task at all */ \
    X(ERR_PRECONDITION, "precondition-failed")                \
    /* models: the Hub */                                     \
    X(ERR_REPO_NOT_FOUND, "repository-not-found") /* or private: the Hub does not tell; "authenticated" */ \
    X(ERR_REPO_PRIVATE, "repository-private") /* known to be there: the Hub answers 403 */ \
    X(ERR_REPO_GATED, "repository-gated")                     \
    X(ERR_REPO_DISABLED, "repository-disabled")               \
    X(ERR_REPO_RENAMED, "repository-renamed") /* and the new name cannot be followed */ \
    X(ERR_REVISION_NOT_FOUND, "revision-not-found")           \
    X(ERR_FILE_NOT_FOUND, "file-not-found")                   \
    X(ERR_TOKEN_INVALID, "token-invalid")                     \
    X(ERR_HUB_UNREACHABLE, "hub-unreachable")                 \
    X(ERR_HUB_TIMEOUT, "hub-timeout")                         \
    X(ERR_HUB_RATE_LIMITED, "hub-rate-limited")               \
    X(ERR_HUB_BAD_ANSWER, "hub-bad-answer")                   \
    X(ERR_OFFLINE, "offline-not-cached")                      \
    X(ERR_CONTENT_MISMATCH, "content-mismatch")               \
    X(ERR_FILE_TOO_LARGE, "file-too-large")                   \
    /* models: local */                                       \
    X(ERR_PATH_NOT_ALLOWED, "path-not-allowed")               \
    X(ERR_PATH_NOT_FOUND, "path-not-found")                   \
    /* models: content */                                     \
    X(ERR_CONFIG_MISSING, "config-missing")                   \
    X(ERR_CONFIG_INVALID, "config-invalid")                   \
    X(ERR_FILE_CORRUPT, "file-corrupt") /* safetensors, GGUF, tokenizer files */ \
    X(ERR_NO_ARCHITECTURES, "no-architectures")               \
    X(ERR_REMOTE_CODE, "remote-code-required")                \
    X(ERR_NO_TOKENIZER, "tokenizer-missing")                  \
    /* resolution */                                          \
    X(ERR_ENCODING_UNSUPPORTED, "encoding-unsupported")       \
    X(ERR_ENCODING_UNKNOWN, "encoding-unknown") /* cannot be told; say it */ \
    X(ERR_WEIGHTS_NOT_FOUND, "weights-not-found")             \
    X(ERR_WEIGHTS_INCONSISTENT, "weights-inconsistent")       \
    X(ERR_DEVICE_UNAVAILABLE, "device-unavailable")           \
    X(ERR_DEVICE_UNSUPPORTED, "device-unsupported")           \
    X(ERR_MAX_LENGTH, "max-length-exceeded")                  \
    X(ERR_DOES_NOT_FIT, "does-not-fit")                       \
    X(ERR_DRAFT, "draft-incompatible")                        \
    X(ERR_LORA, "lora-unsupported")                           \
    /* chat templates */                                      \
    X(ERR_PROMPT_TOO_LONG, "prompt-too-long") /* more tokens than max_length */ \
    X(ERR_TOKEN_NOT_FOUND, "token-not-found") /* of a vocabulary */             \
    X(ERR_TEMPLATE_NOT_FOUND, "template-not-found") /* the model has none of that name */ \
    X(ERR_TEMPLATE_INVALID, "template-invalid") /* its text does not parse */ \
    X(ERR_TEMPLATE_RAISED, "template-raised") /* it refused the messages */ \
    X(ERR_TEMPLATE_FAILED, "template-failed") /* an operation in it failed */ \
    X(ERR_TEMPLATE_SIZE, "template-too-large")                \
    X(ERR_TEMPLATE_OUTPUT, "template-output-limit")           \
    X(ERR_TEMPLATE_STEPS, "template-step-limit")              \
    X(ERR_TEMPLATE_MEMORY, "template-memory-limit")           \
    X(ERR_TEMPLATE_DEPTH, "template-depth-limit")             \
    X(ERR_TEMPLATE_RANGE, "template-range-limit")             \
    /* handles */                                             \
    X(ERR_PIPELINE_NOT_FOUND, "pipeline-not-found")           \
    X(ERR_FACTORY_NOT_FOUND, "factory-not-found")             \
    X(ERR_TOKENIZER_NOT_FOUND, "tokenizer-not-found")         \
    X(ERR_LEASE_NOT_FOUND, "lease-not-found")                 \
    X(ERR_PIPELINE_LEASED, "pipeline-leased")                 \
    X(ERR_LEASE_LIMIT, "lease-limit")                         \
    /* HTTP */                                                \
    X(ERR_NOT_FOUND, "not-found")                             \
    X(ERR_METHOD, "method-not-allowed")                       \
    X(ERR_NOT_ACCEPTABLE, "not-acceptable")                   \
    X(ERR_MEDIA_TYPE, "unsupported-media-type")               \
    X(ERR_TOO_LARGE, "payload-too-large")                     \
    X(ERR_URI_TOO_LONG, "uri-too-long")                       \
    X(ERR_UNAUTHORIZED, "unauthorized")                       \
    X(ERR_FORBIDDEN, "forbidden")                             \
    X(ERR_HOST, "host-not-allowed")                           \
    X(ERR_IDEMPOTENCY_CONFLICT, "idempotency-key-in-use")     \
    X(ERR_IDEMPOTENCY_MISMATCH, "idempotency-key-reused")     \
    X(ERR_COMPACTED, "events-compacted")                      \
    X(ERR_REVISION_AHEAD, "revision-not-reached") /* min_revision= */ \
    X(ERR_TIMEOUT, "timeout")                                 \
    X(ERR_BUSY, "busy")                                       \
    X(ERR_DRAINING, "draining")                               \
    /* the store and the machine */                           \
    X(ERR_STORE, "store-failed")                              \
    X(ERR_STORE_FULL, "store-full")                           \
    X(ERR_STORE_READ_ONLY, "store-read-only")                 \
    X(ERR_STORE_CORRUPT, "store-corrupt")                     \
    X(ERR_STORE_NEWER, "store-newer")                         \
    X(ERR_IO, "io-failed")                                    \
    X(ERR_CANCELED, "canceled")                               \
    X(ERR_INTERNAL, "internal")
/* clang-format on */

enum err_code {
#define X(code, slug) code,
    ERR_CODES(X)
#undef X
        N_ERR_CODES,
};

struct err {
    enum err_code code;
    char msg[400];
    struct buf facts; /* members of a JSON object, comma-separated, without the braces */
};

#define AUTO_ERR CLEANUP(err_release)
/* Frees the facts and makes *err ERR_NONE again. */
void err_release(struct err *err);

/*
 * Both return false, so that `return err_set(err, …);` is one line. err_set()
 * drops facts of an earlier error; err_wrap() keeps code and facts and puts
 * its text and ": " before the message.
 */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Moves what from holds to *err, which must be empty. */
void err_move(struct err *err, struct err *from);
void err_copy(struct err *err, const struct err *from);

/* Facts, after err_set(). They return false too, to end a chain with. */
bool err_fact_str(struct err *err, const char *name, const char *value);
bool err_fact_int(struct err *err, const char *name, int64_t value);
bool err_fact_strv(struct err *err, const char *name, const char *const *values, size_t n);
/* json must be one valid JSON value. */
bool err_fact_json(struct err *err, const char *name, const char *json);

/* clang's analyzer looks at one file at a time and cannot know that these are false. */
#if defined(__clang_analyzer__) && !defined(ERR_C)
#define err_set(...)       ((void)err_set(__VA_ARGS__), false)
#define err_wrap(...)      ((void)err_wrap(__VA_ARGS__), false)
#define err_fact_str(...)  ((void)err_fact_str(__VA_ARGS__), false)
#define err_fact_int(...)  ((void)err_fact_int(__VA_ARGS__), false)
#define err_fact_strv(...) ((void)err_fact_strv(__VA_ARGS__), false)
#define err_fact_json(...) ((void)err_fact_json(__VA_ARGS__), false)
#endif

const char *err_slug(enum err_code code);
/* The code of a slug; ERR_INTERNAL when it is none. */
enum err_code err_parse(const char *slug);
