#include "daemon/tokenizer_image.h"

#include "base/file.h"
#include "base/hash.h"
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMAGE_SIZE_MAX = 1 << 30 };

struct mapping {
    void *data;
    size_t size;
};

static void unmap(void *ctx)
{
    struct mapping *m = ctx;

    munmap(m->data, m->size);
    free(m);
}

static char *path_of(const char *folder, const struct image_key *key, const char *end)
{
    char hex[65];

    hash_hex(key->digest, sizeof(key->digest), hex);
    return str_printf("%s/%s%s", folder, hex, end);
}

void tokenizer_image_map(const char *folder, const struct image_key *key, struct tokenizer **ret,
                         size_t *ret_size)
{
    AUTO_FREE char *path = path_of(folder, key, ".image");
    AUTO_ERR struct err err = {0};
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct mapping *m;
    struct stat st;

    *ret = NULL;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > IMAGE_SIZE_MAX)
        return;
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return;
    m = mem_new(struct mapping);
    *m = (struct mapping){data, (size_t)st.st_size};
    struct image image = {data, m->size};
    if (!image_check(image, key, true, &err)) {
        log_info("tokenizers: an image does not serve and is made anew", "file", path, "reason",
                 err.msg);
        unmap(m);
        return;
    }
    if (!tokenizer_open(image, unmap, m, ret, &err)) { /* it has unmapped */
        log_err(LOG_LEVEL_WARNING, "tokenizers: an image does not open", &err);
        return;
    }
    *ret_size = (size_t)st.st_size;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* No fsync: an image that a crash cut short is seen by its checksum and made again. */
static bool write_image(const char *folder, const struct image_key *key, const struct buf *image)
{
    AUTO_FREE char *path = path_of(folder, key, ".image"), *own = path_of(folder, key, ".XXXXXX");
    bool ok;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return false;
    AUTO_CLOSE int fd = mkostemp(own, O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = write_all(fd, image->data, image->size) && rename(own, path) == 0;
    if (!ok)
        unlink(own);
    return ok;
}

static void free_image(void *ctx) { free(ctx); }

bool tokenizer_image_make(const char *folder, const struct image_key *key,
                          const struct tokenizer_files *files, struct tokenizer **ret,
                          size_t *ret_size, struct err *err)
{
    AUTO_TOKENIZER_SPEC struct tokenizer_spec spec = {0};
    AUTO_BUF struct buf image = {0};

    if (!tokenizer_load(files, &spec, err) || !tokenizer_compile(&spec, key, &image, err))
        return false;
    if (write_image(folder, key, &image))
        tokenizer_image_map(folder, key, ret, ret_size);
    else
        log_warning("tokenizers: a compiled image cannot be written; it is kept in memory",
                    "folder", folder, "error", strerror(errno));
    if (*ret)
        return true;
    *ret_size = image.size;
    char *data = buf_take(&image);
    return tokenizer_open((struct image){(const uint8_t *)data, *ret_size}, free_image, data, ret,
                          err);
}
