#include "base/strv.h"

void strv_append(struct strv *v, const char *s)
{
    v->items = mem_resize(v->items, (v->n + 1) * sizeof(*v->items));
    v->items[v->n++] = str_dup(s);
}

void strv_release(struct strv *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->items[i]);
    free(v->items);
    *v = (struct strv){0};
}
