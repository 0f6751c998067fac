"""Signals, the service manager, sockets: how a daemon begins and ends, and reloads in between."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from daemon import BUILD, EXAMPLES, Daemon
from fakehub import Hub
from test_faults import FILES, eventually
from things import TINY, Client, arch, at_once, events, is_ready, slug

THREADS = pytest.mark.parametrize("threads", [1, 2])


def log_has(daemon, text):
    while daemon.read_log(0):
        pass
    return any(text in line for line in daemon.log)


def refuses(daemon):
    """Whether nobody accepts connections any more."""
    try:
        daemon.get("/livez")
        return False
    except OSError:
        return True


# ---- stopping

@THREADS
def test_requests_under_way_are_answered_before_the_end(tmp_path, threads):
    with Hub() as hub, Daemon(tmp_path, "--io-threads", threads, hub=hub) as daemon:
        hub.repo("org/slow", FILES)
        hold = hub.hold("/api/models/")
        answers = []

        def ask():
            answers.append(daemon.get("/v1/model/config", {"model": "org/slow"}))

        asking = [threading.Thread(target=ask) for _ in range(8)]
        for t in asking:
            t.start()
        hold.wait_for(1)
        idle = Client(daemon)
        assert idle.ask("GET", "/livez")[0] == 200
        eventually(lambda: b"pipelined_jobs 8" in daemon.get("/metrics").body, "eight ask")
        daemon.process.send_signal(signal.SIGTERM)
        eventually(lambda: refuses(daemon), "still accepts")
        assert not answers and daemon.process.poll() is None
        hold.release()
        for t in asking:
            t.join()
        assert [a.status for a in answers] == [200] * 8
        with pytest.raises((OSError, http.client.HTTPException)):
            idle.ask("GET", "/livez")  # it rested, so it was closed


@THREADS
def test_a_stop_under_load_answers_or_refuses_and_keeps_what_it_answered(tmp_path, threads):
    daemon = Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", threads)
    acknowledged, wrong = [], []

    def register(i):
        client = Client(daemon)
        try:
            for n in range(100000):
                name = f"Load{i}x{n}ForCausalLM"
                status, _, body = client.ask("POST", "/v1/architectures", arch(name))
                if status == 201:
                    acknowledged.append(name)
                elif status != 503:
                    wrong.append((status, body))
        except (OSError, http.client.HTTPException):
            pass
        finally:
            client.close()

    writers = [threading.Thread(target=register, args=(i,)) for i in range(8)]
    for t in writers:
        t.start()
    eventually(lambda: len(acknowledged) > 50, "nothing is registered")
    daemon.stop()
    for t in writers:
        t.join()
    assert not wrong
    assert not (tmp_path / "registry.db-wal").exists(), "stopped without a checkpoint"
    daemon.start()
    for name in acknowledged:
        assert daemon.get(f"/v1/architectures/{name}").status == 200
    daemon.stop()


@THREADS
def test_a_second_signal_ends_it_at_once(tmp_path, threads):
    with Hub() as hub, Daemon(tmp_path, "--io-threads", threads, hub=hub) as daemon:
        hub.repo("org/slow", FILES)
        hold = hub.hold("/api/models/")
        asking = [Client(daemon) for _ in range(4)]
        for c in asking:
            c.connection.request("GET", "/v1/model/config?model=org%2Fslow")
        hold.wait_for(1)
        daemon.process.send_signal(signal.SIGTERM)
        eventually(lambda: log_has(daemon, "stop: draining"), "not draining")
        assert daemon.process.poll() is None
        daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(10) == 0
        assert log_has(daemon, "stop: at once")
        for c in asking:
            try:
                assert c.connection.getresponse().status == 503
            except (OSError, http.client.HTTPException):
                pass  # cut off is an answer, too
            c.close()


def test_the_drain_timeout_ends_what_does_not_end(tmp_path):
    with Hub() as hub, Daemon(tmp_path, "--drain-timeout", "200ms", hub=hub) as daemon:
        hub.repo("org/slow", FILES)
        hold = hub.hold("/api/models/")
        client = Client(daemon)
        client.connection.request("GET", "/v1/model/config?model=org%2Fslow")
        hold.wait_for(1)
        daemon.stop()
        client.close()


@THREADS
def test_streams_of_events_end_with_the_daemon(tmp_path, threads):
    with Daemon(tmp_path, "--io-threads", threads) as daemon:
        readers = [daemon.connection() for _ in range(4)]
        streams = []
        for c in readers:
            c.request("GET", "/v1/events?since=0", headers={"Accept": "application/x-ndjson"})
            streams.append(c.getresponse())
            assert json.loads(streams[-1].readline())["revision"] == 1
        daemon.process.send_signal(signal.SIGTERM)
        for c, stream in zip(readers, streams):
            assert json.loads(stream.readline())["error"]["code"] == "draining"
            assert stream.readline() == b""
        # The clients keep their connections; that is no reason to wait for drain-timeout.
        assert daemon.process.wait(10) == 0
        for c in readers:
            c.close()


def test_while_it_waits_to_stop_it_serves_and_is_not_ready(tmp_path):
    with Daemon(tmp_path, "--shutdown-delay", "60s", "--model-root", EXAMPLES) as daemon:
        assert is_ready(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        eventually(lambda: daemon.get("/readyz").status == 503, "still ready")
        assert b"[-]drain" in daemon.get("/readyz?verbose").body
        assert daemon.get("/livez").status == 200
        assert daemon.post("/v1/pipelines", TINY).status == 201
        daemon.process.send_signal(signal.SIGTERM)  # no more patience
        assert daemon.process.wait(10) == 0


# ---- reload

def test_a_reload_reads_the_catalog_again(tmp_path):
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    with Daemon(tmp_path / "state", "--catalog", catalog) as daemon:
        eventually(lambda: events(daemon), "the first event is missing")
        since = events(daemon)[-1]["revision"]
        (catalog / "mine.json").write_text(json.dumps({"architectures": [arch("MineForCausalLM")]}))
        assert daemon.get("/v1/architectures/MineForCausalLM").status == 404
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.get("/v1/architectures/MineForCausalLM").status == 200,
                   "the new record is not there")
        assert daemon.get("/v1/architectures/MineForCausalLM").json()["source"] == "catalog"
        assert [e["kind"] for e in events(daemon, since)] == ["registry.catalog_reloaded"]
        shown = daemon.get("/v1/architectures").body
        daemon.restart()
        assert daemon.get("/v1/architectures").body == shown, "a restart is not a change"
        (catalog / "mine.json").write_text("{ this is not JSON")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: log_has(daemon, "mine.json"), "the fault is not named")
        assert daemon.get("/v1/architectures/LlamaForCausalLM").status == 200


def test_a_reload_during_a_reset_leaves_it_cleared(tmp_path):
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    with Daemon(tmp_path / "state", "--catalog", catalog) as daemon:
        for n in range(20):
            (catalog / "mine.json").write_text(
                json.dumps({"architectures": [arch(f"Mine{n}ForCausalLM")]}))

            def work(i):
                if i == 0:
                    return daemon.post("/v1/reset", {"architectures": "clear"}).status
                daemon.process.send_signal(signal.SIGHUP)
                return 200
            assert at_once(2, work) == [200, 200]
            daemon.restart()
            assert daemon.get("/v1/architectures").json()["items"] == []
            assert daemon.post("/v1/reset", {"architectures": "builtin"}).status == 200


def make_key(scopes="read,write,admin"):
    out = subprocess.run([BUILD / "pipelined", "--make-key", "k", "--scopes", scopes], check=True,
                         capture_output=True, text=True).stdout
    key, line = [x.split(":", 1)[1].strip() for x in out.splitlines()]
    return key, line


@THREADS
def test_a_reload_changes_keys_and_level_under_load(tmp_path, threads):
    keys, config = tmp_path / "keys", tmp_path / "config"
    (old, old_line), (new, new_line) = make_key(), make_key()
    keys.write_text(old_line + "\n")
    keys.chmod(0o600)
    config.write_text("log-level = warning\n")
    with Daemon(tmp_path / "state", "--keys-file", keys, "--config", config, "--io-threads",
                threads) as daemon:

        def ask(key):
            return daemon.get("/v1/tasks", headers={"Authorization": f"Bearer {key}"}).status

        assert (ask(old), ask(new)) == (200, 401)
        done, wrong = threading.Event(), []

        def load():
            client = Client(daemon)
            while not done.is_set():
                status, _, _ = client.ask("GET", "/v1/architectures/LlamaForCausalLM",
                                          headers={"Authorization": f"Bearer {old}"})
                if status not in (200, 401):
                    wrong.append(status)
            client.close()

        loading = [threading.Thread(target=load) for _ in range(4)]
        for t in loading:
            t.start()
        keys.write_text(new_line + "\n")
        config.write_text("log-level = info\n")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: ask(new) == 200, "the new key is not taken")
        assert ask(old) == 401
        eventually(lambda: log_has(daemon, "catalog: read again"), "the level is not taken")
        keys.write_text("this is no key\n")
        config.write_text("no-such-setting = 1\n")
        for _ in range(5):
            daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: log_has(daemon, "the keys are kept"), "broken keys are not named")
        eventually(lambda: log_has(daemon, "the settings are kept"), "broken settings are not named")
        assert ask(new) == 200
        done.set()
        for t in loading:
            t.join()
        assert not wrong


# ---- the service manager

class Manager:
    """The datagram socket that systemd listens on."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(20)

    def hears(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def hears_of(self, name):
        while True:
            said = self.hears()
            if name in said:
                return said


def test_the_service_manager_is_told(tmp_path):
    manager = Manager(tmp_path / "notify")
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "2000000"}
    with Daemon(tmp_path / "state", env=env) as daemon:
        assert manager.hears_of("READY")["READY"] == "1"
        for _ in range(2):
            assert manager.hears_of("WATCHDOG")["WATCHDOG"] == "1"
        daemon.process.send_signal(signal.SIGHUP)
        said = manager.hears_of("RELOADING")
        assert int(said["MONOTONIC_USEC"]) > 0
        assert manager.hears_of("READY")["READY"] == "1"
        daemon.process.send_signal(signal.SIGTERM)
        assert manager.hears_of("STOPPING")["STOPPING"] == "1"
        assert daemon.process.wait(20) == 0


