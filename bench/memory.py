#!/usr/bin/python3
"""
What does pipelined take before it does anything?

    bench/memory.py [--build build] [--rounds 9] [--connections 10000]

Resident memory (VmRSS, shared libraries and all) idle with the whole catalog; time from exec
until it listens, with 1,000 configs in cache.db; resident memory with 10,000 connections
open, each of which asked once and waits. A JSON line each, and the goals.
"""

import argparse
import json
import os
import pathlib
import resource
import socket
import sqlite3
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402

REQUEST = (b"GET /v1/architectures/LlamaForCausalLM?task=text_generation HTTP/1.1\r\n"
           b"Host: localhost\r\n\r\n")


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return {key: int(fields[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon", "RssFile")}


def idle(build, work, goals):
    server = harness.Pipelined(build, f"{work}/idle", cpu=None)
    time.sleep(2)  # the first beats
    found = memory_mib(server.pid)
    server.stop()
    print(json.dumps({"case": "idle", **{k: round(v, 2) for k, v in found.items()}}))
    goals.show("resident memory idle with the whole catalog", found["VmRSS"], 12, unit=" MiB")


def fill_cache(path, n):
    """The rows that n resolved models leave, see docs/store-format.md."""
    config = (harness.MODEL / "config.json").read_bytes()
    config += b" " * (4096 - len(config))
    with sqlite3.connect(path) as db:
        for i in range(n):
            model, commit = f"bench/model-{i}", f"{i:040x}"
            db.execute("INSERT INTO pin (model, revision, credential, commit_id, canonical, info,"
                       " pinned_at) VALUES (?, 'main', '', ?, ?, x'7b7d', 0)",
                       (model, commit, model))
            db.execute("INSERT INTO file (model, commit_id, path, credential, etag, size, content,"
                       " last_used, bytes) VALUES (?, ?, 'config.json', '', ?, ?, ?, 0, ?)",
                       (model, commit, f"{i:040x}", len(config), config, len(config)))
    db.close()


def ready(build, work, goals, rounds):
    state = f"{work}/ready"
    harness.Pipelined(build, state).stop()
    fill_cache(f"{state}/cache.db", 1000)
    found = []
    for _ in range(rounds):
        server = harness.Pipelined(build, state, cpu=None)
        found.append(server.ready_ms)
        server.stop()
    print(json.dumps({"case": "ready", "rounds": rounds, "ms_median": statistics.median(found),
                      "ms_min": min(found), "ms_max": max(found)}))
    goals.show("exec to listening with 1,000 cached configs", statistics.median(found), 50,
               unit=" ms")


def connections(build, work, goals, n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 100:
        print(json.dumps({"case": "connections", "skipped": f"at most {hard} open files here"}))
        return
    # pipelined starts with the soft limit as it was, and raises it itself.
    server = harness.Pipelined(build, f"{work}/many", cpu=None)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 100), hard))
    before = memory_mib(server.pid)["VmRSS"]
    all_sockets = []
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(REQUEST)
        answer = s.recv(65536)
        if b" 200 " not in answer or b"Connection: close" in answer:
            raise SystemExit(f"connection {len(all_sockets)}: {answer[:200]}")
        all_sockets.append(s)
    found = memory_mib(server.pid)["VmRSS"]
    alive = sum(1 for fd in os.listdir(f"/proc/{server.pid}/fd")
                if os.readlink(f"/proc/{server.pid}/fd/{fd}").startswith("socket:"))
    for s in all_sockets:
        s.close()
    print(json.dumps({"case": "connections", "open": alive, "VmRSS": round(found, 1),
                      "kib_each": round((found - before) * 1024 / n, 2)}))
    if alive < n:
        raise SystemExit(f"only {alive} connections stayed open")
    goals.show(f"resident memory with {n} idle connections", found, 150, unit=" MiB")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--build", default="build")
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--connections", type=int, default=10000)
    a = p.parse_args()
    build, work, goals = os.path.abspath(a.build), harness.work_dir(), harness.Goals()
    print(json.dumps(harness.describe_machine()))
    idle(build, work, goals)
    ready(build, work, goals, a.rounds)
    connections(build, work, goals, a.connections)
    return 1 if goals.missed else 0


if __name__ == "__main__":
    sys.exit(main())
