"""Large texts: parts on several workers, prefixes that are known, bounds. Whole is what type_ids is asked of: that way
cuts nothing and knows nothing, so it is what everything else has to equal."""
import json
import random
import re
import select
import socket
import struct
import threading
import urllib.parse

import pytest

from daemon import EXAMPLES, Daemon

LETTERS = "abcdefgh"
ADDED = {"id": 900, "content": "<m>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": True}
SHARED = 256 << 10  # bytes of text from which several workers help


def tokenizer(model, pre_tokenizer, normalizer=None):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [ADDED], "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None, "model": model}


def bpe(space, **more):
    """Letters, all pairs of them, and some pairs of pairs."""
    pairs = [a + b for a in LETTERS for b in LETTERS]
    tokens = [*LETTERS, space, ".", *pairs, space + "a", *(p + "cd" for p in pairs[::3])]
    merges = [[p[0], p[1]] for p in pairs] + [[space, "a"]] + [[p, "cd"] for p in pairs[::3]]
    return {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens)}, "merges": merges, **more}


def word_level(seed, n=5000):
    numbers = list(range(n))
    random.Random(seed).shuffle(numbers)
    return {"type": "WordLevel", "unk_token": "w0", "vocab": {f"w{k}": i for k, i in enumerate(numbers)}}


TOKENIZERS = {
    "bytes": tokenizer(bpe("\u0120"), {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                       "use_regex": True}),
    "words": tokenizer({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                        "max_input_chars_per_word": 100,
                        "vocab": {t: i for i, t in enumerate(["[UNK]", *LETTERS, *("##" + x for x in LETTERS), "."])}},
                       {"type": "BertPreTokenizer"},
                       {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                        "strip_accents": None, "lowercase": True}),
    "whole": tokenizer(bpe("\u2581", unk_token=".", fuse_unk=False), None,
                       {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
                                                            {"type": "Replace", "pattern": {"String": " "},
                                                             "content": "\u2581"}]}),
    # Characters are joined at will: no place is safe, and every pair is a question.
    "never": tokenizer(bpe("\u2581", unk_token=".", fuse_unk=False),
                       {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": False}),
}


def write_model(root, name, document):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(document))
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 1 << 24}))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: write_model(root, name, document) for name, document in TOKENIZERS.items()}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, models):
    with Daemon(tmp_path_factory.mktemp("state"), "--model-root", models["bytes"].parent, "--offline",
                "--workers", "3", "--max-body", "8M") as daemon:
        yield daemon


def handle(daemon, model):
    return "/v1/tokenizers/" + daemon.post("/v1/tokenizers", {"model": str(model)}).json()["id"]


def make_text(size, seed):
    rng = random.Random(seed)
    words = ["ab", "acd", " ", " a", "cdab", ".", "<m>", "\n", "  ", "h\u00e9", "<", "m>", "\U0001f600", "ghcd", "\u2581"]
    text, n = [], 0
    while n < size:
        text.append(rng.choice(words))
        n += len(text[-1].encode())
    return "".join(text)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_parts_are_what_the_whole_is(daemon, models, name):
    url = handle(daemon, models[name])
    ask = {"text": make_text(SHARED + 100_000, 1), "offsets": True}
    for more in {}, {"add_special_tokens": False}, {"offset_unit": "byte"}:
        whole = daemon.post(f"{url}/encode", {**ask, **more, "type_ids": True}).json()
        rows = daemon.post(f"{url}/encode", {**ask, **more, "tokens": True}).json()
        assert rows["ids"] == whole["ids"] and rows["offsets"] == whole["offsets"]
        assert len(rows["tokens"]) == whole["count"]
        for _ in range(2):
            bare = daemon.post(f"{url}/encode", {**ask, **more, "offsets": False}).json()
            assert bare["ids"] == whole["ids"] and bare["count"] == whole["count"]
        assert daemon.post(f"{url}/encode", {**ask, **more, "offsets": False, "count_only": True}).json() == {
            "count": whole["count"]}
    octets = daemon.request("POST", f"{url}/encode", body=ask["text"].encode(), headers={
        "Content-Type": "text/plain", "Accept": "application/octet-stream"}).body
    assert list(struct.unpack(f"<{len(octets) // 4}I", octets)) == whole["ids"]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_large_list_is_its_texts(daemon, models, name):
    url = handle(daemon, models[name])
    texts = [make_text(size, size) for size in (0, 10, 70_000, 3, 120_000, 90_000, 1000, 50_000)]
    assert sum(len(t.encode()) for t in texts) > SHARED
    want = [daemon.post(f"{url}/encode", {"text": t, "type_ids": True}).json()["ids"] for t in texts]
    assert [e["ids"] for e in daemon.post(f"{url}/encode", {"text": texts}).json()["encodings"]] == want
    assert daemon.post(f"{url}/encode", {"text": texts, "count_only": True}).json()["counts"] == [len(x) for x in want]


def metric(daemon, name):
    return float(re.search(rf"^{name} (\S+)$", daemon.get("/metrics").body.decode(), re.M)[1])


