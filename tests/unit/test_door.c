/* What a request passes on its way in: URL, router, query, head, auth. */
#include "test.h"

#include "api/auth.h"
#include "api/query.h"
#include "api/router.h"

/* ---- url */

static bool parse(const char *target, struct url *ret)
{
    static char scratch[4096];
    AUTO_ERR struct err err = {0};

    return url_parse(target, scratch, ret, &err);
}

static void segments_are_split_before_they_are_decoded(void **state)
{
    struct url url;
    (void)state;

    assert_true(parse("/org%2Fname/a+b/%E2%82%AC?x=1", &url));
    assert_int_equal(url.n_segments, 3);
    assert_string_equal(url.segments[0].text, "org/name");
    assert_string_equal(url.segments[1].text, "a+b");
    assert_string_equal(url.segments[2].text, "\u20ac");
    assert_string_equal(url.query, "x=1");
    assert_true(parse("/a%252Fb", &url));
    assert_string_equal(url.segments[0].text, "a%2Fb");
    assert_true(parse("/", &url));
    assert_int_equal(url.n_segments, 0);
    assert_true(parse("/a/", &url));
    assert_int_equal(url.n_segments, 2);
    assert_true(parse("http://host:80/a", &url));
    assert_string_equal(url.segments[0].text, "a");
}

static void a_path_that_means_another_or_nothing_is_refused(void **state)
{
    static const char *const bad[] = {"",     "a",        "*",        "/%",      "/%4",
                                      "/%zz", "/%00",     "/a%0Ab",   "/%ff",    "/..",
                                      "/.",   "/%2e%2e/", "/a%2f..",  "/%C0%AF", "http://host",
                                      "/../", "/x/%2E",   "/..%2fetc"};
    struct url url;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (parse(bad[i], &url))
            fail_msg("%s was taken", bad[i]);
    assert_true(parse("/...", &url) && parse("/.a/..b/c..", &url));
}

static void a_path_of_too_many_segments_is_refused(void **state)
{
    char target[2 * URL_MAX_SEGMENTS + 4];
    struct url url;
    (void)state;

    for (int i = 0; i <= URL_MAX_SEGMENTS; i++)
        memcpy(target + 2 * i, "/a", 3);
    assert_false(parse(target, &url));
    target[2 * URL_MAX_SEGMENTS] = '\0';
    assert_true(parse(target, &url));
    memcpy(target + 2 * URL_MAX_SEGMENTS, "/", 2);
    assert_false(parse(target, &url));
}

/* ---- router */

static void nothing(struct request *req) { (void)req; }

static const struct route table[] = {
    {METHOD_GET, "/", nothing},
    {METHOD_GET, "/v1/model", nothing},
    {METHOD_DELETE, "/v1/model", nothing},
    {METHOD_GET, "/v1/model/config", nothing},
    {METHOD_GET, "/v1/pipelines/{id}", nothing},
    {METHOD_GET, "/v1/pipelines/{id}/leases", nothing},
    {METHOD_GET, "/{org}/{name}/resolve/{revision}/{path*}", nothing},
    {METHOD_GET, "/{name}/resolve/{revision}/{path*}", nothing},
};

struct found {
    const struct resource *resource;
    const char *captures[ROUTE_MAX_CAPTURES];
};

static struct found find(const char *target)
{
    static struct router *router;
    static const struct route *rows[ARRAY_SIZE(table)];
    struct found f = {0};
    struct url url;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        rows[i] = &table[i];
    router_free(router);
    router = router_new(rows, ARRAY_SIZE(rows));
    if (parse(target, &url))
        f.resource = router_find(router, &url, f.captures);
    if (str_eq(target, "free")) {
        router_free(router);
        router = NULL;
    }
    return f;
}

static const char *path_of(const struct found *f)
{
    return f->resource ? f->resource->routes[METHOD_GET]->path : "none";
}

static void the_most_literal_path_is_found_and_dead_ends_go_back(void **state)
{
    struct found f;
    (void)state;

    f = find("/");
    assert_string_equal(path_of(&f), "/");
    f = find("/v1/model");
    assert_string_equal(f.resource->allow, "GET, HEAD, DELETE, OPTIONS");
    assert_int_equal(f.resource->index[METHOD_DELETE], 2);
    f = find("/v1/pipelines/pl_1");
    assert_string_equal(f.captures[0], "pl_1");
    assert_null(f.captures[1]);
    /* "v1" is literal first, then the organisation */
    f = find("/v1/name/resolve/main/a/b%2Fc");
    assert_string_equal(path_of(&f), "/{org}/{name}/resolve/{revision}/{path*}");
    assert_string_equal(f.captures[0], "v1");
    assert_string_equal(f.captures[3], "a/b/c");
    f = find("/gpt2/resolve/refs%2Fpr%2F1/x");
    assert_string_equal(path_of(&f), "/{name}/resolve/{revision}/{path*}");
    assert_string_equal(f.captures[1], "refs/pr/1");
    find("free");
}

