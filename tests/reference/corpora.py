#!/usr/bin/python3
"""corpora.py DEBIAN DIR: writes DIR/<name>.bin, texts to compare tokenizers on; corpora.py --packages
names the Debian packages whose unpacked folders are looked for in DEBIAN.

A file is documents: their size (32 bits, little endian), then that many bytes of UTF-8. Sizes go from one byte to 100 kB.
Everything is drawn from a fixed seed, so that the same packages give the same files.
"""
import gettext
import gzip
import pathlib
import random
import struct
import subprocess
import sys
import unicodedata

PACKAGES = ["bible-kjv", "bible-kjv-text", "fortunes", "libpython3.11-stdlib", "libpython3.11-minimal", "node-undici",
            "manpages", "manpages-de", "manpages-fr", "manpages-ja", "manpages-zh", "iso-codes"]
MB = 1_000_000


def documents(text, rng, limit):
    """Cuts at code points; most documents are some kilobytes, some tiny, a few huge."""
    at, total = 0, 0
    while at < len(text) and total < limit:
        size = int(min(100_000, 2 ** rng.uniform(0, 13.5) if rng.random() < 0.95 else rng.uniform(20_000, 100_000)))
        size = max(1, size)
        # In bytes: a character may have four.
        piece = text[at:at + size].encode()[:size].decode(errors="ignore") or text[at]
        at += len(piece)
        total += len(piece.encode())
        yield piece


def files(root, pattern, limit):
    out, total = [], 0
    paths = sorted(root.glob(pattern))
    random.Random(str(root)).shuffle(paths)
    for path in paths:
        data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        try:
            out.append(data.decode())
        except UnicodeDecodeError:
            continue
        total += len(data)
        if total > limit:
            break
    return "".join(out)


def english(debian):
    usr = debian / "bible-kjv" / "usr"
    bible = subprocess.run([usr / "bin/bible", "-p", debian / "bible-kjv-text/usr/lib", "Gen1:1-Rev22:21"],
                           capture_output=True, check=False, input=b"").stdout.decode(errors="ignore")
    fortunes = files(debian / "fortunes", "usr/share/games/fortunes/*", 2 * MB)
    return bible[:2_500_000] + fortunes + files(debian / "manpages", "usr/share/man/man*/*.gz", MB)


def code(debian):
    return (files(debian / "libpython3.11-stdlib", "usr/lib/python3.11/**/*.py", 2 * MB)
            + files(debian / "node-undici", "usr/share/nodejs/**/*.js", MB)
            + files(debian / "node-undici", "usr/share/nodejs/**/*.ts", MB // 2)
            + files(debian / "libpython3.11-minimal", "usr/lib/python3.11/**/*.py", MB))


def multilingual(debian):
    names = []
    for path in sorted((debian / "iso-codes").glob("usr/share/locale/*/LC_MESSAGES/iso_[36]*.mo")):
        with path.open("rb") as f:
            # pylint: disable=protected-access
            names.append("\n".join(v for v in gettext.GNUTranslations(f)._catalog.values() if isinstance(v, str)))
    random.Random(3).shuffle(names)
    return (files(debian / "manpages-de", "usr/share/man/de/man*/*.gz", 3 * MB // 2)
            + files(debian / "manpages-fr", "usr/share/man/fr/man*/*.gz", 3 * MB // 2)
            + "\n".join(names)[:2_000_000])


def cjk(debian):
    return (files(debian / "manpages-ja", "usr/share/man/ja/man*/*.gz", 3 * MB // 2)
            + files(debian / "manpages-zh", "usr/share/man/zh_CN/man*/*.gz", 3 * MB // 2)
            + files(debian / "manpages-zh", "usr/share/man/zh_TW/man*/*.gz", MB // 2))


# ---- generated: everything that goes wrong

def assigned(first, last):
    return [chr(c) for c in range(first, last + 1) if not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c)) != "Cn"]


WORDS = "the of and don't I'LL we've 2024 3.14 10,000 foo_bar camelCaseWord XMLHttpRequest naïve café Straße œuvre İstanbul ſ K Ω".split()
SPACES = ([" ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u1680", "\u180e"]
          + [chr(c) for c in range(0x2000, 0x2010)] + ["\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", "\0", "\x01", "\x7f"])
EMOJI = (assigned(0x1F300, 0x1F64F) + assigned(0x1F680, 0x1F6FF) + assigned(0x1F900, 0x1F9FF) + assigned(0x2600, 0x27BF))
COMBINING = [chr(c) for c in range(0x300, 0x110000) if not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c)) in ("Mn", "Mc", "Me")]
COMPATIBILITY = [chr(c) for c in range(0xA0, 0x30000) if not 0xD800 <= c <= 0xDFFF and unicodedata.decomposition(chr(c))]
CASED = [chr(c) for c in range(0x80, 0x1E944) if not 0xD800 <= c <= 0xDFFF and chr(c).lower() != chr(c).upper()]
PUNCTUATION = [chr(c) for c in range(0x21, 0x1F000) if not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c))[0] in "PS"]
NUMBERS = [chr(c) for c in range(0x21, 0x1FBFA) if not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c))[0] == "N"]


def emoji(rng):
    kind = rng.randrange(8)
    base = rng.choice(EMOJI)
    if kind == 0:
        return base
    if kind == 1:
        return base + chr(rng.randint(0x1F3FB, 0x1F3FF))
    if kind == 2:
        return "\u200d".join(rng.choice(EMOJI) for _ in range(rng.randint(2, 5)))
    if kind == 3:
        return "".join(chr(rng.randint(0x1F1E6, 0x1F1FF)) for _ in range(rng.randint(1, 5)))
    if kind == 4:
        return rng.choice("0123456789#*") + "\ufe0f\u20e3"
    if kind == 5:
        return "\U0001F3F4" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000E007F"
    if kind == 6:
        return rng.choice("aeioun가각がक한") + "".join(rng.choice(COMBINING) for _ in range(int(2 ** rng.uniform(0, 6))))
    return base + "\ufe0f"


