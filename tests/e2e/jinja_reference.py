"""Chat templates as transformers renders them: Jinja2, set up the same way."""
import datetime
import json

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime.fromtimestamp(1721995200, datetime.timezone.utc)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


class Generation(Extension):
    """{% generation %}: transparent; notes where the text of the assistant is."""

    tags = {"generation"}

    def parse(self, parser):
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("support"), [], [], body).set_lineno(lineno)

    def support(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


class Sandbox(ImmutableSandboxedEnvironment):
    """Newer releases also keep templates from list.pop() and list.clear(); so do we."""

    def is_safe_attribute(self, obj, attr, value):
        if isinstance(obj, list) and attr in ("pop", "clear"):
            return False
        return super().is_safe_attribute(obj, attr, value)


def environment():
    env = Sandbox(trim_blocks=True, lstrip_blocks=True,
                  extensions=[Generation, "jinja2.ext.loopcontrols", "jinja2.ext.do"])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda fmt: NOW.strftime(fmt)
    return env


ENV = environment()


def variables(context, tokens):
    out = dict(tokens)
    out.update({"tools": None, "documents": None, "add_generation_prompt": True, "messages": []})
    out.update(context)
    return out


def render(template, context, tokens=TOKENS):
    """("ok", text) or ("error", what)."""
    try:
        text = ENV.from_string(template).render(**variables(context, tokens))
        text.encode()
        return "ok", text
    except Exception as e:  # whatever Python raises is an error of the template
        return "error", f"{type(e).__name__}: {e}"
