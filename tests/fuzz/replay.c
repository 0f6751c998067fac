/*
 * Replay: runs a fuzz target over its corpus and, for half a second, over
 * mutations of it, so that every build tests what fuzzing found.
 *
 * The mutations come in the same order each time; only how many there are
 * depends on the machine. When the target dies, the input it died of is in
 * ./crash-<target>.
 */
#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUDGET_MS = 500, INPUT_MAX = 1 << 20 };

struct input {
    uint8_t *data;
    size_t size;
};

/* What runs now, for on_death(). */
static struct input current;
static char crash_path[256];

static void on_death(int sig)
{
    int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0 && write(fd, current.data, current.size) < 0)
        close(fd);
    raise(sig); /* SA_RESETHAND: now it kills */
}

static void run(const struct input *in)
{
    /* A copy of just the size, so that sanitizers see one byte too many. */
    AUTO_FREE uint8_t *data = mem_alloc(in->size);

    if (in->size)
        memcpy(data, in->data, in->size);
    current = *in;
    LLVMFuzzerTestOneInput(data, in->size);
}

static bool read_input(int dir, const char *name, struct input *ret)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    ret->data = mem_alloc(INPUT_MAX);
    n = read(fd, ret->data, INPUT_MAX);
    close(fd);
    if (n < 0) {
        free(ret->data);
        return false;
    }
    ret->size = (size_t)n;
    ret->data = mem_resize(ret->data, ret->size);
    return true;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* in cut, flipped, overwritten, or with a piece of itself repeated. */
static struct input mutate(const struct input *in, uint64_t *random)
{
    static const uint8_t sharp[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\\', '{', '[', ',', '\n', ' '};
    struct input out = {mem_alloc(in->size * 2 + 1), in->size};
    unsigned n_edits = 1 + next_random(random) % 4;

    if (in->size)
        memcpy(out.data, in->data, in->size);
    for (unsigned i = 0; i < n_edits && out.size; i++) {
        size_t at = next_random(random) % out.size;

        switch (next_random(random) % 4) {
        case 0:
            out.size = at;
            break;
        case 1:
            out.data[at] ^= (uint8_t)(1u << (next_random(random) % 8));
            break;
        case 2:
            out.data[at] = sharp[next_random(random) % ARRAY_SIZE(sharp)];
            break;
        case 3:
            if (out.size * 2 - at <= in->size * 2 + 1) {
                memmove(out.data + out.size, out.data + at, out.size - at);
                out.size += out.size - at;
            }
            break;
        }
    }
    return out;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void catch_death(const char *program)
{
    struct sigaction action = {.sa_handler = on_death, .sa_flags = (int)SA_RESETHAND};
    const char *name = strrchr(program, '/');

    snprintf(crash_path, sizeof(crash_path), "crash-%s", name ? name + 1 : program);
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

int main(int argc, char **argv)
{
    struct dirent **names;
    struct input *inputs;
    size_t n_inputs = 0, n_mutations = 0;
    uint64_t random = 42;
    int64_t until;
    int n_names = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;
    int dir = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (n_names < 0 || dir < 0) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    catch_death(argv[0]);
    inputs = mem_new_array((size_t)n_names, struct input);
    for (int i = 0; i < n_names; i++) {
        if (names[i]->d_name[0] != '.' && read_input(dir, names[i]->d_name, &inputs[n_inputs]))
            run(&inputs[n_inputs++]);
        free(names[i]);
    }
    free(names);
    close(dir);
    if (!n_inputs) {
        fprintf(stderr, "%s: an empty corpus tests nothing\n", argv[1]);
        return 1;
    }
    run(&(struct input){NULL, 0});
    for (until = now_ms() + BUDGET_MS; now_ms() < until; n_mutations++) {
        struct input mutant = mutate(&inputs[n_mutations % n_inputs], &random);

        run(&mutant);
        free(mutant.data);
    }
    for (size_t i = 0; i < n_inputs; i++)
        free(inputs[i].data);
    free(inputs);
    printf("%zu inputs, %zu mutations\n", n_inputs, n_mutations);
    return 0;
}
