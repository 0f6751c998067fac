#include "test.h"

#include "hub/origin.h"
#include "hub/protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* ---- URLs and origins */

static void urls_are_quoted_segment_by_segment(void **state)
{
    static const struct {
        struct hub_question q;
        const char *url;
    } cases[] = {
        {{.kind = HUB_INFO, .repo = "org/name", .revision = "refs/pr/9"},
         "http://h/api/models/org/name/revision/refs%2Fpr%2F9?blobs=true"},
        {{.kind = HUB_TREE, .repo = "gpt2", .revision = "main"},
         "http://h/api/models/gpt2/tree/main?recursive=true"},
        {{.kind = HUB_FILE, .repo = "o/n", .revision = "v1", .path = "sub dir/a+b?#%.txt"},
         "http://h/o/n/resolve/v1/sub%20dir/a%2Bb%3F%23%25.txt"},
        {{.kind = HUB_FILE, .repo = "o/n", .revision = "main", .path = "\xc3\xa4"},
         "http://h/o/n/resolve/main/%C3%A4"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_FREE char *url = hub_url("http://h", &cases[i].q);

        assert_string_equal(url, cases[i].url);
    }
}

static void origins_are_equal_when_scheme_host_and_port_are(void **state)
{
    struct origin a, b;
    (void)state;

    assert_true(origin_parse(&a, "https://Hub.CO/x"));
    assert_true(origin_parse(&b, "https://hub.co:443"));
    assert_true(origin_eq(&a, &b));
    assert_true(origin_parse(&b, "http://hub.co:443"));
    assert_false(origin_eq(&a, &b));
    assert_true(origin_parse(&b, "https://[2001:DB8::1]:8443/"));
    assert_string_equal(b.host, "2001:db8::1");
    assert_int_equal(b.port, 8443);
}

static void what_is_no_web_address_is_no_origin(void **state)
{
    static const char *const bad[] = {"",
                                      "/path",
                                      "hub.co",
                                      "ftp://hub.co",
                                      "http://",
                                      "http://:80",
                                      "http://user@hub.co/",
                                      "http://hub.co:0",
                                      "http://hub.co:99999",
                                      "http://hub.co:8x",
                                      "http://hub.co/a b",
                                      "http://hub.co\\@evil",
                                      "http://[::1",
                                      "http://[::1]x"};
    struct origin o;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(origin_parse(&o, bad[i]));
}

static void private_addresses_are_known_in_every_spelling(void **state)
{
    static const char *const private[] = {"http://localhost",
                                          "http://x.localhost",
                                          "http://127.0.0.1",
                                          "http://127.1",
                                          "http://0x7f000001",
                                          "http://2130706433",
                                          "http://10.1.2.3",
                                          "http://172.31.0.1",
                                          "http://192.168.0.1",
                                          "http://169.254.169.254",
                                          "http://[::1]",
                                          "http://[fe80::1]",
                                          "http://[fd00::1]",
                                          "http://[::ffff:10.0.0.1]",
                                          "http://0.0.0.0",
                                          "http://[::]",
                                          "http://[64:ff9b::7f00:1]",
                                          "http://100.64.0.1"};
    static const char *const public[] = {"http://huggingface.co",   "http://8.8.8.8",
                                         "http://172.32.0.1",       "http://[2606:4700::1]",
                                         "http://[::ffff:8.8.8.8]", "http://1.2.3.4.example.org"};
    struct origin o;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(private); i++) {
        assert_true(origin_parse(&o, private[i]));
        if (!origin_is_private(&o))
            fail_msg("%s", private[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(public); i++) {
        assert_true(origin_parse(&o, public[i]));
        if (origin_is_private(&o))
            fail_msg("%s", public[i]);
    }
}

static void redirects_keep_the_token_at_home(void **state)
{
    static const char *hub = "https://hub.co";
    static const struct {
        const char *from, *location, *url;
        bool had, keeps;
    } cases[] = {
        {"https://hub.co/a/b?q", "/c?d", "https://hub.co/c?d", true, true},
        {"https://hub.co/a/b", "c", "https://hub.co/a/c", true, true},
        {"https://hub.co/a/b?q", "?r", "https://hub.co/a/b?r", true, true},
        {"https://hub.co", "c", "https://hub.co/c", true, true},
        {"https://hub.co/a", "//cdn.co/x", "https://cdn.co/x", true, false},
        {"https://hub.co/a", "https://cdn.co/x#y", "https://cdn.co/x", true, false},
        {"https://hub.co/a", "https://hub.co:444/x", "https://hub.co:444/x", true, false},
        {"https://cdn.co/a", "https://hub.co/x", "https://hub.co/x", false, false},
        {"https://hub.co/a", "/x?u=http://y", "https://hub.co/x?u=http://y", true, true},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        AUTO_FREE char *url = NULL;
        bool keeps;

        assert_true(redirect_next(hub, cases[i].from, cases[i].location, 0, cases[i].had, &url,
                                  &keeps, &err));
        assert_string_equal(url, cases[i].url);
        assert_int_equal(keeps, cases[i].keeps);
    }
}

static void redirects_into_the_dark_are_refused(void **state)
{
    static const char *const bad[] = {"http://cdn.co/x",
                                      "https://127.0.0.1/x",
                                      "https://[::1]/",
                                      "https://192.168.1.1/",
                                      "file:///etc",
                                      "https://u@cdn.co/",
                                      "",
                                      "https://cdn.co/\x01"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_ERR struct err err = {0};
        char *url;
        bool keeps;

        assert_false(redirect_next("https://hub.co", "https://hub.co/a", bad[i], 0, true, &url,
                                   &keeps, &err));
        assert_int_equal(err.code, ERR_HUB_BAD_ANSWER);
    }
}

static void a_sixth_hop_is_refused(void **state)
{
    AUTO_ERR struct err err = {0};
    char *url;
    bool keeps;
    (void)state;

    assert_true(redirect_next("http://h", "http://h/", "/x", 4, true, &url, &keeps, &err));
    free(url);
    assert_false(redirect_next("http://h", "http://h/", "/x", 5, true, &url, &keeps, &err));
}

static void a_hub_at_home_may_redirect_there(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *url = NULL;
    bool keeps;
    (void)state;

    assert_true(redirect_next("http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:2/", 0,
                              true, &url, &keeps, &err));
    assert_false(keeps);
}

/* ---- header lines */

static void feed(struct hub_answer *a, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n") + 1;

        hub_answer_line(a, text, size);
        text += size;
    }
}

static void headers_become_facts(void **state)
{
    CLEANUP(hub_answer_release) struct hub_answer a = {0};
    (void)state;

    feed(&a, "HTTP/1.1 302 Found\r\n"
             "X-Repo-Commit: 0123456789012345678901234567890123456789\r\n"
             "x-linked-size: 42\r\nETag: W/\"other\"\r\nX-Linked-ETag:   \"abc\"  \r\n"
             "ETag: \"later\"\r\nLocation: https://cdn/x\r\nRateLimit: \"api\";r=3;t=55\r\n"
             "Link: <https://h/p?cursor=2>; rel=\"next\", <https://h/q>; rel=\"other\"\r\n"
             "Content-Range: bytes 5-9/100\r\nRetry-After: 12\r\n\r\n");
    assert_int_equal(a.status, 302);
    assert_string_equal(a.commit, "0123456789012345678901234567890123456789");
    assert_int_equal(a.linked_size, 42);
    assert_string_equal(a.etag, "abc");
    assert_string_equal(a.location, "https://cdn/x");
    assert_true(a.has_limit);
    assert_int_equal(a.limit_remaining, 3);
    assert_int_equal(a.limit_reset_s, 55);
    assert_string_equal(a.link_next, "https://h/p?cursor=2");
    assert_int_equal(a.range_first, 5);
    assert_int_equal(a.range_last, 9);
    assert_int_equal(a.range_total, 100);
    assert_int_equal(a.retry_after_s, 12);
}

static void a_new_status_line_forgets_the_old_answer(void **state)
{
    CLEANUP(hub_answer_release) struct hub_answer a = {0};
    (void)state;

    feed(&a, "HTTP/1.1 100 Continue\r\nETag: \"old\"\r\nLocation: /x\r\n\r\nHTTP/2 200\r\n\r\n");
    assert_int_equal(a.status, 200);
    assert_string_equal(a.etag, "");
    assert_null(a.location);
}

static void malformed_headers_are_absent(void **state)
{
    CLEANUP(hub_answer_release) struct hub_answer a = {0};
    (void)state;

    feed(&a, "HTTP/1.1 200 OK\r\nX-Repo-Commit: main\r\nX-Linked-Size: 12x\r\n"
             "Content-Range: bytes 9-5/10\r\nContent-Range: lines 1-2/3\r\n"
             "RateLimit: \"api\";r=x\r\nRateLimit: api;r=1;t=1\r\nRateLimit: \"new\";r=1;t=1\r\n"
             "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nno colon\r\n: nothing\r\n"
             "Content-Length: 99999999999999999999\r\n");
    assert_string_equal(a.commit, "");
    assert_false(a.has_size);
    assert_false(a.has_range);
    assert_false(a.has_limit);
    assert_false(a.has_length);
    assert_int_equal(a.retry_after_s, 0);
}

/* ---- judgement */

static void every_refusal_has_its_own_error(void **state)
{
    static const struct {
        int status;
        const char *code, *message;
        enum hub_question_kind kind;
        bool token;
        enum hub_verdict verdict;
        enum err_code err;
    } cases[] = {
        {200, "", "", HUB_INFO, false, HUB_CONTENT, ERR_NONE},
        {206, "", "", HUB_FILE, false, HUB_CONTENT, ERR_NONE},
        {401, "RepoNotFound", "", HUB_INFO, false, HUB_REFUSED, ERR_REPO_NOT_FOUND},
        {404, "RepoNotFound", "", HUB_INFO, true, HUB_REFUSED, ERR_REPO_NOT_FOUND},
        {401, "GatedRepo", "", HUB_FILE, false, HUB_REFUSED, ERR_REPO_GATED},
        {403, "GatedRepo", "", HUB_FILE, true, HUB_REFUSED, ERR_REPO_GATED},
        {404, "RevisionNotFound", "", HUB_INFO, true, HUB_REFUSED, ERR_REVISION_NOT_FOUND},
        {404, "EntryNotFound", "", HUB_FILE, true, HUB_REFUSED, ERR_FILE_NOT_FOUND},
        {404, "", "", HUB_FILE, true, HUB_REFUSED, ERR_FILE_NOT_FOUND},
        {404, "", "", HUB_INFO, true, HUB_REFUSED, ERR_REPO_NOT_FOUND},
        {404, "", "Invalid rev id: x", HUB_INFO, true, HUB_REFUSED, ERR_REVISION_NOT_FOUND},
        {401, "", "Invalid credentials in Authorization header", HUB_INFO, true, HUB_REFUSED,
         ERR_TOKEN_INVALID},
        {401, "", "", HUB_INFO, false, HUB_REFUSED, ERR_REPO_NOT_FOUND},
        {403, "", "Access to this resource is disabled.", HUB_INFO, true, HUB_REFUSED,
         ERR_REPO_DISABLED},
        {403, "", "", HUB_FILE, true, HUB_REFUSED, ERR_REPO_PRIVATE},
        {429, "", "", HUB_INFO, true, HUB_TROUBLE, ERR_HUB_RATE_LIMITED},
        {500, "", "", HUB_INFO, true, HUB_TROUBLE, ERR_HUB_UNREACHABLE},
        {504, "", "", HUB_INFO, true, HUB_TROUBLE, ERR_HUB_TIMEOUT},
        {418, "", "", HUB_INFO, true, HUB_REFUSED, ERR_HUB_BAD_ANSWER},
        {302, "", "", HUB_INFO, true, HUB_REFUSED, ERR_HUB_BAD_ANSWER}, /* without Location */
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct hub_question q = {cases[i].kind, "o/n", "main", "f", cases[i].token};
        struct hub_answer a = {.status = cases[i].status};

        strcpy(a.error_code, cases[i].code);
        strcpy(a.error_message, cases[i].message);
        assert_int_equal(hub_judge(&q, &a, "", 0, &err), cases[i].verdict);
        assert_int_equal(err.code, cases[i].err);
    }
}

static void the_body_explains_where_the_header_does_not(void **state)
{
    AUTO_ERR struct err err = {0};
    struct hub_question q = {HUB_INFO, "o/n", "main", NULL, true};
    struct hub_answer a = {.status = 401};
    static const char body[] = "{\"error\":\"Invalid credentials\"}";
    (void)state;

    hub_judge(&q, &a, body, sizeof(body) - 1, &err);
    assert_non_null(strstr(err.msg, "Invalid credentials"));
}

static void content_is_what_its_hash_says(void **state)
{
    AUTO_ERR struct err err = {0};
    (void)state;

    assert_true(hub_content_check("32f95c0d1244a78b2be1bab8de17906fabb2c4a8", "f", "hi", 2, &err));
    assert_true(hub_content_check(
        "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4", "f", "hi", 2, &err));
    assert_false(hub_content_check("32f95c0d1244a78b2be1bab8de17906fabb2c4a8", "f", "ho", 2, &err));
    assert_int_equal(err.code, ERR_CONTENT_MISMATCH);
    assert_true(hub_etag_is_hash("32f95c0d1244a78b2be1bab8de17906fabb2c4a8"));
    assert_false(hub_etag_is_hash("32F95C0D1244A78B2BE1BAB8DE17906FABB2C4A8"));
    assert_false(hub_etag_is_hash("../../../../../../../../../../etc/passwd"));
    assert_false(hub_etag_is_hash(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_quoted_segment_by_segment),
        cmocka_unit_test(origins_are_equal_when_scheme_host_and_port_are),
        cmocka_unit_test(what_is_no_web_address_is_no_origin),
        cmocka_unit_test(private_addresses_are_known_in_every_spelling),
        cmocka_unit_test(redirects_keep_the_token_at_home),
        cmocka_unit_test(redirects_into_the_dark_are_refused),
        cmocka_unit_test(a_sixth_hop_is_refused),
        cmocka_unit_test(a_hub_at_home_may_redirect_there),
        cmocka_unit_test(headers_become_facts),
        cmocka_unit_test(a_new_status_line_forgets_the_old_answer),
        cmocka_unit_test(malformed_headers_are_absent),
        cmocka_unit_test(every_refusal_has_its_own_error),
        cmocka_unit_test(the_body_explains_where_the_header_does_not),
        cmocka_unit_test(content_is_what_its_hash_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
