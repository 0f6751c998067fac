#pragma once
/* Writes GGUF files as tests need them. Little endian hosts only, as all we build for. */
#include "base/buf.h"
#include "hub/gguf.h"

#include <stdio.h>

static inline void gguf_put(struct buf *b, uint64_t v, size_t n) { buf_append(b, &v, n); }

static inline void gguf_put_string(struct buf *b, const char *s)
{
    gguf_put(b, strlen(s), 8);
    buf_append_str(b, s);
}

static inline void gguf_begin(struct buf *b, uint64_t version, uint64_t n_tensors, uint64_t n_kv)
{
    buf_append_str(b, "GGUF");
    gguf_put(b, version, 4);
    gguf_put(b, n_tensors, 8);
    gguf_put(b, n_kv, 8);
}

static inline void gguf_kv_u32(struct buf *b, const char *key, uint32_t v)
{
    gguf_put_string(b, key);
    gguf_put(b, GGUF_U32, 4);
    gguf_put(b, v, 4);
}

static inline void gguf_kv_bool(struct buf *b, const char *key, bool v)
{
    gguf_put_string(b, key);
    gguf_put(b, GGUF_BOOL, 4);
    gguf_put(b, v, 1);
}

static inline void gguf_kv_f32(struct buf *b, const char *key, float v)
{
    gguf_put_string(b, key);
    gguf_put(b, GGUF_F32, 4);
    buf_append(b, &v, 4);
}

static inline void gguf_kv_str(struct buf *b, const char *key, const char *v)
{
    gguf_put_string(b, key);
    gguf_put(b, GGUF_STRING, 4);
    gguf_put_string(b, v);
}

static inline void gguf_kv_array(struct buf *b, const char *key, enum gguf_type type, uint64_t n)
{
    gguf_put_string(b, key);
    gguf_put(b, GGUF_ARRAY, 4);
    gguf_put(b, type, 4);
    gguf_put(b, n, 8);
}

/* n tokens "t0", "t1", …, and their types: the last two are control tokens. */
static inline void gguf_kv_vocabulary(struct buf *b, int n)
{
    char token[24];

    gguf_kv_array(b, "tokenizer.ggml.tokens", GGUF_STRING, (uint64_t)n);
    for (int i = 0; i < n; i++) {
        snprintf(token, sizeof(token), "t%d", i);
        gguf_put_string(b, token);
    }
    gguf_kv_array(b, "tokenizer.ggml.token_type", GGUF_I32, (uint64_t)n);
    for (int i = 0; i < n; i++)
        gguf_put(b, i >= n - 2 ? 3 : 1, 4);
}

static inline void gguf_tensor(struct buf *b, const char *name, uint32_t type, uint64_t columns,
                               uint64_t rows, uint64_t offset)
{
    gguf_put_string(b, name);
    gguf_put(b, 2, 4);
    gguf_put(b, columns, 8);
    gguf_put(b, rows, 8);
    gguf_put(b, type, 4);
    gguf_put(b, offset, 8);
}

/* A small llama: 4 layers, grouped queries, Q4_K tensors, a vocabulary of n_tokens. */
static inline void gguf_llama(struct buf *b, int n_tokens)
{
    gguf_begin(b, 3, 2, 20);
    gguf_kv_str(b, "general.architecture", "llama");
    gguf_kv_str(b, "general.name", "Small");
    gguf_kv_u32(b, "general.file_type", 15);
    gguf_kv_u32(b, "llama.block_count", 4);
    gguf_kv_u32(b, "llama.context_length", 8192);
    gguf_kv_u32(b, "llama.embedding_length", 512);
    gguf_kv_u32(b, "llama.feed_forward_length", 1024);
    gguf_kv_u32(b, "llama.attention.head_count", 8);
    gguf_kv_u32(b, "llama.attention.head_count_kv", 2);
    gguf_kv_f32(b, "llama.rope.freq_base", 500000);
    gguf_kv_u32(b, "llama.rope.dimension_count", 64);
    gguf_kv_str(b, "tokenizer.ggml.model", "gpt2");
    gguf_kv_str(b, "tokenizer.ggml.pre", "llama-bpe");
    gguf_kv_vocabulary(b, n_tokens); /* two pairs */
    gguf_kv_u32(b, "tokenizer.ggml.bos_token_id", (uint32_t)n_tokens - 2);
    gguf_kv_u32(b, "tokenizer.ggml.eos_token_id", (uint32_t)n_tokens - 1);
    gguf_kv_bool(b, "tokenizer.ggml.add_bos_token", true);
    gguf_kv_str(b, "tokenizer.chat_template", "{{ messages }}");
    gguf_kv_str(b, "tokenizer.chat_template.tool_use", "{{ tools }}");
    gguf_tensor(b, "token_embd.weight", 14, 512, 4, 0);
    gguf_tensor(b, "blk.0.ffn_up.weight", 12, 512, 1024, 512 * 4 / 256 * 210 + 16);
    while (b->size % 32)
        buf_append_char(b, '\0');
}
/* Bytes of the tensors gguf_llama() names. */
enum { GGUF_LLAMA_DATA = 512 * 4 / 256 * 210 + 16 + 512 * 1024 / 256 * 144 };
