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
        values = values[:max((i + 1 for i, v in enumerate(values) if v), default=0)]
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


# ---- characters.h: what normalizers and pre-tokenizers ask of one code point


def flagged(bits, data):
    values = [0] * END
    for bit, ranges in zip(bits, data):
        for begin, end in ranges:
            for c in range(begin, end):
                values[c] |= bit
    return values


def of_categories(version, letters):
    data = package(version, "General_Category")["General_Category"]
    return [r for short, name in CATEGORIES.items() if short in letters or short[0] in letters
            for r in data.get(name, [])]


def characters():
    out = Output("characters_data.h", "Classes, lower case and scripts; versions as in characters.h.")
    space = package("17.0.0", "Binary_Property")["Binary_Property"]["White_Space"]
    properties16 = package("16.0.0", "Binary_Property")["Binary_Property"]
    word = (properties16["Alphabetic"] + properties16["Join_Control"]
            + of_categories("16.0.0", ["M", "Nd", "Pc"]))
    ascii_punctuation = [[0x21, 0x30], [0x3A, 0x41], [0x5B, 0x61], [0x7B, 0x7F]]
    values = flagged([1 << i for i in range(7)], [
        of_categories("9.0.0", ["M"]), of_categories("8.0.0", ["Mn"]),
        of_categories("8.0.0", ["P"]) + ascii_punctuation,
        of_categories("8.0.0", ["Cc", "Cf", "Co"]), space, of_categories("17.0.0", ["N"]), word])
    out.trie("character", values)

    lower = package("17.0.0", "Simple_Case_Mapping")["Simple_Case_Mapping"]["Lowercase"]
    special = package("17.0.0", "Special_Casing")["Special_Casing"]["Lowercase"]
    assert [c for c, to in special if len(to) > 1] == [0x130]  # lower case in characters.c knows it
    distances, values = {0: 0}, [0] * END
    for cp, to in lower:
        values[cp] = distances.setdefault(to - cp, len(distances))
    out.trie("lower", values)
    out.array("int32_t", "lower_distances", distances)

    values, scripts = [0] * END, package("9.0.0", "Script")["Script"]
    number = {name: i for i, name in enumerate(sorted(scripts), 1)}
    number["Hiragana"] = number["Katakana"] = number["Han"]
    for name, ranges in scripts.items():
        if name != "Unknown":
            for c in members(ranges):
                values[c] = number[name]
    values[0x30FC], values[0x20] = number["Han"], 0
    out.trie("script", values)
    out.write()


# ---- normalization.h: Unicode 9


class Decompositions:
    def __init__(self):
        age = {}
        for codes, version in ucd("DerivedAge.txt"):
            first, _, last = codes.partition("..")
            if int(version.split(".")[0]) <= 9:
                age.update(dict.fromkeys(range(int(first, 16), int(last or first, 16) + 1), True))
        self.classes, self.direct = {}, {}  # direct: (is compatible, code points)
        for fields in ucd("UnicodeData.txt"):
            cp = int(fields[0], 16)
            if cp not in age:
                continue
            if int(fields[3]):
                self.classes[cp] = int(fields[3])
            if fields[5]:
                parts = fields[5].split()
                compatible = parts[0].startswith("<")
                self.direct[cp] = compatible, [int(p, 16) for p in parts[compatible:]]
        excluded = {int(fields[0], 16) for fields in ucd("CompositionExclusions.txt")}
        self.pairs = {}
        for cp, (compatible, to) in self.direct.items():
            if (not compatible and len(to) == 2 and cp not in excluded
                    and not self.classes.get(cp) and not self.classes.get(to[0])):
                self.pairs[tuple(to)] = cp

    def full(self, cp, compatible):
        kind, to = self.direct.get(cp, (False, None))
        if to is None or (kind and not compatible):
            return [cp]
        ret = [d for c in to for d in self.full(c, compatible)]
        # In canonical order; a decomposition begins with a starter or is all marks.
        for i in range(1, len(ret)):
            j, c = i, self.classes.get(ret[i], 0)
            while c and j and self.classes.get(ret[j - 1], 0) > c:
                ret[j], ret[j - 1] = ret[j - 1], ret[j]
                j -= 1
        return ret


def normalization():
    d = Decompositions()
    out = Output("normalization_data.h", "Unicode 9: decomposition, composition, combining classes.")
    composed = set(d.pairs.values())
    second = {b for _, b in d.pairs} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    rows, strings, values = {}, [], [0] * END
    rows[(0, 0, 0, 0, 0, 0)] = 0
    for cp in sorted(set(d.classes) | set(d.direct) | second):
        canonical, compatible = d.full(cp, False), d.full(cp, True)
        changes, changes_k = canonical != [cp], compatible != [cp]
        maybe = cp in second
        nfc = changes and cp not in composed or maybe
        # With a compatible part somewhere it is not its own NFKC.
        nfkc = nfc or compatible != canonical
        flags = nfc | changes << 1 | nfkc << 2 | changes_k << 3
        at = []
        for to in (canonical if changes else [], compatible if changes_k else []):
            if at and to == (canonical if changes else []):
                at.append(at[0])
                continue
            at.append((len(strings), len(to)) if to else (0, 0))
            strings += to
        row = d.classes.get(cp, 0), flags, *at[0], *at[1]
        values[cp] = rows.setdefault(row, len(rows))
    hangul = rows.setdefault((0, 2 | 8 | 16, 0, 0, 0, 0), len(rows))
    for cp in range(0xAC00, 0xD7A4):
        values[cp] = hangul
    out.trie("character", values)
    out.text("static const struct character characters[] = {")
    out.lines += [f"    {{{', '.join(map(str, row))}}}," for row in rows]
    out.text("};")
    out.array("uint32_t", "decompositions", strings)
    out.text("static const struct composition compositions[] = {")
    out.lines += [f"    {{{a:#x}, {b:#x}, {c:#x}}}," for (a, b), c in sorted(d.pairs.items())]
    out.text("};")
    out.write()


# ---- graphemes.h: Unicode 17

BREAKS = ["Other", "CR", "LF", "Control", "Extend", "ZWJ", "Regional_Indicator", "Prepend",
          "SpacingMark", "L", "V", "T", "LV", "LVT"]
PICTOGRAPH, CONSONANT, LINKER, CONJUNCT_EXTEND = 14, 15, 16, 32


def graphemes():
    data = package("17.0.0", "Grapheme_Cluster_Break", "Indic_Conjunct_Break", "Binary_Property")
    values = [0] * END
    for i, name in enumerate(BREAKS):
        for c in members(data["Grapheme_Cluster_Break"].get(name, [])):
            values[c] = i
    for c in members(data["Binary_Property"]["Extended_Pictographic"]):
        assert values[c] == 0
        values[c] = PICTOGRAPH
    conjunct = data["Indic_Conjunct_Break"]
    for c in members(conjunct["Consonant"]):
        assert values[c] == 0
        values[c] = CONSONANT
    for name, bit in (("Linker", LINKER), ("Extend", CONJUNCT_EXTEND)):
        for c in members(conjunct[name]):
            values[c] |= bit
    out = Output("graphemes_data.h", "Unicode 17: where grapheme clusters break.")
    out.trie("break", values)
    out.write()


def main():
    global PACKAGES, UCD
    PACKAGES, UCD = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    properties()
    characters()
    normalization()
    graphemes()


main()
