"""Templates and contexts made by chance, from a seed: what jinja_reference.py is compared on."""
import random

STRINGS = ["''", "'a'", "'Hello World'", "' x y '", "'é\\n'", "'ß😀z'", "'<b>&'", "'a,b,c'", "\"it's\"",
           "'1'", "'3.7'", "'A-b c'", "'%s|%s'", "'{}:{}'", "'aXbX'", "'\\t\\u00a0'", "'user'"]
NUMBERS = ["0", "1", "2", "-3", "7", "10", "1.5", "0.1", "2.0", "1e3", "-0.5", "true", "false"]
NAMES = ["a", "b", "c", "s", "n", "xs", "d", "messages", "tools", "missing", "bos_token", "ns", "x", "y"]
FILTERS = ["trim", "upper", "lower", "title", "capitalize", "length", "string", "list", "first",
           "last", "join", "join(', ')", "join('-', attribute='role')", "default('D')",
           "default('D', true)", "tojson", "tojson(indent=2)", "replace('a', 'b')",
           "replace('X', '', 1)", "sort", "sort(reverse=true)", "unique|list", "reverse|list",
           "int", "int(7)", "float", "abs", "round", "round(1)", "sum", "min", "max", "items|list",
           "dictsort", "indent", "indent(2, true)", "safe", "e", "escape|length", "wordcount",
           "truncate(5)", "truncate(5, true, '')", "center(9)", "map('upper')|list",
           "map('string')|join", "map(attribute='role')|list", "map(attribute='k', default=0)|list",
           "select|list", "select('odd')|list", "select('string')|list", "reject('none')|list",
           "selectattr('role', 'equalto', 'user')|list", "selectattr('content', 'defined')|list|length",
           "rejectattr('role')|list", "batch(2)|list", "slice(2)|list", "groupby('role')|list|length",
           "count", "d(1)", "format(1, 2)", "urlencode", "forceescape",
           "tojson(ensure_ascii=true)", "map('first')|list", "join(1)", "sort(attribute='role')"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping",
         "iterable", "sequence", "true", "false", "odd", "even", "divisibleby(3)", "divisibleby 2",
         "in [1, 'a']", "eq 1", "equalto('a')", "ne(2)", "gt 1", "lt(5)", "sameas none", "upper",
         "lower", "callable", "escaped", "in 'Hello'", "in d"]
METHODS = [".strip()", ".lstrip()", ".rstrip('x ')", ".upper()", ".lower()", ".title()", ".split()",
           ".split(',')", ".split('a', 1)", ".rsplit(' ', 1)", ".replace('a', 'zz')", ".find('b')",
           ".count('a')", ".startswith('a')", ".endswith(('d', 'c'))", ".join(['p', 'q'])",
           ".format(1, 'f')", ".capitalize()", ".swapcase()", ".splitlines()", ".partition('b')",
           ".zfill(4)", ".center(7, '*')", ".isdigit()", ".isalpha()", ".islower()", ".items()",
           ".keys()|list", ".get('k')", ".get('zz', 5)", ".values()|list", ".index(1)", ".k", ".role",
           ".content", ".append(1)", ".pop()", ".__class__", ".k.j", ".removeprefix('a')",
           ".isspace()", ".expandtabs(3)", ".ljust(4)", ".copy()", ".update({})", ".nope"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in",
             "not in"]
SIGNS = ["", "", "", "-", "-", "+"]
TEXTS = ["", " ", "\n", "x", "  text \n", "\n\n", "é ", "a\r\nb", "\t", "{", "}} ", "<p>", "  \n  "]


# Each with the arguments it may have, some of them odd.
ODD = ["0", "-1", "2", "1.5", "none", "true", "''", "'a'", "' '", "'é'", "[]", "{}", "(1, 2)", "missing", "xs", "d"]
ODD_FILTERS = {"abs": 0, "attr": 1, "batch": 2, "capitalize": 0, "center": 1, "default": 2, "dictsort": 3,
               "escape": 0, "first": 0, "float": 1, "groupby": 2, "indent": 3, "int": 1, "items": 0,
               "join": 2, "last": 0, "length": 0, "list": 0, "lower": 0, "max": 2, "min": 2, "replace": 3,
               "reverse": 0, "round": 2, "safe": 0, "slice": 2, "sort": 3, "string": 0, "sum": 2, "title": 0,
               "tojson": 4, "trim": 1, "truncate": 4, "unique": 2, "upper": 0, "urlencode": 0, "wordcount": 0}
