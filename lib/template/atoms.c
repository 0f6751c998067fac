#include "template/atoms.h"

void atoms_build(struct arena *a, const struct dict *names, struct atoms *ret)
{
    size_t n = 16;

    while (n < 2 * names->n)
        n *= 2;
    *ret = (struct atoms){arena_new_array(a, n, struct str *), n};
    for (size_t i = 0; i < names->n; i++) {
        struct str *s = names->entries[i].key.str;
        size_t slot = atom_slot(s->data, s->size), k = 0;

        while (k < ATOM_PLACES && ret->slots[(slot + k) & (n - 1)])
            k++;
        if (s->size > ATOM_SIZE_MAX || k == ATOM_PLACES)
            continue;
        ret->slots[(slot + k) & (n - 1)] = s;
        s->atom = true;
    }
}
