/* The requests that are read before libmicrohttpd sees them. */
#include "test.h"

#include "api/plain.h"

static char data[1024];

static enum plain_found find(const char *text, struct plain *ret)
{
    size_t size = strlen(text);

    assert_true(size < sizeof(data));
    memcpy(data, text, size);
    return plain_read(data, size, ret);
}

static void a_get_is_whole_with_its_blank_line_and_not_before(void **state)
{
    static const char text[] = "GET /a?b=c HTTP/1.1\r\nHost: localhost\r\nAccept:\t*/* \r\n\r\n";
    struct plain p;
    (void)state;

    assert_int_equal(find(text, &p), PLAIN_WHOLE);
    assert_string_equal(p.target, "/a?b=c");
    assert_string_equal(p.head.accept, "*/*");
    assert_int_equal(p.size, sizeof(text) - 1);
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        memcpy(data, text, n);
        assert_int_equal(plain_read(data, n, &p), PLAIN_PARTIAL);
    }
}

static void a_post_needs_its_body_and_ends_with_it(void **state)
{
    struct plain p;
    (void)state;

    assert_int_equal(find("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /", &p),
                     PLAIN_WHOLE);
    assert_int_equal(p.body_size, 2);
    assert_memory_equal(p.body, "{}", 2);
    assert_memory_equal(data + p.size, "GET /", 5);
    assert_int_equal(find("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{}", &p),
                     PLAIN_OTHER);
}

static void what_is_special_or_ambiguous_is_left_to_others(void **state)
{
    static const char *const heads[] = {
        "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET /a  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n fold\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n",
    };
    struct plain p;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        assert_int_equal(find(heads[i], &p), PLAIN_OTHER);
    assert_int_equal(find("GET /a HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", &p),
                     PLAIN_WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_whole_with_its_blank_line_and_not_before),
        cmocka_unit_test(a_post_needs_its_body_and_ends_with_it),
        cmocka_unit_test(what_is_special_or_ambiguous_is_left_to_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
