#pragma once
/* Models made by hand: a config's text, a list of files, no bytes of either read. */
#include "hub/model.h"

#include <stdio.h>

#define GIB(n) ((int64_t)(n) << 30)
#define ENC(e) (UINT32_C(1) << (e))

struct made_file {
    const char *path;
    int64_t size;
    enum encoding encoding; /* of its header; ENCODING_NONE: not known */
};

static inline struct config *make_config(const char *text)
{
    AUTO_ERR struct err err = {0};
    struct config *c = NULL;

    if (!config_from_json(&c, text, strlen(text), &err))
        fprintf(stderr, "config: %s\n", err.msg);
    return c;
}

static inline enum weights_format made_format(const char *path)
{
    return str_ends(path, ".safetensors") ? FORMAT_SAFETENSORS
           : str_ends(path, ".gguf")      ? FORMAT_GGUF
                                          : FORMAT_NONE;
}

/* files must be sorted by path; config NULL: none. Its commit is the letter c, 40 times. */
static inline struct model *make_model(const char *name, char c, const char *config,
                                       const struct made_file *files, size_t n)
{
    struct model *m = mem_new(struct model);

    atomic_init(&m->refs, 1);
    snprintf(m->ref.model, sizeof(m->ref.model), "%s", name);
    snprintf(m->canonical, sizeof(m->canonical), "%s", name);
    snprintf(m->ref.revision, sizeof(m->ref.revision), "main");
    memset(m->commit, c, 40);
    m->config = config ? make_config(config) : NULL;
    m->files = mem_new_array(n + 1, struct model_file);
    m->n_files = n;
    for (size_t i = 0; i < n; i++) {
        enum encoding by_name = encoding_of_file_name(files[i].path);
        enum encoding e = files[i].encoding ? files[i].encoding : by_name;

        m->files[i] = (struct model_file){.path = str_dup(files[i].path),
                                          .size = files[i].size,
                                          .format = made_format(files[i].path),
                                          .encoding = e,
                                          .evidence = files[i].encoding ? EVIDENCE_HEADER
                                                                        : EVIDENCE_FILE_NAME};
        if (m->files[i].format == FORMAT_NONE || e == ENCODING_NONE)
            continue;
        m->files[i].header_encodings = ENC(e);
        m->encodings |= ENC(e);
        m->encoding_evidence[e] = m->files[i].evidence;
    }
    snprintf(m->tokenizer.kind, sizeof(m->tokenizer.kind), "BPE");
    m->tokenizer.vocab_size = 128256;
    m->tokenizer.n_eos_ids = 1;
    m->tokenizer.eos_ids = mem_new_array(1, int64_t);
    m->tokenizer.eos_ids[0] = 128009;
    return m;
}

/* Llama-3.1-8B's sizes. */
#define LLAMA_8B                                                                                  \
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":4096,"    \
    "\"num_hidden_layers\":32,\"num_attention_heads\":32,\"num_key_value_heads\":8,\"head_dim\":" \
    "128,\"max_position_embeddings\":131072,\"vocab_size\":128256,\"intermediate_size\":14336,"   \
    "\"torch_dtype\":\"bfloat16\",\"eos_token_id\":128009}"
