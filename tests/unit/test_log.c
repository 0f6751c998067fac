#include "test.h"

#include "daemon/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stderr goes to a file while a test logs. */
static int saved, captured;
static char text[1 << 16];

static void begin(void)
{
    char path[] = "/tmp/test_log.XXXXXX";

    saved = dup(STDERR_FILENO);
    captured = mkstemp(path);
    assert_true(captured >= 0);
    unlink(path);
    dup2(captured, STDERR_FILENO);
}

static const char *end(void)
{
    ssize_t n = pread(captured, text, sizeof(text) - 1, 0);

    dup2(saved, STDERR_FILENO);
    close(saved);
    close(captured);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void a_line_has_time_level_event_and_pairs(void **state)
{
    (void)state;
    begin();
    log_start(LOG_TEXT, LOG_LEVEL_INFO);
    log_info("store: opened", "path", "/var/lib/x", "rows", log_int(12), "note", "two words",
             "none", NULL);
    log_debug("not written", "a", "b");
    assert_true(
        str_ends(end(), "Z info    store: opened path=/var/lib/x rows=12 note=\"two words\"\n"));
}

static void json_lines_are_json(void **state)
{
    json_t *line;
    const char *written;
    (void)state;

    begin();
    log_start(LOG_JSON, LOG_LEVEL_INFO);
    log_warning("hub: slow", "model", "a\"b\n\xff", "ms", log_int(-5));
    written = end();
    line = json_loads(written, 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(line, "model")), "a\"b\n\xef\xbf\xbd");
    assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);
    json_decref(line);
}

static void secrets_never_show(void **state)
{
    const char *written;
    (void)state;

    begin();
    log_start(LOG_TEXT, LOG_LEVEL_INFO);
    log_info("auth", "token", "opensesame", "hf_token", "opensesame", "Authorization",
             "opensesame");
    log_info("url", "url", "https://h/?t=hf_abcdefghijklmnop&x=1", "header", "Bearer abcdefgh.ijkl",
             "model", "acme/hf_tiny", "key", "pk_0011223344556677");
    written = end();
    assert_null(strstr(written, "opensesame"));
    assert_null(strstr(written, "abcdefgh"));
    assert_null(strstr(written, "0011223344"));
    assert_non_null(strstr(written, "hf_***&x=1"));
    assert_non_null(strstr(written, "acme/hf_tiny"));
}

static void repeats_are_left_out(void **state)
{
    const char *written;
    size_t lines = 0;
    (void)state;

    begin();
    log_start(LOG_TEXT, LOG_LEVEL_INFO);
    for (int i = 0; i < 1000; i++)
        log_error("hub: down", "n", log_int(i));
    log_error("something else");
    written = end();
    for (const char *p = written; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, LOG_BURST + 1);
    assert_true(str_ends(written, "something else\n"));
}

static void the_journal_gets_priorities_and_no_time(void **state)
{
    char stream[64];
    struct stat st;
    (void)state;

    begin();
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_start(LOG_TEXT, LOG_LEVEL_INFO);
    unsetenv("JOURNAL_STREAM");
    log_warning("careful");
    log_plain("listening on %s", "http://127.0.0.1:1");
    assert_string_equal(end(), "<4>careful\nlistening on http://127.0.0.1:1\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    char value[3 * LOG_LINE_MAX];
    const char *written;
    (void)state;

    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    begin();
    log_start(LOG_TEXT, LOG_LEVEL_INFO);
    log_info("long", "value", value);
    written = end();
    assert_int_equal(strlen(written), LOG_LINE_MAX);
    assert_int_equal(written[LOG_LINE_MAX - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_event_and_pairs),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(secrets_never_show),
        cmocka_unit_test(repeats_are_left_out),
        cmocka_unit_test(the_journal_gets_priorities_and_no_time),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
