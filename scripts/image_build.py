#!/usr/bin/env python3
"""image_build.py OUTPUT DEPFILE FOLDER...

Writes a header with the identity of the code that makes and reads tokenizer
images: a hash of all sources in the folders. Whatever is changed there, images
of before are refused and made anew.
"""
import hashlib
import pathlib
import sys

output, depfile, *folders = sys.argv[1:]
sources = sorted(p for f in folders for p in pathlib.Path(f).glob("*.[ch]"))
digest = hashlib.sha256()
for source in sources:
    digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
pathlib.Path(output).write_text(
    f"#pragma once\n#define IMAGE_BUILD UINT64_C(0x{digest.hexdigest()[:16]})\n")
pathlib.Path(depfile).write_text(
    f"{output}: " + " ".join(str(p) for p in [*(f for f in folders if pathlib.Path(f).is_dir()), *sources]) + "\n")
