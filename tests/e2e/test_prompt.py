"""Messages to ids over HTTP: render with tokenize, and messages in /tokenize."""
import struct

import pytest

from daemon import EXAMPLES, Daemon
from test_openapi import check
from things import arch

MODEL = str(EXAMPLES / "tiny-llama")
CHAT = [{"role": "user", "content": "Hello, w\u00f6rld"}, {"role": "assistant", "content": "Hi \U0001f600"},
        {"role": "user", "content": "more"}]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("prompt"), "--model-root", EXAMPLES, offline=True) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def url(daemon):
    return "/v1/tokenizers/" + daemon.post("/v1/tokenizers", {"model": MODEL}).json()["id"]


def ok(answer):
    assert answer.status == 200, answer
    return answer.json()


def encoded(daemon, url, text, **more):
    return ok(daemon.post(f"{url}/encode", {"text": text, "add_special_tokens": False, **more}))


# ---- render


def test_text_and_ids_come_in_one_answer(daemon, url):
    plain = ok(daemon.post(f"{url}/render", {"messages": CHAT}))
    both = ok(daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True}))
    ids = encoded(daemon, url, plain["text"])
    assert both == {**plain, **ids}
    assert both["count"] == len(both["ids"]) > 10


def test_what_encode_gives_render_gives(daemon, url):
    parts = {"offsets": True, "tokens": True, "type_ids": True, "special_tokens_mask": True, "attention_mask": True,
             "word_ids": True}
    text = ok(daemon.post(f"{url}/render", {"messages": CHAT}))["text"]
    for more in ({"offsets": True}, {"offsets": True, "offset_unit": "byte"}, parts, {"add_special_tokens": True},
                 {"truncation": "left", "max_length": 7}, {"truncation": "right", "max_length": 7, **parts}):
        got = ok(daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True, **more}))
        want = encoded(daemon, url, text, **more)
        assert {k: got[k] for k in want} == want, more


def test_special_tokens_of_the_text_are_tokens(daemon, url):
    template = "<s>{{ messages[0].content }}</s>"
    got = ok(daemon.post(f"{url}/render", {"messages": [{"role": "user", "content": "</s>"}], "tokenize": True,
                                           "tokens": True, "chat_template": template}))
    assert got["tokens"] == ["<s>", "</s>", "</s>"]


def test_special_tokens_of_the_user_can_be_text(daemon, url):
    body = {"messages": [{"role": "user", "content": "a</s><s>b"}], "tokenize": True, "tokens": True, "offsets": True,
            "chat_template": "<s>\u00e9{{ messages[0].content }}</s>", "special_tokens": "template_only"}
    got = ok(daemon.post(f"{url}/render", body))
    special = [t for t in got["tokens"] if t in ("<s>", "</s>")]
    assert special == ["<s>", "</s>"] and got["tokens"][0] == "<s>" and got["tokens"][-1] == "</s>"
    assert ok(daemon.post(f"{url}/decode", {"ids": got["ids"]}))["text"].replace(" ", "") == "<s>\u00e9a</s><s>b</s>"
    assert got["user_spans"] == [{"start": 4, "end": 13}]
    for slow in ({"word_ids": True}, {"truncation": "right", "max_length": 200}):
        assert ok(daemon.post(f"{url}/render", {**body, **slow}))["ids"] == got["ids"]
    # half the template's and half the user's is none either
    got = ok(daemon.post(f"{url}/render", {**body, "messages": [{"role": "user", "content": "s>"}],
                                           "chat_template": "</{{ messages[0].content }}"}))
    assert "</s>" not in got["tokens"]
    assert got["text"] == "</s>"
    # without the template's it is all text, and nothing else changes
    plain = {**body, "messages": CHAT}
    assert ok(daemon.post(f"{url}/render", plain))["ids"] == \
        ok(daemon.post(f"{url}/render", {**plain, "special_tokens": "all"}))["ids"]


GENERATION = ("{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>"
              "{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}")


def by_char_to_token(spans, offsets):
    """As transformers makes the mask."""
    def char_to_token(place):
        return next((i for i, (start, end) in enumerate(offsets) if start <= place < end), None)
    mask = [0] * len(offsets)
    for span in spans:
        start, end = char_to_token(span["start"]), char_to_token(span["end"] - 1)
        if start is None:
            break
        for i in range(start, end + 1 if end else len(offsets)):
            mask[i] = 1
    return mask


@pytest.mark.parametrize("more", [
    {}, {"truncation": "right", "max_length": 30}, {"truncation": "left", "max_length": 20}, {"offsets": False},
    {"add_special_tokens": True}])
