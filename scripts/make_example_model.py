#!/usr/bin/python3
"""make_example_model.py FOLDER: writes the models of examples/, byte for byte the same each time.

tiny-llama/       a Llama of two layers with random weights: config, tokenizer, safetensors (float32)
tiny-llama-gguf/  the same model as one GGUF file, its matrices in Q4_0

They are for trying the daemon and for its tests; what they would generate is noise. Only the
standard library is used. Formats: https://huggingface.co/docs/safetensors and the GGUF
specification in the ggml repository.
"""
import json
import math
import pathlib
import struct
import sys

HIDDEN, FEED_FORWARD, LAYERS, HEADS, KV_HEADS, HEAD = 32, 64, 2, 4, 2, 8
VOCABULARY, CONTEXT, THETA, EPSILON = 320, 256, 10000.0, 1e-5
SPECIAL = ["<unk>", "<s>", "</s>"]
TEXT = """A registry knows the architectures of models and what each of them can do. A model is named;
its configuration says which architecture it is, the architecture says which task, which encodings
and which tokenizer there are, and from all of this a pipeline is made. The same question has the
same answer, today and on the next machine."""
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '[' + message['role'] + '] ' + message['content'] + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant] ' }}{% endif %}"
)


# ---- the tokenizer: byte-level BPE, its merges learnt from TEXT


def byte_letters():
    """The printable character that stands for each byte in byte-level vocabularies."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def learn_merges(n):
    letters = byte_letters()
    words = [[letters[b] for b in (" " + w).encode()] for w in TEXT.split()]
    merges = []
    while len(merges) < n:
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        words = [merge(word, best) for word in words]
    return merges


def merge(word, pair):
    out = []
    for piece in word:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


def vocabulary():
    letters = byte_letters()
    merges = learn_merges(VOCABULARY - len(SPECIAL) - 256)
    tokens = SPECIAL + [letters[b] for b in range(256)] + [a + b for a, b in merges]
    assert len(set(tokens)) == VOCABULARY
    return tokens, merges


def tokenizer_json(tokens, merges):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for i, t in enumerate(SPECIAL)],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                          "use_regex": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                     {"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {t: i for i, t in enumerate(tokens)},
                  "merges": [f"{a} {b}" for a, b in merges]},
    }


def tokenizer_config():
    return {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
            "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False,
            "clean_up_tokenization_spaces": False, "model_max_length": CONTEXT,
            "chat_template": CHAT_TEMPLATE}


def config():
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
            "intermediate_size": FEED_FORWARD, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
            "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "rms_norm_eps": EPSILON,
            "rope_theta": THETA, "rope_scaling": None, "hidden_act": "silu",
            "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True,
            "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32", "use_cache": True}


# ---- the weights


class Numbers:
    """Evenly spread numbers, the same everywhere: a linear congruential generator."""

    def __init__(self):
        self.state = 20240229

    def next(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return ((self.state >> 40) / (1 << 23) - 1.0) * bound


def weights():
    """Pairs of the Hugging Face name and (rows, columns, numbers); columns is 0 for a vector."""
    numbers = Numbers()

    def matrix(rows, columns):
        bound = 1 / math.sqrt(columns)
        values = [numbers.next(bound) for _ in range(rows * columns)]
        # As float32 has them, so that both files are made of the same numbers.
        return rows, columns, struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))

    ones = (HIDDEN, 0, (1.0,) * HIDDEN)
    yield "model.embed_tokens.weight", matrix(VOCABULARY, HIDDEN)
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", ones
        yield layer + "self_attn.q_proj.weight", matrix(HEADS * HEAD, HIDDEN)
        yield layer + "self_attn.k_proj.weight", matrix(KV_HEADS * HEAD, HIDDEN)
        yield layer + "self_attn.v_proj.weight", matrix(KV_HEADS * HEAD, HIDDEN)
        yield layer + "self_attn.o_proj.weight", matrix(HIDDEN, HEADS * HEAD)
        yield layer + "post_attention_layernorm.weight", ones
        yield layer + "mlp.gate_proj.weight", matrix(FEED_FORWARD, HIDDEN)
        yield layer + "mlp.up_proj.weight", matrix(FEED_FORWARD, HIDDEN)
        yield layer + "mlp.down_proj.weight", matrix(HIDDEN, FEED_FORWARD)
    yield "model.norm.weight", ones


def safetensors():
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (rows, columns, values) in weights():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [rows, columns] if columns else [rows],
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


# ---- GGUF

GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
U32, I32, F32, STRING, ARRAY = 4, 5, 6, 8, 9
TENSOR_F32, TENSOR_Q4_0, ALIGNMENT = 0, 2, 32


def gguf_name(name):
    name = name[: -len(".weight")]
    if name.startswith("model.layers."):
        _, _, i, rest = name.split(".", 3)
        return f"blk.{i}.{GGUF_NAMES[rest]}.weight"
    return GGUF_NAMES[name] + ".weight"


def q4_0(values):
    """Blocks of 32: a half-precision scale, then 16 bytes, each number in four bits."""
    out = b""
    for i in range(0, len(values), 32):
        block = values[i : i + 32]
        scale = max(block, key=abs) / -8
        inverse = 1 / scale if scale else 0
        quants = [min(15, int(v * inverse + 8.5)) for v in block]
        out += struct.pack("<e16B", scale, *(low | high << 4 for low, high in zip(quants[:16], quants[16:])))
    return out


def permute(rows, columns, values, heads):
    """Rows of q and k in the order ggml's rotary embedding wants them: halves interleaved."""
    size = rows // heads
    order = [h * size + half * size // 2 + i for h in range(heads) for i in range(size // 2)
             for half in range(2)]
    return rows, columns, tuple(v for r in order for v in values[r * columns : (r + 1) * columns])