def test_a_prefix_that_is_known_is_reused_and_forgotten_when_asked(daemon, models):
    url = handle(daemon, models["bytes"])
    text = make_text(100_000, 7)
    size = len(text.encode())

    def encode(tail):
        ids = daemon.post(f"{url}/encode", {"text": text + tail, "type_ids": True}).json()["ids"]
        answer = daemon.post(f"{url}/encode", {"text": text + tail}).json()
        assert answer["ids"] == ids
        return answer.get("reused_bytes", 0)

    assert encode("a") == 0
    assert size * 0.8 < encode("b") <= size and metric(daemon, "pipelined_prefix_cache_bytes") > size
    hits = metric(daemon, "pipelined_prefix_cache_hits_total")
    # Any end of what is shared is as good: in a word, in a token, in a character's parts.
    for tail in "cd", "\u0301", "<m", "<m>", " ", "":
        assert encode(tail) > size * 0.8
    assert metric(daemon, "pipelined_prefix_cache_hits_total") > hits
    daemon.post("/v1/reset", {"caches": True})
    assert metric(daemon, "pipelined_prefix_cache_bytes") == 0 and encode("a") == 0 and encode("a") > 0
    assert daemon.delete(url).status == 204
    assert metric(daemon, "pipelined_prefix_cache_bytes") == 0
    assert handle(daemon, models["bytes"]) == url and encode("a") == 0


def test_without_memory_for_prefixes_none_is_kept(tmp_path, models):
    with Daemon(tmp_path, "--model-root", models["bytes"].parent, "--offline", "--prefix-memory", "0") as daemon:
        url = handle(daemon, models["bytes"])
        answers = [daemon.post(f"{url}/encode", {"text": "ab cd " * 20_000}).json() for _ in range(2)]
        assert answers[0] == answers[1] and "reused_bytes" not in answers[1]


def send(daemon, target, body, size=None):
    """The request is out, all of it; its answer is not waited for."""
    u = urllib.parse.urlsplit(daemon.url)
    s = socket.create_connection((u.hostname, u.port), daemon.timeout)
    s.sendall(f"POST {target} HTTP/1.1\r\nHost: {u.netloc}\r\nContent-Type: application/json\r\n"
              f"Content-Length: {size or len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    return s


def test_livez_does_not_wait_for_workers(tmp_path, models):
    with Daemon(tmp_path, "--model-root", models["never"].parent, "--offline", "--workers", "2") as daemon:
        url = handle(daemon, models["never"])
        body = json.dumps({"text": make_text(2 << 20, 3), "type_ids": True}).encode()
        daemon.post(f"{url}/encode", {"text": "ab"})
        busy = [send(daemon, f"{url}/encode", body) for _ in range(8)]
        # Each keeps a worker for a long while, and there are two.
        for _ in range(5):
            assert daemon.get("/livez").status == 200
        waiting = len(busy) - len(select.select(busy, [], [], 0)[0])
        assert waiting >= 4
        for s in busy:
            with s:
                data = b""
                while part := s.recv(1 << 20):
                    data += part
                assert data.startswith(b"HTTP/1.1 200")


def test_loaded_and_evicted_tokenizers_give_the_same_ids(tmp_path):
    """A budget for some ten, three dozen in use: each is loaded again and again, and is always itself."""
    root, n = tmp_path / "models", 36
    documents = [tokenizer(word_level(seed), {"type": "WhitespaceSplit"}) for seed in range(n)]
    folders = [write_model(root, f"m{seed}", d) for seed, d in enumerate(documents)]
    wrong = []
    with Daemon(tmp_path / "state", "--model-root", root, "--offline", "--tokenizer-memory", "1M", "--workers", "3",
                "--prefix-memory", "1M", "--tokenizer-words", "1M") as daemon:
        urls = [handle(daemon, f) for f in folders]

        def work(seed):
            rng = random.Random(seed)
            for _ in range(60):
                k = rng.randrange(n)
                words = [f"w{rng.randrange(5000)}" for _ in range(rng.choice([5, 4000, 12000]))]
                answer = daemon.post(f"{urls[k]}/encode", {"text": " ".join(words)}).json()
                if answer.get("ids") != [documents[k]["model"]["vocab"][w] for w in words]:
                    wrong.append((k, answer))

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        loads = sum(metric(daemon, f"pipelined_tokenizers_{how}_total") for how in ("mapped", "compiled"))
        assert metric(daemon, "pipelined_tokenizers_loaded_bytes") < 2 << 20
    assert not wrong and loads > n


def test_a_body_above_the_limit_is_refused_with_the_limit(tmp_path):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--offline", "--max-body", "1M") as daemon:
        url = handle(daemon, EXAMPLES / "tiny-llama")
        with send(daemon, f"{url}/encode", b"", size=(1 << 20) + 1) as s: # said, and not waited for
            head, _, body = s.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413") and b"application/problem+json" in head
        assert json.loads(body)["limit"] == 1 << 20
        assert daemon.post(f"{url}/encode", {"text": "a" * ((1 << 20) - 100), "max_length": 1 << 24}).status == 200


@pytest.mark.parametrize("before", [3, 30_000, SHARED + 50_000])
def test_what_is_not_utf8_is_named_by_its_place(daemon, models, before):
    url = handle(daemon, models["bytes"])
    text = (b"ab cd " * before)[:before]
    for bad in b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf":
        answer = daemon.request("POST", f"{url}/encode", body=text + bad, headers={"Content-Type": "text/plain"})
        assert answer.status == 400 and answer.json()["offset"] == before
        body = b'{"text": "' + text + bad + b'"}'
        answer = daemon.request("POST", f"{url}/encode", body=body, headers={"Content-Type": "application/json"})
        assert answer.status == 400 and answer.json()["offset"] == before + 10


def test_partial_ids_are_the_beginning_of_the_ids(daemon, models):
    for model in models.values():
        url = handle(daemon, model)
        text, known = make_text(60_000, 9), []
        whole = daemon.post(f"{url}/encode", {"text": text}).json()["ids"]
        for size in 0, 10, 9000, 20_000, 59_000:
            ids = daemon.post(f"{url}/encode", {"text": text[:size], "partial": True}).json()["ids"]
            assert whole[:len(ids)] == ids and ids[:len(known)] == known
            known = ids
