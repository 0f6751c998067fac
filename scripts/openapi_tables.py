#!/usr/bin/env python3
"""Renews what api/openapi.yaml says of request bodies from the tables of fields that bind them:
openapi_tables.py DESCRIBE FILE.yaml

DESCRIBE is the program tests/openapi/describe of a build folder. Everything behind the marker line
is written anew.
"""
import json
import pathlib
import subprocess
import sys

MARKER = "    # ---- made from the field tables by scripts/openapi_tables.py\n"


def write_schema(name, schema, indent):
    """One line per property, so that a change shows as one."""
    pad = " " * indent
    yield f"{pad}{name}:"
    for key, value in schema.items():
        if key == "properties":
            yield f"{pad}  properties:"
            for field, its in value.items():
                if isinstance(its, dict) and "properties" in its:
                    yield from write_schema(field, its, indent + 4)
                else:
                    yield f"{pad}    {field}: {json.dumps(its)}"
        else:
            yield f"{pad}  {key}: {json.dumps(value)}"


def main():
    describe, path = sys.argv[1], pathlib.Path(sys.argv[2])
    tables = json.loads(subprocess.check_output([describe]))["tables"]
    head, marker, _ = path.read_text().partition(MARKER)
    if not marker:
        sys.exit(f"{path}: no marker line")
    lines = [line for name in sorted(tables) for line in write_schema(name, tables[name], 4)]
    path.write_text(head + marker + "\n".join(lines) + "\n")


main()
