"""Text over HTTP: encode, decode, chunk, vocabulary, vLLM's shapes. What ids are right is tests/reference's to say."""
import struct

import pytest

from daemon import EXAMPLES, Daemon

MODEL = str(EXAMPLES / "tiny-llama")
TEXT = "Hello, w\u00f6rld \U0001f600!"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("state"), "--model-root", EXAMPLES, "--offline") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def url(daemon):
    return "/v1/tokenizers/" + daemon.post("/v1/tokenizers", {"model": MODEL}).json()["id"]


def test_a_text_comes_back(daemon, url):
    ids = daemon.post(f"{url}/encode", {"text": TEXT}).json()["ids"]
    assert daemon.post(f"{url}/decode", {"ids": ids, "skip_special_tokens": True}).json()["text"] == TEXT


def test_offsets_are_code_points_or_bytes(daemon, url):
    ask = {"text": TEXT, "offsets": True, "add_special_tokens": False}
    points = daemon.post(f"{url}/encode", ask).json()["offsets"]
    octets = daemon.post(f"{url}/encode", {**ask, "offset_unit": "byte"}).json()["offsets"]
    assert points[-1][1] == len(TEXT) and octets[-1][1] == len(TEXT.encode())


def test_a_list_gives_a_list(daemon, url):
    one = daemon.post(f"{url}/encode", {"text": "a b"}).json()["ids"]
    many = daemon.post(f"{url}/encode", {"text": ["a b", ""]}).json()["encodings"]
    assert many[0]["ids"] == one and len(many) == 2
    assert daemon.post(f"{url}/encode", {"text": ["a b"], "count_only": True}).json() == {"counts": [len(one)]}


def test_plain_text_in_octets_out(daemon, url):
    ids = daemon.post(f"{url}/encode", {"text": TEXT}).json()["ids"]
    answer = daemon.request("POST", f"{url}/encode", body=TEXT.encode(), headers={
        "Content-Type": "text/plain", "Accept": "application/octet-stream"})
    assert answer.body == struct.pack(f"<{len(ids)}I", *ids)
    back = daemon.request("POST", f"{url}/decode", body=answer.body, headers={
        "Content-Type": "application/octet-stream", "Accept": "text/plain"})
    assert back.body.decode() == "<s>" + TEXT


def test_too_long_is_said_with_both_numbers(daemon, url):
    problem = daemon.post(f"{url}/encode", {"text": "one two three", "max_length": 2}).json()
    assert problem["code"] == "prompt-too-long" and problem["count"] > problem["max_length"] == 2
    cut = daemon.post(f"{url}/encode", {"text": "one two three", "max_length": 2, "truncation": "right"}).json()
    assert cut["count"] == 2


def test_large_texts_are_what_small_ones_are(daemon, url):
    small = daemon.post(f"{url}/encode", {"text": "word ", "add_special_tokens": False}).json()["ids"]
    large = daemon.post(f"{url}/encode", {"text": "word " * 50000, "add_special_tokens": False, "max_length": 1 << 24})
    assert large.status == 200 and large.json()["count"] >= 50000 * (len(small) - 1)


def test_ids_that_no_token_has_are_listed(daemon, url):
    problem = daemon.post(f"{url}/decode", {"ids": [1, 4000000]})
    assert problem.status >= 400 and "4000000" in problem.body.decode()


def test_a_stream_shows_what_is_final(daemon, url):
    ids = daemon.post(f"{url}/encode", {"text": TEXT, "add_special_tokens": False}).json()["ids"]
    shown = "".join(daemon.post(f"{url}/decode", {"ids": [i], "previous_ids": ids[:n]}).json()["text"]
                    for n, i in enumerate(ids))
    assert TEXT.startswith(shown) and len(shown) >= len(TEXT) - 2


def test_the_vocabulary(daemon, url):
    token = daemon.get(f"{url}/tokens/100").json()
    assert daemon.get(f"{url}/ids", {"token": token["token"]}).json() == token
    assert daemon.get(f"{url}/tokens/99999999").json()["code"] == "token-not-found"
    assert daemon.get(f"{url}/ids", {"token": "no such token"}).status == 404


def test_chunks_cover_the_text(daemon, url):
    chunks = daemon.post(f"{url}/chunk", {"text": TEXT * 20, "max_tokens": 16}).json()["chunks"]
    assert "".join(c["text"] for c in chunks) == TEXT * 20 and max(c["count"] for c in chunks) <= 16


def test_vllms_shapes(daemon, url):
    ids = daemon.post(f"{url}/encode", {"text": "hi"}).json()["ids"]
    answer = daemon.post("/tokenize", {"model": MODEL, "prompt": "hi", "return_token_strs": True}).json()
    assert answer["tokens"] == ids and answer["count"] == len(ids) == len(answer["token_strs"])
    assert daemon.post("/detokenize", {"model": MODEL, "tokens": ids[1:]}).json() == {"prompt": "hi"}


def test_not_utf8_is_refused_with_its_place(daemon, url):
    answer = daemon.request("POST", f"{url}/encode", body=b"ab\xffc", headers={"Content-Type": "text/plain"})
    assert answer.status == 400 and answer.json()["offset"] == 2


def test_an_image_serves_the_next_start(tmp_path):
    for _ in range(2):
        with Daemon(tmp_path / "state", "--model-root", EXAMPLES, "--offline") as daemon:
            url = "/v1/tokenizers/" + daemon.post("/v1/tokenizers", {"model": MODEL}).json()["id"]
            assert daemon.post(f"{url}/encode", {"text": "x"}).status == 200
            metrics = daemon.get("/metrics").body.decode()
    assert "pipelined_tokenizers_mapped_total 1" in metrics and "pipelined_tokenizers_compiled_total 0" in metrics
    image = next((tmp_path / "state" / "tokenizers").glob("*.image"))
    image.write_bytes(image.read_bytes()[:-100])
    with Daemon(tmp_path / "state", "--model-root", EXAMPLES, "--offline") as daemon:
        url = "/v1/tokenizers/" + daemon.post("/v1/tokenizers", {"model": MODEL}).json()["id"]
        assert daemon.post(f"{url}/encode", {"text": "x"}).status == 200
        assert "pipelined_tokenizers_compiled_total 1" in daemon.get("/metrics").body.decode()
