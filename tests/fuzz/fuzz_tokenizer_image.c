/* Tokenizer images: any bytes, and damaged good ones, are refused or lie within themselves. */
#include "tokenizer/image.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct image image, bool verify)
{
    AUTO_ERR struct err err = {0};

    if (!image_check(image, NULL, verify, &err)) {
        assert(err.code == ERR_FILE_CORRUPT && err.msg[0]);
        return;
    }
    for (int i = 0; i < N_IMAGE_SECTIONS; i++) {
        size_t n;
        const uint8_t *section = image_section(image, (enum image_section)i, &n);

        assert(section >= image.data && n <= image.size);
        assert((size_t)(section - image.data) <= image.size - n);
    }
}

/* The input is written over a good image: two bytes of where, then what. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_writer w = {0};
    struct image_key key = {{1}};
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};

    look((struct image){data, size}, true);
    buf_append_str(&w.sections[IMAGE_STRINGS], "strings");
    buf_append_str(&w.sections[IMAGE_WORDS], "words");
    image_finish(&w, &key, &b);
    image_writer_release(&w);
    if (size < 3)
        return 0;
    size_t at = (data[0] | (size_t)data[1] << 8) % b.size;
    size_t n = size - 2 < b.size - at ? size - 2 : b.size - at;
    bool same = memcmp(b.data + at, data + 2, n) == 0;
    memcpy(b.data + at, data + 2, n);
    look((struct image){(const uint8_t *)b.data, b.size}, false);
    assert(image_check((struct image){(const uint8_t *)b.data, b.size}, NULL, true, &err) == same);
    return 0;
}