def test_nobody_is_told_of_a_start_that_fails(tmp_path):
    manager = Manager(tmp_path / "notify")
    taken = socket.create_server(("127.0.0.1", 0))
    where = "127.0.0.1:%d" % taken.getsockname()[1]
    daemon = Daemon(tmp_path / "state", listen=(where,), ready=False,
                    env={"NOTIFY_SOCKET": manager.path})
    assert daemon.ends() == 69
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            assert "READY" not in manager.hears()


class Activated(Daemon):
    """Started with sockets that somebody else opened, as systemd does."""

    def __init__(self, *args, fds, **kw):
        self.fds = fds
        super().__init__(*args, listen=(), **kw)

    def start(self, ready=True):
        def pass_on():
            for i, fd in enumerate(self.fds):  # they lie above, so none is overwritten
                os.dup2(fd, 3 + i)
            os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), str(len(self.fds))

        self.urls, self.started_at, self.listen = [], len(self.log), len(self.fds)
        script = ('LISTEN_PID=$$ exec "$0" "$@"')
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", script] + self.argv, stderr=subprocess.PIPE, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=pass_on,
            env={**self.env, "LISTEN_FDS": str(len(self.fds))})
        os.set_blocking(self.process.stderr.fileno(), False)
        if ready:
            self.wait_ready()


