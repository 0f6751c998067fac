#include "template/filters.h"

const struct filter_def *filter_find(const struct str *name)
{
    for (size_t i = 0; i < n_filters_text; i++)
        if (str_is(name, filters_text[i].name))
            return &filters_text[i];
    for (size_t i = 0; i < n_filters_sequence; i++)
        if (str_is(name, filters_sequence[i].name))
            return &filters_sequence[i];
    return NULL;
}

bool filter_run(struct render *r, const struct filter_def *f, struct value v, const struct args *a,
                struct value *ret)
{
    struct value argv[PARAMS_MAX];

    if (!render_step(r) || (v.kind == V_STR && !render_charge(r, v.str->size)))
        return false;
    if (f->run_any)
        return f->run_any(r, v, a, ret);
    return bind_args(r, f->name, f->params, f->min, f->max, a, argv) && f->run(r, v, argv, ret);
}
