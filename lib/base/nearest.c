#include "base/nearest.h"

#include <ctype.h>
#include <strings.h>

enum { LONGEST = 96 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

static bool same(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* Optimal string alignment distance: insert, delete, replace, swap neighbours. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][LONGEST + 1];
    size_t *before = row[0], *last = row[1], *now = row[2];

    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t replace = last[j - 1] + !same(a[i - 1], b[j - 1]);

            now[j] = min3(last[j] + 1, now[j - 1] + 1, replace);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = last, last = now, now = spare;
    }
    return last[m];
}

size_t nearest(const char *wanted, const char *const *names, size_t n_names,
               const char *ret[NEAREST_MAX])
{
    size_t score[NEAREST_MAX], n_ret = 0, n = strnlen(wanted, LONGEST);

    for (size_t i = 0; i < n_names; i++) {
        size_t m = strnlen(names[i], LONGEST), longer = n > m ? n : m;
        size_t d = distance(wanted, n, names[i], m);

        if (n >= 3 && (strcasestr(names[i], wanted) || strcasestr(wanted, names[i])))
            d = d < 2 ? d : 2;
        if (2 * d > longer)
            continue;
        size_t at = n_ret < NEAREST_MAX ? n_ret : NEAREST_MAX;
        while (at > 0 && score[at - 1] > d)
            at--;
        if (at == NEAREST_MAX)
            continue;
        size_t last = n_ret < NEAREST_MAX ? n_ret++ : NEAREST_MAX - 1;
        for (size_t k = last; k > at; k--)
            ret[k] = ret[k - 1], score[k] = score[k - 1];
        ret[at] = names[i];
        score[at] = d;
    }
    return n_ret;
}
