"""
Chat templates against their reference, Jinja2 set up as transformers does it, and the route
that renders them.

PIPELINED_TEMPLATE_CASES says how many generated templates are compared (3,000).
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import warnings

import pytest

jinja2 = pytest.importorskip("jinja2")

import jinja_reference as reference
import template_constructs
import template_fuzz
from daemon import BUILD, EXAMPLES, SOURCE, Daemon
from test_openapi import check

DATA = SOURCE / "tests" / "data" / "templates"
CHATS = json.loads((DATA / "chats.json").read_text())
CASES = int(os.environ.get("PIPELINED_TEMPLATE_CASES", "3000"))


class Renderer:
    def __init__(self):
        self.process = subprocess.Popen([str(BUILD / "tests/e2e/template_render")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "TZ": "UTC"})

    def render(self, template, context, **more):
        self.process.stdin.write(json.dumps({"template": template, "context": context, **more}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


@pytest.fixture(scope="module")
def ours():
    r = Renderer()
    yield r
    r.stop()


def same(ours, template, context, where):
    """Equal text, or both fail. True when there was text."""
    kind, want = reference.render(template, context)
    got = ours.render(template, context)
    if kind == "ok" and " at 0x" in want.lower():  # an address of Python's
        return False
    assert (kind == "ok") == ("text" in got), f"{where}\n{template}\n{want!r}\n{got!r}"
    if kind == "ok":
        assert got["text"] == want, f"{where}\n{template}"
    return kind == "ok"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.jinja")), ids=lambda p: p.stem)
def test_renders_what_jinja_renders(ours, path):
    template = path.read_bytes().decode()
    texts = sum(same(ours, template, chat, f"{path.name} with {name}") for name, chat in CHATS.items())
    if path.stem.endswith("_fails"):
        assert texts < len(CHATS)
    else:
        assert texts > 0


def test_own_templates_use_every_construct():
    templates = [path.read_bytes().decode() for path in DATA.glob("*.jinja")]
    missing = template_constructs.known(SOURCE) - template_constructs.used(templates)
    assert not missing, sorted(missing)
    assert len(templates) >= 60 and len(CHATS) >= 40


class Slow(Exception):
    pass


def too_slow(*_):
    raise Slow


def test_generated_templates_render_alike(ours):
    first = int(os.environ.get("PIPELINED_TEMPLATE_SEED", "0"))
    texts = 0
    signal.signal(signal.SIGALRM, too_slow)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(first, first + CASES):
            template, context = template_fuzz.case(seed)
            signal.setitimer(signal.ITIMER_REAL, 5)
            try:
                texts += same(ours, template, context, f"seed {seed}: {json.dumps(context)}")
            except Slow:  # Python's loss
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    assert texts > CASES / 20, "most of the generated templates fail"


# Letters that have no case, that Python prints as they are, and that no template here has.
USERS = "\u4e00\u4e8c\u4e09"


def users_own(value, keep=("role",)):
    """The same value, every text of it in letters that only the user writes."""
    if isinstance(value, str):
        return "".join(USERS[ord(c) % 3] if c.isalnum() else c for c in value)
    if isinstance(value, list):
        return [users_own(v, keep) for v in value]
    if isinstance(value, dict):
        return {k: v if k in keep else users_own(v, keep) for k, v in value.items()}
    return value


def test_no_text_of_the_user_passes_for_the_templates(ours):
    first = int(os.environ.get("PIPELINED_TEMPLATE_SEED", "0"))
    letters = 0
    for seed in range(first, first + CASES):
        template, context = template_fuzz.text_case(seed)
        context = users_own(context)
        plain = ours.render(template, context)
        got = ours.render(template, context, users=True)
        if "text" not in got:
            assert plain.get("error") == got["error"], f"seed {seed}"
            continue
        text, at, rest = got["text"], 0, ""
        assert plain["text"] == text, f"seed {seed}"
        for start, end in got["users"]:
            assert at <= start < end <= len(text), f"seed {seed}: {got['users']}"
            rest += text[at:start]
            letters += sum(c in USERS for c in text[start:end])
            at = end
        rest += text[at:]
        assert not any(c in USERS for c in rest), f"seed {seed}\n{template}\n{context}\n{got}"
    assert letters > CASES / 5


def test_generation_blocks_give_their_spans(ours):
    a = ours.render("é{% generation %}ab{% endgeneration %}x{% generation %}{% endgeneration %}", {})
    assert a == {"text": "éabx", "spans": [[1, 3], [4, 4]]}


def test_final_message_is_continued(ours):
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "so far "}],
            "continue_final_message": True, "add_generation_prompt": False}
    plain = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    assert ours.render(plain, chat)["text"] == "<user>q</><assistant>so far "
    trimmed = plain.replace("m.content", "m.content|trim")
    assert ours.render(trimmed, chat)["text"] == "<user>q</><assistant>so far"
    assert ours.render("nothing of it", chat)["error"] == "invalid-field"


@pytest.mark.parametrize("template, slug", [
    ("{% for i in range(100001) %}{% endfor %}", "template-range-limit"),
    ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "template-step-limit"),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "template-depth-limit"),
    ("{{ 'x' * 20000000 }}", "template-output-limit"),
    ("{{ ('x' * 2000000000)|length }}", "template-memory-limit"),
    ("{{ 'a' " + "~ 'a'" * 300000 + " }}", "template-too-large"),
    ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "template-depth-limit"),
    ("{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
     "template-depth-limit"),
    ("{% include 'x' %}", "template-invalid"),
    ("{{ raise_exception('no') }}", "template-raised"),
    ("{{ 1 + 'a' }}", "template-failed"),
])
def test_limits_and_errors_have_their_slugs(ours, template, slug):
    assert ours.render(template, {})["error"] == slug


# ---- the route


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("render"), "--model-root", EXAMPLES, offline=True) as d:
        made = d.post("/v1/tokenizers", {"model": str(EXAMPLES / "tiny-llama")})
        assert made.status == 201, made
        d.tokenizer = f"/v1/tokenizers/{made.json()['id']}"
        yield d


HELLO = [{"role": "user", "content": "Hello"}]


def test_route_renders_by_the_models_template(served):
    a = served.post(f"{served.tokenizer}/render", {"messages": HELLO})
    assert a.status == 200, a
    assert a.json() == {"text": "[user] Hello\n[assistant] ", "generation_spans": [],
                        "template": {"name": "default", "origin": "tokenizer_config.json"},
                        "content_format": "openai", "tool_arguments": "given", "null_content": "given",
                        "message_rules": "given"}
    assert served.post(f"{served.tokenizer}/render", {"messages": HELLO}).body == a.body


def test_route_takes_a_template_and_variables(served):
    a = served.post(f"{served.tokenizer}/render", {
        "messages": HELLO, "add_generation_prompt": False, "template_kwargs": {"q": [1.0]},
        "chat_template": "{{ bos_token }}{{ q }}{{ tools }}{% generation %}{{ messages[0].content }}{% endgeneration %}"})
    assert a.status == 200, a
    assert a.json()["text"] == "<s>[1.0]NoneHello"
    assert a.json()["generation_spans"] == [{"start": 12, "end": 17}]
    assert a.json()["template"] == {"name": "custom", "origin": "request"}


def test_route_joins_parts_where_asked(served):
    parts = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    for given in ("string", "auto"):
        a = served.post(f"{served.tokenizer}/render", {"messages": parts, "content_format": given})
        assert (a.status, a.json()["text"][:11], a.json()["content_format"]) == (200, "[user] a\nb\n", "string")
    a = served.post(f"{served.tokenizer}/render", {"messages": parts})
    assert (a.status, a.json()["exception"]) == (422, "TypeError")


@pytest.mark.parametrize("body, status, slug", [
    ({}, 422, "invalid-field"),
    ({"messages": "x"}, 422, "invalid-field"),
    ({"messages": ["x"]}, 422, "invalid-field"),
    ({"messages": HELLO, "mesages": 1}, 422, "unknown-field"),
    ({"messages": HELLO, "messages ": 1}, 422, "unknown-field"),
    ({"messages": HELLO, "tokenize": "yes"}, 422, "invalid-field"),
    ({"messages": HELLO, "offsets": True}, 422, "unsupported-combination"),
    ({"messages": HELLO, "assistant_tokens_mask": True}, 422, "unsupported-combination"),
    ({"messages": HELLO, "max_length": 3}, 422, "unsupported-combination"),
    ({"messages": HELLO, "tokenize": True, "offset_unit": "bit"}, 422, "invalid-field"),
    ({"messages": HELLO, "tokenize": True, "max_length": 0}, 422, "invalid-field"),
    ({"messages": HELLO, "tokenize": True, "padding": "max_length"}, 422, "invalid-field"),
    ({"messages": HELLO, "template_name": "rag"}, 422, "template-not-found"),
    ({"messages": HELLO, "template_name": "rag", "chat_template": "x"}, 422, "unsupported-combination"),
    ({"messages": HELLO, "continue_final_message": True, "add_generation_prompt": True}, 422,
     "unsupported-combination"),
    ({"messages": HELLO, "template_kwargs": {"tools": []}}, 422, "invalid-field"),
    ({"messages": HELLO, "content_format": "html"}, 422, "invalid-field"),
    ({"messages": HELLO, "tool_arguments": "json"}, 422, "invalid-field"),
    ({"messages": HELLO, "null_content": True}, 422, "invalid-field"),
    ({"messages": HELLO, "message_rules": "min"}, 422, "invalid-field"),
    ({"messages": HELLO, "special_tokens": "none"}, 422, "invalid-field"),
    ({"messages": HELLO, "message_rules": "max", "content_format": "openai"}, 422, "unsupported-combination"),
    ({"messages": [{"role": "developer", "content": ""}], "message_rules": "max"}, 422, "invalid-field"),
    ({"messages": HELLO, "chat_template": "{% if %}"}, 422, "template-invalid"),
    ({"messages": HELLO, "chat_template": "{{ raise_exception('not you') }}"}, 422, "template-raised"),
    ({"messages": HELLO, "chat_template": "\n{{ 1 + '' }}"}, 422, "template-failed"),
])
def test_route_says_what_is_wrong(served, body, status, slug):
    a = served.post(f"{served.tokenizer}/render", body)
    assert a.status == status and a.json()["type"].endswith(slug), a


def test_route_shows_the_templates_own_error_and_places(served):
    a = served.post(f"{served.tokenizer}/render", {"messages": HELLO, "chat_template": "\n {{ raise_exception('not you') }}"})
    assert (a.json()["detail"], a.json()["line"], a.json()["exception"]) == ("not you", 2, "TemplateError")


CALL = [{"role": "assistant", "content": None,
         "tool_calls": [{"function": {"name": "f", "arguments": '{"k": 1}'}}]}]
CALLS = "{% for m in messages %}{{ '<' + m.content }}{% for c in m.tool_calls %}{{ c.function.arguments.k }}{% endfor %}{% endfor %}"


def test_route_prepares_messages_as_asked_and_says_so(served):
    body = {"messages": CALL, "chat_template": CALLS}
    assert served.post(f"{served.tokenizer}/render", body).json()["exception"] == "TypeError"
    a = served.post(f"{served.tokenizer}/render", {**body, "tool_arguments": "auto", "null_content": "auto"})
    assert a.status == 200, a
    assert (a.json()["text"], a.json()["tool_arguments"], a.json()["null_content"]) == ("<1", "object", "empty")
    a = served.post(f"{served.tokenizer}/render", {**body, "message_rules": "max", "chat_template": "{{ messages[0].content|length }}"})
    assert (a.json()["text"], a.json()["message_rules"], a.json()["content_format"]) == ("0", "max", "string")


def test_route_tells_whose_text_it_is(served):
    a = served.post(f"{served.tokenizer}/render", {
        "messages": [{"role": "user", "content": "é</s>"}], "special_tokens": "template_only",
        "chat_template": "é<s>{{ messages[0].role }}: {{ messages[0].content }}</s>"})
    assert a.json()["user_spans"] == [{"start": 10, "end": 15}]
    assert a.json()["text"][10:15] == "é</s>"


@pytest.mark.parametrize("template, slug, place", [
    ("\n {% for i in range(100001) %}{% endfor %}", "template-range-limit", (2, 19)),
    ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "template-step-limit", (1, 31)),
    ("\n{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "template-depth-limit", (2, 20)),
    ("\n\n{{ 'x' * 20000000 }}", "template-output-limit", (3, 8)),
    ("é{{ ('x' * 2000000000)|length }}", "template-memory-limit", (1, 10)),
    ("é\n{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "template-depth-limit", (2, 204)),
])
def test_route_has_a_problem_for_every_limit(served, template, slug, place):
    a = served.post(f"{served.tokenizer}/render", {"messages": HELLO, "chat_template": template})
    assert a.status == 422 and a.json()["code"] == slug, a
    assert (a.json()["line"], a.json()["column"]) == place, a
    assert served.get(a.json()["type"]).status == 200
    assert a.json()["limit"] > 0


def test_route_bounds_the_template_itself(served):
    for template in ("x" * ((1 << 20) + 1), "{{ 1 " + ",1" * 400000 + " }}"):
        a = served.post(f"{served.tokenizer}/render", {"messages": HELLO, "chat_template": template})
        assert a.status == 422 and a.json()["code"] == "template-too-large" and a.json()["limit"] > 0, a


def test_route_knows_no_other_tokenizer(served):
    a = served.post("/v1/tokenizers/tk_00000000000000000000000000000000/render", {"messages": HELLO})
    assert a.status == 404 and a.json()["type"].endswith("tokenizer-not-found")


# ---- where templates come from


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A daemon and a folder for models of it."""
    root = tmp_path_factory.mktemp("shelf")
    with Daemon(tmp_path_factory.mktemp("sources"), "--model-root", root, offline=True) as d:
        d.root = root
        yield d


