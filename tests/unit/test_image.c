#include "test.h"

#include "tokenizer/image.h"

static void make(struct buf *out, uint8_t key_byte)
{
    struct image_writer w = {0};
    struct image_key key = {{key_byte}};

    buf_append_str(&w.sections[IMAGE_STRINGS], "some strings");
    buf_append_str(&w.sections[IMAGE_MODEL], "a model");
    image_finish(&w, &key, out);
    image_writer_release(&w);
}

static struct image view(const struct buf *b)
{
    return (struct image){(const uint8_t *)b->data, b->size};
}

static void sections_come_back_aligned(void **state)
{
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};
    struct image_key key = {{7}};
    size_t size;
    (void)state;

    make(&b, 7);
    assert_true(image_check(view(&b), &key, true, &err));
    assert_memory_equal(image_section(view(&b), IMAGE_STRINGS, &size), "some strings", 12);
    assert_int_equal(size, 12);
    const uint8_t *model = image_section(view(&b), IMAGE_MODEL, &size);
    assert_memory_equal(model, "a model", 7);
    assert_int_equal((size_t)(model - (const uint8_t *)b.data) % 64, 0);
    assert_non_null(image_section(view(&b), IMAGE_WORDS, &size));
    assert_int_equal(size, 0);
}

static void every_changed_bit_is_noticed(void **state)
{
    AUTO_BUF struct buf b = {0};
    (void)state;

    make(&b, 7);
    for (size_t i = 0; i < 8 * b.size; i++) {
        AUTO_ERR struct err err = {0};

        b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
        assert_false(image_check(view(&b), NULL, true, &err));
        assert_int_equal(err.code, ERR_FILE_CORRUPT);
        b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
    }
}

static void every_shorter_or_longer_one_is_refused(void **state)
{
    AUTO_BUF struct buf b = {0};
    (void)state;

    make(&b, 7);
    for (size_t size = 0; size < b.size; size++) {
        AUTO_ERR struct err err = {0};

        assert_false(image_check((struct image){(uint8_t *)b.data, size}, NULL, false, &err));
    }
    AUTO_ERR struct err err = {0};
    buf_append_char(&b, 0);
    assert_false(image_check(view(&b), NULL, false, &err));
}

static void an_image_of_other_files_is_refused(void **state)
{
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};
    struct image_key other = {{8}};
    (void)state;

    make(&b, 7);
    assert_false(image_check(view(&b), &other, false, &err));
    assert_non_null(strstr(err.msg, "other files"));
}

static void what_is_different_has_another_identity(void **state)
{
    AUTO_BUF struct buf a = {0}, b = {0}, again = {0};
    struct image_identity ia, ib, ic;
    (void)state;

    make(&a, 7);
    make(&b, 8);
    make(&again, 7);
    image_identity(view(&a), &ia);
    image_identity(view(&b), &ib);
    image_identity(view(&again), &ic);
    assert_memory_not_equal(&ia, &ib, sizeof(ia));
    assert_memory_equal(&ia, &ic, sizeof(ia));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_come_back_aligned),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(every_shorter_or_longer_one_is_refused),
        cmocka_unit_test(an_image_of_other_files_is_refused),
        cmocka_unit_test(what_is_different_has_another_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
