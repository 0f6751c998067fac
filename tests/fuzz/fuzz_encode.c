/*
 * Encoding: any bytes with three small tokenizers. What is no UTF-8 is refused; for the rest
 * ids are the same whole, with offsets, as a stream and through the prefix cache.
 */
#include "base/utf8.h"
#include "fuzz_tokenizers.h"
#include "tokenizer/prefix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(const struct id_list *ids, const uint32_t *want, size_t n)
{
    if (ids->n != n || (n && memcmp(ids->items, want, n * sizeof(*want)) != 0))
        abort();
}

static void check_stream(const struct tokenizer *t, const char *text, size_t size,
                         struct scratch *scratch, const struct id_list *want)
{
    struct encode_stream *stream = encode_stream_new(t, true);
    struct id_list ids = {0};
    AUTO_ERR struct err err = {0};

    for (size_t at = 0, n; at < size; at += n) {
        n = 1 + (uint8_t)text[at] % 97;
        if (n > size - at)
            n = size - at;
        if (!encode_stream_push(stream, text + at, n, scratch, &ids, &err))
            abort();
    }
    if (!encode_stream_end(stream, scratch, &ids, &err))
        abort();
    must_be(&ids, want->items, want->n);
    id_list_release(&ids);
    encode_stream_free(stream);
}

static void check(const struct tokenizer *t, const char *text, size_t size)
{
    struct scratch *scratch = scratch_new(1 << 16);
    struct prefix_cache *cache = prefix_cache_new(1 << 20);
    struct id_list ids = {0}, cached = {0};
    struct slice slice = {text, size};
    struct encode_options options = {.add_special_tokens = true, .offsets = true};
    struct encoded e = {0};
    struct prefix_use use;
    AUTO_ERR struct err err = {0};
    bool ok = tokenizer_encode_ids(t, text, size, true, scratch, &ids, &err);

    if (ok != utf8_valid(text, size, NULL))
        abort();
    if (ok) {
        if (!tokenizer_encode(t, &(struct encode_input){&slice, 1, false}, NULL, &options, scratch,
                              &e, &err) ||
            !prefix_encode(cache, t, text, size, true, scratch, &cached, &use, &err))
            abort();
        must_be(&ids, e.ids, e.n);
        must_be(&cached, e.ids, e.n);
        for (size_t i = 0; i < e.n; i++)
            if (e.offsets[i].start > e.offsets[i].end || e.offsets[i].end > size)
                abort();
        check_stream(t, text, size, scratch, &ids);
    }
    encoded_release(&e);
    id_list_release(&ids);
    id_list_release(&cached);
    prefix_cache_free(cache);
    scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < N_FUZZ_TOKENIZERS; i++)
        check(fuzz_tokenizer(i), size ? (const char *)data : "", size);
    return 0;
}
