/* Header fields, "name: value" a line, through every function that reads one. */
#include "api/auth.h"
#include "api/head.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_values(const struct head *h)
{
    char key[256];
    bool named, async;
    int wait_s;

    assert(head_accept_quality(h->accept, "application/json", &named) <= 1000);
    head_etag_matches(h->if_none_match, "\"abc\"");
    head_etag_matches(h->if_match, "W/\"abc\"");
    head_prefer(h->prefer, &async, &wait_s);
    assert(wait_s >= -1 && wait_s <= 86400);
    if (h->idempotency_key && head_idempotency_key(h->idempotency_key, key))
        assert(strlen(key) > 0 && strlen(key) < 256);
    if (head_is_request_id(h->request_id))
        assert(strlen(h->request_id) <= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct auth auth;
    static const struct door door = {.is_loopback = true};
    AUTO_FREE char *text = str_dup_n((const char *)data, size);
    AUTO_ERR struct err err = {0};
    struct principal who;
    struct head h = {0};
    char *line, *rest = text;

    while ((line = strsep(&rest, "\n"))) {
        char *value = strstr(line, ": ");

        if (value)
            *value = '\0', value += 2;
        else
            value = line + strlen(line);
        head_field(&h, line, strlen(line), value, strlen(value));
    }
    if (!head_done(&h, "HTTP/1.1", "GET", "/", &err))
        return 0;
    assert(!(h.has_length && h.is_chunked) && h.host);
    read_values(&h);
    if (auth_check_host(&auth, &door, &h, &err))
        (void)!auth_identify(&auth, &door, &h, &who, &err);
    return 0;
}