ODD_TESTS = {"defined": 0, "divisibleby": 1, "eq": 1, "ge": 1, "gt": 1, "in": 1, "le": 1, "lt": 1, "ne": 1,
             "sameas": 1, "odd": 0, "even": 0, "lower": 0, "upper": 0, "filter": 0, "test": 0}
ODD_METHODS = {"center": 2, "count": 3, "endswith": 3, "expandtabs": 1, "find": 3, "index": 3, "isalnum": 0,
               "isascii": 0, "isdecimal": 0, "isnumeric": 0, "isprintable": 0, "istitle": 0, "isupper": 0,
               "join": 1, "ljust": 2, "lstrip": 1, "partition": 1, "removesuffix": 1, "replace": 3, "rfind": 3,
               "rindex": 3, "rjust": 2, "rpartition": 1, "rsplit": 2, "rstrip": 1, "split": 2, "splitlines": 1,
               "startswith": 3, "strip": 1, "zfill": 1, "get": 2, "keys": 0}
FIELDS = ["%s", "%r", "%d", "%5.1f", "%-6s|", "%05d", "%+d", "%x", "%%", "%(k)s", "%.2s", "%3s"]
BRACES = ["{}", "{0}", "{a}", "{!r}", "{:>5}", "{:^7}", "{:05d}", "{:.2f}", "{0[k]}", "{:,}", "{:x}", "{{}}", "{:*<6}"]

