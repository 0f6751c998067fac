#include "test.h"

#include "hub/localdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fixture {
    char base[32], root[64];
    struct localroots *roots;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void write_text(const char *base, const char *name, const char *text)
{
    AUTO_FREE char *path = str_printf("%s/%s", base, name);
    FILE *f;

    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0777);
        *p = '/';
    }
    f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    AUTO_ERR struct err err = {0};
    const char *root = f->root;

    strcpy(f->base, "/tmp/localdir-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->root, sizeof(f->root), "%s/models", f->base);
    write_text(f->base, "secret/key.txt", "secret");
    write_text(f->root, "m/config.json", "{}");
    write_text(f->root, "m/sub/w.bin", "0123456789");
    write_text(f->root, "m/.git/HEAD", "ref");
    write_text(f->root, "one.gguf", "GGUF");
    assert_true(localroots_open(&f->roots, &root, 1, &err));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    localroots_close(f->roots);
    nftw(f->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static enum err_code pin(struct fixture *f, const char *name, struct pin *ret)
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *path = name[0] == '/' ? str_dup(name) : str_printf("%s/%s", f->root, name);

    return local_pin(f->roots, path, ret, &err) ? ERR_NONE : err.code;
}

static enum err_code read_text(struct fixture *f, const char *model, const char *file, char ret[64])
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *path = str_printf("%s/%s", f->root, model);
    AUTO_BUF struct buf b = {0};

    if (!local_read(f->roots, path, file, 0, -1, 64, &b, &err))
        return err.code;
    snprintf(ret, 64, "%s", b.data ? b.data : "");
    return ERR_NONE;
}

static void a_folder_is_listed_without_its_hidden_folders(void **state)
{
    CLEANUP(pin_release) struct pin p = {0};

    assert_int_equal(pin(*state, "m", &p), ERR_NONE);
    assert_int_equal(p.n_files, 2);
    assert_int_equal(strlen(p.commit), 64);
}

static void one_gguf_is_a_model_too(void **state)
{
    CLEANUP(pin_release) struct pin p = {0};
    char text[64];

    assert_int_equal(pin(*state, "one.gguf", &p), ERR_NONE);
    assert_int_equal(p.n_files, 1);
    assert_string_equal(p.files[0].path, "one.gguf");
    assert_int_equal(p.origin, FROM_LOCAL_GGUF);
    assert_int_equal(read_text(*state, "one.gguf", "one.gguf", text), ERR_NONE);
    assert_string_equal(text, "GGUF");
    assert_int_equal(pin(*state, "m/config.json", &p), ERR_PATH_NOT_FOUND);
}

static void the_commit_changes_with_any_file(void **state)
{
    struct fixture *f = *state;
    CLEANUP(pin_release) struct pin a = {0}, b = {0}, c = {0};

    assert_int_equal(pin(f, "m", &a), ERR_NONE);
    assert_int_equal(pin(f, "m", &b), ERR_NONE);
    assert_string_equal(a.commit, b.commit);
    write_text(f->root, "m/new.txt", "");
    assert_int_equal(pin(f, "m", &c), ERR_NONE);
    assert_string_not_equal(a.commit, c.commit);
}

static void links_inside_of_the_root_are_followed(void **state)
{
    struct fixture *f = *state;
    CLEANUP(pin_release) struct pin p = {0};
    AUTO_FREE char *link = str_printf("%s/snap/w.bin", f->root);
    char text[64];

    write_text(f->root, "snap/config.json", "{}");
    assert_int_equal(symlink("../m/sub/w.bin", link), 0);
    assert_int_equal(pin(f, "snap", &p), ERR_NONE);
    assert_int_equal(p.n_files, 2);
    assert_int_equal(read_text(f, "snap", "w.bin", text), ERR_NONE);
    assert_string_equal(text, "0123456789");
}

static void links_out_of_the_root_are_neither_listed_nor_read(void **state)
{
    struct fixture *f = *state;
    CLEANUP(pin_release) struct pin p = {0};
    AUTO_FREE char *link = str_printf("%s/m/out.txt", f->root);
    AUTO_FREE char *up = str_printf("%s/up", f->root);
    char text[64];

    assert_int_equal(symlink("../../secret/key.txt", link), 0);
    assert_int_equal(symlink("../secret", up), 0);
    assert_int_equal(pin(f, "m", &p), ERR_NONE);
    assert_int_equal(p.n_files, 2);
    assert_int_equal(read_text(f, "m", "out.txt", text), ERR_PATH_NOT_ALLOWED);
    assert_int_equal(read_text(f, "up", "key.txt", text), ERR_PATH_NOT_ALLOWED);
    assert_int_equal(read_text(f, "m/../../secret", "key.txt", text), ERR_PATH_NOT_ALLOWED);
    assert_int_equal(read_text(f, "m", "../../secret/key.txt", text), ERR_FILE_NOT_FOUND);
    pin_release(&p);
    assert_int_equal(pin(f, "up", &p), ERR_PATH_NOT_ALLOWED);
    assert_int_equal(pin(f, "../secret", &p), ERR_PATH_NOT_ALLOWED);
}

static void a_pipe_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = str_printf("%s/m/pipe", f->root);
    CLEANUP(pin_release) struct pin p = {0};
    char text[64];

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pin(f, "m", &p), ERR_NONE);
    assert_int_equal(p.n_files, 2);
    assert_int_not_equal(read_text(f, "m", "pipe", text), ERR_NONE);
}

static void what_is_not_below_a_root_is_not_allowed(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *beside = str_printf("%ss/m", f->root); /* /models is no parent of /modelss */
    CLEANUP(pin_release) struct pin p = {0};

    assert_int_equal(pin(f, "/etc", &p), ERR_PATH_NOT_ALLOWED);
    assert_int_equal(pin(f, beside, &p), ERR_PATH_NOT_ALLOWED);
    assert_int_equal(pin(f, "none", &p), ERR_PATH_NOT_FOUND);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* From here on the kernel has no openat2(), as old ones and narrow sandboxes. */
static void lose_openat2(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {ARRAY_SIZE(code), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0 ||
        syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) != -1 || errno != ENOSYS)
        abort();
}

int main(void)
{
    int n_failed;
    const struct CMUnitTest tests[] = {
        T(a_folder_is_listed_without_its_hidden_folders),
        T(one_gguf_is_a_model_too),
        T(the_commit_changes_with_any_file),
        T(links_inside_of_the_root_are_followed),
        T(links_out_of_the_root_are_neither_listed_nor_read),
        T(a_pipe_is_not_waited_for),
        T(what_is_not_below_a_root_is_not_allowed),
    };
    n_failed = cmocka_run_group_tests_name("with openat2", tests, NULL, NULL);
    lose_openat2();
    return n_failed + cmocka_run_group_tests_name("without openat2", tests, NULL, NULL);
}
