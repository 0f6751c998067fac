#include "tokenizer/load.h"

#include "tokenizer/load_files.h"

static bool load_first(const struct tokenizer_files *files, struct tokenizer_spec *s,
                       struct err *err)
{
    if (files->tokenizer_json.data)
        return load_tokenizer_json(files->tokenizer_json, s, err);
    return err_set(err, ERR_NO_TOKENIZER,
                   "none of the files makes a tokenizer; needed is tokenizer.json");
}

bool tokenizer_load(const struct tokenizer_files *files, struct tokenizer_spec *ret,
                    struct err *err)
{
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    if (!load_first(files, &s, err))
        return false;
    *ret = s;
    s = (struct tokenizer_spec){0};
    return true;
}
