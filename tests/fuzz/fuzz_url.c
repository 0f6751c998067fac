/* Paths and queries: whatever the bytes, what comes out is UTF-8, bounded and without dot segments.
 */
#include "api/url.h"
#include "base/utf8.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct url_text *t, const char *scratch, size_t room)
{
    assert(t->text[t->size] == '\0' && strlen(t->text) == t->size);
    assert(t->size == 0 || (t->text >= scratch && t->text + t->size < scratch + room));
    assert(utf8_valid(t->text, t->size, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *target = str_dup_n((const char *)data, size);
    size_t room = strlen(target) + 1, n = 0;
    AUTO_FREE char *scratch = mem_alloc(room);
    struct url_param params[URL_MAX_PARAMS];
    AUTO_ERR struct err err = {0};
    struct url url;

    if (!url_parse(target, scratch, &url, &err))
        return 0;
    for (size_t i = 0; i < url.n_segments; i++) {
        check_text(&url.segments[i], scratch, room);
        assert(!str_eq(url.segments[i].text, "..") && !strstr(url.segments[i].text, "/../"));
    }
    room = strlen(url.query) + 1;
    AUTO_FREE char *texts = mem_alloc(room);
    if (url_parse_query(url.query, texts, params, &n, &err))
        for (size_t i = 0; i < n; i++) {
            check_text(&params[i].key, texts, room);
            check_text(&params[i].value, texts, room);
        }
    return 0;
}
