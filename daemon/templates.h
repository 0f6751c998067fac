#pragma once
/*
 * Templates: compiled chat templates, kept by their text.
 *
 * Found by a keyed digest and then compared, so that no other text is ever
 * taken for one. Least recently used ones go when there are too many bytes.
 * Core loop only; what is handed out is counted and may go to a worker.
 */
#include "base/map.h"
#include "template/template.h"

#include <sys/queue.h>

TAILQ_HEAD(template_list, template_entry);

/* Of compiled templates and their texts; a usual one takes some 200 KB. */
enum { TEMPLATES_BYTES = 64 << 20 };

struct templates {
    struct map by_digest;
    struct template_list by_use; /* most recent first */
    size_t bytes, max_bytes;
    uint64_t hits, misses;
};

void templates_init(struct templates *t, size_t max_bytes);
void templates_release(struct templates *t);
/* A reference of the caller's; NULL: not here. */
struct template *templates_find(struct templates *t, const char *text, size_t size);
/* Keeps a reference. What is there already stays. */
void templates_put(struct templates *t, const char *text, size_t size, struct template *compiled);
