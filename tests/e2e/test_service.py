"""The process as pipelined(8) describes it: signals, the service manager, credentials, exit statuses."""
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from daemon import BUILD, Daemon
from families import add_family, family_files
from test_architectures import doc


class Manager:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, tmp_path):
        self.path = str(tmp_path / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.said = []

    def wait_for(self, what, timeout=20):
        """The next message that has this line, as a dict."""
        self.socket.settimeout(timeout)
        while True:
            lines = self.socket.recv(4096).decode().splitlines()
            self.said.append(dict(line.split("=", 1) for line in lines))
            if what in lines:
                return self.said[-1]


@pytest.fixture
def manager(tmp_path):
    m = Manager(tmp_path)
    yield m
    m.socket.close()


def reload(daemon, manager):
    daemon.process.send_signal(signal.SIGHUP)
    assert int(manager.wait_for("RELOADING=1")["MONOTONIC_USEC"]) > 0
    manager.wait_for("READY=1")
    catalog = len(daemon.log)
    while not any(" catalog: re" in line for line in daemon.log[catalog:]):  # the last that is taken over
        assert daemon.read_log(20)
    return "\n".join(daemon.log)


def key_and_line(name, scopes):
    made = subprocess.run([BUILD / "pipelined", "--make-key", name, "--scopes", scopes], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    return [x.split(":  ")[1].strip() for x in made.splitlines()]


# ---- the service manager


def test_it_is_ready_when_it_answers_feeds_the_watchdog_and_says_that_it_stops(hub, state, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "4000000"}
    with Daemon(state, hub=hub, env=env, ready=False) as daemon:
        manager.wait_for("READY=1")
        daemon.wait_ready()
        assert daemon.get("/readyz").status == 200
        begin = time.monotonic()
        for _ in range(3):
            manager.wait_for("WATCHDOG=1")
        assert time.monotonic() - begin < 3 * 2  # at least twice in each period
    manager.wait_for("STOPPING=1")


def test_a_passed_socket_replaces_the_default(hub, state):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    # The shell becomes the daemon, so that LISTEN_PID can be its.
    script = f"export LISTEN_PID=$$ LISTEN_FDS=1; exec {BUILD}/pipelined --state-dir {state} 3<&{listener.fileno()}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PIPELINED_"))}
    process = subprocess.Popen(["/bin/bash", "-c", script], pass_fds=[listener.fileno()], stderr=subprocess.PIPE,
                               text=True, env={**clean, "HF_ENDPOINT": hub.url})
    listener.close()
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if "listening on" in line:
                break
        assert said and said[-1].endswith(f"listening on http://127.0.0.1:{port}\n"), said
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        process.stderr.close()
    assert process.wait(30) == 0, rest
    assert "listening on" not in rest


