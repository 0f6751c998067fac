#include "hub/model_render.h"
void model_render_tokenizer(const struct model *m, struct json *j)
{
    json_str(j, "model", m->ref.model);
    json_str(j, "kind", m->tokenizer.kind);
}
