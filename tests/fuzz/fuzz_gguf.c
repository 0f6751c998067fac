/* GGUF by growing prefixes, its config and its tokenizer. The first byte sets how fast it grows. */
#include "hub/config.h"
#include "hub/gguf.h"
#include "hub/tokenizer_facts.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct gguf *g)
{
    AUTO_ERR struct err err = {0};
    CLEANUP(config_unrefp) struct config *c = NULL;
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    struct tokenizer_facts f;

    if (config_from_gguf(&c, g, &err))
        assert(c->body);
    tokenizer_facts_add_gguf(t, g, "m.gguf");
    tokenizer_facts_finish(t, c, NULL, &f);
    tokenizer_facts_release(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    CLEANUP(gguf_freep) struct gguf *g = gguf_new();
    size_t step, prefix, need;

    if (size == 0)
        return 0;
    step = 1 + (size_t)data[0] * 8;
    data++;
    size--;
    for (prefix = step < size ? step : size;; prefix += step) {
        prefix = prefix < size ? prefix : size;
        if (!gguf_read(g, data, prefix, -1, &need, &err)) {
            assert(err.code == ERR_FILE_CORRUPT);
            return 0;
        }
        assert(need == 0 || need > prefix);
        if (need == 0) {
            use(g);
            return 0;
        }
        if (prefix == size)
            return 0;
    }
}