def high(sock):
    """A descriptor of the socket that is out of the way of 3, 4, …"""
    import fcntl
    return fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 100)


@THREADS
def test_sockets_that_are_passed_are_served_and_survive(tmp_path, threads):
    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unix.bind(str(tmp_path / "socket"))
    unix.listen()
    fds = [high(tcp), high(unix)]
    with Activated(tmp_path / "state", "--io-threads", threads, fds=fds) as daemon:
        assert daemon.urls == ["http://127.0.0.1:%d" % tcp.getsockname()[1],
                               f"unix:{tmp_path}/socket"]
        for url in daemon.urls:
            assert daemon.get("/livez", url=url).status == 200
        daemon.stop()
        assert (tmp_path / "socket").exists(), "the path is the service manager's"
        daemon.start()  # connections in between would have waited
        for url in daemon.urls:
            assert daemon.get("/livez", url=url).status == 200


# ---- sockets of our own

@THREADS
def test_a_unix_socket_is_served_and_removed(tmp_path, threads):
    path = tmp_path / "socket"
    with Daemon(tmp_path / "state", "--io-threads", threads,
                listen=(f"unix:{path}", "127.0.0.1:0")) as daemon:
        assert len(daemon.urls) == 2
        for url in daemon.urls:
            assert daemon.get("/v1/tasks", url=url).status == 200
        assert daemon.post("/v1/architectures", arch("UnixForCausalLM"),
                           url=f"unix:{path}").status == 201
        assert daemon.get("/v1/architectures/UnixForCausalLM", url=daemon.urls[1]).status == 200
        daemon.stop()
        assert not path.exists()


def test_a_start_that_fails_leaves_no_socket_behind(tmp_path):
    path, state = tmp_path / "socket", tmp_path / "state"
    with Daemon(state):
        daemon = Daemon(state, listen=(f"unix:{path}",), ready=False)
        assert daemon.ends() == 74
        assert not path.exists()


def test_a_write_on_one_loop_is_seen_on_the_other(tmp_path):
    with Daemon(tmp_path, "--io-threads", 2) as daemon:
        clients = [Client(daemon) for _ in range(16)]  # the kernel spreads them over both
        for n in range(30):
            name = f"Seen{n}ForCausalLM"
            status, headers, _ = clients[n % 16].ask("POST", "/v1/architectures", arch(name))
            assert status == 201
            for c in clients:
                status, seen, _ = c.ask("GET", f"/v1/architectures/{name}")
                assert status == 200
                assert int(seen["x-registry-revision"]) >= int(headers["x-registry-revision"])
        for c in clients:
            c.close()
