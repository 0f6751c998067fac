#!/bin/sh
# sources.sh ROOT SUFFIX… prints our files with these suffixes, one a line: those git knows or would
# add, or, outside a clone, those that are there.
cd "$1" || exit 2
shift
for suffix; do set -- "$@" "*$suffix"; shift; done
git ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null | sort -u |
    while IFS= read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
