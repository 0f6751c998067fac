#pragma once
/*
 * Inspect: what to read of a model, in which order, without reading any of it.
 *
 *     PIN ──► wants: config.json, generation_config.json, tokenizer files, … ──► wants: headers ──►
 * DONE
 *
 * PIN asks for commit and file list at once. Then every file that exists and
 * counts is wanted, several at a time; then, where names and metadata do not
 * tell the encoding, headers by range (safetensors: 8 + n bytes; GGUF: growing
 * from 2 MiB). No I/O in here: the same machine serves the Hub, a directory, a
 * GGUF file and the Hub cache on disk; tests drive it from tables.
 *
 *     while ((w = inspect_next(in)))           // NULL: nothing to start now
 *         start(w);                             // any number under way
 *     … inspect_give(in, w, bytes, size, err)   // as each ends, in any order
 *     if (inspect_done(in)) inspect_take(in, &model, err)
 */
#include "hub/model.h"

enum want_kind {
    WANT_PIN,   /* revision -> inspect_give_pin() */
    WANT_FILE,  /* a whole small file of at most max_bytes */
    WANT_RANGE, /* size bytes from offset; fewer at the end of the file */
};

struct want {
    enum want_kind kind;
    char path[SUBFOLDER_MAX + 512];
    const struct model_file *file; /* what the list says of it */
    int64_t offset, size, max_bytes;
    bool optional; /* absent or refused is an answer, not an error */
    void *user;    /* the caller's */
};

/* What a pin answers. Strings are copied; files are taken over by inspect_give_pin. */
struct pin {
    char commit[65];
    char canonical[MODEL_PATH_MAX + 1];
    int origin; /* of struct model */
    bool stale, gated, is_private, disabled;
    int64_t pinned_at;
    uint32_t hub_encodings;   /* from the Hub's safetensors totals; 0 not told */
    struct model_file *files; /* mem_new_array'ed, paths malloc'ed; any order */
    size_t n_files;
};
void pin_release(struct pin *p);

/* How deep to look. */
enum inspect_depth {
    INSPECT_CONFIG, /* file list and config */
    INSPECT_ALL,    /* also tokenizer files and weight headers */
};

struct inspect;
struct inspect *inspect_new(const struct model_ref *ref, enum inspect_depth depth);
void inspect_free(struct inspect *in);
DEFINE_CLEANUP(struct inspect *, inspect_free)

struct want *inspect_next(struct inspect *in);
/* Exactly one of these per want. data is borrowed during the call. */
void inspect_give_pin(struct inspect *in, struct want *w, struct pin *pin);
void inspect_give(struct inspect *in, struct want *w, const char *data, size_t size);
void inspect_give_error(struct inspect *in, struct want *w, const struct err *err);

bool inspect_done(const struct inspect *in); /* finished or failed, nothing under way */
/* After inspect_done(). */
bool inspect_take(struct inspect *in, struct model **ret, struct err *err) MUST_CHECK;
