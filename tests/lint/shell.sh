#!/bin/sh
# shell.sh ROOT: shellcheck has nothing to say about our scripts.
cd "$1" || exit 2
git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
    [ -f "$file" ] && head -n1 "$file" | grep -qE '^#!/bin/(ba)?sh' && printf '%s\n' "$file"
done | xargs -r shellcheck -x -P SCRIPTDIR -e SC1091
