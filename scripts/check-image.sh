#!/bin/bash
# check-image.sh FOLDER: builds the Dockerfile as it is, on a Debian made here (no image registry is
# asked), and runs the result: not root, answers --health, writes nothing but its state.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
mkdir -p "$folder"
base=docker.io/library/debian:bookworm-slim
buildah() { command buildah --root "$folder/root" --runroot "$folder/run" --storage-driver vfs "$@"; }

if [ ! -f "$folder/base.tar" ]; then
    mmdebstrap --quiet --format=tar --variant=minbase bookworm "$folder/base.tar.part"
    mv "$folder/base.tar.part" "$folder/base.tar"
fi
if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$folder/base.tar" / >/dev/null
    buildah commit --quiet --rm "$container" "$base" >/dev/null
fi

buildah bud --isolation chroot --network host --pull=never --format docker -t pipelined . \
    >"$folder/build.log" 2>&1 || {
    tail -n 40 "$folder/build.log" >&2
    exit 1
}
container=$(buildah from --pull=never pipelined)
trap 'buildah rm "$container" >/dev/null' EXIT
inside() { buildah run --isolation chroot --network host "$container" -- "$@"; }

[ "$(inside id -u)" = 8750 ] || { echo "runs as $(inside id -un)" >&2; exit 1; }
inside /usr/sbin/pipelined --version
# Without keys it must not listen to the world …
status=0
inside /usr/sbin/pipelined --check-config >/dev/null 2>&1 || status=$?
[ "$status" = 78 ] || { echo "no keys and exit status $status" >&2; exit 1; }
# … and told to, it lives and says so itself.
# shellcheck disable=SC2016 # for the shell inside
inside sh -ec 'export PIPELINED_ALLOW_REMOTE_WITHOUT_KEYS=yes PIPELINED_LISTEN=127.0.0.1:18750 PIPELINED_OFFLINE=yes
    mkfifo /var/lib/pipelined/log
    /usr/sbin/pipelined 2>/var/lib/pipelined/log & daemon=$!
    while read -r line; do
        echo "$line"
        case $line in *"listening on"*) break ;; esac
    done </var/lib/pipelined/log
    /usr/sbin/pipelined --health
    kill $daemon
    wait $daemon'
