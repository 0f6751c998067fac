/* Names of models: what passes is safe to put into a path and a URL. Three lines of input. */
#include "hub/repo_id.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *text = str_dup_n((const char *)data, size);
    char *rest = text;
    const char *model = strsep(&rest, "\n"), *revision = strsep(&rest, "\n");
    struct model_ref ref;

    if (!model_ref_parse(&ref, model, revision, rest, &err)) {
        assert(err.code == ERR_FIELD && err.msg[0]);
        return 0;
    }
    assert(!strstr(ref.model, "//") && !strstr(ref.model, "/../") && !str_ends(ref.model, "/.."));
    assert(!strstr(ref.revision, "..") && ref.revision[0] != '/');
    assert(!str_starts(ref.subfolder, "/") && !str_starts(ref.subfolder, "../"));
    assert(ref.source == MODEL_LOCAL || repo_id_valid(ref.model));
    return 0;
}
