#include "daemon/sockets.h"

#include "daemon/address.h"

#include <netinet/in.h>
#include <unistd.h>

static void add(struct sockets *s, size_t loop, int fd, const struct door *door)
{
    size_t n = s->n_of_loop[loop];

    s->of_loop[loop] = mem_resize(s->of_loop[loop], (n + 1) * sizeof(struct listener_config));
    s->of_loop[loop][n] = (struct listener_config){.fd = fd, .door = *door};
    s->n_of_loop[loop]++;
}

/* A Unix socket is guarded by its file's mode; everything else by keys, once there are any. */
static bool door_for(bool is_unix, bool is_loopback, const char *text,
                     const struct settings *settings, bool have_keys, struct door *ret,
                     struct err *err)
{
    if (!is_loopback && !have_keys && !settings->allow_remote_without_keys) {
        err_set(err, ERR_FORBIDDEN,
                "listen %s reaches beyond this machine and there are no keys: make one with "
                "`pipelined --make-key NAME --scopes …` for keys-file, or set "
                "allow-remote-without-keys",
                text);
        return false;
    }
    *ret = (struct door){.needs_key = have_keys && !is_unix,
                         .is_loopback = is_loopback && !is_unix,
                         .is_unix = is_unix};
    return true;
}

static void take_port(struct address *a, int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);

    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return;
    if (bound.ss_family == AF_INET)
        ((struct sockaddr_in *)&a->storage)->sin_port = ((struct sockaddr_in *)&bound)->sin_port;
    else if (bound.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&a->storage)->sin6_port =
            ((struct sockaddr_in6 *)&bound)->sin6_port;
}

static bool listen_on(struct sockets *s, const char *text, const struct settings *settings,
                      bool have_keys, struct err *err)
{
    struct inherited described;
    struct address a;
    struct door door;
    int fd;

    if (!address_parse(text, &a, err) ||
        !door_for(a.is_unix, a.is_loopback, text, settings, have_keys, &door, err))
        return false;
    size_t n_loops = a.is_unix ? 1 : s->n_loops;
    for (size_t loop = 0; loop < n_loops; loop++) {
        if (!address_listen(&a, n_loops > 1, &fd, err))
            return err_wrap(err, "listen %s", text);
        add(s, loop, fd, &door);
        take_port(&a, fd);
        if (loop > 0)
            continue;
        if (a.is_unix)
            strv_append(&s->paths, a.un.sun_path);
        if (!activation_describe(fd, &described, err))
            return false;
        strv_append(&s->texts, described.text);
    }
    return true;
}

bool sockets_open(struct sockets *s, const struct settings *settings, bool have_keys,
                  struct err *err)
{
    struct inherited inherited[ACTIVATION_MAX];
    size_t n_inherited;
    bool ok = true;

    *s = (struct sockets){.n_loops = (size_t)settings->io_threads};
    s->of_loop = mem_new_array(s->n_loops, struct listener_config *);
    s->n_of_loop = mem_new_array(s->n_loops, size_t);
    if (!activation_take(inherited, &n_inherited, err))
        return false;
    for (size_t i = 0; i < n_inherited; i++) {
        struct door door;

        if (ok && door_for(inherited[i].is_unix, inherited[i].is_loopback, inherited[i].text,
                           settings, have_keys, &door, err)) {
            add(s, 0, inherited[i].fd, &door);
            strv_append(&s->texts, inherited[i].text);
        } else {
            close(inherited[i].fd);
            ok = false;
        }
    }
    /* What the service manager passes stands in for the built-in address, not for one that was set.
     */
    bool skip = n_inherited > 0 && str_eq(config_origin(settings, "listen"), "built in");
    for (size_t i = 0; ok && !skip && i < settings->listen.n; i++)
        ok = listen_on(s, settings->listen.items[i], settings, have_keys, err);
    return ok;
}

void sockets_release(struct sockets *s)
{
    for (size_t i = 0; i < s->n_loops; i++)
        free(s->of_loop[i]);
    free(s->of_loop);
    free(s->n_of_loop);
    for (size_t i = 0; i < s->paths.n; i++)
        unlink(s->paths.items[i]);
    strv_release(&s->paths);
    strv_release(&s->texts);
    *s = (struct sockets){0};
}
