#include "daemon/config_file.h"
#include "daemon/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    AUTO_FREE bool *replaced = mem_new_array(n_settings, bool);

    for (size_t i = 0; i < n_settings; i++)
        strv_append(&c.origins, "");
    /* Names in listen would be looked up in the DNS. */
    if (memmem(data, size, "listen", 6))
        return 0;
    if (!config_text_read(&c, "fuzz", (const char *)data, size, replaced, &err) && !err.msg[0])
        abort();
    return 0;
}
