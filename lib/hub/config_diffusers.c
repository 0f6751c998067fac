#include "hub/config_parts.h"

#include <stdio.h>

enum { COMPONENTS_MAX = 64 };

/*
 * [library, class]; modular pipelines add a third entry saying where it comes
 * from, and may leave the first two to its type_hint.
 */
static void add_component(struct config *c, const char *role, json_t *entry)
{
    json_t *hint = object_get(json_array_get(entry, 2), "type_hint");
    const char *library = json_string_value(json_array_get(entry, 0));
    const char *name = json_string_value(json_array_get(entry, 1));
    size_t n = json_array_size(entry);

    if (n == 3 && !library && json_object_get(json_array_get(entry, 2), "subfolder")) {
        library = json_string_value(json_array_get(hint, 0));
        name = json_string_value(json_array_get(hint, 1));
    }
    if ((n != 2 && n != 3) || !library || !name || !library[0] || !name[0] ||
        c->n_components == COMPONENTS_MAX)
        return;
    struct component *part = &c->components[c->n_components++];
    snprintf(part->role, sizeof(part->role), "%s", role);
    snprintf(part->library, sizeof(part->library), "%s", library);
    snprintf(part->class_name, sizeof(part->class_name), "%s", name);
}

bool config_from_model_index(struct config **ret, const char *text, size_t size, struct err *err)
{
    json_t *doc = config_load_text(text, size, "model_index.json", err), *value;
    const char *class_name, *name;

    if (!doc)
        return false;
    CLEANUP(config_unrefp) struct config *c = mem_new(struct config);
    atomic_init(&c->refs, 1);
    c->kind = CONFIG_DIFFUSERS;
    c->raw = doc;
    c->bos_token_id = c->pad_token_id = c->image_token_id = -1;
    class_name = object_str(doc, "_class_name");
    c->architectures = mem_new_array(2, const char *);
    if (class_name[0])
        c->architectures[c->n_architectures++] = str_dup(class_name);
    snprintf(c->diffusers_version, sizeof(c->diffusers_version), "%s",
             object_str(doc, "_diffusers_version"));
    c->components = mem_new_array(COMPONENTS_MAX, struct component);
    json_object_foreach(doc, name, value) if (json_is_array(value)) add_component(c, name, value);
    if (c->n_components == 0) {
        err_set(err, ERR_CONFIG_INVALID,
                "model_index.json: it names no component as [library, class]");
        return err_fact_str(err, "file", "model_index.json");
    }
    c->has_vision = true;
    AUTO_FREE char *dumped = json_dumps(doc, JSON_COMPACT);
    if (!dumped)
        return err_set(err, ERR_CONFIG_INVALID, "model_index.json: it cannot be written again");
    c->body = blob_new(dumped, strlen(dumped));
    *ret = take(&c);
    return true;
}