static void what_is_not_in_the_table_is_not_found(void **state)
{
    static const char *const bad[] = {
        "/v1",         "/v1/",          "/v1/model/",       "//",
        "/v1/models",  "/V1/model",     "/v1//model",       "/v1/pipelines/",
        "/a/resolve/", "/a/resolve/r/", "/a/resolve/r/b//c"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct found f = find(bad[i]);
        if (f.resource)
            fail_msg("%s found %s", bad[i], path_of(&f));
    }
    find("free");
}

/* ---- query */

struct query {
    char *text;
    enum tristate flag;
    struct opt_int n;
    struct opt_real share;
    int color;
    struct strv list;
};

static const char *const colors[] = {"red", "green", NULL};
static const struct field fields[] = {
    {"text", FIELD_STR, offsetof(struct query, text), .min = 0, .max = 5},
    {"flag", FIELD_BOOL, offsetof(struct query, flag)},
    {"n", FIELD_INT, offsetof(struct query, n), .min = 1, .max = 9},
    {"share", FIELD_REAL, offsetof(struct query, share), .min = 0, .max = 1},
    {"color", FIELD_ENUM, offsetof(struct query, color), .names = colors},
    {"list", FIELD_STRV, offsetof(struct query, list), .max_items = 2},
};
static const struct field_table query_table = {"Query", fields, ARRAY_SIZE(fields)};

static enum err_code bind(const char *text, struct query *q)
{
    struct url_param params[URL_MAX_PARAMS];
    char scratch[512];
    size_t n;
    AUTO_ERR struct err err = {0};

    if (url_parse_query(text, scratch, params, &n, &err))
        (void)!query_bind(&query_table, params, n, false, "min_revision", q, &err);
    return err.code;
}

static void keys_are_bound_by_their_rows(void **state)
{
    struct query q = {0};
    (void)state;

    assert_int_equal(
        bind("text=a+b%2B&flag&n=9&share=.5&color=green&list=x&list=y&min_revision=3", &q),
        ERR_NONE);
    assert_string_equal(q.text, "a b+");
    assert_int_equal(q.flag, YES);
    assert_int_equal(q.n.value, 9);
    assert_true(q.share.value == 0.5);
    assert_int_equal(q.color, 2);
    assert_int_equal(q.list.n, 2);
    bind_release(&query_table, &q);
    q = (struct query){0};
    assert_int_equal(bind("flag=FALSE&n=&text=&&", &q), ERR_NONE);
    assert_int_equal(q.flag, NO);
    assert_false(q.n.set);
    bind_release(&query_table, &q);
}

static void a_value_that_makes_no_sense_is_a_fault(void **state)
{
    static const char *const bad[] = {"n=0",
                                      "n=10",
                                      "n=1x",
                                      "n=+1",
                                      "n= 1",
                                      "share=2",
                                      "share=nan",
                                      "share=0x1",
                                      "flag=yes",
                                      "color=Red",
                                      "text=123456",
                                      "list=a&list=b&list=c",
                                      "n=99999999999999999999"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct query q = {0};
        if (bind(bad[i], &q) != ERR_FIELD)
            fail_msg("%s was taken", bad[i]);
        bind_release(&query_table, &q);
    }
    struct query q = {0};
    assert_int_equal(bind("colour=red", &q), ERR_UNKNOWN_FIELD);
    assert_int_equal(bind("a=%zz", &q), ERR_INVALID);
    bind_release(&query_table, &q);
}

/* ---- head */

static bool head_is_good(const char *const *pairs, const char *version)
{
    struct head h = {0};
    AUTO_ERR struct err err = {0};

    for (; *pairs; pairs += 2)
        head_field(&h, pairs[0], strlen(pairs[0]), pairs[1], strlen(pairs[1]));
    return head_done(&h, version, "GET", "/", &err);
}
#define HEAD(version, ...) head_is_good((const char *const[]){__VA_ARGS__, NULL}, version)

static void a_head_that_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    assert_true(HEAD("HTTP/1.1", "Host", "a"));
    assert_true(HEAD("HTTP/1.0", "X", "a"));
    assert_true(HEAD("HTTP/1.1", "Host", "a", "transfer-encoding", "Chunked"));
    assert_false(HEAD("HTTP/1.1", "X", "a"));
    assert_false(HEAD("HTTP/2.0", "Host", "a"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "host", "a"));
    assert_false(HEAD("HTTP/1.1", "Host", "a b"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "Content-Length", "1", "content-length", "1"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "Content-Length", "1, 1"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "Content-Length", "+1"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "Content-Length", "9999999999999999999"));
    assert_false(
        HEAD("HTTP/1.1", "Host", "a", "Content-Length", "1", "Transfer-Encoding", "chunked"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "Transfer-Encoding", "gzip, chunked"));
    assert_false(HEAD("HTTP/1.0", "Transfer-Encoding", "chunked"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "X ", "a"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "X", "a\001"));
    assert_false(HEAD("HTTP/1.1", "Host", "a", "X", "a\rb"));
}

