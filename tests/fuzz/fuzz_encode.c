/*
 * Encoding: any bytes with three small tokenizers. What is no UTF-8 is refused; for the rest
 * ids are the same whole, with offsets, as a stream and through the prefix cache; and where
 * parts are guarded, both ways to them agree.
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

/* Parts of the text by its own bytes. */
static size_t make_guard(const char *text, size_t size, struct span ret[16])
{
    size_t n = 0;

    for (size_t at = 0; at < size && n < 16;) {
        size_t start = at + (uint8_t)text[at] % 7,
               end = start + 1 + (uint8_t)text[size - 1 - at] % 9;

        if (end > size)
            break;
        ret[n++] = (struct span){(uint32_t)start, (uint32_t)end};
        at = end + 1;
    }
    return n;
}

static void check_guarded(const struct tokenizer *t, const struct encode_input *input,
                          struct scratch *scratch)
{
    struct span parts[16];
    struct encode_options options = {
        .offsets = true,
        .offset_unit = OFFSET_BYTE,
        .guard = {parts, make_guard(input->words[0].data, input->words[0].size, parts)}};
    struct encoded plain = {0}, exact = {0};
    AUTO_ERR struct err err = {0};

    if (!tokenizer_encode(t, input, NULL, &options, scratch, &exact, &err))
        abort();
    options.plain = true;
    if (!tokenizer_encode(t, input, NULL, &options, scratch, &plain, &err))
        abort();
    if (plain.n != exact.n)
        abort();
    for (size_t i = 0; i < exact.n; i++)
        if (plain.ids[i] != exact.ids[i] || plain.offsets[i].start != exact.offsets[i].start ||
            plain.offsets[i].end != exact.offsets[i].end)
            abort();
    encoded_release(&plain);
    encoded_release(&exact);
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
        check_guarded(t, &(struct encode_input){&slice, 1, false}, scratch);
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
