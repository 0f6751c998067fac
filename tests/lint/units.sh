#!/bin/sh
# units.sh SERVICE SOCKET: systemd has nothing to say about the units, and the service is as closed
# as it can be (exposure at most 1.1 of 10).
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# verify wants the program to exist; it exits 0 even for unknown keys, so that silence is the test.
sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$1" >"$folder/pipelined.service"
cp "$2" "$folder/pipelined.socket"
said=$(systemd-analyze verify --man=no "$folder/pipelined.service" "$folder/pipelined.socket" 2>&1) || true
if [ -n "$said" ]; then
    printf '%s\n' "$said" >&2
    exit 1
fi
systemd-analyze security --offline=true --no-pager --threshold=11 "$folder/pipelined.service" \
    >"$folder/report" || {
    cat "$folder/report" >&2
    exit 1
}
tail -n1 "$folder/report"