static void values_of_fields_are_read(void **state)
{
    bool named, async;
    int wait_s;
    char key[256];
    (void)state;

    assert_true(head_etag_matches("\"a\", W/\"b\"", "\"b\""));
    assert_true(head_etag_matches("*", "\"b\""));
    assert_false(head_etag_matches("\"bb\"", "\"b\""));
    assert_false(head_etag_matches("\"b", "\"b\""));
    assert_int_equal(head_accept_quality(NULL, "a/b", &named), 1000);
    assert_int_equal(head_accept_quality("a/*;q=0.5, */*;q=0.1", "a/b", &named), 500);
    assert_false(named);
    assert_int_equal(head_accept_quality("a/b;q=0, */*", "a/b", &named), 0);
    assert_true(named);
    assert_int_equal(head_accept_quality("x/y", "a/b", &named), 0);
    head_prefer("wait=10, respond-async", &async, &wait_s);
    assert_true(async && wait_s == 10);
    head_prefer("respond-asynchronously; wait=x", &async, &wait_s);
    assert_false(async || wait_s != -1);
    assert_true(head_idempotency_key("\"a\\\"b\"", key));
    assert_string_equal(key, "a\"b");
    assert_false(head_idempotency_key("\"a", key) || head_idempotency_key("", key));
    assert_false(head_is_request_id("a b") || head_is_request_id("") || head_is_request_id("a\""));
}

/* ---- auth */

static bool find_key(void *ctx, const char *token, size_t size, struct principal *ret)
{
    (void)ctx;
    *ret = (struct principal){"ci", SCOPE_READ};
    return size == 3 && memcmp(token, "key", 3) == 0;
}

static bool host_is_good(const struct auth *a, const struct door *door, const struct head *h)
{
    AUTO_ERR struct err err = {0};

    return auth_check_host(a, door, h, &err);
}

static void loopback_answers_for_this_machine_only(void **state)
{
    static const char *const good[] = {"localhost", "LOCALHOST:1", "127.0.0.1",
                                       "[::1]:80",  "x.localhost", "lan.example:8"};
    static const char *const bad[] = {"127.0.0.1.evil", "127.evil", "evil", "localhost.evil", "",
                                      "[::2]",          "10.0.0.1"};
    static const char *const allowed[] = {"lan.example"};
    struct auth a = {.allowed_hosts = allowed, .n_allowed_hosts = 1};
    struct door loopback = {.is_loopback = true}, lan = {.needs_key = true}, u = {.is_unix = true};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(host_is_good(&a, &loopback, &(struct head){.host = good[i]}));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(host_is_good(&a, &loopback, &(struct head){.host = bad[i]}));
    assert_false(host_is_good(&a, &lan, &(struct head){.host = "evil"}));
    a.n_allowed_hosts = 0;
    assert_true(host_is_good(&a, &lan, &(struct head){.host = "any"}));
    assert_true(host_is_good(&a, &u, &(struct head){.host = "any"}));
    assert_false(host_is_good(&a, &u, &(struct head){.host = "any", .origin = "http://evil"}));
}

static void a_key_gives_its_scopes_and_no_more(void **state)
{
    struct auth a = {.find = find_key};
    struct door lan = {.needs_key = true}, local = {.is_loopback = true};
    struct principal who;
    AUTO_ERR struct err err = {0};
    (void)state;

    assert_true(auth_identify(&a, &lan, &(struct head){0}, &who, &err));
    assert_false(auth_allow(&who, SCOPE_READ, &err));
    assert_int_equal(err.code, ERR_UNAUTHORIZED);
    assert_true(auth_allow(&who, SCOPE_NONE, &err));
    assert_false(auth_identify(&a, &lan, &(struct head){.authorization = "Bearer no"}, &who, &err));
    assert_true(auth_identify(&a, &lan, &(struct head){.authorization = "bearer key"}, &who, &err));
    assert_true(auth_allow(&who, SCOPE_READ, &err));
    assert_false(auth_allow(&who, SCOPE_WRITE, &err));
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_true(auth_identify(&a, &local, &(struct head){0}, &who, &err));
    assert_true(auth_allow(&who, SCOPE_ADMIN, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_split_before_they_are_decoded),
        cmocka_unit_test(a_path_that_means_another_or_nothing_is_refused),
        cmocka_unit_test(a_path_of_too_many_segments_is_refused),
        cmocka_unit_test(the_most_literal_path_is_found_and_dead_ends_go_back),
        cmocka_unit_test(what_is_not_in_the_table_is_not_found),
        cmocka_unit_test(keys_are_bound_by_their_rows),
        cmocka_unit_test(a_value_that_makes_no_sense_is_a_fault),
        cmocka_unit_test(a_head_that_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(values_of_fields_are_read),
        cmocka_unit_test(loopback_answers_for_this_machine_only),
        cmocka_unit_test(a_key_gives_its_scopes_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
