/* Decoding: any ids with three small tokenizers; at once and one by one comes to the same UTF-8. */
#include "base/utf8.h"
#include "fuzz_tokenizers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tokenizer *t, const uint32_t *ids, size_t n,
                  const struct decode_options *options)
{
    struct scratch *scratch = scratch_new(1 << 16);
    struct decode_stream *stream = decode_stream_new(t, options);
    AUTO_BUF struct buf whole = {0}, streamed = {0};
    AUTO_ERR struct err err = {0};

    if (tokenizer_decode(t, ids, n, options, scratch, &whole, &err)) {
        for (size_t i = 0; i < n; i++)
            if (!decode_stream_push(stream, ids + i, 1, &streamed, &err))
                abort();
        if (!decode_stream_end(stream, &streamed, &err) || streamed.size != whole.size ||
            (whole.size && memcmp(streamed.data, whole.data, whole.size) != 0) ||
            !utf8_valid(whole.data, whole.size, NULL))
            abort();
    } else if (err.code != ERR_FIELD || whole.size) {
        abort();
    }
    decode_stream_free(stream);
    scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE uint32_t *ids = mem_new_array(size + 1, uint32_t);

    for (size_t i = 0; i < N_FUZZ_TOKENIZERS; i++) {
        const struct tokenizer *t = fuzz_tokenizer(i);
        struct decode_options options = {.skip_special_tokens = size & 1,
                                         .clean_up_spaces = size & 2};

        /* The highest byte stands for an id that is none. */
        for (size_t k = 0; k < size; k++)
            ids[k] = data[k] == 255 ? UINT32_MAX : data[k] % tokenizer_id_end(t);
        check(t, ids, size, &options);
    }
    return 0;
}
