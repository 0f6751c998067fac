#include "plan/notices.h"

#include "json/writer.h"

static void add_rendered(struct notices *n, const char *item)
{
    if (n->n && strstr(n->list.data, item))
        return;
    if (n->n++)
        buf_append_char(&n->list, ',');
    buf_append_str(&n->list, item);
}

void notice_add(struct notices *n, const char *code, const char *fmt, ...)
{
    AUTO_BUF struct buf text = {0}, item = {0};
    struct json j = json_begin(&item);
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    json_open(&j, '{');
    json_str(&j, "code", code);
    json_str(&j, "message", text.data);
    json_close(&j, '}');
    add_rendered(n, item.data);
}

void notices_release(struct notices *n)
{
    buf_release(&n->list);
    n->n = 0;
}