class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.loops = 0
        self.odder = seed % 2 == 1

    def pick(self, xs):
        return self.r.choice(xs)

    def arguments(self, most, depth):
        few = self.r.randrange(most + 1)
        return ", ".join(self.pick(ODD) if self.r.random() < 0.7 else self.expr(depth - 1) for _ in range(few))

    def odd(self, depth):
        """Something with arguments that it may not have been made for."""
        r = self.r.random()
        if r < 0.4:
            name, most = self.pick(sorted(ODD_FILTERS.items()))
            made = "|list" if name in ("batch", "slice", "unique", "reverse", "items") else ""
            return f"{self.atom(depth)}|{name}({self.arguments(most, depth)}){made}"
        if r < 0.5:
            name, most = self.pick(sorted(ODD_TESTS.items()))
            return f"{self.atom(depth)} is {name}({self.arguments(most, depth)})"
        if r < 0.8:
            name, most = self.pick(sorted(ODD_METHODS.items()))
            return f"{self.atom(depth)}.{name}({self.arguments(most, depth)})"
        if r < 0.9:
            text = "".join(self.pick(FIELDS) for _ in range(self.r.randrange(1, 3)))
            given = self.pick(["(%s,)", "%s", "{'k': %s}", "(%s, 2)"]) % self.expr(depth - 1)
            return f"'{text}' % {given}"
        text = "".join(self.pick(BRACES) for _ in range(self.r.randrange(1, 3)))
        return f"'{text}'.format({self.expr(depth - 1)}, {self.pick(ODD)}, a={self.pick(ODD)})"

    def expr(self, depth=3):
        r = self.r.random()
        if self.odder and depth > 0 and r < 0.25:
            return self.odd(depth)
        if depth <= 0 or r < 0.22:
            return self.pick([self.pick(STRINGS), self.pick(NUMBERS), self.pick(NAMES),
                              self.pick(NAMES), "none"])
        e = lambda: self.expr(depth - 1)
        if r < 0.34:
            return f"{e()} {self.pick(OPERATORS)} {e()}"
        if r < 0.50:
            return f"{self.atom(depth)}|{self.pick(FILTERS)}"
        if r < 0.60:
            return f"{self.atom(depth)}{self.pick(METHODS)}"
        if r < 0.68:
            return f"{self.atom(depth)} is {self.pick(['', '', 'not '])}{self.pick(TESTS)}"
        if r < 0.74:
            # Of variables: constants are folded by Jinja's compiler, with other rules for slices.
            return f"{self.pick(NAMES)}[{self.subscript(depth)}]"
        if r < 0.78:
            return f"({e()} if {e()} else {e()})" if self.r.random() < 0.8 else f"({e()} if {e()})"
        if r < 0.83:
            return "[" + ", ".join(e() for _ in range(self.r.randrange(4))) + "]"
        if r < 0.87:
            pairs = (f"{self.pick(STRINGS + ['1', 'true', 'none', '(1,)'])}: {e()}"
                     for _ in range(self.r.randrange(3)))
            return "{" + ", ".join(pairs) + "}"
        if r < 0.90:
            return f"not {e()}"
        if r < 0.92:
            return f"-{self.atom(depth)}"
        if r < 0.94:
            return f"range({self.r.randrange(5)}, {self.r.randrange(8)}, {self.pick([1, 2, -1])})"
        if r < 0.96 and self.loops:
            return "loop." + self.pick(["index", "index0", "first", "last", "length", "revindex",
                                        "previtem", "nextitem", "cycle(1, 2)", "changed(x)", "depth"])
        if r < 0.98:
            return f"m({', '.join(e() for _ in range(self.r.randrange(4)))})"
        return f"namespace(v={e()}).v"

    def atom(self, depth):
        if self.r.random() < 0.5:
            return self.pick(NAMES + STRINGS)
        return f"({self.expr(depth - 1)})"

    def subscript(self, depth):
        if self.r.random() < 0.5:
            return self.pick(["0", "1", "-1", "'k'", "'role'", "5", "true", "none", "'items'"])
        part = lambda: self.pick(["", "", "0", "1", "-1", "2", "-9", "9"])
        return f"{part()}:{part()}" + (f":{self.pick(['', '1', '-1', '2', '-2'])}"
                                       if self.r.random() < 0.4 else "")

    def tag(self, inner):
        return f"{{%{self.pick(SIGNS)} {inner} {self.pick(SIGNS)}%}}"

    def output(self, depth=3):
        signs = ["", "", "", "-"]
        return f"{{{{{self.pick(signs)} {self.expr(depth)} {self.pick(signs)}}}}}"

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.r.randrange(1, 4)))

    def statement(self, depth):
        r = self.r.random()
        if depth <= 0 or r < 0.25:
            return self.pick(TEXTS) + self.output(2 if depth <= 0 else 3)
        b = lambda: self.pick(TEXTS) + self.body(depth - 1) + self.pick(TEXTS)
        if r < 0.38:
            out = self.tag(f"if {self.expr(2)}") + b()
            if self.r.random() < 0.3:
                out += self.tag(f"elif {self.expr(2)}") + b()
            if self.r.random() < 0.5:
                out += self.tag("else") + b()
            return out + self.tag("endif")
        if r < 0.58:
            return self.loop(depth)
        if r < 0.68:
            return self.tag(f"set {self.pick(['x', 'y', 'a', 's', 'x, y'])} = {self.expr(3)}")
        if r < 0.72:
            return self.tag(f"set ns.{self.pick(['v', 'w'])} = {self.expr(2)}")
        if r < 0.77:
            name = self.pick(["x", "y", "s"])
            bar = self.pick(["", "", "|upper", "|trim"])
            return self.tag(f"set {name}{bar}") + b() + self.tag("endset")
        if r < 0.81:
            return self.tag(f"filter {self.pick(['upper', 'trim', 'indent', 'title|trim'])}") + b() + \
                self.tag("endfilter")
        if r < 0.84:
            return self.tag(f"with x = {self.expr(2)}, y = x") + b() + self.tag("endwith")
        if r < 0.88:
            loops, self.loops = self.loops, 0
            out = self.tag(f"macro {self.pick(['m', 'w'])}(a, b={self.expr(1)})") + b() + \
                self.pick(["", "{{ varargs }}", "{{ kwargs }}", "{{ caller() }}"] +
                          (["{{ caller(a) }}", "{{ caller(a, b) }}", "{{ m(b) }}", "{{ m.name }}"]
                           if self.odder else [])) + self.tag("endmacro")
            self.loops = loops
            return out
        if r < 0.91:
            loops, self.loops = self.loops, 0
            call = self.pick(["call", "call", "call(x)", "call(x, y=2)"]) if self.odder else "call"
            out = self.tag(f"{call} {self.pick(['m', 'm', 'w']) if self.odder else 'm'}({self.expr(1)})") + b() + self.tag("endcall")
            self.loops = loops
            return out
        if r < 0.93:
            loops, self.loops = self.loops, 0
            out = self.tag("generation") + b() + self.tag("endgeneration")
            self.loops = loops
            return out
        if r < 0.95 and self.loops:
            return self.tag(f"if {self.expr(1)}") + self.tag(self.pick(["break", "continue"])) + \
                self.tag("endif")
        if r < 0.97:
            return f"{{#{self.pick(SIGNS)} {self.pick(TEXTS)} {self.pick(SIGNS)}#}}"
        if r < 0.98:
            return self.tag(f"do {self.expr(2)}")
        return self.tag("raw") + self.pick(TEXTS) + "{{ x }}" + self.tag("endraw")

    def loop(self, depth):
        target = self.pick(["x", "x", "x", "y", "k, v"])
        what = self.pick(["xs", "messages", "d.items()", "d|items", "'ab'", "range(3)", "xs|reverse",
                          "d", self.expr(2), self.expr(1)])
        test = f" if {self.expr(2)}" if self.r.random() < 0.25 else ""
        self.loops += 1
        out = self.tag(f"for {target} in {what}{test}") + self.pick(TEXTS) + self.body(depth - 1)
        self.loops -= 1
        if self.r.random() < 0.25:
            out += self.tag("else") + self.body(depth - 1)
        return out + self.tag("endfor")

    def mutated(self, text):
        for _ in range(self.r.randrange(1, 3)):
            i = self.r.randrange(len(text) + 1)
            how = self.r.random()
            if how < 0.4:
                text = text[:i] + text[i + self.r.randrange(1, 4):]
            elif how < 0.8:
                text = text[:i] + self.pick(["{%", "%}", "{{", "}}", "(", ")", "|", "'", " ", "-",
                                             ".", ",", "[", "]", "if", "in", "#}", "\n"]) + text[i:]
            else:
                j = self.r.randrange(len(text) + 1)
                text = text[:i] + text[min(i, j):max(i, j)] + text[i:]
        return text

    def template(self):
        head = "{% set ns = namespace(v=1) %}{% macro m(a='A', b=2) %}[{{ a }}{{ b }}]{% endmacro %}"
        text = head + self.body(3)
        return self.mutated(text) if self.r.random() < 0.15 else text

    def value(self, depth=2):
        r = self.r.random()
        if depth and r < 0.2:
            return [self.value(depth - 1) for _ in range(self.r.randrange(4))]
        if depth and r < 0.4:
            return {self.pick(["k", "role", "items", "é", "a b"]): self.value(depth - 1)
                    for _ in range(self.r.randrange(3))}
        return self.pick([None, True, False, 0, 1, -7, 3.5, 1e20, 0.1, "", "text", "é<\n", "user", "12",
                          " pad ", 123456789012, "ﬀİ", "x y  z"])

    def context(self):
        out = {n: self.value() for n in ("a", "b", "c", "s", "n") if self.r.random() < 0.8}
        out["xs"] = [self.value(1) for _ in range(self.r.randrange(4))]
        out["d"] = {self.pick(["k", "role", "b", "A", "items"]): self.value(1)
                    for _ in range(self.r.randrange(4))}
        out["messages"] = [{"role": self.pick(["user", "assistant", "system"]),
                            "content": self.value(1)} for _ in range(self.r.randrange(4))]
        if self.r.random() < 0.3:
            out["tools"] = [self.value() for _ in range(2)]
        return out


def case(seed):
    maker = Maker(seed)
    return maker.template(), maker.context()


def text_case(seed):
    """Mostly one expression, of texts: what becomes of them is what counts."""
    maker = Maker(seed)
    context = maker.context()
    for name in ("a", "b", "c", "s"):
        context[name] = maker.pick(["text", " pad <b>\n", "x y  z", "12", "a,b'c\"d"])
    context["xs"] = [context["a"], " ", context["s"]]
    context["d"] = {"k": context["b"], "role": context["c"], "items": [context["a"]]}
    if maker.r.random() < 0.2:
        return maker.template(), context
    body = maker.pick(["{{ %s }}", "{%% set x = %s %%}{{ x }}{{ x }}", "{{ [%s]|tojson }}",
                       "{%% for x in [%s] %%}{{ x }}{%% endfor %%}", "{{ '<' ~ (%s) ~ '>' }}",
                       "{%% filter trim %%} . {{ %s }} {%% endfilter %%}"])
    return body % maker.expr(3), context
