#!/usr/bin/python3
"""Writes the tables of lib/unicode: lib/unicode/*_data.h.

    scripts/gen_unicode.py PACKAGES UCD

PACKAGES is a node_modules folder with the packages @unicode/unicode-8.0.0, -9.0.0, -16.0.0 and
-17.0.0; UCD holds UnicodeData.txt, DerivedAge.txt, CompositionExclusions.txt, PropertyAliases.txt
and PropertyValueAliases.txt of any later version (Debian's package unicode-data). Node is needed
to read the packages.

Several versions, because what we copy uses several: lib/unicode/ says which where. What a version
lacks is cut by age: decompositions and combining classes of a character never change.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
END = 0x110000
PACKAGES = UCD = None

DUMP = """
import { readdirSync, existsSync } from 'node:fs';
const [folder, ...wanted] = process.argv.slice(1);
const ret = {};
for (const what of wanted) {
    ret[what] = {};
    for (const name of readdirSync(`${folder}/${what}`)) {
        const base = `${folder}/${what}/${name}`;
        if (existsSync(`${base}/ranges.mjs`))
            ret[what][name] = (await import(`${base}/ranges.mjs`)).default.map(r => [r.begin, r.end]);
        else if (existsSync(`${base}/code-points.mjs`))
            ret[what][name] = [...(await import(`${base}/code-points.mjs`)).default];
    }
}
console.log(JSON.stringify(ret));
"""


def package(version, *wanted):
    """{what: {name: [[begin, end), …] or [(code point, mapped), …]}}"""
    folder = PACKAGES / "@unicode" / f"unicode-{version}"
    out = subprocess.run(["node", "--input-type=module", "-e", DUMP, folder, *wanted],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def ucd(name):
    for line in (UCD / name).read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line:
            yield [field.strip() for field in line.split(";")]


def members(ranges):
    return {c for begin, end in ranges for c in range(begin, end)}


# ---- C


class Output:
    def __init__(self, name, about):
        self.path = ROOT / "lib/unicode" / name
        self.lines = ["#pragma once", f"/* {about} Written by scripts/gen_unicode.py. */", "/* clang-format off */"]

    def array(self, kind, name, items):
        items = [str(i) for i in items]
        self.lines.append(f"static const {kind} {name}[{len(items)}] = {{")
        line = "   "
        for item in items:
            if len(line) + len(item) > 97:
                self.lines.append(line)
                line = "   "
            line += f" {item},"
        self.lines += [line, "};"]

    def text(self, line):
        self.lines.append(line)

    def trie(self, name, values):
        """values[code point]; two levels, equal blocks once, beyond the last set one nothing."""
        while values and values[-1] == 0:
            values = values[:-1]
        best = None
        for shift in range(4, 10):
            size = 1 << shift
            padded = values + [0] * (-len(values) % size)
            blocks, index = {}, []
            for i in range(0, len(padded), size):
                block = tuple(padded[i:i + size])
                index.append(blocks.setdefault(block, len(blocks)))
            width = 1 if max(values) < 256 else 2
            cost = len(index) * (1 if len(blocks) <= 256 else 2) + len(blocks) * size * width
            if best is None or cost < best[0]:
                best = cost, shift, index, blocks
        _, shift, index, blocks = best
        self.text(f"enum {{ {name.upper()}_SHIFT = {shift}, {name.upper()}_END = {len(index) << shift} }};")
        self.array("uint8_t" if len(blocks) <= 256 else "uint16_t", f"{name}_index", index)
        self.array("uint8_t" if max(values) < 256 else "uint16_t", f"{name}_blocks",
                   [v for block in blocks for v in block])

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")


def varints(numbers):
    out = []
    for n in numbers:
        while n >= 0x80:
            out.append(n & 0x7F | 0x80)
            n >>= 7
        out.append(n)
    return out


# ---- properties.h: Unicode 16, for regular expressions

CATEGORIES = {
    "Lu": "Uppercase_Letter", "Ll": "Lowercase_Letter", "Lt": "Titlecase_Letter",
    "Lm": "Modifier_Letter", "Lo": "Other_Letter", "Mn": "Nonspacing_Mark", "Mc": "Spacing_Mark",
    "Me": "Enclosing_Mark", "Nd": "Decimal_Number", "Nl": "Letter_Number", "No": "Other_Number",
    "Pc": "Connector_Punctuation", "Pd": "Dash_Punctuation", "Ps": "Open_Punctuation",
    "Pe": "Close_Punctuation", "Pi": "Initial_Punctuation", "Pf": "Final_Punctuation",
    "Po": "Other_Punctuation", "Sm": "Math_Symbol", "Sc": "Currency_Symbol",
    "Sk": "Modifier_Symbol", "So": "Other_Symbol", "Zs": "Space_Separator",
    "Zl": "Line_Separator", "Zp": "Paragraph_Separator", "Cc": "Control", "Cf": "Format",
    "Cs": "Surrogate", "Co": "Private_Use", "Cn": "Unassigned",
}
GROUPS = {"L": "Letter", "LC": "Cased_Letter", "M": "Mark", "N": "Number", "P": "Punctuation",
          "S": "Symbol", "Z": "Separator", "C": "Other"}
# Scripts that the aliases of older data do not know.
NEW_SCRIPTS = {"Gara": "Garay", "Gukh": "Gurung_Khema", "Krai": "Kirat_Rai", "Onao": "Ol_Onal",
               "Sunu": "Sunuwar", "Todr": "Todhri", "Tutg": "Tulu_Tigalari"}


def loose(name):
    return "".join(c for c in name.lower() if c not in " _-")


def categories(data):
    """[category number of each code point], in the order of CATEGORIES from 1; Cn is 0."""
    values = [0] * END
    for number, long_name in enumerate(CATEGORIES.values(), 1):
        if long_name != "Unassigned":
            for begin, end in data[long_name]:
                values[begin:end] = [number] * (end - begin)
    return values


def properties():
    data = package("16.0.0", "General_Category", "Script", "Binary_Property", "Block", "Case_Folding")
    names = {}  # loose name → key
    sets = {}  # key → ranges

    def add(key, ranges, *also):
        sets[key] = sorted(ranges)
        for name in (key, *also):
            names.setdefault(loose(name), key)

    for short, name in (CATEGORIES | GROUPS).items():
        add(name, data["General_Category"][name], short)
    aliases = {name: short for kind, short, name, *_ in ucd("PropertyValueAliases.txt") if kind == "sc"}
    aliases |= {name: short for short, name in NEW_SCRIPTS.items()}
    for name, ranges in data["Script"].items():
        add(name, ranges, aliases[name], *(["Qaai"] if name == "Inherited" else []),
            *(["Qaac"] if name == "Coptic" else []))
    assigned = [[0, END]]
    short = {fields[1]: [fields[0], *fields[2:]] for fields in ucd("PropertyAliases.txt")}
    for name, ranges in data["Binary_Property"].items():
        if ranges and isinstance(ranges[0][1], int):
            add(name, ranges, *short.get(name, []))
    sets["Any"] = assigned
    for name, ranges in data["Block"].items():
        add("In_" + name, ranges)

    out = Output("properties_data.h", "Unicode 16: categories, properties and case folding.")
    out.trie("category", categories(data["General_Category"]))
    blob, at = [], {}
    for key, ranges in sets.items():
        at[key] = len(blob)
        numbers, last = [len(ranges)], 0
        for begin, end in ranges:
            numbers += [begin - last, end - begin]
            last = end
        blob += varints(numbers)
    out.array("uint8_t", "property_ranges", blob)
    out.text("static const struct property { const char *name; uint32_t at; } properties[] = {")
    for name in sorted(names):
        out.text(f'    {{"{name}", {at[names[name]]}}},')
    out.text("};")

    folding = data["Case_Folding"]
    rows = []
    for kind in "CFS":
        for cp, to in folding[kind]:
            to = to if isinstance(to, list) else [to]
            rows.append((cp, kind, to + [0] * (3 - len(to))))
    rows.sort()
    out.text("static const struct unicode_folding foldings[] = {")
    for cp, kind, to in rows:
        which = {"C": "FOLD_BOTH", "F": "FOLD_FULL", "S": "FOLD_SIMPLE"}[kind]
        out.text(f"    {{{cp:#x}, {{{', '.join(f'{c:#x}' for c in to)}}}, {which}}},")
    out.text("};")
    out.write()


def main():
    global PACKAGES, UCD
    PACKAGES, UCD = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    properties()


main()