def test_mask_shows_the_assistants_tokens(daemon, url, more):
    chat = CHAT + [{"role": "assistant", "content": "so \u00e9\u00e8 far"}, {"role": "user", "content": "x"}]
    body = {"messages": chat, "chat_template": GENERATION, "tokenize": True, "assistant_tokens_mask": True,
            "offsets": True, "add_generation_prompt": False}
    got = ok(daemon.post(f"{url}/render", {**body, **more}))
    full = ok(daemon.post(f"{url}/render", {**body, **more, "offsets": True}))
    assert got["assistant_tokens_mask"] == by_char_to_token(full["generation_spans"], full["offsets"])
    octets = ok(daemon.post(f"{url}/render", {**body, **more, "offset_unit": "byte"}))
    assert octets["assistant_tokens_mask"] == got["assistant_tokens_mask"]
    if not more:
        said = [got["text"][slice(*o)] for o, m in zip(got["offsets"], got["assistant_tokens_mask"]) if m]
        assert "".join(said).count("</s>") == 2 and 0 < len(said) < got["count"]


def test_mask_ends_with_a_message_that_is_continued(daemon, url):
    got = ok(daemon.post(f"{url}/render", {
        "messages": CHAT[:2], "chat_template": GENERATION, "tokenize": True, "assistant_tokens_mask": True,
        "offsets": True, "continue_final_message": True}))
    assert got["text"].endswith("Hi \U0001f600")
    assert got["generation_spans"] == [{"start": len(got["text"]) - 4, "end": len(got["text"])}]
    assert got["assistant_tokens_mask"] == by_char_to_token(got["generation_spans"], got["offsets"])


def test_mask_without_generation_blocks_is_empty(daemon, url):
    got = ok(daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True, "assistant_tokens_mask": True}))
    assert got["assistant_tokens_mask"] == [0] * got["count"]


def test_padding_wants_a_pad_token(daemon, url):
    answer = daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True, "padding": "longest"})
    assert (answer.status, answer.json()["pointer"]) == (422, "/padding")


def test_too_long_a_prompt_is_refused_with_both_numbers(daemon, url):
    answer = daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True, "max_length": 2})
    assert answer.status == 400 and answer.json()["code"] == "prompt-too-long"
    assert answer.json()["count"] > answer.json()["max_length"] == 2


def test_ids_or_text_alone(daemon, url):
    body = {"messages": CHAT, "tokenize": True}
    want = ok(daemon.post(f"{url}/render", body))
    octets = daemon.request("POST", f"{url}/render", body=body, headers={"Accept": "application/octet-stream"})
    assert octets.headers["content-type"] == "application/octet-stream"
    assert octets.body == struct.pack(f"<{want['count']}I", *want["ids"])
    text = daemon.request("POST", f"{url}/render", body={"messages": CHAT}, headers={"Accept": "text/plain"})
    assert text.headers["content-type"].startswith("text/plain") and text.body.decode() == want["text"]
    wrong = daemon.request("POST", f"{url}/render", body={"messages": CHAT},
                           headers={"Accept": "application/octet-stream"})
    assert (wrong.status, wrong.json()["field"]) == (422, "tokenize")


def test_errors_are_those_of_rendering(daemon, url):
    for template, slug in (("{{ 1 + '' }}", "template-failed"), ("{% if %}", "template-invalid"),
                           ("{{ raise_exception('no') }}", "template-raised")):
        answer = daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True, "chat_template": template})
        assert (answer.status, answer.json()["code"], answer.json()["line"]) == (422, slug, 1)


def test_a_large_chat_is_what_its_text_is(daemon, url):
    chat = [{"role": "user", "content": f"line {i} of \\ \" \u00e9 many"} for i in range(4000)]
    got = ok(daemon.post(f"{url}/render", {"messages": chat, "tokenize": True, "max_length": 1 << 24}))
    assert got["ids"] == encoded(daemon, url, got["text"], max_length=1 << 24)["ids"]


# ---- /tokenize


def test_tokenize_takes_messages(daemon, url):
    want = ok(daemon.post(f"{url}/render", {"messages": CHAT, "tokenize": True, "tokens": True}))
    got = ok(daemon.post("/tokenize", {"model": MODEL, "messages": CHAT, "return_token_strs": True}))
    assert got["tokens"] == want["ids"] and got["count"] == want["count"] and got["token_strs"] == want["tokens"]
    assert got["max_model_len"] == ok(daemon.post("/tokenize", {"model": MODEL, "prompt": "x"}))["max_model_len"]
    assert got["template"] == want["template"]


