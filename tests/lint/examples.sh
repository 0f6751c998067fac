#!/bin/sh
# examples.sh ROOT: scripts/make_example_model.py still writes the bytes that are in examples/, and
# they are few.
cd "$1" || exit 2
fresh=$(mktemp -d)
trap 'rm -r "$fresh"' EXIT
/usr/bin/python3 scripts/make_example_model.py "$fresh" || exit 1
for model in "$fresh"/*/; do
    diff -r "$model" "examples/$(basename "$model")" || exit 1
done
size=$(cat examples/*/* | wc -c)
[ "$size" -lt 300000 ] || { echo "examples are $size bytes" >&2; exit 1; }
