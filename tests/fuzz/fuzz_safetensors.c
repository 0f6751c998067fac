/* The header of a safetensors file, and the index of several. */
#include "hub/safetensors.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    struct safetensors st;
    struct safetensors_index ix;
    size_t need;

    if (safetensors_read(&st, data, size, -1, &need, &err) && need <= size)
        assert(st.n_parameters >= 0 && st.header_size + 8 <= size);
    /* The same as a header alone, so that the length need not be guessed. */
    if (size < 1 << 20) {
        AUTO_FREE char *file = mem_alloc(size + 8);
        uint64_t n = size;
        memcpy(file, &n, 8);
        memcpy(file + 8, data, size);
        if (safetensors_read(&st, file, size + 8, -1, &need, &err))
            assert(need == size + 8);
    }
    if (safetensors_index_read(&ix, (const char *)data, size, &err))
        safetensors_index_release(&ix);
    return 0;
}
