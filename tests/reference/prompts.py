#!/usr/bin/python3
"""prompts.py DIR [--full]: chats through real templates and tokenizers, over HTTP.

For each model of DIR/models with a chat template and each chat of tests/data/templates: the text is
what Jinja2 renders, ids and offsets are what the reference library makes of that text, the assistant's
mask is what its offsets give, and with template_only users' special tokens are what the library
makes of them when it does not know any. --full: all models, else five; a name: that model.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import jinja_reference as jinja
from daemon import SOURCE, Daemon

FEW = ("qwen3", "llama3_2", "mistral_nemo", "gemma3", "deepseek_v3")
CHATS = json.loads((SOURCE / "tests" / "data" / "templates" / "chats.json").read_text())
GENERATION = ("{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>\n"
              "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}")
ALONE = "{{ messages[0].content }}"
faults = []


class Reference:
    def __init__(self, modules):
        self.process = subprocess.Popen(["node", str(HERE / "encode.mjs"), str(modules)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        return self.process.wait()


def expect(where, what, want, got):
    if want != got:
        faults.append(where)
        print(f"{where}: {what} differs\n  reference {str(want)[:400]}\n  ours      {str(got)[:400]}")


def text_of(token):
    return token["content"] if isinstance(token, dict) else token


def special_tokens(config):
    """As transformers gives them to a template."""
    found = {k: text_of(v) for k, v in config.items() if k.endswith("_token") and isinstance(v, (str, dict))}
    if config.get("additional_special_tokens"):
        found["additional_special_tokens"] = [text_of(t) for t in config["additional_special_tokens"]]
    return found


def templates_of(config):
    given = config.get("chat_template")
    if isinstance(given, list):
        return {t["name"]: t["template"] for t in given}
    return {"default": given} if given else {}


def chosen(templates, tools):
    return templates.get("tool_use") if tools is not None and "tool_use" in templates else templates.get("default")


def request_of(chat):
    """The fields of render for a context of the template tests."""
    own = ("messages", "tools", "documents", "add_generation_prompt", "continue_final_message")
    body = {k: v for k, v in chat.items() if k in own}
    kwargs = {k: v for k, v in chat.items() if k not in own}
    return {**body, **({"template_kwargs": kwargs} if kwargs else {})}


def mask_of(spans, offsets):
    """As transformers finds it."""
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


def as_transformers(tokenizer, config):
    """The library's file with the tokens that transformers adds to it."""
    known = {t["content"] for t in tokenizer["added_tokens"]}
    added = [t for _, t in sorted(config.get("added_tokens_decoder", {}).items(), key=lambda item: int(item[0]))
             if t["content"] not in known]
    end = max([len(tokenizer["model"]["vocab"])] + [t["id"] + 1 for t in tokenizer["added_tokens"]])
    return {**tokenizer, "added_tokens": tokenizer["added_tokens"] + [{**t, "id": end + i} for i, t in enumerate(added)]}


class Model:
    def __init__(self, folder, daemon, reference):
        self.name, self.daemon, self.reference = folder.name, daemon, reference
        config = json.loads((folder / "tokenizer_config.json").read_text())
        self.json = as_transformers(json.loads((folder / "tokenizer.json").read_text()), config)
        self.templates, self.tokens = templates_of(config), special_tokens(config)
        reference.ask(open=json.dumps(self.json))
        made = daemon.post("/v1/tokenizers", {"model": str(folder), "max_length": 1 << 24})
        assert made.status in (200, 201), made
        self.url = f"/v1/tokenizers/{made.json()['id']}/render"
        self.compared = self.refused = 0

    def render(self, body):
        return self.daemon.post(self.url, {"tokenize": True, "offsets": True, "max_length": 1 << 24, **body})

    def chat(self, name, chat):
        """Text, ids and offsets of the model's own template."""
        where = f"{self.name}, {name}"
        if chat.get("continue_final_message"):
            return
        kind, text = jinja.render(chosen(self.templates, chat.get("tools")), chat, self.tokens)
        got = self.render(request_of(chat))
        if kind == "error":
            self.refused += 1
            expect(where, "status", 422, got.status)
            return
        if got.status != 200:
            expect(where, "answer", text, got.body)
            return
        want = self.reference.ask(text=text)
        got = got.json()
        self.compared += 1
        expect(where, "text", text, got["text"])
        expect(where, "ids", want["ids"], got["ids"])
        expect(where, "offsets", want["offsets"], got["offsets"])
        expect(where, "count", len(want["ids"]), got["count"])

    def mask(self, name, chat):
        got = self.render({"messages": chat["messages"], "chat_template": GENERATION, "assistant_tokens_mask": True})
        if got.status != 200:
            return
        got = got.json()
        want = self.reference.ask(text=got["text"])
        expect(f"{self.name}, {name}", "mask", mask_of(got["generation_spans"], want["offsets"]),
               got["assistant_tokens_mask"])

    def guarded(self):
        """Users' special tokens, by a library that does not know them."""
        special = [t["content"] for t in self.json["added_tokens"] if t["special"]]
        bare = {**self.json, "added_tokens": [t for t in self.json["added_tokens"] if not t["special"]]}
        known = self.reference.ask
        texts = [f"a{token}b {token}{token}\n{token[:-1]} {token} \u00e9" for token in special[:40]]
        ours = [self.render({"messages": [{"content": text}], "chat_template": ALONE, "special_tokens": "template_only"})
                for text in texts]
        plain = [known(text=text) for text in texts]
        known(open=json.dumps(bare))
        for text, got, aware in zip(texts, ours, plain):
            want = known(text=text)
            self.compared += 1
            if got.status != 200:
                expect(f"{self.name}, {text!r}", "answer", want, got.body)
                continue
            expect(f"{self.name}, {text!r}", "guarded ids", want["ids"], got.json()["ids"])
            expect(f"{self.name}, {text!r}", "guarded offsets", want["offsets"], got.json()["offsets"])
            if aware["ids"] == want["ids"]:
                expect(f"{self.name}, {text!r}", "the token", "one", "none")


def main():
    directory, full, asked = pathlib.Path(sys.argv[1]).resolve(), "--full" in sys.argv[2:], sys.argv[2:] or FEW
    reference = Reference(directory / "node_modules")
    jinja.ENV.globals["strftime_now"] = lambda fmt: datetime.datetime.now().strftime(fmt)
    compared = refused = 0
    with tempfile.TemporaryDirectory() as state, \
            Daemon(state, "--model-root", directory / "models", offline=True) as daemon:
        for folder in sorted((directory / "models").iterdir()):
            config = folder / "tokenizer_config.json"
            if not config.exists() or not templates_of(json.loads(config.read_text())):
                continue
            if not full and folder.name not in asked:
                continue
            model = Model(folder, daemon, reference)
            for name, chat in CHATS.items():
                model.chat(name, chat)
                model.mask(name, chat)
            model.guarded()
            print(f"{model.name}: {model.compared} compared, {model.refused} refused by both")
            compared, refused = compared + model.compared, refused + model.refused
    if reference.stop() != 0 or not compared:
        faults.append("the reference")
    print(f"{compared} prompts compared, {refused} refused by both, {len(faults)} differences")
    return 1 if faults else 0


sys.exit(main())
