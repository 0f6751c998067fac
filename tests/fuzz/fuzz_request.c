/* A request of any bytes, resolved against one small model: no crash, and every refusal says why.
 */
#include "../unit/resolving.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct made_file files[] = {
    {"m-Q4_K_M.gguf", 700000000, 0},
    {"model.safetensors", 2000000000, ENCODING_BFLOAT16},
};

static struct world *the_world(void)
{
    static struct world w; /* made once: the catalog takes milliseconds */

    if (!w.registry) {
        world_open(&w);
        w.models[0] = make_model("org/llama", 'a', LLAMA_8B, files, ARRAY_SIZE(files));
        w.models[1] = make_model("org/draft", 'b', LLAMA_8B, files, ARRAY_SIZE(files));
    }
    return &w;
}

static void check_resolves_to_itself(const struct world *w, const struct pipeline *p)
{
    AUTO_ERR struct err err = {0};
    json_t *effective = json_loads(p->effective, JSON_REJECT_DUPLICATES, NULL);
    struct pipeline *again = effective ? world_resolve(w, effective, &err) : NULL;
    json_t *doc = document_of(p);

    if (!again || !doc || !str_eq(again->id, p->id))
        abort();
    json_decref(doc);
    json_decref(effective);
    pipeline_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    struct world *w = the_world();
    json_t *doc = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct pipeline *p;

    if (!doc)
        return 0;
    p = world_resolve(w, doc, &err);
    json_decref(doc);
    if (p)
        check_resolves_to_itself(w, p);
    else if (err.code == ERR_NONE || !err.msg[0])
        abort();
    pipeline_unref(p);
    return 0;
}
