#pragma once
/* Tests ("is …"), by name. */
#include "template/render.h"

struct test_def {
    const char *name;
    bool (*run)(struct render *r, struct value v, struct value *argv, bool *ret);
    unsigned n_args;
};

const struct test_def *test_find(const struct str *name);
bool test_run(struct render *r, const struct test_def *t, struct value v, const struct args *a,
              bool *ret);
