#pragma once
/*
 * Session: a server and how to talk to it and to whoever sits here.
 *
 * What goes wrong is reported on stderr by ask() itself, and what remains is an
 * exit status; so a command asks, and shows what it got.
 */
#include "base/buf.h"

#include <curl/curl.h>
#include <jansson.h>

enum ctl_status {
    CTL_OK = 0,
    CTL_FAILED = 1,    /* the server said no; the problem is on stderr */
    CTL_NOT_FOUND = 3, /* 404, 410 */
    CTL_CONFLICT = 4,  /* 409, 412 */
    CTL_DENIED = 5,    /* 401, 403 */
    CTL_USAGE = 64,
    CTL_NO_INPUT = 66,    /* a file that cannot be read */
    CTL_UNREACHABLE = 69, /* nobody answers */
    CTL_CANNOT_WRITE = 74,
};

/* The exit status of an answer that is no success. */
int ctl_status_of(long http);

struct session {
    CURL *curl;
    const char *server; /* as it was given */
    char *base;         /* "http://host:port", without a slash at the end */
    char *socket;       /* path of a Unix socket; NULL for TCP */
    const char *key;    /* bearer key; NULL none */
    bool json;          /* show documents as they came */
    bool color;         /* on stdout: headings bold */
    bool color_errors;  /* on stderr: problems red */
    bool progress;      /* stderr is a terminal: show what is going on */
};

/* server: http://HOST:PORT, https://…, HOST:PORT or unix:PATH; anything else is reported. */
bool session_open(struct session *s, const char *server) MUST_CHECK;
void session_close(struct session *s);

/*
 * One request. body (may be NULL) is borrowed. The document of a 2xx answer, the
 * caller's; for an answer without one (204) json true. NULL: it failed, was
 * reported, and *ret_status is the exit status.
 */
json_t *ask(struct session *s, const char *method, const char *target, const json_t *body,
            int *ret_status) MUST_CHECK;
/* The same for an answer that is text; *ret_http is its status, whatever it is. */
char *ask_text(struct session *s, const char *target, long *ret_http) MUST_CHECK;
/*
 * The same for a stream of JSON lines: on_line gets each (borrowed) and returns
 * false to end. Returns the exit status.
 */
int ask_lines(struct session *s, const char *method, const char *target, const json_t *body,
              bool (*on_line)(void *ctx, json_t *line), void *ctx) MUST_CHECK;

/* Every item of a list resource, following next_page_token: {"items": […]}; OpenAI's: {"data":
 * […]}. */
json_t *ask_all(struct session *s, const char *target, int *ret_status) MUST_CHECK;

/* target grows by "?name=value" or "&name=value", escaped; a value of NULL adds nothing. */
void query_add(struct buf *target, const char *name, const char *value);
/* text as one segment of a path. */
void path_add(struct buf *target, const char *text);
