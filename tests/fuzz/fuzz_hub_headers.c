#include "hub/origin.h"
#include "hub/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Line by line as curl gives them; what follows an empty line is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hub_question q = {HUB_FILE, "org/name", "main", "config.json", true};
    CLEANUP(hub_answer_release) struct hub_answer a = {0};
    AUTO_ERR struct err err = {0};
    AUTO_ERR struct err refused = {0};
    const char *p = (const char *)data, *end = p + size;
    enum hub_verdict v;
    char *next;
    bool with_token;

    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl + 1 - p) : (size_t)(end - p);

        /* A copy of its own, so that reading beyond the line is seen. */
        char *line = str_dup_n(p, n);

        hub_answer_line(&a, line, n);
        free(line);
        p += n;
        if (n <= 2)
            break;
    }
    v = hub_judge(&q, &a, p, (size_t)(end - p), &err);
    if ((v == HUB_REFUSED || v == HUB_TROUBLE) != (err.code != ERR_NONE))
        abort();
    if (v == HUB_REDIRECT && redirect_next("https://hub.example", "https://hub.example/a/b",
                                           a.location, 0, true, &next, &with_token, &refused)) {
        struct origin o;

        if (!origin_parse(&o, next) || !o.is_https || origin_is_private(&o) ||
            (with_token && !str_eq(o.host, "hub.example")))
            abort();
        free(next);
    }
    return 0;
}
