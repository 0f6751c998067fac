#!/usr/bin/python3
"""Writes lib/template/unicode_tables.h: what Python's str methods know of Unicode.

    scripts/gen_unicode_case.py > lib/template/unicode_tables.h

Made from the interpreter's own tables, so that case and classes are Python's.
Rerun with the Python of the distribution we build for.
"""
import sys
import unicodedata

ALL = [c for c in range(0x80, 0x110000) if not 0xD800 <= c < 0xE000]


def ranges(name, test):
    out, start, last = [], None, None
    for c in ALL:
        if test(chr(c)):
            if start is None:
                start = c
            elif c != last + 1:
                out.append((start, last))
                start = c
            last = c
    if start is not None:
        out.append((start, last))
    print(f"static const struct span {name}[] = {{")
    rows(f"{{0x{a:x}, 0x{b:x}}}" for a, b in out)
    print("};\n")


def rows(items):
    line = "   "
    for item in items:
        if len(line) + len(item) > 96:
            print(line)
            line = "   "
        line += f" {item},"
    print(line)


def maps(name, fn):
    """Runs of code points with the same distance; every one, or every second."""
    runs, special = [], []
    for c in ALL:
        to = fn(chr(c))
        if len(to) > 1:
            special.append((c, to))
            continue
        d = ord(to) - c
        if d == 0:
            continue
        if runs and runs[-1][3] == d:
            first, last, step, _ = runs[-1]
            if c - last <= 2 and (step == 0 or step == c - last):
                runs[-1] = (first, c, c - last, d)
                continue
        runs.append((c, c, 0, d))
    print(f"static const struct shift {name}[] = {{")
    rows(f"{{0x{a:x}, 0x{b:x}, {max(s, 1)}, {d}}}" for a, b, s, d in runs)
    print("};\n")
    print(f"static const struct spelling {name}_special[] = {{")
    rows("{0x%x, \"%s\"}" % (c, "".join(f"\\x{b:02x}" for b in to.encode())) for c, to in special)
    print("};\n")


print(f"/* Unicode {unicodedata.unidata_version}, beyond ASCII. Made by scripts/gen_unicode_case.py. */")
print("/* clang-format off */\n")
ranges("printable", str.isprintable)
ranges("alpha", str.isalpha)
ranges("decimal", str.isdecimal)
ranges("digit", str.isdigit)
ranges("numeric", str.isnumeric)
ranges("lower", str.islower)
ranges("upper", str.isupper)
ranges("titlecase", lambda s: unicodedata.category(s) == "Lt")
# Does not end a word for the final sigma: no letter with case, and to be looked through.
ranges("ignorable", lambda s: unicodedata.category(s) in ("Mn", "Me", "Cf", "Lm", "Sk")
       or s in "\u2018\u2019\u00b7\u0387\u055f\u05f4\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a")
maps("to_upper", str.upper)
maps("to_lower", lambda s: "\u03c3" if s == "\u03a3" else s.lower())
maps("to_title", str.title)