def test_tokenize_takes_what_vllm_takes(daemon, url):
    body = {"model": MODEL, "messages": CHAT, "chat_template": "{{ bos_token }}{{ tools }}{{ q }}{{ add_generation_prompt }}",
            "chat_template_kwargs": {"q": 1}, "tools": [{"type": "function"}]}
    text = "<s>[{'type': 'function'}]1"
    assert ok(daemon.post("/tokenize", body))["tokens"] == encoded(daemon, url, text + "True")["ids"]
    got = ok(daemon.post("/tokenize", {**body, "add_generation_prompt": False, "add_special_tokens": True}))
    assert got["tokens"] == encoded(daemon, url, text + "False", add_special_tokens=True)["ids"]
    got = ok(daemon.post("/tokenize", {"model": MODEL, "messages": CHAT[:2], "continue_final_message": True}))
    assert got["tokens"] == ok(daemon.post(f"{url}/render", {
        "messages": CHAT[:2], "continue_final_message": True, "tokenize": True}))["ids"]


def test_tokenize_prepares_messages_as_vllm_and_says_so(daemon, url):
    chat = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{\"k\": 1}"}}]}]
    template = ("{% for m in messages %}{{ '<' + m.content + '>' }}"
                "{% for c in m.tool_calls %}{{ c.function.arguments.k }}{% endfor %}{% endfor %}")
    body = {"model": MODEL, "messages": chat, "chat_template": template}
    got = ok(daemon.post("/tokenize", body))
    assert got["tokens"] == encoded(daemon, url, "<a\nb><>1")["ids"]
    assert (got["content_format"], got["tool_arguments"], got["null_content"], got["message_rules"]) == \
        ("string", "object", "empty", "given")
    got = daemon.post("/tokenize", {**body, "null_content": "given"})
    assert (got.status, got.json()["code"]) == (422, "template-failed")


def test_tokenize_can_keep_users_to_text(daemon, url):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "</s>"}], "return_token_strs": True}
    assert "</s>" in ok(daemon.post("/tokenize", body))["token_strs"]
    assert "</s>" not in ok(daemon.post("/tokenize", {**body, "special_tokens": "template_only"}))["token_strs"]


@pytest.mark.parametrize("body, status, slug, field", [
    ({}, 422, "invalid-field", "prompt"),
    ({"prompt": "x", "messages": CHAT}, 422, "unsupported-combination", "messages"),
    ({"prompt": "x", "tools": []}, 422, "unsupported-combination", "tools"),
    ({"prompt": "x", "add_generation_prompt": True}, 422, "unsupported-combination", "add_generation_prompt"),
    ({"messages": {}}, 422, "invalid-field", "messages"),
    ({"messages": CHAT, "template_kwargs": {}}, 422, "unknown-field", "template_kwargs"),
    ({"messages": CHAT, "chat_template_kwargs": []}, 422, "invalid-field", "chat_template_kwargs"),
    ({"messages": CHAT, "chat_template_kwargs": {"messages": []}}, 422, "invalid-field", "chat_template_kwargs"),
    ({"messages": CHAT, "chat_template": "a\0"}, 422, "invalid-field", "chat_template"),
    ({"messages": CHAT, "chat_template": "x", "template_name": "y"}, 422, "unsupported-combination", "template_name"),
    ({"messages": CHAT, "template_name": "y"}, 422, "template-not-found", "template_name"),
    ({"messages": CHAT, "special_tokens": "none"}, 422, "invalid-field", "special_tokens"),
    ({"messages": CHAT, "add_generation_prompt": True, "continue_final_message": True}, 422,
     "unsupported-combination", "continue_final_message"),
    ({"messages": CHAT, "model": None}, 422, "invalid-field", "model"),
    ({"messages": CHAT, "model": "a\0b"}, 422, "invalid-field", "model"),
])
def test_tokenize_says_what_is_wrong(daemon, body, status, slug, field):
    answer = daemon.post("/tokenize", {"model": MODEL, **body})
    assert (answer.status, answer.json()["code"], answer.json()["field"]) == (status, slug, field), answer


# ---- pipelines


