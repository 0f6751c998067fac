#!/usr/bin/python3
"""train.py DEBIAN CORPORA DIR: trains SentencePiece models on the texts and writes them to DIR/<name>/
as tokenizer.json, converted as transformers converts them, beside tokenizer.model. No package ships a
Unigram model, nor the character map that SentencePiece normalizes with; its trainer makes both."""
import base64
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

PACKAGES = ["sentencepiece", "libsentencepiece0", "libprotobuf-lite32", "libgoogle-perftools4", "libtcmalloc-minimal4", "libunwind8"]
MODELS = {
    "spm_unigram": ["--model_type=unigram", "--vocab_size=8000"],
    "spm_unigram_bytes": ["--model_type=unigram", "--vocab_size=6000", "--byte_fallback=true", "--normalization_rule_name=nmt_nfkc_cf"],
    "spm_bpe_digits": ["--model_type=bpe", "--vocab_size=6000", "--split_digits=true", "--byte_fallback=true"],
}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 4 if kind == 5 else 8
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def parse(data):
    pieces, charsmap = [], b""
    for number, value in fields(data):
        if number == 1:
            piece = dict(fields(value))
            pieces.append((piece[1].decode(), struct.unpack("<f", piece[2])[0], piece.get(3, 1)))
        elif number == 3:
            charsmap = dict(fields(value)).get(2, b"")
    return pieces, charsmap


def merges_of(pieces):
    rank = {piece: i for i, (piece, _, _) in enumerate(pieces)}
    score = {piece: s for piece, s, _ in pieces}
    merges = []
    for piece, _, _ in pieces:
        local = [(piece[:i], piece[i:], score[piece]) for i in range(1, len(piece)) if piece[:i] in rank and piece[i:] in rank]
        merges += sorted(local, key=lambda m: (rank[m[0]], rank[m[1]]))
    return [[left, right] for left, right, s in sorted(merges, key=lambda m: m[2], reverse=True)]


def convert(pieces, charsmap, bpe):
    spaces = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    added = [{"id": i, "content": p, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i, (p, _, kind) in enumerate(pieces) if kind in (2, 3)]
    steps = [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}] if charsmap else []
    steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581" if bpe else " "})
    fallback = any(kind == 6 for _, _, kind in pieces)
    if bpe:
        model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": fallback,
                 "vocab": {p: i for i, (p, _, _) in enumerate(pieces)}, "merges": merges_of(pieces)}
    else:
        model = {"type": "Unigram", "unk_id": 0, "vocab": [[p, s] for p, s, _ in pieces], "byte_fallback": fallback}
    decoders = [{"type": "ByteFallback"}] if fallback else []
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "Sequence", "normalizers": steps}, "pre_tokenizer": spaces,
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                               "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for i, t in ((1, "<s>"), (2, "</s>"))}},
            "decoder": {"type": "Sequence", "decoders": decoders + [spaces]}, "model": model}


def texts(corpora):
    out = []
    for name, share in {"english": 300_000, "multilingual": 200_000, "cjk": 150_000, "compatibility": 50_000, "emoji": 50_000, "code": 150_000}.items():
        data = (corpora / f"{name}.bin").read_bytes()
        at = total = 0
        while at < len(data) and total < share:
            size, = struct.unpack_from("<I", data, at)
            out += data[at + 4:at + 4 + size].decode().replace("\0", "").split("\n")
            at, total = at + 4 + size, total + size
    return "\n".join(line[:2000] for line in out if line.strip())


def main(debian, corpora, out):
    libraries = ":".join(str(p) for p in sorted(debian.glob("*/usr/lib/x86_64-linux-gnu")))
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder, "text")
        text.write_text(texts(corpora), encoding="utf-8")
        for name, options in MODELS.items():
            subprocess.run([debian / "sentencepiece/usr/bin/spm_train", f"--input={text}", f"--model_prefix={folder}/{name}", "--num_threads=1", "--minloglevel=2",
                            "--character_coverage=0.9995", *options],
                           env={**os.environ, "LD_LIBRARY_PATH": libraries}, check=True, stdout=subprocess.DEVNULL)
            model = pathlib.Path(folder, f"{name}.model").read_bytes()
            pieces, charsmap = parse(model)
            target = out / name
            target.mkdir(parents=True, exist_ok=True)
            (target / "tokenizer.model").write_bytes(model)
            (target / "tokenizer.json").write_text(json.dumps(convert(pieces, charsmap, "bpe" in name), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--packages"]:
        print("\n".join(PACKAGES))
    else:
        main(*map(pathlib.Path, sys.argv[1:]))
