#pragma once
/*
 * Flight: one thing being got from the Hub or what is nearer; private to hub.c,
 * hub_pin.c and hub_file.c.
 *
 *     AT_SOON ──► AT_CACHE ──► AT_DISK ──► AT_HUB ──► AT_CHECK      flight_next()
 *
 * hub.c knows the order of these steps and who waits for their outcome; what a
 * pin, a file or a range does in one of them is in hub_pin.c and hub_file.c.
 */
#include "daemon/hub.h"
#include "daemon/hub_memory.h"
#include "daemon/upstream.h"

#include <time.h>

/* One thing under way, for all who wait for it. */
struct hub_flight {
    struct map_node node;
    char *key;
    struct hub *hub;
    TAILQ_HEAD(, hub_op) ops;
    TAILQ_ENTRY(hub_flight) link;

    /* ---- copies of the first op's */
    enum hub_op_kind kind;
    char *token, *repo, *revision, *canonical, *commit, *path;
    char *cache_path; /* of RANGE: the piece asked for */
    char oid[65], credential[CREDENTIAL_SIZE];
    int64_t file_size, offset, size, max_bytes;
    bool refresh, offline, use_disk;

    /* ---- where it is: exactly one of these, or it is ended */
    enum { AT_SOON, AT_CACHE, AT_DISK, AT_HUB, AT_CHECK } at;
    bool canceled;
    struct hub_cache_get get;
    struct upstream upstream;
    uv_work_t work;

    /* ---- of the worker */
    enum disk_answer disk_answer;
    bool work_ok, is_complete, on_disk, is_new;
    struct err work_err;

    /* ---- what was found */
    struct buf data;
    struct pin pin; /* being made, or the older one to fall back on */
    bool has_pin;
    struct pin fresh;
    char *next_page;
    unsigned n_pages, n_mismatches;
};

struct hub {
    uv_loop_t *loop;
    struct hub_options o;
    struct upstreams *upstreams;
    char credential[CREDENTIAL_SIZE]; /* of the endpoint's token: whose the disk cache is */
    struct map flights;
    struct hub_memory memory;
    TAILQ_HEAD(, hub_flight) soon; /* to be taken up when the loop comes around */
    uv_timer_t soon_timer;
    unsigned n_flights; /* also canceled ones whose worker is not done */
    bool stopping;
    struct hub_status status;
};

/* ---- hub.c */

void flight_next(struct hub_flight *fl);      /* the step had nothing: on to the next */
void flight_ask_cache(struct hub_flight *fl); /* also for the next piece of a range */
/* The end: tells everybody and frees fl. err NULL for plain success. */
void flight_end(struct hub_flight *fl, bool ok, const struct err *err);
void flight_fail(struct hub_flight *fl, const struct err *err);
void flight_stale(struct hub_flight *fl, const struct err *err); /* the older pin, because of err */
void flight_free(struct hub_flight *fl); /* canceled, and what it waited for has come */
void flight_refused(struct hub_flight *fl, const struct err *err); /* remembers what will last */
char *flight_refusal_key(const struct hub_flight *fl);             /* the caller frees */
/* Asks the Hub; url is a further page of an answer, or NULL. */
void flight_ask_hub(struct hub_flight *fl, enum hub_question_kind kind, const char *repo,
                    const char *revision, const char *url,
                    void (*done)(struct upstream *, bool, const struct err *));

/* ---- hub_pin.c and hub_file.c, by step */

/* What the cache had; true: the flight ended, or goes on by itself. */
bool pin_cached(struct hub_flight *fl, const char *data, size_t size);
bool file_cached(struct hub_flight *fl, const char *data, size_t size);
char *range_piece(const struct hub_flight *fl, int64_t at, int64_t *ret_size);

/* On a worker: looks into the HF cache. Then, on the loop, what comes of it. */
void pin_look(struct hub_flight *fl);
void file_look(struct hub_flight *fl);
void pin_looked(struct hub_flight *fl);
void file_looked(struct hub_flight *fl);

void pin_ask_hub(struct hub_flight *fl);
void file_ask_hub(struct hub_flight *fl);

void pin_remember(struct hub_flight *fl); /* in memory, as asked just now */
