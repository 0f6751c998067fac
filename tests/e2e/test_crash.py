"""Killed at any moment under load, the daemon comes back with every write it acknowledged.

PIPELINED_CRASH_ROUNDS sets how often (10; the full check does 200 and more).
"""
import http.client
import json
import os
import random
import sqlite3
import threading
import time

from daemon import EXAMPLES, Daemon
from things import TINY, Client, arch, events, is_contiguous, is_ready, items

ROUNDS = int(os.environ.get("PIPELINED_CRASH_ROUNDS", "10"))
WRITERS = 6


class Writer(threading.Thread):
    """
    Registers, deletes, makes handles and leases until the connection breaks, and notes
    what was acknowledged, and what was asked but not answered: that may be there or not.
    """

    def __init__(self, daemon, name):
        super().__init__(daemon=True)
        self.client, self.label = Client(daemon), name
        self.archs, self.deleted, self.handles, self.leases = set(), set(), set(), set()
        self.released, self.unknown = set(), set()
        self.revision, self.n, self.wrong = 0, 0, None

    def ask(self, *args, expect, **kw):
        status, headers, data = self.client.ask(*args, **kw)
        assert status in expect, (args, status, data)
        revision = int(headers["x-registry-revision"])
        assert revision >= self.revision, "a connection saw the revision go back"
        self.revision = revision
        return json.loads(data) if data else None

    def round(self, n):
        name = f"Kill{self.label}x{n}ForCausalLM"
        self.unknown.add(name)
        self.ask("POST", "/v1/architectures", arch(name), expect={201})
        self.archs.add(name)
        if n % 3 == 0:
            self.ask("DELETE", f"/v1/architectures/{name}", expect={204})
            self.deleted.add(name)
        self.unknown.discard(name)
        made = self.ask("POST", "/v1/pipelines", {**TINY, "max_length": 16 + self.n % 100},
                        expect={200, 201})
        self.handles.add(made["id"])
        lease = self.ask("POST", f"/v1/pipelines/{made['id']}/leases", {"ttl_s": 3600},
                         expect={201})
        self.leases.add(lease["id"])
        if n % 2:
            self.released.add(lease["id"])
            self.unknown.add(lease["id"])
            self.ask("DELETE", f"/v1/leases/{lease['id']}", expect={204})
            self.unknown.discard(lease["id"])

    def run(self):
        try:
            while True:
                self.n += 1
                self.round(self.n)
        except (OSError, http.client.HTTPException):
            pass
        except Exception as e:
            self.wrong = e
        finally:
            self.client.close()


def kill_under_load(daemon, rng, label):
    writers = [Writer(daemon, f"{label}x{w}") for w in range(WRITERS)]
    for w in writers:
        w.start()
    while not any(w.n > 1 or w.wrong for w in writers):
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.25))
    daemon.kill()
    for w in writers:
        w.join()
        assert not w.wrong, w.wrong
    return writers


def check(daemon, writers):
    archs = {a["name"] for a in items(daemon, "/v1/architectures") if a["source"] == "api"}
    pipelines = {p["id"] for p in items(daemon, "/v1/pipelines")}
    leases = {x["id"]: x["pipeline"] for x in items(daemon, "/v1/leases")}
    for w in writers:
        assert w.archs - w.deleted - w.unknown <= archs
        assert not (w.deleted - w.unknown) & archs
        assert w.handles <= pipelines
        assert w.leases - w.released <= set(leases)
        assert not (w.released - w.unknown) & set(leases)
    assert set(leases.values()) <= pipelines, "half of a write: a lease without its pipeline"


def check_store(state):
    with sqlite3.connect(f"file:{state}/registry.db?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        (revision,) = db.execute("SELECT revision FROM meta").fetchone()
        (newest,) = db.execute("SELECT max(revision) FROM event").fetchone()
        assert newest == revision, "an event without its write, or the other way round"
    db.close()


def test_every_acknowledged_write_survives_kill_9(tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    state, revision = tmp_path / "state", 0
    daemon = Daemon(state, "--model-root", EXAMPLES, "--io-threads", 2)
    for n in range(ROUNDS):
        writers = kill_under_load(daemon, rng, n)
        if rng.random() < 0.5:  # else the daemon is the first to recover it
            check_store(state)
        daemon.log.clear()
        daemon.start()
        assert is_ready(daemon)
        now = int(daemon.get("/v1/tasks").headers["x-registry-revision"])
        assert now >= max([revision] + [w.revision for w in writers])
        check(daemon, writers)
        fresh = events(daemon, revision)
        assert is_contiguous(fresh) and fresh[-1]["revision"] == now
        # What this round made goes, so that the last is as fast as the first.
        assert daemon.post("/v1/reset", {"architectures": "builtin", "pipelines": True}).status == 200
        revision = now
    daemon.stop()
    assert not list(state.glob("*.corrupt-*"))


def test_a_kill_between_two_starts_is_harmless(tmp_path):
    """Killed while it starts, again and again, nothing is lost."""
    daemon = Daemon(tmp_path, "--model-root", EXAMPLES)
    assert daemon.post("/v1/architectures", arch("StaysForCausalLM")).status == 201
    daemon.kill()
    for n in range(ROUNDS):
        daemon.start(ready=False)
        time.sleep(0.004 * n)
        daemon.kill()
    daemon.log.clear()
    daemon.start()
    assert daemon.get("/v1/architectures/StaysForCausalLM").status == 200
    daemon.stop()
