#pragma once
/*
 * Resolve: from a request to a pipeline, without doing any I/O.
 *
 *     NEED_MODEL main ──► NEED_MODEL draft? ──► NEED_MODEL weights repo? ──► DONE
 *          └─ any error ─────────────────────────────────────────────────► FAILED
 *
 * The caller asks resolve_step() what is wanted, gets it by whatever means it
 * has, reports it, and asks again. Architectures come from the registry given
 * at the start, which the resolve keeps a reference to, so that a long resolve
 * sees one revision.
 *
 * Every decision is recorded as {field, value, because, alternatives}: what was
 * taken, why, and what else there was.
 */
#include "arch/registry.h"
#include "hub/model.h"
#include "resolve/request.h"

enum resolve_step { RESOLVE_NEED_MODEL, RESOLVE_DONE, RESOLVE_FAILED };

struct resolve;
struct pipeline;

/* Takes over *request (which is then empty). */
struct resolve *resolve_new(struct pipeline_request *request, const struct registry *registry);
void resolve_free(struct resolve *r);
DEFINE_CLEANUP(struct resolve *, resolve_free)

enum resolve_step resolve_step(const struct resolve *r);
/* NEED_MODEL: which one. Borrowed until it is given. */
const struct model_ref *resolve_wanted(const struct resolve *r);
/* Outcomes of NEED_MODEL. The model's reference is taken over. */
void resolve_give_model(struct resolve *r, struct model *model);
void resolve_give_error(struct resolve *r, const struct err *err);

/* DONE or FAILED: the pipeline, or the error. */
bool resolve_take(struct resolve *r, struct pipeline **ret, struct err *err) MUST_CHECK;
