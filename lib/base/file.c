#include "base/file.h"

#include <errno.h>
#include <unistd.h>

void file_closep(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

bool file_read_range(int fd, int64_t offset, int64_t size, struct buf *ret)
{
    size_t before = ret->size;

    buf_reserve(ret, (size_t)size);
    while (size > 0) {
        ssize_t n = pread(fd, ret->data + ret->size, (size_t)size, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            ret->size = before;
            return false;
        }
        if (n == 0)
            break;
        ret->size += (size_t)n;
        offset += n;
        size -= n;
    }
    ret->data[ret->size] = '\0';
    return true;
}
