#pragma once
/* A list of strings that owns them. Zero-initialised is empty. */
#include "base/base.h"

struct strv {
    char **items;
    size_t n;
};

/* Copies s. */
void strv_append(struct strv *v, const char *s);
void strv_release(struct strv *v);
