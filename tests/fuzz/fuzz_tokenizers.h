#pragma once
/* Small tokenizers of three families, made once. */
#include "base/utf8.h"
#include "tokenizer/bytelevel.h"
#include "tokenizer/load.h"
#include "tokenizer/tokenizer.h"

enum { N_FUZZ_TOKENIZERS = 3 };

#define ADDED(id, text)                                                                \
    "{\"id\":" #id ",\"content\":\"" text "\",\"single_word\":false,\"lstrip\":false," \
    "\"rstrip\":false,\"normalized\":false,\"special\":true}"
#define REST   "%" /* of the bytes, without which a byte-level tokenizer goes another way */
#define MERGES "\"merges\":[[\"a\",\"b\"],[\"ab\",\"c\"],[\"l\",\"l\"]]"

static const char *const fuzz_json[N_FUZZ_TOKENIZERS] = {
    /* As llama2: pieces with "▁", bytes for what has no piece. */
    "{\"added_tokens\":[" ADDED(
        9, "<s>") "],\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["
                  "{\"type\":\"Prepend\",\"prepend\":\"▁\"},{\"type\":\"Replace\",\"pattern\":{"
                  "\"String\":\" \"},"
                  "\"content\":\"▁\"}]},\"pre_tokenizer\":null,\"post_processor\":{\"type\":"
                  "\"BertProcessing\","
                  "\"sep\":[\"<s>\",9],\"cls\":[\"<s>\",9]},\"decoder\":{\"type\":\"Sequence\","
                  "\"decoders\":["
                  "{\"type\":\"Replace\",\"pattern\":{\"String\":\"▁\"},\"content\":\" \"},"
                  "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":"
                  "\" \","
                  "\"start\":1,\"stop\":0}]},\"model\":{\"type\":\"BPE\",\"unk_token\":\"<u>\","
                  "\"fuse_unk\":true,"
                  "\"byte_fallback\":true,\"vocab\":{\"<u>\":0,\"a\":1,\"b\":2,\"c\":3,\"l\":4,"
                  "\"ab\":5,"
                  "\"abc\":6,\"ll\":7,\"▁\":8,\"<s>\":9,\"<0xE2>\":10,\"<0x96>\":11,\"<0x81>\":12,"
                  "\"<0x41>\":13,"
                  "\"<0xC3>\":14,\"<0xA9>\":15,\".\":16}," MERGES "}}",
    /* Bytes behind a word scanner, as GPT-2. */
    "{\"added_tokens\":[" ADDED(
        9,
        "<s>") "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":"
               "\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},"
               "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":"
               "false,"
               "\"trim_offsets\":true,\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"unk_"
               "token\":null,"
               "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"l\":3,\"ab\":4,\"abc\":5,\"ll\":6,\"Ġ\":7,"
               "\"Ã\":8,"
               "\"<s>\":9,\"©\":10,\"ð\":11,\"Ł\":12,\"ĺ\":13,\"Ģ\":14,\"'\":15,\".\":16" REST
               "}," MERGES "}}",
    /* WordPiece with Bert's steps. */
    "{\"added_tokens\":[" ADDED(
        9,
        "<s>") "],\"normalizer\":{\"type\":\"BertNormalizer\","
               "\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,"
               "\"lowercase\":true},"
               "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"post_processor\":null,"
               "\"decoder\":"
               "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},\"model\":{\"type\":"
               "\"WordPiece\","
               "\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_"
               "word\":100,"
               "\"vocab\":{\"[UNK]\":0,\"a\":1,\"b\":2,\"##b\":3,\"##c\":4,\"abc\":5,\".\":6,\"'\":"
               "7,\"s\":8,"
               "\"<s>\":9,\"do\":10,\"not\":11,\"##l\":12,\"l\":13,\"e\":14,\"n\":15,\"t\":16}}}",
};

/* The tokenizer.json with what REST stands for: the stand-ins that it does not name. */
static inline void fuzz_write_json(const char *json, struct buf *out)
{
    static const char named[] = "abcl'.\xc3\xa9\xf0\x9f\x98\x80 ";
    const char *rest = strstr(json, REST);
    uint32_t id = 17;

    buf_append(out, json, rest ? (size_t)(rest - json) : strlen(json));
    for (int b = 0; rest && b < 256; b++) {
        char name[5] = {0};

        if (memchr(named, b, sizeof(named) - 1))
            continue;
        utf8_encode(bytelevel_char((uint8_t)b), name);
        buf_printf(out, ",\"%s%s\":%u", b == '"' || b == '\\' ? "\\" : "", name, id++);
    }
    if (rest)
        buf_append_str(out, rest + strlen(REST));
}

static inline const struct tokenizer *fuzz_tokenizer(size_t i)
{
    static struct tokenizer *made[N_FUZZ_TOKENIZERS];
    AUTO_TOKENIZER_SPEC struct tokenizer_spec spec = {0};
    AUTO_BUF struct buf json = {0};
    struct tokenizer_files files = {0};
    struct image_key key = {{0}};
    struct buf image = {0};
    struct err err = {0};
    uint8_t *memory;

    if (made[i])
        return made[i];
    fuzz_write_json(fuzz_json[i], &json);
    files.tokenizer_json = (struct slice){json.data, json.size};
    if (!tokenizer_load(&files, &spec, &err) || !tokenizer_compile(&spec, &key, &image, &err))
        abort();
    memory = aligned_alloc(64, (image.size + 63) / 64 * 64);
    memcpy(memory, image.data, image.size);
    if (!tokenizer_open((struct image){memory, image.size}, free, memory, &made[i], &err))
        abort();
    buf_release(&image);
    return made[i];
}