def pack_string(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def pack_value(kind, value):
    if kind == STRING:
        return pack_string(value)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], value)


def gguf(tokens, merges):
    facts = [
        ("general.architecture", STRING, "llama"), ("general.name", STRING, "tiny-llama"),
        ("general.file_type", U32, 2), ("general.quantization_version", U32, 2),
        ("general.alignment", U32, ALIGNMENT),
        ("llama.context_length", U32, CONTEXT), ("llama.embedding_length", U32, HIDDEN),
        ("llama.block_count", U32, LAYERS), ("llama.feed_forward_length", U32, FEED_FORWARD),
        ("llama.attention.head_count", U32, HEADS), ("llama.attention.head_count_kv", U32, KV_HEADS),
        ("llama.attention.key_length", U32, HEAD), ("llama.attention.value_length", U32, HEAD),
        ("llama.attention.layer_norm_rms_epsilon", F32, EPSILON),
        ("llama.rope.dimension_count", U32, HEAD), ("llama.rope.freq_base", F32, THETA),
        ("llama.vocab_size", U32, VOCABULARY),
        ("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "default"),
        ("tokenizer.ggml.tokens", (ARRAY, STRING), tokens),
        ("tokenizer.ggml.token_type", (ARRAY, I32), [3 if t in SPECIAL else 1 for t in tokens]),
        ("tokenizer.ggml.merges", (ARRAY, STRING), [f"{a} {b}" for a, b in merges]),
        ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.eos_token_id", U32, 2),
        ("tokenizer.ggml.unknown_token_id", U32, 0), ("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]
    head = b""
    for name, kind, value in facts:
        head += pack_string(name)
        if isinstance(kind, tuple):
            head += struct.pack("<IIQ", ARRAY, kind[1], len(value))
            head += b"".join(pack_value(kind[1], v) for v in value)
        else:
            head += struct.pack("<I", kind) + pack_value(kind, value)
    infos, data, n = b"", b"", 0
    for name, (rows, columns, values) in weights():
        if "q_proj" in name or "k_proj" in name:
            rows, columns, values = permute(rows, columns, values, HEADS if "q_proj" in name else KV_HEADS)
        shape = [columns, rows] if columns else [rows]
        kind = TENSOR_Q4_0 if columns else TENSOR_F32
        infos += pack_string(gguf_name(name)) + struct.pack(
            f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += q4_0(values) if columns else struct.pack(f"<{len(values)}f", *values)
        data += b"\0" * (-len(data) % ALIGNMENT)
        n += 1
    out = b"GGUF" + struct.pack("<IQQ", 3, n, len(facts)) + head + infos
    return out + b"\0" * (-len(out) % ALIGNMENT) + data


# ---- files


def files():
    tokens, merges = vocabulary()
    generation = {"bos_token_id": 1, "eos_token_id": 2, "do_sample": True, "temperature": 0.8,
                  "top_p": 0.95}
    documents = {"config.json": config(), "generation_config.json": generation,
                 "tokenizer.json": tokenizer_json(tokens, merges),
                 "tokenizer_config.json": tokenizer_config()}
    for name, document in documents.items():
        yield f"tiny-llama/{name}", (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
    yield "tiny-llama/model.safetensors", safetensors()
    yield "tiny-llama-gguf/tiny-llama-q4_0.gguf", gguf(tokens, merges)


def main(folder):
    for name, data in files():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
