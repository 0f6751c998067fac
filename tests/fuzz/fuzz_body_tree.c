/* Bodies: what our reader makes a tree of, jansson makes the same tree of. */
#include "api/tree.h"
#include "base/base.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *ours = tree_read((const char *)data, size, 128), *theirs;

    if (!ours)
        return 0; /* jansson's to judge */
    theirs = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    assert(theirs && json_equal(ours, theirs));
    json_decref(ours);
    json_decref(theirs);
    return 0;
}
