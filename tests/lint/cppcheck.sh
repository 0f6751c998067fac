#!/bin/sh
# cppcheck.sh ROOT BUILD: cppcheck has nothing to say. Its results are kept in BUILD, so the second
# time only what changed is looked at.
cd "$1" || exit 2
cache=$2/cppcheck
mkdir -p "$cache"
tests/lint/sources.sh . .c | grep -v '^bench/' >"$cache/files"
[ -s "$cache/files" ] || exit 0
exec cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c \
    --enable=warning,performance,portability --suppressions-list=tests/lint/cppcheck.txt \
    --cppcheck-build-dir="$cache" -j "$(nproc)" -I. -Ilib -D_GNU_SOURCE -D__GNUC__=12 \
    --include="/usr/include/$(gcc -print-multiarch)/sys/queue.h" --file-list="$cache/files"
