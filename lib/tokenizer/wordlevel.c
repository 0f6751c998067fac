#include "tokenizer/model_parts.h"

void wordlevel_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                       struct image_writer *w)
{
    const struct model_spec *m = &spec->model;
    uint32_t unk =
        m->has_unk ? vocab_find_name(v, spec_str(spec, m->unk), m->unk.size) : (uint32_t)NO_ID;

    buf_append(&w->sections[IMAGE_MODEL], &unk, sizeof(unk));
}

bool wordlevel_encode(uint32_t unk, const struct vocab *v, const char *text, size_t size,
                      struct tokens *out, struct err *err)
{
    uint32_t id = vocab_find(v, text, size, false);

    if (id == NO_ID)
        id = unk;
    if (id == NO_ID)
        return err_set(err, ERR_COMBINATION, "WordLevel: its unk_token is not in the vocabulary");
    tokens_append(out, id, 0, (uint32_t)size);
    return true;
}
