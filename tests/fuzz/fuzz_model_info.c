#include "hub/model_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken in must be safe to use as a path, and survive being kept. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(pin_release) struct pin pin = {0}, again = {0};
    AUTO_ERR struct err err = {0}, bad = {0}, kept = {0};
    AUTO_FREE char *text = NULL;
    bool needs_tree;

    if (!model_info_parse(&pin, &needs_tree, (const char *)data, size, &err) &&
        err.code != ERR_HUB_BAD_ANSWER)
        abort();
    if (!model_tree_parse(&pin, (const char *)data, size, &bad) && bad.code != ERR_HUB_BAD_ANSWER)
        abort();
    for (size_t i = 0; i < pin.n_files; i++)
        if (!repo_path_valid(pin.files[i].path))
            abort();
    if (!pin.commit[0])
        return 0;
    text = pin_render(&pin);
    if (!pin_parse(&again, text, strlen(text), &kept) || again.n_files != pin.n_files)
        abort();
    return 0;
}
