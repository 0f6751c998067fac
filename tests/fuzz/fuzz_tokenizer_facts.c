/* Files of a tokenizer. The first byte says which one. */
#include "hub/tokenizer_facts.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    struct tokenizer_facts f;

    if (size == 0)
        return 0;
    if (!tokenizer_facts_add(t, (enum tokenizer_file)(data[0] % N_TOKENIZER_FILES), "a/b.jinja",
                             (const char *)data + 1, size - 1, &err))
        assert(err.code == ERR_FILE_CORRUPT);
    tokenizer_facts_finish(t, NULL, NULL, &f);
    assert(f.vocab_size >= 0);
    tokenizer_facts_release(&f);
    return 0;
}
