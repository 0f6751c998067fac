#include "arch/catalog.h"

#include "arch/catalog_data.h"
#include "base/hash.h"

#include <assert.h>

void archs_add(struct archs *list, struct arch *a)
{
    if ((list->n & (list->n - 1)) == 0)
        list->items = mem_resize(list->items, (list->n ? 2 * list->n : 1) * sizeof(*list->items));
    list->items[list->n++] = a;
}

void archs_release(struct archs *list)
{
    for (size_t i = 0; i < list->n; i++)
        arch_unref(list->items[i]);
    free(list->items);
    *list = (struct archs){0};
}

void archs_digest(const struct archs *const *lists, size_t n, char ret[33])
{
    AUTO_BUF struct buf text = {0};
    char hex[SHA256_HEX];

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < lists[i]->n; k++) {
            const struct arch *a = lists[i]->items[k];

            buf_printf(&text, "%s %s %s\n", a->name, task_name(a->task), a->digest);
        }
        buf_append_str(&text, "--\n");
    }
    hash_sha256_hex(text.data, text.size, hex);
    memcpy(ret, hex, 32);
    ret[32] = '\0';
}

size_t catalog_builtin(const char *const **ret_texts)
{
    *ret_texts = catalog_records;
    return n_catalog_records;
}

void catalog_load_builtin(int64_t revision, int64_t created_at, struct archs *ret)
{
    for (size_t i = 0; i < n_catalog_records; i++) {
        AUTO_FAULTS struct faults f = {0};
        json_t *doc = json_loads(catalog_records[i], 0, NULL);
        struct arch *a = arch_build(doc, "", ARCH_BUILTIN, revision, created_at, &f);

        json_decref(doc);
        assert(a); /* a test loads them all */
        archs_add(ret, a);
    }
}
