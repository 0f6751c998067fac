#pragma once
/* Functions: what a template can call besides macros: globals and methods. */
#include "template/filters.h"

/*
 * As a filter, self being the object (of globals: nothing). Parameters are
 * positional only unless keywords is set.
 */
struct function_def {
    const char *name;
    bool (*run)(struct render *r, struct value self, struct value *argv, struct value *ret);
    const char *params[PARAMS_MAX];
    unsigned min, max;
    bool (*run_any)(struct render *r, struct value self, const struct args *a, struct value *ret);
    bool keywords;
    bool forbidden; /* changes its object: the sandbox does not let it */
};

struct function {
    const struct function_def *def;
    struct value self;
};

/* No dict has a method or an attribute of this name. */
bool attr_is_plain(const struct str *name);
/* The method of that name that objects of a kind have and templates may call; NULL: none. */
const struct function_def *method_of(enum kind kind, const struct str *name);
/* The method of an object; false when it has none of that name. */
bool method_find(struct render *r, struct value object, const struct str *name, struct value *ret);
bool function_call(struct render *r, const struct function_def *d, struct value self,
                   const struct args *a, struct value *ret);
struct value function_value(struct arena *a, const struct function_def *def, struct value self);

/* A global of this name; NULL: none. */
const struct function_def *global_find(const struct str *name);

extern const struct function_def str_methods[], dict_methods[], seq_methods[], list_methods[],
    loop_methods[];
extern const size_t n_str_methods, n_dict_methods, n_seq_methods, n_list_methods, n_loop_methods;

/* printf-like formatting of "%"; str.format(). */
bool format_percent(struct render *r, struct value format, struct value args, struct value *ret);
bool format_braces(struct render *r, struct value format, const struct args *a, struct value *ret);
/* strftime() of r->now_s. */
bool format_time(struct render *r, const struct str *format, struct value *ret);
