"""Killed at any moment, the store has everything it acknowledged, and nothing by halves.

PIPELINED_CRASH_ROUNDS sets how often (20; the full check does 200 and more).
"""
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import time

BUILD = pathlib.Path(os.environ.get("PIPELINED_BUILD", "build")).resolve()
WRITER = str(BUILD / "tests/e2e/store_writer")
ROUNDS = int(os.environ.get("PIPELINED_CRASH_ROUNDS", "20"))
KEPT = 300  # as in store_writer.c


def write_and_kill(directory, after_s):
    """Runs the writer, kills it after_s behind its first acknowledgement; the last one read."""
    process = subprocess.Popen([WRITER, "write", directory], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    first = process.stdout.readline()
    deadline = time.monotonic() + after_s
    lines = [first]
    while first and time.monotonic() < deadline:
        lines.append(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    # What was still in the pipe was acknowledged, too; a line cut short was not.
    acknowledged = [int(line) for line in (b"".join(lines) + rest).split(b"\n")[:-1]]
    assert acknowledged == sorted(acknowledged)
    return acknowledged[-1]


def listed(directory):
    result = subprocess.run([WRITER, "list", directory], capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 0, result.stderr
    rows = {"arch": [], "event": [], "revision": []}
    for line in result.stdout.splitlines():
        kind, number = line.split()
        rows[kind].append(int(number))
    return rows


def test_no_acknowledged_write_is_lost_by_kill_9(tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    revision = 0
    for _ in range(ROUNDS):
        acknowledged = write_and_kill(str(tmp_path), rng.uniform(0, 0.08))
        assert acknowledged > revision
        if rng.random() < 0.5:
            continue  # the next writer recovers, not the reader
        rows = listed(str(tmp_path))
        revision = rows["revision"][0]
        assert revision >= acknowledged
        expected = list(range(max(1, revision - KEPT + 1), revision + 1))
        assert rows["arch"] == expected
        assert rows["event"] == expected
        with sqlite3.connect(tmp_path / "registry.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
    assert not list(tmp_path.glob("*.corrupt-*"))