def model_with(shelf, name, files):
    """The example without its template, and these files: the id of its tokenizer."""
    folder = shelf.root / name
    shutil.copytree(EXAMPLES / "tiny-llama", folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        if path.endswith(".json"):
            old = json.loads((folder / path).read_text()) if (folder / path).exists() else {}
            content = json.dumps({**old, **content})
        (folder / path).write_text(content)
    made = shelf.post("/v1/tokenizers", {"model": str(folder)})
    assert made.status == 201, made
    return made.json()["id"]


def rendered(shelf, tokenizer, **more):
    a = shelf.post(f"/v1/tokenizers/{tokenizer}/render", {"messages": HELLO, **more})
    return (a.json()["text"], a.json()["template"]["name"], a.json()["template"]["origin"]) if a.status == 200 else a.json()


@pytest.mark.parametrize("files, origin", [
    ({"tokenizer_config.json": {"chat_template": "T"}}, "tokenizer_config.json"),
    ({"tokenizer_config.json": {"chat_template": [{"name": "default", "template": "T"}]}}, "tokenizer_config.json"),
    ({"chat_template.jinja": "T", "tokenizer_config.json": {"chat_template": "no"}}, "chat_template.jinja"),
    ({"chat_template.json": {"chat_template": "T"}}, "chat_template.json"),
    ({"chat_template.json": {"chat_template": "no"}, "tokenizer_config.json": {"chat_template": "T"}},
     "tokenizer_config.json"),
    ({"processor_config.json": {"chat_template": "T"}}, "processor_config.json"),
    ({"additional_chat_templates/default.jinja": "T"}, "additional_chat_templates/default.jinja"),
])
def test_every_source_of_templates_is_found(shelf, files, origin, request):
    tokenizer = model_with(shelf, f"m{abs(hash(request.node.name))}", files)
    assert rendered(shelf, tokenizer) == ("T", "default", origin)


def test_gguf_brings_its_template(served):
    made = served.post("/v1/tokenizers", {"model": str(EXAMPLES / "tiny-llama-gguf")})
    assert made.status == 201, made
    text, name, origin = rendered(served, made.json()["id"])
    assert "Hello" in text and name == "default" and origin.endswith(".gguf")


def test_templates_are_chosen_by_name_and_by_tools(shelf):
    tokenizer = model_with(shelf, "named", {
        "tokenizer_config.json": {"chat_template": [{"name": "default", "template": "D"},
                                                    {"name": "tool_use", "template": "U"}]},
        "additional_chat_templates/rag.jinja": "R"})
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert rendered(shelf, tokenizer)[0] == "D"
    assert rendered(shelf, tokenizer, tools=tools)[0] == "U"
    assert rendered(shelf, tokenizer, tools=[])[0] == "U"  # transformers asks whether it is None
    assert rendered(shelf, tokenizer, tools=tools, template_name="default")[0] == "D"
    assert rendered(shelf, tokenizer, template_name="rag") == ("R", "rag", "additional_chat_templates/rag.jinja")
    assert rendered(shelf, tokenizer, chat_template="Q", tools=tools) == ("Q", "custom", "request")
    missing = rendered(shelf, tokenizer, template_name="rags")
    assert missing["code"] == "template-not-found" and missing["nearest"] == ["rag"]


def test_template_may_be_a_file_below_a_root(shelf):
    model = shelf.root / "filed"
    shutil.copytree(EXAMPLES / "tiny-llama", model)
    (shelf.root / "own.jinja").write_text("{{ messages|length }} of a file")
    (shelf.root / "own.json").write_text(json.dumps({"chat_template": "{{ 1 }} of JSON"}))
    (shelf.root / "bad.jinja").write_bytes(b"\xff")
    (shelf.root / "big.jinja").write_text("x" * ((1 << 20) + 1))
    for name, text in (("own.jinja", "1 of a file"), ("own.json", "1 of JSON")):
        made = shelf.post("/v1/tokenizers", {"model": str(model), "chat_template": str(shelf.root / name)})
        assert made.status == 201, made
        assert rendered(shelf, made.json()["id"]) == (text, "custom", "tokenizer")
        p = shelf.post("/v1/pipelines", {"model_path": str(model), "chat_template": str(shelf.root / name)})
        assert p.status in (200, 201), p
        assert rendered(shelf, p.json()["tokenizer"]["id"])[0] == text
    for path, status, slug in ((shelf.root / "none.jinja", 404, "file-not-found"),
                               ("/etc/passwd", 403, "path-not-allowed"),
                               (f"{shelf.root}/../x", 403, "path-not-allowed"),
                               (shelf.root / "bad.jinja", 422, "invalid-field"),
                               (shelf.root / "big.jinja", 422, "file-too-large")):
        for route, field in (("tokenizers", "model"), ("pipelines", "model_path")):
            a = shelf.post(f"/v1/{route}", {field: str(model), "chat_template": str(path)})
            assert (a.status, a.json()["code"]) == (status, slug), (path, a)


def test_additional_special_tokens_are_a_list(shelf):
    template = "{{ additional_special_tokens[1] }}{{ additional_special_tokens|length }}"
    for name, files, text in (
            ("listed", {"tokenizer_config.json": {"additional_special_tokens": ["<x>", {"content": "<y>"}, 3]}}, "<y>2"),
            ("mapped", {"special_tokens_map.json": {"additional_special_tokens": ["<p>", "<q>", "<r>"]}}, "<q>3"),
            ("both", {"tokenizer_config.json": {"additional_special_tokens": ["<x>", "<y>"]},
                      "special_tokens_map.json": {"additional_special_tokens": ["<p>", "<q>", "<r>"]}}, "<y>2")):
        tokenizer = model_with(shelf, f"additional-{name}", files)
        assert rendered(shelf, tokenizer, chat_template=template)[0] == text, name
    tokens = shelf.get(f"/v1/tokenizers/{tokenizer}").json()["additional_special_tokens"]
    assert tokens == ["<x>", "<y>"]
    without = rendered(shelf, model_with(shelf, "additional-none", {"chat_template.jinja": template}))
    assert (without["code"], without["exception"]) == ("template-failed", "UndefinedError")


# ---- what is said of them


def test_documents_say_what_templates_are(shelf):
    tokenizer = model_with(shelf, "facts", {
        "tokenizer_config.json": {"chat_template": [
            {"name": "default", "template": "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}"
                                            "{% endfor %}{{ enable_thinking }}"},
            {"name": "tool_use", "template": "{{ tools|tojson }}{{ messages[0].content }}"}]},
        "additional_chat_templates/broken.jinja": "\n  {% include 'x' %}"})
    model = shelf.get("/v1/model/tokenizer", {"model": str(shelf.root / "facts")}).json()
    made = shelf.get(f"/v1/tokenizers/{tokenizer}").json()
    assert made["chat_templates"] == model["chat_templates"] and made["chat_template"] is None
    facts = {t["name"]: t for t in model["chat_templates"]}
    assert facts.keys() == {"default", "tool_use", "broken"}
    assert (facts["default"]["content_format"], facts["default"]["variables"]) == ("openai", ["enable_thinking"])
    assert facts["tool_use"]["content_format"] == "string" and facts["tool_use"]["supports"]["tools"]
    assert facts["tool_use"]["supports"]["system"] and not facts["default"]["supports"]["tools"]
    assert facts["tool_use"]["sha256"] == hashlib.sha256(b"{{ tools|tojson }}{{ messages[0].content }}").hexdigest()
    broken = facts["broken"]
    assert broken["supports"] is None and broken["origin"] == "additional_chat_templates/broken.jinja"
    assert (broken["error"]["code"], broken["error"]["line"], broken["error"]["column"]) == ("template-invalid", 2, 6)
    own = shelf.post("/v1/tokenizers", {"model": str(shelf.root / "facts"), "chat_template": "{{ messages }}"}).json()
    assert own["custom_chat_template"] and own["chat_template"]["supports"]["system"]
    check(shelf, "get", "/v1/tokenizers/{id}", f"/v1/tokenizers/{own['id']}", expect=[200])
    check(shelf, "get", "/v1/model/tokenizer", f"/v1/model/tokenizer?model={shelf.root / 'facts'}", expect=[200])
