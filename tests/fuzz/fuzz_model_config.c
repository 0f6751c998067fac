/* config.json and model_index.json: anything is either a config or an error that says why. */
#include "hub/config.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    CLEANUP(config_unrefp) struct config *c = NULL;
    CLEANUP(config_unrefp) struct config *index = NULL;

    if (config_from_json(&c, (const char *)data, size, &err)) {
        assert(c->body && c->n_layers >= 0 && c->state_elements >= 0 && c->max_positions >= 0);
        config_add_quant_file(c, (const char *)data, size);
    } else {
        assert(err.code == ERR_CONFIG_INVALID && err.msg[0]);
    }
    if (config_from_model_index(&index, (const char *)data, size, &err))
        assert(index->n_components > 0);
    return 0;
}
