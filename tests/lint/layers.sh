#!/bin/sh
# layers.sh ARCHIVE PREFIX… fails if ARCHIVE asks for a symbol with one of the prefixes. The headers
# in /usr/include are open to everybody, so the compiler cannot keep the layers apart.
archive=$1
shift
symbols=$(nm -u "$archive") || exit 2
for prefix; do
    if printf '%s\n' "$symbols" | grep " U $prefix"; then
        echo "$archive must not know $prefix*" >&2
        status=1
    fi
done
exit "${status:-0}"
