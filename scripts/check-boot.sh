#!/bin/bash
# check-boot.sh FOLDER: installs into a Debian made here, boots its systemd in a container, and looks
# at the service as an administrator would: active by its socket, confined, restarted when killed.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
root=$folder/root
mkdir -p "$folder"

if [ ! -f "$folder/base.tar" ]; then
    packages=$(awk '!/^#/ && $2 == "runtime" {print $1}' scripts/packages.txt | paste -sd,)
    mmdebstrap --quiet --format=tar --variant=minbase --include="systemd,systemd-sysv,dbus,curl,$packages" \
        bookworm "$folder/base.tar.part"
    mv "$folder/base.tar.part" "$folder/base.tar"
fi
rm -rf "$root"
mkdir "$root"
tar -C "$root" -xf "$folder/base.tar"
scripts/build "$folder/build" -Dprefix=/usr -Dbuildtype=release
DESTDIR=$root meson install -C "$folder/build" --quiet
systemctl --root="$root" enable --quiet pipelined.socket pipelined.service

log=$folder/boot.log
# With a network of its own: the host may have somebody on the port.
systemd-nspawn --quiet -D "$root" --private-network --register=no --keep-unit --boot </dev/null >"$log" 2>&1 &
nspawn=$!
trap 'kill -TERM $nspawn 2>/dev/null; wait $nspawn 2>/dev/null || true' EXIT

# The container's init is the child of the child of nspawn; it answers when it is up.
leader=
for _ in $(seq 300); do
    leader=$(pgrep -P "$nspawn" | head -n1) || true
    [ -n "$leader" ] && nsenter -t "$leader" -a systemctl is-system-running --wait >/dev/null 2>&1 && break
    kill -0 "$nspawn" 2>/dev/null || break
    read -rt 0.2 <> <(:) || true
done
inside() { nsenter -t "$leader" -a "$@"; }
fail() {
    echo "$1" >&2
    inside systemctl status --no-pager pipelined.service >&2 || true
    inside journalctl --no-pager -u pipelined -n 50 >&2 || tail -n 50 "$log" >&2
    exit 1
}

inside systemctl is-active --quiet pipelined.socket || fail "the socket is not active"
inside curl -fsS --max-time 10 http://127.0.0.1:8750/livez >/dev/null || fail "nobody answers on TCP"
inside curl -fsS --max-time 10 --unix-socket /run/pipelined.sock http://localhost/readyz >/dev/null ||
    fail "nobody answers on the Unix socket"
inside systemctl is-active --quiet pipelined.service || fail "the service is not active"
pid=$(inside systemctl show -p MainPID --value pipelined.service)
[ "$pid" -gt 1 ] || fail "no main process"
status=$(inside cat "/proc/$pid/status")
grep -q '^CapEff:[[:space:]]*0000000000000000' <<<"$status" || fail "it has capabilities"
grep -q '^Seccomp:[[:space:]]*2' <<<"$status" || fail "no system call filter"
grep -q '^NoNewPrivs:[[:space:]]*1' <<<"$status" || fail "it may gain privileges"
grep -q '^Uid:[[:space:]]*0' <<<"$status" && fail "it is root"
[ "$(inside systemctl show -p NRestarts --value pipelined.service)" = 0 ] || fail "it did not start at once"
inside test -e /var/lib/private/pipelined/registry.db || fail "its state is not in its place"
# What the process sees: a system that cannot be written to, and no homes.
# shellcheck disable=SC2016 # for the shell inside
inside nsenter -t "$pid" -m sh -c 'for file in /usr/x /etc/x /root/x; do ! touch "$file" || exit 1; done' \
    2>/dev/null || fail "it may write outside its state"

inside systemctl reload pipelined.service || fail "it does not reload"
inside curl -fsS --max-time 10 http://127.0.0.1:8750/livez >/dev/null || fail "not alive after a reload"
inside systemctl restart pipelined.service || fail "it does not restart"
inside curl -fsS --max-time 10 http://127.0.0.1:8750/livez >/dev/null || fail "not alive after a restart"
inside systemctl kill -s KILL pipelined.service
inside curl -fsS --max-time 20 --retry 5 --retry-all-errors http://127.0.0.1:8750/livez >/dev/null ||
    fail "not back after SIGKILL"
inside systemctl stop pipelined.service || fail "it does not stop"
[ "$(inside systemctl show -p Result --value pipelined.service)" = success ] || fail "it did not stop well"
echo "the unit works"