def test_credentials_are_the_keys_and_the_token(hub, state, tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    key, line = key_and_line("ops", "admin")
    (folder / "keys").write_text(line + "\n")
    (folder / "hf-token").write_text(hub.token("hf_service", reads={"closed/model"}) + "\n")
    hub.repo("closed/model", family_files("llama3"), private=True)
    env = {"CREDENTIALS_DIRECTORY": str(folder)}
    with Daemon(state, hub=hub, env=env) as daemon:
        assert daemon.get("/v1/architectures").status == 401
        bearer = {"Authorization": f"Bearer {key}"}
        answer = daemon.get("/v1/model?model=closed/model", headers=bearer)
        assert answer.status == 200, answer
    with Daemon(tmp_path / "other", hub=hub, env={**env, "HF_TOKEN": "hf_of_nobody"}) as daemon:
        assert daemon.get("/v1/model?model=closed/model", headers=bearer).status != 200  # a variable wins


# ---- SIGHUP


def test_a_reload_takes_what_is_live_and_names_the_rest(hub, state, tmp_path, manager):
    config, catalog = tmp_path / "pipelined.conf", tmp_path / "catalog"
    config.write_text("allowed-host = one.example\n")
    catalog.mkdir()
    with Daemon(state, "--config", config, hub=hub, env={"NOTIFY_SOCKET": manager.path}) as daemon:
        add_family(hub, "llama3")
        lease = {"model_path": "fam/llama3", "quantization_encoding": "bfloat16", "devices": [{"type": "H100"}],
                 "lease": {"ttl_s": 100}}
        assert daemon.post("/v1/pipelines", lease).status == 201
        (catalog / "mine.json").write_text(json.dumps(doc("FromFolderForCausalLM")))
        config.write_text(f"allowed-host = two.example\nmax-lease-ttl = 50\ncatalog = {catalog}\nmax-body = 1K\n"
                          "log-level = debug\n")
        log = reload(daemon, manager)
        assert daemon.post("/v1/pipelines", dict(lease, max_length=64)).status == 422
        assert daemon.get("/v1/architectures/FromFolderForCausalLM").json()["source"] == "catalog"
        for name in ("allowed-host", "max-body"):
            assert re.search(rf"needs a restart.*{name}", log), log
        assert not re.search(r"needs a restart.*(max-lease-ttl|catalog|log-level)", log)
        # What waits for the restart is as it was.
        assert [daemon.get("/livez", headers={"Host": f"{n}.example"}).status for n in ("one", "two")] == [200, 403]


def test_a_broken_file_changes_nothing(hub, state, tmp_path, manager):
    config, keys = tmp_path / "pipelined.conf", tmp_path / "keys"
    key, line = key_and_line("ops", "admin")
    keys.write_text(line + "\n")
    config.write_text(f"keys-file = {keys}\nmax-lease-ttl = 50\n")
    with Daemon(state, "--config", config, hub=hub, env={"NOTIFY_SOCKET": manager.path}) as daemon:
        config.write_text("max-lease-tll = 60\n")
        keys.write_text("nonsense\n")
        log = reload(daemon, manager)
        assert "max-lease-tll" in log and "max-lease-ttl" in log and "keys are kept" in log
        assert daemon.get("/v1/architectures", headers={"Authorization": f"Bearer {key}"}).status == 200


def test_keys_change_and_do_not_begin_with_a_reload(hub, state, tmp_path, manager):
    keys = tmp_path / "keys"
    (old, old_line), (new, new_line) = key_and_line("old", "read"), key_and_line("new", "read")
    keys.write_text(old_line + "\n")
    env = {"NOTIFY_SOCKET": manager.path}
    ask = lambda d, key: d.get("/v1/architectures", headers={"Authorization": f"Bearer {key}"}).status
    with Daemon(state, "--keys-file", keys, hub=hub, env=env) as daemon:
        assert (ask(daemon, old), ask(daemon, new)) == (200, 401)
        keys.write_text(new_line + "\n")
        reload(daemon, manager)
        assert (ask(daemon, old), ask(daemon, new)) == (401, 200)
    keys.write_text("# none yet\n")
    with Daemon(tmp_path / "other", "--keys-file", keys, hub=hub, env=env) as daemon:
        keys.write_text(new_line + "\n")
        assert "no keys at the start" in reload(daemon, manager)
        assert daemon.get("/v1/architectures").status == 200


# ---- SIGTERM


def test_it_says_not_ready_serves_through_the_delay_and_ends(hub, state):
    with Daemon(state, "--shutdown-delay", "1500ms", hub=hub) as daemon:
        daemon.process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        while daemon.get("/readyz").status == 200:
            assert time.monotonic() - begin < 1.5
        assert daemon.get("/v1/tasks").status == 200  # a balancer may still send
        assert daemon.process.wait(20) == 0
        assert time.monotonic() - begin >= 1.4


@pytest.mark.parametrize("timeout,answered", [("20s", True), ("300ms", False)])
def test_running_requests_have_the_drain_timeout(hub, state, timeout, answered):
    hold = hub.hold("drained/model")
    hub.repo("drained/model", family_files("llama3"))
    daemon = Daemon(state, "--drain-timeout", timeout, hub=hub)
    got = []
    thread = threading.Thread(target=lambda: got.append(status_of(daemon)))
    thread.start()
    while not hub.requests("drained/model"):
        time.sleep(0.01)
    daemon.process.send_signal(signal.SIGTERM)
    if answered:
        while not any("draining" in line for line in daemon.log):
            assert daemon.read_log(20)
        hold.release()
    thread.join(30)
    daemon.stop()
    hold.release()
    hub.repos.pop("drained/model")
    assert (got == [200]) == answered, got


def status_of(daemon):
    try:
        return daemon.get("/v1/model?model=drained/model").status
    except OSError as e:
        return repr(e)


# ---- exit statuses


def run(*flags, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PIPELINED_"))}
    return subprocess.run([BUILD / "pipelined", *flags], env={**clean, **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)


def test_questions_are_answered_by_the_exit_status(daemon, tmp_path):
    assert run("--health", "--listen", daemon.url.removeprefix("http://")).returncode == 0
    assert run("--health", "--listen", f"unix:{tmp_path}/nobody").returncode == 69
    assert run("--check-config", "--config", "/dev/null").returncode == 0
    assert run("--version", env={"PIPELINED_LISTEN": "0.0.0.0:1"}).returncode == 0
    assert run("--print-config", "--config", "/dev/null").returncode == 0


def test_what_does_not_start_says_why(daemon, tmp_path):
    state = ["--state-dir", tmp_path / "state", "--config", "/dev/null"]
    broken, file = tmp_path / "broken.conf", tmp_path / "file"
    broken.write_text("lissten = 127.0.0.1:0\n")
    file.write_text("")
    newer = tmp_path / "newer"
    newer.mkdir()
    subprocess.run(["sqlite3", newer / "registry.db", f"PRAGMA application_id = {0x706c6e64}; PRAGMA user_version = 9999;"
                    "CREATE TABLE x (y);"], check=True)
    for flags, status, said in [
            (["--lissten", "x"], 64, "listen"),
            (["--config", broken], 78, f"{broken}:1"),
            ([*state, "--listen", daemon.url.removeprefix("http://")], 69, "taken by another process"),
            (["--config", "/dev/null", "--listen", "127.0.0.1:0", "--state-dir", file / "x"], 73, str(file)),
            (["--config", "/dev/null", "--listen", "127.0.0.1:0", "--state-dir", newer], 78, "newer"),
            ([*state, "--listen", "0.0.0.0:0"], 78, "no keys"),
            ([*state, "--listen", "127.0.0.1:0", "--keys-file", tmp_path / "none"], 78, "none")]:
        done = run(*flags)
        assert done.returncode == status and said in done.stderr, (flags, done.returncode, done.stderr)
