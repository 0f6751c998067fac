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
#include "plan/devices.h"
#include "resolve/request.h"

enum resolve_step { RESOLVE_NEED_MODEL, RESOLVE_DONE, RESOLVE_FAILED };

struct resolve;
struct pipeline;

/*
 * Takes over *request, which is empty then and need not have been checked
 * (request_check() twice changes nothing).
 */
struct resolve *resolve_new(struct pipeline_request *request, const struct registry *registry);
/* The devices of this machine, copied; without this call, those machine_read() finds. */
void resolve_set_machine(struct resolve *r, const struct machine *machine);
void resolve_free(struct resolve *r);
DEFINE_CLEANUP(struct resolve *, resolve_free)

enum resolve_step resolve_step(const struct resolve *r);
/* NEED_MODEL: which one, to be inspected as a whole. Borrowed until it is given. */
const struct model_ref *resolve_wanted(const struct resolve *r);
/* Outcomes of NEED_MODEL. The model's reference is taken over. */
void resolve_give_model(struct resolve *r, struct model *model);
void resolve_give_error(struct resolve *r, const struct err *err);

/* DONE or FAILED: the pipeline, or the error. */
bool resolve_take(struct resolve *r, struct pipeline **ret, struct err *err) MUST_CHECK;

/*
 * Answers of GET /v1/model/architecture and /v1/model/task, appended to out as
 * one document. task TASK_NONE: not said. Errors: those of the registry's
 * lookups, CONFIG_MISSING, NO_ARCHITECTURES.
 */
bool answer_architecture(const struct model *model, const struct registry *registry, enum task task,
                         bool prefer_module_v3, struct buf *out, struct err *err) MUST_CHECK;
bool answer_task(const struct model *model, const struct registry *registry, struct buf *out,
                 struct err *err) MUST_CHECK;
