#!/bin/sh
# format.sh ROOT: every C file is as clang-format would write it.
cd "$1" || exit 2
tests/lint/sources.sh . .c .h | xargs -r clang-format --dry-run --Werror
