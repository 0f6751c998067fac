/* What the command line asks for and needs no daemon: help, the settings in force, a key, health.
 */
#include "daemon/address.h"
#include "daemon/keys.h"
#include "daemon/setting.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

/* Words of text, folded at 78 columns behind indent. */
static void print_folded(const char *text, int indent)
{
    int column = indent;

    printf("%*s", indent, "");
    while (*text) {
        int size = (int)strcspn(text, " ");

        if (column > indent && column + 1 + size > 78) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", size, text);
        column += size;
        text += size + (text[size] == ' ');
    }
    putchar('\n');
}

static void print_setting_help(const struct setting *s)
{
    printf("  --%s%s%s\n", s->name, s->type == SETTING_BOOL ? "" : " ",
           s->type == SETTING_BOOL ? "" : s->argument);
    print_folded(s->help, 6);
    if (s->built_in && *s->built_in && s->type != SETTING_BOOL) {
        AUTO_FREE char *text = str_printf("Default: %s", s->built_in);

        print_folded(text, 6);
    }
}

static void print_help(void)
{
    puts("pipelined: which pipeline is this model, and how does it run? Over HTTP.\n\n"
         "usage: pipelined [FLAG]…\n\n"
         "Every setting below can also be given as PIPELINED_… in the environment\n"
         "(PIPELINED_STATE_DIR) and as `key = value` in a file (state-dir = …). Flags\n"
         "win over the environment, which wins over files.\n");
    for (size_t i = 0; i < n_own_flags; i++) {
        printf("  --%s%s%s\n", own_flags[i].name, own_flags[i].argument ? " " : "",
               own_flags[i].argument ? own_flags[i].argument : "");
        print_folded(own_flags[i].help, 6);
    }
    for (size_t group = 0; group < N_GROUPS; group++) {
        printf("\n%s\n", setting_group_names[group]);
        for (size_t i = 0; i < n_settings; i++)
            if (settings[i].group == group)
                print_setting_help(&settings[i]);
    }
}

/* Can be used as a config file: values in its syntax, origins as comments. */
static void print_config(const struct settings *c)
{
    for (size_t i = 0; i < n_settings; i++) {
        const struct setting *s = &settings[i];
        AUTO_BUF struct buf value = {0};
        size_t n = 0;

        printf("# %s\n", c->origins.items[i]);
        for (; setting_print(s, c, n, &value); n++) {
            printf("%s = %s\n", s->name, value.data ? value.data : "");
            buf_clear(&value);
        }
        if (!n)
            printf("%s =\n", s->name);
    }
}

static int make_key(const struct settings *c)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf line = {0};
    char key[KEY_TEXT];
    unsigned bits;

    if (!scopes_parse(c->key_scopes ? c->key_scopes : "read", &bits, &err) ||
        !keys_make(c->key_name, bits, key, &line, &err)) {
        fprintf(stderr, "pipelined: %s\n", err.msg);
        return err.code == ERR_INVALID ? EXIT_STATUS_USAGE : EXIT_STATUS_OS;
    }
    printf("key (shown this once):  %s\nline of the keys file:  %s\n", key, line.data);
    return EXIT_STATUS_OK;
}

/* A daemon that listens everywhere is asked on loopback. */
static void make_reachable(struct address *a)
{
    if (a->any.sa_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&a->storage;

        if (in->sin_addr.s_addr == htonl(INADDR_ANY))
            in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (a->any.sa_family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->storage;

        if (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
            in6->sin6_addr = in6addr_loopback;
    }
}

/* The first line of the answer to GET /livez; by hand, for this is one request in a container. */
static bool ask(const struct address *a, char *ret, size_t size)
{
    static const char request[] =
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const struct timeval patience = {.tv_sec = 3};
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t n = -1;

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, &a->any, a->size) == 0 &&
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1)
        n = recv(fd, ret, size - 1, MSG_WAITALL);
    close(fd);
    if (n <= 0)
        return false;
    ret[n] = '\0';
    ret[strcspn(ret, "\r\n")] = '\0';
    return true;
}

static int health(const struct settings *c)
{
    AUTO_ERR struct err err = {0};
    struct address a;
    char line[64];

    if (!address_parse(c->listen.items[0], &a, &err)) {
        fprintf(stderr, "pipelined: %s\n", err.msg);
        return EXIT_STATUS_CONFIG;
    }
    make_reachable(&a);
    if (!ask(&a, line, sizeof(line))) {
        fprintf(stderr, "pipelined: nobody answers on %s\n", c->listen.items[0]);
        return EXIT_STATUS_UNAVAILABLE;
    }
    puts(line);
    return str_starts(line, "HTTP/1.1 2") ? EXIT_STATUS_OK : EXIT_STATUS_SOFTWARE;
}

bool config_start(struct settings *c, int argc, char *const *argv, int *ret_status)
{
    AUTO_ERR struct err err = {0};

    /* Help must come even when a file is broken. */
    for (int i = 1; i < argc; i++)
        if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
            print_help();
            *ret_status = EXIT_STATUS_OK;
            return false;
        }
    if (!config_load(c, argc, argv, environ, ret_status, &err)) {
        fprintf(stderr, "pipelined: %s\n", err.msg);
        return false;
    }
    *ret_status = EXIT_STATUS_OK;
    switch (c->action) {
    case CONFIG_RUN:
    case CONFIG_CHECK:
        return true;
    case CONFIG_HELP:
        print_help();
        break;
    case CONFIG_PRINT:
        print_config(c);
        break;
    case CONFIG_VERSION:
        puts("pipelined " VERSION);
        break;
    case CONFIG_MAKE_KEY:
        *ret_status = make_key(c);
        break;
    case CONFIG_HEALTH:
        *ret_status = health(c);
        break;
    }
    config_release(c);
    return false;
}
