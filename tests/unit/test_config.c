#include "test.h"

#include "daemon/address.h"
#include "daemon/config_file.h"
#include "daemon/setting.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that goes with the test. */
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_config.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    AUTO_FREE char *command = str_printf("rm -r %s", folder);

    (void)state;
    return system(command); // NOLINT(cert-env33-c)
}

static char *write_file(const char *name, const char *text)
{
    char *path = str_printf("%s/%s", folder, name);
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

/* Loads with a file of this text, these variables and flags (each NULL-terminated or NULL). */
static bool load(struct settings *c, const char *text, const char *const *environment,
                 const char *const *flags, int *ret_status, struct err *err)
{
    AUTO_FREE char *path = write_file("pipelined.conf", text);
    const char *argv[16] = {"pipelined", "--config", path};
    int argc = 3;

    for (; flags && *flags; flags++)
        argv[argc++] = *flags;
    return config_load(c, argc, (char *const *)argv, (char *const *)environment, ret_status, err);
}

#define STRINGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOME_ONLY    STRINGS("HOME=/home/x")

static void assert_refused(const char *text, const char *const *environment,
                           const char *const *flags, int status, const char *message)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int got = 0;

    assert_false(load(&c, text, environment ? environment : HOME_ONLY, flags, &got, &err));
    assert_int_equal(got, status);
    if (!strstr(err.msg, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.msg);
}

static void every_setting_has_a_default_and_reads_what_it_prints(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int status = 0;
    (void)state;

    assert_true(load(&c, "", HOME_ONLY, NULL, &status, &err));
    for (size_t i = 0; i < n_settings; i++) {
        AUTO_BUF struct buf value = {0};

        if (setting_is_list(&settings[i]) || !setting_print(&settings[i], &c, 0, &value))
            continue;
        if (!setting_parse(&settings[i], &c, value.data ? value.data : "", &err))
            fail_msg("%s", err.msg);
    }
    assert_string_equal(c.listen.items[0], "127.0.0.1:8750");
    assert_int_equal(c.max_body_bytes, 4 << 20);
    assert_int_equal(c.drain_timeout_ms, 20000);
    assert_int_equal(c.idempotency_ttl_s, 86400);
    assert_in_range(c.workers, 2, 8);
    assert_string_equal(c.cache_dir, c.state_dir);
}

static void later_sources_win_and_are_named(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int status = 0;
    (void)state;

    assert_true(load(&c, "io-threads = 2\nworkers = 2\nevents_kept = 77\n",
                     STRINGS("HOME=/home/x", "PIPELINED_IO_THREADS=3", "PIPELINED_WORKERS=3"),
                     STRINGS("--io-threads=4"), &status, &err));
    assert_int_equal(c.io_threads, 4);
    assert_int_equal(c.workers, 3);
    assert_int_equal(c.events_kept, 77);
    assert_string_equal(config_origin(&c, "io-threads"), "--io-threads");
    assert_string_equal(config_origin(&c, "workers"), "$PIPELINED_WORKERS");
    assert_true(str_ends(config_origin(&c, "events-kept"), "/pipelined.conf:3"));
    assert_string_equal(config_origin(&c, "offline"), "built in");
}

static void a_list_grows_within_a_source_and_is_replaced_by_the_next(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int status = 0;
    (void)state;

    assert_true(load(&c, "model-root = /a\nmodel-root = /b\ncatalog =\n", HOME_ONLY,
                     STRINGS("--listen", "127.0.0.1:0", "--listen", "unix:/tmp/x.sock"), &status,
                     &err));
    assert_int_equal(c.model_roots.n, 2);
    assert_int_equal(c.catalog.n, 0);
    assert_int_equal(c.listen.n, 2);
    assert_string_equal(c.listen.items[1], "unix:/tmp/x.sock");
    config_release(&c);

    assert_true(load(&c, "model-root = /a\n", STRINGS("HOME=/h", "PIPELINED_MODEL_ROOT=/c, /d"),
                     NULL, &status, &err));
    assert_int_equal(c.model_roots.n, 2);
    assert_string_equal(c.model_roots.items[1], "/d");
}

static void numbers_have_units_and_bounds(void **state)
{
    static const struct {
        const char *line;
        int64_t ms;
    } good[] = {{"idle-timeout = 500ms", 500},
                {"idle-timeout = 10", 10000},
                {"idle-timeout=5m", 300000},
                {"idle-timeout = 1 h", 3600000}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        AUTO_CONFIG struct settings c = {0};
        AUTO_ERR struct err err = {0};
        int status = 0;

        assert_true(load(&c, good[i].line, HOME_ONLY, NULL, &status, &err));
        assert_int_equal(c.idle_timeout_ms, good[i].ms);
    }
    assert_refused("max-body = 64Q\n", NULL, NULL, 78,
                   "pipelined.conf:1: max-body: \"64Q\" is not a size");
    assert_refused("max-body = 9999999999999T\n", NULL, NULL, 78, "1K to 1G");
    assert_refused("io-threads = 0\n", NULL, NULL, 78, "a number from 1 to 64");
    assert_refused("io-threads = -1\n", NULL, NULL, 78, "a number");
    assert_refused("max-lease-ttl = 500ms\n", NULL, NULL, 78, "a time");
    assert_refused("offline = maybe\n", NULL, NULL, 78, "neither yes nor no");
    assert_refused("log-format = xml\n", NULL, NULL, 78, "none of text, json");
}

static void errors_say_where_and_what_was_meant(void **state)
{
    (void)state;
    assert_refused("# a\n\nmodel-rot = /x\n", NULL, NULL, 78,
                   "pipelined.conf:3: unknown setting \"model-rot\"; did you mean model-root?");
    assert_refused("model-root\n", NULL, NULL, 78, "pipelined.conf:1: \"model-root\" has no \"=\"");
    assert_refused("[hub]\n", NULL, NULL, 78, "there are no sections");
    assert_refused("log-level = \xff\n", NULL, NULL, 78, "UTF-8");
    assert_refused("", NULL, STRINGS("--lisen", "x"), 64,
                   "--lisen: no such flag; did you mean listen?");
    assert_refused("", NULL, STRINGS("--state-dir"), 64, "--state-dir needs a value");
    assert_refused("", NULL, STRINGS("serve"), 64, "flags begin with --");
    assert_refused("", NULL, STRINGS("--config", "/nonexistent/x.conf"), 78, "/nonexistent/x.conf");
    assert_refused("", STRINGS("HOME=/h", "PIPELINED_WORKERS=many"), NULL, 78,
                   "$PIPELINED_WORKERS: workers");
    assert_refused("listen = 8750\n", NULL, NULL, 78, "HOST:PORT");
}

static void a_variable_that_is_no_setting_is_a_warning(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int status = 0;
    (void)state;

    assert_true(load(
        &c, "", STRINGS("HOME=/h", "PIPELINED_OFLINE=1", "PIPELINED_PORT_8750_TCP=tcp://1.2.3.4"),
        NULL, &status, &err));
    assert_int_equal(c.warnings.n, 1);
    assert_string_equal(c.warnings.items[0],
                        "$PIPELINED_OFLINE names no setting; did you mean offline?");
}

static void nobody_listens_to_the_world_without_keys(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int status = 0;
    (void)state;

    assert_refused("", NULL, STRINGS("--listen=0.0.0.0:0"), 78,
                   "--listen: 0.0.0.0:0 can be reached");
    assert_refused("", NULL, STRINGS("--listen=[::]:0"), 78, "allow-remote-without-keys");
    assert_true(load(&c, "", HOME_ONLY,
                     STRINGS("--listen=0.0.0.0:0", "--allow-remote-without-keys"), &status, &err));
    config_release(&c);
    assert_true(load(&c, "keys-file = /etc/pipelined/keys\n", HOME_ONLY, STRINGS("--listen=*:0"),
                     &status, &err));
}

static void a_version_and_a_new_key_need_no_right_settings(void **state)
{
    static const char *const flags[] = {"--version", "--make-key=ci", "--print-config", "--health"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        AUTO_CONFIG struct settings c = {0};
        AUTO_ERR struct err err = {0};
        int status = 0;

        assert_true(load(&c, "listen = 0.0.0.0:0\n", HOME_ONLY, STRINGS(flags[i]), &status, &err));
    }
    assert_refused("listen = 0.0.0.0:0\n", NULL, STRINGS("--check-config"), 78, "can be reached");
    assert_refused("nonsense\n", NULL, STRINGS("--print-config"), 78, "nonsense");
}

static void systemd_says_where_things_lie(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *keys = write_file("keys", "");
    AUTO_FREE char *credentials = str_printf("CREDENTIALS_DIRECTORY=%s", folder);
    int status = 0;
    (void)state;

    assert_true(load(&c, "",
                     STRINGS("STATE_DIRECTORY=/var/lib/pipelined:/var/lib/other",
                             "CACHE_DIRECTORY=/var/cache/pipelined",
                             "RUNTIME_DIRECTORY=/run/pipelined", credentials),
                     NULL, &status, &err));
    assert_string_equal(c.state_dir, "/var/lib/pipelined");
    assert_string_equal(c.cache_dir, "/var/cache/pipelined");
    assert_string_equal(c.runtime_dir, "/run/pipelined");
    assert_string_equal(c.credentials_dir, folder);
    assert_string_equal(c.keys_file, keys);
    assert_string_equal(config_origin(&c, "keys-file"), "$CREDENTIALS_DIRECTORY");
}

static void files_of_a_folder_are_read_in_order_as_one_source(void **state)
{
    AUTO_CONFIG struct settings c = {0};
    AUTO_ERR struct err err = {0};
    int status = 0;
    (void)state;

    free(write_file("20-b.conf", "workers = 5\nmodel-root = /b\n"));
    free(write_file("10-a.conf", "workers = 4\nmodel-root = /a\n"));
    free(write_file("30-c.conf.dpkg-old", "nonsense\n"));
    assert_true(load(&c, "", HOME_ONLY, NULL, &status, &err));
    assert_true(config_folder_read(&c, folder, &err));
    assert_int_equal(c.workers, 5);
    assert_int_equal(c.model_roots.n, 2);
    assert_string_equal(c.model_roots.items[0], "/a");
    assert_true(config_folder_read(&c, "/nonexistent/conf.d", &err));
}

static void a_reload_knows_what_changed_and_what_needs_a_restart(void **state)
{
    AUTO_CONFIG struct settings a = {0};
    AUTO_CONFIG struct settings b = {0};
    AUTO_ERR struct err err = {0};
    const char *changed[8];
    int status = 0;
    (void)state;

    assert_true(load(&a, "catalog = /a\n", HOME_ONLY, NULL, &status, &err));
    assert_true(load(&b, "catalog = /b\nio-threads = 3\nlog-level = debug\n", HOME_ONLY, NULL,
                     &status, &err));
    assert_int_equal(config_changes(&a, &b, changed, 8), 3);
    assert_true(config_is_live("catalog"));
    assert_false(config_is_live("io-threads"));
    config_take_live(&a, &b);
    assert_string_equal(a.catalog.items[0], "/b");
    assert_int_equal(a.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(a.io_threads, 1);
    assert_int_equal(config_changes(&a, &b, changed, 8) > 0, true);
}

static void addresses_are_checked_and_bound(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      ":80",
                                      "127.0.0.1:",
                                      "127.0.0.1:99999",
                                      "::1:80",
                                      "127.0.0.1:http",
                                      "unix:",
                                      "unix:relative"};
    AUTO_ERR struct err err = {0};
    struct address a;
    int fd, second;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(address_parse(bad[i], &a, &err));
    assert_true(address_parse("[::1]:0", &a, &err) && a.is_loopback);
    assert_true(address_parse("127.9.9.9:1", &a, &err) && a.is_loopback);
    assert_true(address_parse("0.0.0.0:1", &a, &err) && !a.is_loopback);

    assert_true(address_parse("127.0.0.1:0", &a, &err));
    assert_true(address_listen(&a, false, &fd, &err));
    assert_int_equal(getsockname(fd, &a.any, &a.size), 0);
    assert_false(address_listen(&a, false, &second, &err));
    assert_int_equal(err.code, ERR_BUSY);
    close(fd);
}

static void a_unix_socket_of_a_dead_process_is_taken_over(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *text = str_printf("unix:%s/api.sock", folder);
    struct address a;
    struct stat st;
    int fd, second;
    (void)state;

    assert_true(address_parse(text, &a, &err));
    assert_true(address_listen(&a, false, &fd, &err));
    assert_int_equal(stat(text + 5, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_false(address_listen(&a, false, &second, &err)); /* alive */
    assert_int_equal(err.code, ERR_BUSY);
    close(fd);
    assert_true(address_listen(&a, false, &second, &err)); /* the file is still there */
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_has_a_default_and_reads_what_it_prints),
        cmocka_unit_test(later_sources_win_and_are_named),
        cmocka_unit_test(a_list_grows_within_a_source_and_is_replaced_by_the_next),
        cmocka_unit_test(numbers_have_units_and_bounds),
        cmocka_unit_test(errors_say_where_and_what_was_meant),
        cmocka_unit_test(a_variable_that_is_no_setting_is_a_warning),
        cmocka_unit_test(nobody_listens_to_the_world_without_keys),
        cmocka_unit_test(a_version_and_a_new_key_need_no_right_settings),
        cmocka_unit_test(systemd_says_where_things_lie),
        cmocka_unit_test(files_of_a_folder_are_read_in_order_as_one_source),
        cmocka_unit_test(a_reload_knows_what_changed_and_what_needs_a_restart),
        cmocka_unit_test(addresses_are_checked_and_bound),
        cmocka_unit_test(a_unix_socket_of_a_dead_process_is_taken_over),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