def right_to_left(rng):
    blocks = [(0x5D0, 0x5EA), (0x591, 0x5C7), (0x621, 0x64A), (0x64B, 0x65F), (0x660, 0x669), (0x6F0, 0x6F9), (0x671, 0x6D3),
              (0x710, 0x72F), (0x7C0, 0x7EA), (0xFB1D, 0xFB4F), (0xFB50, 0xFBB1), (0xFE70, 0xFEFC), (0x10800, 0x10805)]
    first, last = rng.choice(blocks[:7] if rng.random() < 0.7 else blocks)
    word = "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 9)))
    return rng.choice(["", "\u200f", "\u202b", "\u2067"]) + word + rng.choice([" ", "، ", "؟ ", "־", "\u202c ", "\n"])


def hangul(rng):
    kind = rng.randrange(5)
    if kind == 0:
        return "".join(chr(rng.randint(0xAC00, 0xD7A3)) for _ in range(rng.randint(1, 6))) + " "
    if kind == 1:
        return chr(rng.randint(0x1100, 0x1112)) + chr(rng.randint(0x1161, 0x1175)) + (chr(rng.randint(0x11A7, 0x11C2)) if rng.random() < 0.7 else "")
    if kind == 2:
        return chr(rng.randint(0xAC00, 0xD7A3)) + chr(rng.randint(0x11A7, 0x11C3))
    if kind == 3:
        return chr(rng.randint(0x1100, 0x11FF)) + chr(rng.randint(0x3131, 0x318E))
    return chr(rng.choice([0xA960, 0xA97C, 0xD7B0, 0xD7FB, 0x302E, 0x302F])) + rng.choice([" ", "가", "a"])


def compatibility(rng):
    kind = rng.randrange(6)
    if kind < 3:
        return "".join(rng.choice(COMPATIBILITY) for _ in range(rng.randint(1, 4))) + rng.choice(["", " ", rng.choice(COMBINING)])
    if kind == 3:
        return "".join(rng.choice(CASED) for _ in range(rng.randint(1, 5)))
    if kind == 4:
        return rng.choice(PUNCTUATION) * rng.randint(1, 3) + rng.choice(WORDS)
    return "".join(rng.choice(NUMBERS) for _ in range(rng.randint(1, 5)))


def white_space(rng):
    spaces = "".join(rng.choice(SPACES[:8] if rng.random() < 0.6 else SPACES) for _ in range(int(2 ** rng.uniform(0, 4))))
    return spaces + rng.choice(WORDS + ["", ".", "!", "'", "'s", "\u2581", "\u2581a", "1", "é"])


def any_scalar(rng):
    """Each length in UTF-8 alike often."""
    size = rng.randrange(4)
    if size == 0:
        return chr(rng.randrange(0x80))
    if size == 1:
        return chr(rng.randrange(0x80, 0x800))
    if size == 2:
        c = rng.randrange(0x800, 0x10000 - 0x800)
        return chr(c + 0x800 if c >= 0xD800 else c)
    return chr(rng.randrange(0x10000, 0x110000))


def runs(rng):
    unit = rng.choice(["a", " ", "\n", "\t", "0", "9", "'", ".", "-", "=", "_", "A", "é", "ا", "中", "가", "\u0301", "\u2581", "😀", "\u200d",
                       "\r\n", "ab", " a", "a ", "aA", "1a", "中 ", "\u2581a", "\u2581\u2581", "e\u0301", "क्", "\u1100\u1161", "\0", "'s", "\u00a0",
                       rng.choice(WORDS), any_scalar(rng)])
    return unit * int(2 ** rng.uniform(1, 13)) + rng.choice(["", "", "x", " ", "\n", "b c"])


def mixed(rng):
    return rng.choice([emoji, right_to_left, hangul, compatibility, white_space, any_scalar, lambda r: r.choice(WORDS) + " "])(rng)


# name: (generator, bytes)
GENERATED = {"emoji": (emoji, MB), "right_to_left": (right_to_left, MB), "hangul": (hangul, MB // 2),
             "compatibility": (compatibility, MB), "white_space": (white_space, MB), "random_utf8": (any_scalar, 3 * MB // 2),
             "runs": (runs, 3 * MB // 2), "mixed": (mixed, MB)}
READ = {"english": (english, 5 * MB), "code": (code, 4 * MB), "multilingual": (multilingual, 4 * MB), "cjk": (cjk, 3 * MB)}


def generate(make, rng, size):
    parts, total = [], 0
    while total < size:
        parts.append(make(rng))
        total += len(parts[-1].encode())
    return "".join(parts)


def main(debian, out):
    out.mkdir(parents=True, exist_ok=True)
    for name, (make, size) in {**READ, **GENERATED}.items():
        rng = random.Random(name)
        text = make(debian) if name in READ else generate(make, rng, size)
        with (out / f"{name}.bin").open("wb") as f:
            total = 0
            for document in documents(text, rng, size):
                data = document.encode()
                f.write(struct.pack("<I", len(data)) + data)
                total += len(data)
        if total < size * 0.7:
            sys.exit(f"{name}: {total} bytes, wanted {size}: what the packages have is not what was expected")


if __name__ == "__main__":
    if sys.argv[1:] == ["--packages"]:
        print("\n".join(PACKAGES))
    else:
        main(*map(pathlib.Path, sys.argv[1:]))
