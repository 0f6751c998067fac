#pragma once
/*
 * Speculation: which architecture runs a target together with its draft.
 *
 * MAX fuses target and draft into one model with an architecture of its own,
 * and gets there by renaming what the target's config says. Here the names are
 * results: nothing that others look up is changed.
 */
#include "base/err.h"

/* eagle, mtp, dflash, dflash2; NULL-terminated. */
extern const char *const speculative_methods[];

struct speculation {
    const char *target;   /* the first architecture of the target's config */
    const char *method;   /* one of speculative_methods, or NULL for none */
    const char *draft;    /* the draft's architecture, NULL without a draft model */
    int64_t n_mtp_layers; /* of the target's config: next-token heads in the checkpoint */
};

/*
 * The effective names; both are static or borrowed from s, *ret_draft is NULL
 * without a draft. Without a method, and for targets without fused variants,
 * the names are those given.
 *
 * Errors: FIELD (no such method), DRAFT with "combinations": [{method, draft,
 * becomes}] for a target that has fused variants but none for this.
 */
bool speculation_names(const struct speculation *s, const char **ret_target, const char **ret_draft,
                       struct err *err) MUST_CHECK;
