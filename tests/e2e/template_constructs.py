"""
What the template engine has, by its own tables, and what templates use of it.

The names come from the C sources, so that a filter, a test, a method, an attribute
of loop, a global, a statement or an operator that is added there is missed here
until a template of tests/data/templates uses it.
"""
import re

import jinja_reference as reference
from jinja2 import nodes
from jinja2.visitor import NodeVisitor

# Nodes of the engine's tree, and of Jinja's for the same.
NODES = {
    "N_CONST": "Const", "N_NAME": "Name", "N_TUPLE": "Tuple", "N_LIST": "List", "N_DICT": "Dict",
    "N_COND": "CondExpr", "N_OR": "Or", "N_AND": "And", "N_NOT": "Not", "N_COMPARE": "Compare",
    "N_OPERAND": "Operand", "N_ADD": "Add", "N_SUB": "Sub", "N_MUL": "Mul", "N_DIV": "Div",
    "N_FLOORDIV": "FloorDiv", "N_MOD": "Mod", "N_POW": "Pow", "N_CONCAT": "Concat", "N_NEG": "Neg",
    "N_POS": "Pos", "N_GETATTR": "Getattr", "N_GETITEM": "Getitem", "N_SLICE": "Slice", "N_CALL": "Call",
    "N_FILTER": "Filter", "N_TEST": "Test", "N_PRINT": "Output", "N_IF": "If", "N_FOR": "For",
    "N_SET": "Assign", "N_SET_ATTR": "NSRef", "N_SET_BLOCK": "AssignBlock", "N_MACRO": "Macro",
    "N_CALL_BLOCK": "CallBlock", "N_FILTER_BLOCK": "FilterBlock", "N_WITH": "With", "N_DO": "ExprStmt",
    "N_BREAK": "Break", "N_CONTINUE": "Continue", "N_GENERATION": "generation",
}
COMPARISONS = {"CMP_EQ": "eq", "CMP_NE": "ne", "CMP_LT": "lt", "CMP_LE": "lteq", "CMP_GT": "gt",
               "CMP_GE": "gteq", "CMP_IN": "in", "CMP_NOT_IN": "notin"}


def table(text, start):
    """The first strings of the rows of a table in C."""
    body = text[text.index(start):]
    return re.findall(r'\{"([^"]+)", [.a-z]', body[:body.index("\n};")])


def enum(text, name):
    body = re.sub(r"/\*.*?\*/", "", text[text.index(f"enum {name} {{"):], flags=re.S)
    return re.findall(r"[A-Z]+_[A-Z_]+", body[:body.index("}")])


def known(source):
    """("filter", "trim") and so on: all that the engine has."""
    c = {p.name: p.read_text() for p in (source / "lib" / "template").glob("*.[ch]")}
    every = "".join(text for name, text in sorted(c.items()) if name.endswith(".c"))
    tables = {
        "filter": ["struct filter_def filters_text[]", "struct filter_def filters_sequence[]"],
        "test": ["struct test_def tests[]"],
        "global": ["struct function_def globals[]"],
        "method": [f"struct function_def {kind}_methods[]" for kind in ("str", "dict", "seq", "list", "loop")],
    }
    out = {(kind, name) for kind, starts in tables.items() for start in starts for name in table(every, start)}
    loop = every[every.index("bool loop_attr("):]
    out |= {("loop", name) for name in re.findall(r'str_is\(name, "([a-z0-9]+)"\)', loop[:loop.index("\n}\n")])}
    out |= {("node", NODES[name]) for name in enum(c["ast.h"], "node_kind")}
    out |= {("comparison", COMPARISONS[name]) for name in enum(c["ast.h"], "compare_op")}
    tojson = re.search(r'"tojson", filter_tojson, \{([^}]*)\}', every).group(1)
    out |= {("tojson", name) for name in re.findall(r'"([a-z_]+)"', tojson)}
    return out


class Uses(NodeVisitor):
    def __init__(self):
        self.found = set()

    def generic_visit(self, node, *args, **kwargs):
        self.found.add(("node", type(node).__name__))
        super().generic_visit(node, *args, **kwargs)

    def visit_Filter(self, node):
        self.found.add(("filter", node.name))
        if node.name == "tojson":
            self.found |= {("tojson", k.key) for k in node.kwargs}
        kind = {"map": "filter", "select": "test", "reject": "test", "selectattr": "test",
                "rejectattr": "test"}.get(node.name)
        if kind:
            self.found |= {(kind, a.value) for a in node.args if isinstance(a, nodes.Const)}
        self.generic_visit(node)

    def visit_Test(self, node):
        self.found.add(("test", node.name))
        self.generic_visit(node)

    def visit_Name(self, node):
        self.found.add(("global", node.name))
        self.generic_visit(node)

    def visit_Operand(self, node):
        self.found.add(("comparison", node.op))
        self.generic_visit(node)

    def visit_Getattr(self, node):
        self.found |= {("method", node.attr), ("loop", node.attr)}
        self.generic_visit(node)

    def visit_Call(self, node):
        if isinstance(node.node, nodes.ExtensionAttribute):
            self.found.add(("node", "generation"))
        self.generic_visit(node)


def used(templates):
    uses = Uses()
    for text in templates:
        uses.visit(reference.ENV.parse(text))
    return uses.found
