"""What breaks around the daemon: its disk, its files, its neighbours, the Hub. It goes on, or says why not."""
import os
import pathlib
import re
import sqlite3
import subprocess
import threading
import time

import pytest

from daemon import BUILD, EXAMPLES, Daemon
from fakehub import Hub, safetensors
from things import TINY, arch, is_ready, items, slug

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 128, "vocab_size": 320, "max_position_embeddings": 256,
         "torch_dtype": "bfloat16"}
FILES = {"config.json": LLAMA, "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer"},
         "model.safetensors": safetensors({"model.embed_tokens.weight": ("BF16", (320, 64))})}


def eventually(true, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_alive(daemon):
    """Everything that needs no disk and no Hub."""
    return (daemon.get("/livez").status == 200 and
            daemon.get("/v1/architectures/LlamaForCausalLM").status == 200 and
            daemon.get("/v1/tasks").status == 200)


# ---- the disk

@pytest.fixture
def mounted(tmp_path):
    """mounted(options, source, type) mounts on a folder of its own, where that is allowed."""
    points = []

    def mount(options, source="tmpfs", kind=("-t", "tmpfs")):
        point = tmp_path / f"mount{len(points)}"
        point.mkdir()
        done = subprocess.run(["mount", *kind, "-o", options, source, point], capture_output=True,
                              text=True)
        if done.returncode:
            pytest.skip("nothing can be mounted here: " + done.stderr.strip())
        points.append(point)
        return point

    yield mount
    for point in reversed(points):
        subprocess.run(["umount", "-l", point], check=True)


def fill(folder):
    """Takes all the space there is."""
    path = folder / "ballast"
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    f.write(bytes(size))
            except OSError:
                pass
    return path


def test_a_full_disk_refuses_writes_and_serves_the_rest(mounted):
    folder = mounted("size=4m")
    with Daemon(folder / "state", "--model-root", EXAMPLES) as daemon:
        made = daemon.post("/v1/pipelines", TINY).json()["id"]
        lease = daemon.post(f"/v1/pipelines/{made}/leases", {"ttl_s": 600}).json()["id"]
        assert daemon.post("/v1/architectures", arch("BeforeForCausalLM")).status == 201
        ballast = fill(folder)
        refused, n = None, 0
        while not refused and n < 200:  # what the WAL has room for still fits
            answer = daemon.post("/v1/architectures", arch(f"Full{n}ForCausalLM"))
            assert answer.status in (201, 507), answer
            refused, n = answer if answer.status == 507 else None, n + 1
        assert slug(refused) == "store-full"
        assert is_alive(daemon) and not is_ready(daemon)
        assert daemon.get(f"/v1/pipelines/{made}").status == 200
        assert daemon.get("/v1/architectures/BeforeForCausalLM").status == 200
        assert daemon.get(f"/v1/architectures/Full{n - 1}ForCausalLM").status == 404
        # A release that cannot be written has not happened.
        assert daemon.delete(f"/v1/leases/{lease}").status == 507
        assert [x["id"] for x in items(daemon, "/v1/leases")] == [lease]
        assert daemon.get(f"/v1/pipelines/{made}").json()["leases"] == 1
        before = int(daemon.get("/v1/tasks").headers["x-registry-revision"])

        ballast.unlink()
        # Nobody writes to a daemon that is not ready: it must find out by itself.
        eventually(lambda: is_ready(daemon), "not ready though there is space")
        answer = daemon.post("/v1/architectures", arch(f"Full{n - 1}ForCausalLM"))
        assert answer.status == 201 and answer.json()["revision"] == before + 1
        assert daemon.delete(f"/v1/leases/{lease}").status == 204
        daemon.restart()
        assert daemon.get("/v1/architectures/BeforeForCausalLM").status == 200
        assert daemon.get(f"/v1/architectures/Full{n - 1}ForCausalLM").status == 200
        assert items(daemon, "/v1/leases") == []


def test_a_full_disk_does_not_keep_the_hub_from_being_read(mounted):
    folder = mounted("size=4m")
    with Hub() as hub, Daemon(folder / "state", hub=hub) as daemon:
        hub.repo("org/one", FILES)
        fill(folder)
        answer = daemon.get("/v1/model/config", {"model": "org/one"})
        assert answer.status == 200 and answer.json()["config"]["hidden_size"] == 64
        assert daemon.post("/v1/pipelines", {"model_path": "org/one", "weights": "remote",
                                             "dry_run": True}).status == 200


def test_a_disk_that_is_full_at_the_start_is_said_so(mounted):
    folder = mounted("size=1m")
    fill(folder)
    daemon = Daemon(folder, ready=False)
    assert daemon.ends() in (73, 74)
    assert re.search(r"start: failed.*(full|space)", "\n".join(daemon.log)), daemon.log


def test_a_read_only_store_is_served_and_not_written(mounted, tmp_path):
    state = tmp_path / "state"
    with Daemon(state, "--model-root", EXAMPLES) as daemon:
        assert daemon.post("/v1/architectures", arch("ThereForCausalLM")).status == 201
        made = daemon.post("/v1/pipelines", TINY).json()["id"]
    view = mounted("bind,ro", source=state, kind=())
    if os.access(view, os.W_OK):
        subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
    with Daemon(view, "--model-root", EXAMPLES, "--cache-dir", tmp_path / "cache") as daemon:
        assert any("can only be read" in line for line in daemon.log)
        assert is_alive(daemon) and is_ready(daemon)
        assert "writable" in daemon.get("/readyz?verbose").body.decode()
        assert daemon.get("/v1/architectures/ThereForCausalLM").status == 200
        assert daemon.get(f"/v1/pipelines/{made}").status == 200
        assert daemon.post("/v1/pipelines", TINY).status == 200  # asking again writes nothing
        for answer in (daemon.post("/v1/architectures", arch("NotForCausalLM")),
                       daemon.post("/v1/pipelines", {**TINY, "max_length": 64}),
                       daemon.delete("/v1/architectures/ThereForCausalLM"),
                       daemon.post(f"/v1/pipelines/{made}/leases", {"ttl_s": 60}),
                       daemon.post("/v1/reset", {})):
            assert answer.status == 503 and slug(answer) == "store-read-only", answer
        assert daemon.get(f"/v1/pipelines/{made}").json()["leases"] == 0
        assert is_ready(daemon)


# ---- the files

def filled(state):
    with Daemon(state, "--model-root", EXAMPLES) as daemon:
        for n in range(50):
            assert daemon.post("/v1/architectures", arch(f"Kept{n}ForCausalLM")).status == 201
        assert daemon.post("/v1/pipelines", TINY).status == 201
    return state / "registry.db"


def garbage_in_the_middle(data):
    return data[:8192] + os.urandom(len(data) - 16384) + data[-8192:]


@pytest.mark.parametrize("broken", [
    pytest.param(garbage_in_the_middle, id="garbage in the middle"),
    pytest.param(lambda data: data[:len(data) // 2 + 100], id="truncated"),
    pytest.param(lambda data: bytes(100) + data[100:], id="zeroed header"),
    pytest.param(lambda data: bytes(len(data)), id="zeroed"),
    pytest.param(lambda data: b"this is not a database\n" * 1000, id="text"),
])
def test_a_corrupt_registry_is_set_aside_and_the_catalog_served(tmp_path, broken):
    path = filled(tmp_path)
    data = broken(path.read_bytes())
    path.write_bytes(data)
    with Daemon(tmp_path, "--model-root", EXAMPLES) as daemon:
        (aside,) = [p for p in tmp_path.glob("registry.db.corrupt-*") if not p.name.endswith("-wal")]
        assert aside.read_bytes() == data
        lines = [line for line in daemon.log if "set aside" in line]
        assert len(lines) == 1 and str(aside) in lines[0], daemon.log
        assert is_alive(daemon) and is_ready(daemon)
        assert daemon.post("/v1/architectures", arch("AfterForCausalLM")).status == 201
        daemon.restart()
        assert daemon.get("/v1/architectures/AfterForCausalLM").status == 200
        assert len([line for line in daemon.log if "set aside" in line]) == 1


def test_a_corrupt_cache_is_made_anew(tmp_path):
    with Hub() as hub:
        hub.repo("org/one", FILES)
        with Daemon(tmp_path, hub=hub) as daemon:
            assert daemon.get("/v1/model", {"model": "org/one"}).status == 200
        for bad in (b"garbage" * 10000, bytes(40960), b""):
            (tmp_path / "cache.db").write_bytes(bad)
            with Daemon(tmp_path, hub=hub) as daemon:
                assert is_ready(daemon)
                assert daemon.get("/v1/model", {"model": "org/one"}).status == 200
                assert not [line for line in daemon.log if " error " in line]


def test_a_newer_store_is_refused_and_untouched(tmp_path):
    path = filled(tmp_path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    daemon = Daemon(tmp_path, ready=False)
    assert daemon.ends() == 78
    assert "99" in "\n".join(daemon.log) and path.read_bytes() == before
    assert not list(tmp_path.glob("*.corrupt*"))


# ---- the neighbours

def test_a_second_daemon_on_one_state_directory_is_told_who_has_it(tmp_path):
    with Daemon(tmp_path) as first:
        second = Daemon(tmp_path, ready=False)
        assert second.ends() == 74
        text = "\n".join(second.log)
        assert "in use by another pipelined" in text and str(first.process.pid) in text
        assert is_ready(first)
        assert first.post("/v1/architectures", arch("MineForCausalLM")).status == 201


def test_a_port_that_is_taken_is_named(tmp_path):
    with Daemon(tmp_path / "one") as first:
        where = first.url.removeprefix("http://")
        second = Daemon(tmp_path / "two", listen=(where,), ready=False)
        assert second.ends() == 69
        assert where in "\n".join(second.log)


def test_a_socket_path_that_is_served_is_not_taken_over(tmp_path):
    where = f"unix:{tmp_path}/socket"
    with Daemon(tmp_path / "one", listen=(where,)) as first:
        second = Daemon(tmp_path / "two", listen=(where,), ready=False)
        assert second.ends() == 69
        assert is_ready(first)
        first.kill()  # leaves the path behind: the next one may have it
        first.start()
        assert is_ready(first)


# ---- the Hub

QUICK = ("--hub-retries", 1, "--hub-stall-timeout", "300ms", "--hub-connect-timeout", "500ms")


class Pulse(threading.Thread):
    """Asks /livez on one connection until told to stop: every answer must come."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.connection, self.done, self.n, self.slowest_s = daemon.connection(), False, 0, 0
        self.wrong = None

    def run(self):
        try:
            while not self.done:
                start = time.monotonic()
                self.connection.request("GET", "/livez")
                answer = self.connection.getresponse()
                answer.read()
                assert answer.status == 200
                self.slowest_s = max(self.slowest_s, time.monotonic() - start)
                self.n += 1
                time.sleep(0.001)
        except Exception as e:
            self.wrong = e

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.done = True
        self.join()
        self.connection.close()
        assert not self.wrong, self.wrong


@pytest.mark.parametrize("kind, args, pattern, origin, code", [
    ("status", {"status": 503}, "/api/models/", "hub", "hub-unreachable"),
    ("status", {"status": 500}, "/resolve/", "hub", "hub-unreachable"),
    ("reset", {}, "/api/models/", "hub", "hub-unreachable"),
    ("garbage", {}, "/api/models/", "hub", "hub-bad-answer"),
    ("corrupt", {}, "/resolve-cache/.*config.json", "hub", "content-mismatch"),
    ("truncate", {"after": 20}, "/resolve-cache/.*config.json", "hub", None),
    ("stall", {"after": -1}, "/api/models/", "hub", "hub-timeout"),
    ("stall", {"after": 10}, "/resolve-cache/.*config.json", "hub", "hub-timeout"),
    ("redirect", {"location": "http://127.0.0.1:1/"}, "/resolve/", "hub", None),
])
def test_a_faulty_hub_is_a_problem_of_its_kind_and_nothing_else_waits(tmp_path, kind, args, pattern,
                                                                     origin, code):
    with Hub() as hub, Daemon(tmp_path, *QUICK, hub=hub) as daemon:
        hub.repo("org/one", FILES)
        hub.fault(pattern, kind, times=-1, origin=origin, **args)
        with Pulse(daemon) as pulse:
            answer = daemon.get("/v1/model/config", {"model": "org/one"})
            assert pulse.slowest_s < 1, "/livez waited for the Hub"
        assert answer.status in (502, 503, 504), answer
        assert slug(answer) == code or code is None and slug(answer).startswith(("hub-", "content-"))
        assert pulse.n > 0
        hub.heal()
        eventually(lambda: daemon.get("/v1/model/config", {"model": "org/one"}).status == 200,
                   "the Hub is well and not asked again")


def test_requests_are_answered_while_the_hub_says_nothing(tmp_path):
    with Hub() as hub, Daemon(tmp_path, "--model-root", EXAMPLES, hub=hub) as daemon:
        hub.repo("org/slow", FILES)
        hold = hub.hold("/api/models/")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(
            daemon.get("/v1/model/config", {"model": "org/slow"})))
        asking.start()
        hold.wait_for(1)
        for n in range(50):
            assert is_alive(daemon)
        assert daemon.post("/v1/architectures", arch("MeanwhileForCausalLM")).status == 201
        assert daemon.post("/v1/pipelines", TINY).status == 201
        assert not answers
        hold.release()
        asking.join()
        assert answers[0].status == 200


def test_a_hub_that_is_not_there_is_unreachable(tmp_path):
    with Daemon(tmp_path, *QUICK) as daemon:  # its endpoint is a port nobody listens on
        answer = daemon.get("/v1/model/config", {"model": "org/one"})
        assert answer.status in (502, 503) and slug(answer) == "hub-unreachable"
        assert is_alive(daemon) and is_ready(daemon)


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_read_is_served_stale_when_the_hub_dies(tmp_path, restart):
    with Hub() as hub:
        hub.repo("org/one", FILES)
        daemon = Daemon(tmp_path, *QUICK, hub=hub)
        first = daemon.get("/v1/model/config", {"model": "org/one"})
        assert first.status == 200
        hub.fault("", "reset", times=-1)  # for connections that are still open
    if restart:
        daemon.restart()
    again = daemon.get("/v1/model/config", {"model": "org/one"})
    assert again.status == 200 and again.json()["commit"] == first.json()["commit"]
    refreshed = daemon.post("/v1/model/refresh", {"model": "org/one"})
    assert refreshed.status in (200, 502, 503), refreshed
    if refreshed.status == 200:
        assert refreshed.json()["stale"] is True
    else:
        assert slug(refreshed) == "hub-unreachable"
    assert daemon.get("/v1/model/config", {"model": "org/one"}).status == 200
    unknown = daemon.get("/v1/model/config", {"model": "org/other"})
    assert slug(unknown) == "hub-unreachable"
    daemon.stop()


def test_a_hub_that_limits_is_obeyed_and_the_client_told(tmp_path):
    with Hub() as hub, Daemon(tmp_path, *QUICK, hub=hub) as daemon:
        hub.repo("org/one", FILES)
        hub.limit("api", 0, window_s=300)
        answer = daemon.get("/v1/model/config", {"model": "org/one"})
        assert slug(answer) == "hub-rate-limited" and int(answer.headers["retry-after"]) > 0
        n = len(hub.requests("/api/"))
        assert slug(daemon.get("/v1/model/config", {"model": "org/one"})) == "hub-rate-limited"
        assert len(hub.requests("/api/")) == n, "asked again within the window"


# ---- descriptors

def test_out_of_descriptors_it_goes_on_when_there_are_some_again(tmp_path):
    """Too many connections: nobody is lost for good, and no loop spins."""
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 64\nexec "{BUILD}/pipelined" "$@"\n')
    limited.chmod(0o755)

    class Limited(Daemon):
        def start(self, ready=True):
            self.argv[0] = str(limited)
            super().start(ready)

    with Limited(tmp_path / "state") as daemon:
        held = []
        for _ in range(100):
            connection = daemon.connection()
            connection.connect()
            held.append(connection)
        ticks = sum(map(int, pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text()
                        .rsplit(")", 1)[1].split()[11:13]))
        time.sleep(1)
        spent = sum(map(int, pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text()
                        .rsplit(")", 1)[1].split()[11:13])) - ticks
        for connection in held:
            connection.close()
        assert daemon.get("/livez").status == 200
        assert spent < os.sysconf("SC_CLK_TCK") / 2, "it spun while it could not accept"
