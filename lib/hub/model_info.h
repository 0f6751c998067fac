#pragma once
/*
 * Model info: the Hub's description of a repository at a revision, as a pin.
 *
 * GET /api/models/{repo}/revision/{rev}?blobs=true normally has all: commit,
 * files with sizes and hashes. Where the files come without sizes (old mirrors)
 * the tree, page by page, fills them in.
 */
#include "hub/inspect.h"

enum { MODEL_INFO_MAX_BYTES = 32 << 20, MODEL_FILES_MAX = 100000 };

/*
 * The answer to HUB_INFO. *ret_needs_tree when sizes are missing. The commit is
 * a must; entries with impossible paths are left out.
 * Errors: ERR_HUB_BAD_ANSWER with "detail".
 */
bool model_info_parse(struct pin *ret, bool *ret_needs_tree, const char *text, size_t size,
                      struct err *err) MUST_CHECK;

/* One page of the tree: its files replace or join those of pin. Errors as above. */
bool model_tree_parse(struct pin *pin, const char *text, size_t size, struct err *err) MUST_CHECK;

/* One more file, its size -1 and its hash "" still. Valid until the next one. */
struct model_file *pin_add_file(struct pin *pin, const char *path);

void pin_copy(struct pin *ret, const struct pin *pin);

/* Pin as JSON text and back: what caches keep. Render never fails; the caller frees. */
char *pin_render(const struct pin *pin);
bool pin_parse(struct pin *ret, const char *text, size_t size, struct err *err) MUST_CHECK;
