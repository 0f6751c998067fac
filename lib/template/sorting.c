#include "template/sorting.h"

/* A merge sort, since a comparison may fail. */
bool sort_by_key(struct render *r, struct sortable *s, struct sortable *spare, size_t n,
                 bool reverse)
{
    size_t half = n / 2, i = 0, j = half, k = 0;

    if (n < 2)
        return true;
    if (!sort_by_key(r, s, spare, half, reverse) ||
        !sort_by_key(r, s + half, spare + half, n - half, reverse))
        return false;
    while (i < half && j < n) {
        bool second;
        if (!render_step(r) || !(reverse ? value_less(r, s[i].key, s[j].key, "<", &second)
                                         : value_less(r, s[j].key, s[i].key, "<", &second)))
            return false;
        spare[k++] = second ? s[j++] : s[i++];
    }
    while (i < half)
        spare[k++] = s[i++];
    while (j < n)
        spare[k++] = s[j++];
    memcpy(s, spare, n * sizeof(*s));
    return true;
}
