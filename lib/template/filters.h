#pragma once
/* Filters, by name. */
#include "template/render.h"

enum { PARAMS_MAX = 6 };

/*
 * argv has an entry per parameter, V_MISSING where none was given. Filters that
 * take what comes (map, select, format) have run_any instead.
 */
struct filter_def {
    const char *name;
    bool (*run)(struct render *r, struct value v, struct value *argv, struct value *ret);
    const char *params[PARAMS_MAX]; /* names */
    unsigned min, max;              /* how many of them */
    bool (*run_any)(struct render *r, struct value v, const struct args *a, struct value *ret);
};

const struct filter_def *filter_find(const struct str *name);
bool filter_run(struct render *r, const struct filter_def *f, struct value v, const struct args *a,
                struct value *ret);

extern const struct filter_def filters_text[], filters_sequence[];
extern const size_t n_filters_text, n_filters_sequence;

/* Arguments to parameters, as Python binds them; what names the function in errors. */
bool bind_args(struct render *r, const char *what, const char *const *params, unsigned min,
               unsigned max, const struct args *a, struct value *argv);

/* Arguments of Python's types; an absent one leaves *ret. */
bool arg_int(struct render *r, struct value v, int64_t *ret);
bool arg_str(struct render *r, struct value v, struct str **ret);

/* json.dumps() as transformers calls it. */
bool filter_tojson(struct render *r, struct value v, struct value *argv, struct value *ret);
/* "a.b,c" of sort and its kin: the attribute of an item; attr V_MISSING or None: the item. */
bool item_attr(struct render *r, struct value item, struct value attr, struct value fallback,
               struct value *ret);