PARTS = [{"role": "user", "name": "n", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
SEES = "{{ messages[0].name is defined }} {{ messages[0].content is string }}"


@pytest.fixture(scope="module")
def pipeline(daemon):
    made = daemon.post("/v1/pipelines", {"model_path": MODEL, "max_length": 128})
    assert made.status in (200, 201), made
    assert made.json()["tokenizer"]["message_rules"] == "max"
    return made.json()


@pytest.fixture(scope="module")
def seeing(daemon):
    """A pipeline of an architecture that takes images too."""
    custom = arch("LlamaForCausalLM", pipeline_model="Llama3Model", input_modalities=["text", "image"],
                  supported_encodings={"float32": ["paged"], "bfloat16": ["paged"]})
    made = daemon.post("/v1/pipelines", {"model_path": MODEL, "max_length": 128, "custom_architectures": [custom]})
    assert made.status in (200, 201), made
    assert made.json()["tokenizer"]["message_rules"] == "given"
    return made.json()


def test_a_pipeline_stands_for_its_tokenizer(daemon, pipeline):
    by_tokenizer, by_pipeline = f"/v1/tokenizers/{pipeline['tokenizer']['id']}", f"/v1/tokenizers/{pipeline['id']}"
    for path, body in (("encode", {"text": "Hello"}), ("decode", {"ids": [5, 6]}), ("chunk", {"text": "a b", "max_tokens": 2})):
        assert ok(daemon.post(f"{by_pipeline}/{path}", body)) == ok(daemon.post(f"{by_tokenizer}/{path}", body))
    assert ok(daemon.get(f"{by_pipeline}/tokens/5")) == ok(daemon.get(f"{by_tokenizer}/tokens/5"))
    answer = daemon.post(f"{by_pipeline}/render", {"messages": CHAT, "tokenize": True, "max_length": 129})
    assert ok(answer)["message_rules"] == "max"
    assert answer.json()["ids"] == ok(daemon.post(f"{by_tokenizer}/render", {"messages": CHAT, "tokenize": True}))["ids"]


def test_a_text_pipeline_takes_messages_as_max_does(daemon, pipeline):
    url = f"/v1/tokenizers/{pipeline['id']}"
    got = ok(daemon.post(f"{url}/render", {"messages": PARTS, "chat_template": SEES}))
    assert (got["text"], got["message_rules"], got["content_format"]) == ("False True", "max", "string")
    got = ok(daemon.post(f"{url}/render", {"messages": PARTS, "chat_template": SEES, "message_rules": "given"}))
    assert (got["text"], got["message_rules"], got["content_format"]) == ("True False", "given", "openai")
    wrong = daemon.post(f"{url}/render", {"messages": [{"role": "developer", "content": ""}]})
    assert (wrong.status, wrong.json()["code"]) == (422, "invalid-field") and "role" in wrong.json()["detail"]
    wrong = daemon.post(f"{url}/render", {"messages": PARTS, "content_format": "openai"})
    assert (wrong.status, wrong.json()["code"], wrong.json()["field"]) == (422, "unsupported-combination", "content_format")
    by_tokenizer = f"/v1/tokenizers/{pipeline['tokenizer']['id']}"
    assert ok(daemon.post(f"{by_tokenizer}/render", {"messages": PARTS, "chat_template": SEES}))["message_rules"] == "given"


def test_a_pipeline_that_sees_more_takes_parts(daemon, seeing):
    got = ok(daemon.post(f"/v1/tokenizers/{seeing['id']}/render", {"messages": PARTS, "chat_template": SEES}))
    assert (got["text"], got["message_rules"]) == ("True False", "given")


def test_a_pipelines_own_template_counts(daemon):
    made = daemon.post("/v1/pipelines", {"model_path": MODEL, "max_length": 128, "chat_template": "own {{ messages|length }}"})
    got = ok(daemon.post(f"/v1/tokenizers/{made.json()['id']}/render", {"messages": CHAT}))
    assert (got["text"], got["template"]) == ("own 3", {"name": "custom", "origin": "tokenizer"})


def test_an_unknown_pipeline_is_not_found(daemon, pipeline):
    answer = daemon.post("/v1/tokenizers/pl_00000000000000000000000000000000/render", {"messages": CHAT})
    assert (answer.status, answer.json()["code"]) == (404, "pipeline-not-found")
    made = daemon.post("/v1/pipelines", {"model_path": MODEL, "max_length": 77}).json()
    assert daemon.delete(f"/v1/tokenizers/{made['tokenizer']['id']}").status == 204
    answer = daemon.post(f"/v1/tokenizers/{made['id']}/encode", {"text": "x"})
    assert (answer.status, answer.json()["code"]) == (404, "tokenizer-not-found")


def test_answers_are_as_described(daemon, url):
    body = {"messages": CHAT, "chat_template": GENERATION, "tokenize": True, "offsets": True, "word_ids": True,
            "assistant_tokens_mask": True, "special_tokens": "template_only", "tools": None}
    check(daemon, "post", "/v1/tokenizers/{id}/render", f"{url}/render", body=body, expect=[200])
    check(daemon, "post", "/v1/tokenizers/{id}/render", f"{url}/render", body={"messages": CHAT}, expect=[200])
    check(daemon, "post", "/tokenize", body={"model": MODEL, "messages": CHAT, "return_token_strs": True}, expect=[200])
    check(daemon, "post", "/tokenize", body={"model": MODEL, "prompt": "x"}, expect=[200])
