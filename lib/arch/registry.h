#pragma once
/*
 * Registry: all architectures of one revision.
 *
 * Immutable and counted: a reader keeps its reference, a writer makes the next
 * registry from this one and swaps. A changed registry shares the records that
 * did not change.
 *
 * Identity is (name, task). The first task registered for a name is its
 * primary, the one found when no task is asked for. Layers: builtin, then
 * catalog files, then what came over the API; an upper layer's record hides
 * the lower one of the same identity. Clearing (reset) empties all layers, and
 * what was cleared stays cleared: that is state of the store, not of this type.
 */
#include "arch/catalog.h"

struct registry;

/* The empty registry of revision 0, or records, in order, as revision. */
struct registry *registry_new(int64_t revision, struct arch *const *archs, size_t n);
struct registry *registry_ref(const struct registry *r);
void registry_unref(struct registry *r);
DEFINE_CLEANUP(struct registry *, registry_unref)
#define AUTO_REGISTRY CLEANUP(registry_unrefp)

int64_t registry_revision(const struct registry *r);
size_t registry_size(const struct registry *r);
/* In registration order. Borrowed. */
const struct arch *registry_at(const struct registry *r, size_t i);

/*
 * The next registry: with archs put in (replacing those of the same identity in
 * place) or without (name, task). The caller has checked conflicts.
 * Cost: a pointer and a count per record; nothing is rendered again.
 */
struct registry *registry_with(const struct registry *r, int64_t revision,
                               struct arch *const *archs, size_t n);
struct registry *registry_without(const struct registry *r, int64_t revision, const char *name,
                                  enum task task);

/* What the registry is made of at start and after a reset. */
struct arch_id {
    const char *name;
    enum task task;
};
struct layers {
    const struct archs *builtin, *catalog, *api; /* NULL: empty */
    const struct arch_id *tombstones;            /* deleted from builtin and catalog */
    size_t n_tombstones;
    bool cleared; /* by a reset: only api counts */
};
struct registry *registry_compose(int64_t revision, const struct layers *layers);

/* Exact identity, or NULL. O(1). TASK_NONE: the name's primary. */
const struct arch *registry_get(const struct registry *r, const char *name, enum task task);
/* All tasks of a name, primary first; returns their number. */
size_t registry_tasks(const struct registry *r, const char *name, enum task ret[N_TASKS]);

/*
 * As registry_get(), for a client that names a record: a miss is
 * ERR_ARCH_NOT_FOUND with "nearest", or ERR_TASK_NOT_FOUND with "available".
 */
bool registry_lookup(const struct registry *r, const char *name, enum task task,
                     const struct arch **ret, struct err *err) MUST_CHECK;

/*
 * Lookup as retrieve_architecture does it: wanted name with or without
 * "_ModuleV3" as preferred, then the other way round. A name that exists but
 * not for the task is ERR_TASK_NOT_FOUND with "available"; a name that exists
 * nowhere ERR_ARCH_NOT_FOUND with "nearest". *ret_fallback (may be NULL) tells
 * whether the other variant was taken. A name that ends in "_ModuleV3" is
 * tried first as it is.
 */
bool registry_find(const struct registry *r, const char *name, enum task task,
                   bool prefer_module_v3, const struct arch **ret, bool *ret_fallback,
                   struct err *err) MUST_CHECK;

/*
 * The same for a model: every name of the config's list in turn; the first
 * that the registry has for the task wins. Each candidate's fate goes into the
 * error: "candidates": [{name, reason, available?, nearest?}]. No names:
 * ERR_NO_ARCHITECTURES.
 */
bool registry_find_any(const struct registry *r, const char *const *names, size_t n, enum task task,
                       bool prefer_module_v3, const struct arch **ret, struct err *err) MUST_CHECK;

/*
 * The task of a model as retrieve_pipeline_task has it: the only one of the
 * first name that is registered, in either variant; of several,
 * text_generation, the others being alternatives; several without it are
 * ERR_TASK_NOT_FOUND with "available".
 */
struct task_choice {
    enum task task;
    enum task alternatives[N_TASKS];
    size_t n_alternatives;
    const struct arch *arch; /* the one that has it; borrowed */
};
bool registry_task(const struct registry *r, const char *const *names, size_t n,
                   struct task_choice *ret, struct err *err) MUST_CHECK;

/* Page of the list as a document: items, next_page_token, revision. See api. */
struct registry_filter {
    enum task task;
    enum encoding encoding;
    enum weights_format weights_format;
    int source;    /* enum arch_source, -1 any */
    const char *q; /* part of a name or example repository, any case; NULL or "" any */
};
/* Appends the document for at most limit records behind index after; *ret_next is where to go on,
 * or 0. */
void registry_list(const struct registry *r, const struct registry_filter *filter, size_t after,
                   size_t limit, struct buf *out, size_t *ret_next);
/*
 * Where a next_page_token goes on. It names the last record seen, so that a
 * page neither repeats nor skips when records before it came or went.
 * ERR_FIELD when token is none of ours.
 */
bool registry_page(const struct registry *r, const char *token, size_t *ret_after,
                   struct err *err) MUST_CHECK;
/* The whole unfiltered list, rendered once per registry on first use. Thread-safe. Borrowed. */
struct blob *registry_list_all(const struct registry *r);
