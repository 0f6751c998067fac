#pragma once
/*
 * What a client may call a model: checked once at the door, so that everything
 * behind it may put these strings into paths and URLs.
 */
#include "base/err.h"

enum { REPO_ID_MAX = 96, REVISION_MAX = 200, SUBFOLDER_MAX = 255, MODEL_PATH_MAX = 1024 };

/*
 * A model as asked for. source says which field counts: a Hub repository
 * ("name" or "namespace/name") or an absolute local path. A relative path is
 * never local: a directory that happens to be called like a repository must
 * not win.
 */
struct model_ref {
    enum { MODEL_HUB, MODEL_LOCAL } source;
    char model[MODEL_PATH_MAX + 1];    /* repo id, or path without trailing slash */
    char revision[REVISION_MAX + 1];   /* "main" unless asked; ignored for local */
    char subfolder[SUBFOLDER_MAX + 1]; /* "" for none */
    bool trust_remote_code;
    bool offline; /* this request: nothing may be asked of the Hub */
};

/* model is required; revision and subfolder may be NULL. ERR_FIELD names the field. */
bool model_ref_parse(struct model_ref *ret, const char *model, const char *revision,
                     const char *subfolder, struct err *err) MUST_CHECK;

bool repo_id_valid(const char *id);
bool revision_is_commit(const char *revision); /* 40 lower-case hex */
/* A path inside a repository: relative, no empty, "." or ".." segment, no NUL, backslash, names <=
 * 255. */
bool repo_path_valid(const char *path);
