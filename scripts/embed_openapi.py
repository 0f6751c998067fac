#!/usr/bin/env python3
"""Writes a C file with the API's description as YAML and as JSON: embed_openapi.py OUT FILE.yaml"""
import hashlib
import json
import pathlib
import sys

import yaml


def lines(text):
    for at in range(0, len(text), 96):
        part = text[at:at + 96].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'    "{part}"'


def main():
    out, source = map(pathlib.Path, sys.argv[1:])
    text = source.read_text()
    forms = {"yaml": text, "json": json.dumps(yaml.safe_load(text), separators=(",", ":")) + "\n"}
    c = ['#include "api/openapi.h"', ""]
    for name, value in forms.items():
        if not value.isascii():
            sys.exit(f"{source}: not ASCII")
        digest = hashlib.sha256(value.encode()).hexdigest()[:32]
        c += [f'const char openapi_{name}_etag[] = "\\"{digest}\\"";', f"const char openapi_{name}[] ="]
        c += list(lines(value))
        c[-1] += ";"
    out.write_text("\n".join(c) + "\n")


main()
