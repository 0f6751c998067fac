#!/usr/bin/env python3
"""Writes a C file with SQL files as string constants: embed_sql.py OUT FILE.sql…

registry-1.sql becomes `const char sql_registry_1[]`. Comments stay out.
"""
import pathlib
import sys

out, *files = map(pathlib.Path, sys.argv[1:])
text = ['/* Made by scripts/embed_sql.py. */', '#include "store/schema.h"', '']
for file in files:
    text.append(f'const char sql_{file.stem.replace("-", "_")}[] =')
    lines = [line.split('--')[0].rstrip() for line in file.read_text().splitlines()]
    text += [f'    "{line}\\n"' for line in lines if line.strip()]
    text[-1] += ';'
    text.append('')
out.write_text('\n'.join(text))
