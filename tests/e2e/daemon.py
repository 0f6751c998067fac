"""The daemon under test: a real process, real sockets, a state directory of its own."""
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import urllib.parse

BUILD = pathlib.Path(os.environ.get("BUILD_DIR") or os.environ.get("PIPELINED_BUILD", "build")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = SOURCE / "examples"


class Answer:
    """One HTTP answer: status, headers (lower-case names), body; json() parses it."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """
    Starts pipelined and waits for its `listening on` lines; stop() sends SIGTERM and
    insists on exit status 0, which makes leaks and races test failures under sanitizers.
    """

    def __init__(self, state, *args, env=None, hub=None, listen=("127.0.0.1:0",), ready=True,
                 offline=False, timeout=30):
        self.state = pathlib.Path(state)
        self.argv = [str(BUILD / "pipelined"), "--state-dir", str(state)]
        for where in listen:
            self.argv += ["--listen", where]
        if offline:
            self.argv += ["--offline"]
        self.argv += [str(a) for a in args]
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("HF_", "PIPELINED_")) and not k.lower().endswith("_proxy")}
        self.env["HF_HOME"] = str(self.state / "hf")
        self.env["HF_ENDPOINT"] = hub.url if hub else "http://127.0.0.1:9"
        self.env.update(env or {})
        self.timeout = timeout
        self.listen = len(listen)
        self.log = []
        self.urls = []
        self.process = None
        self.start(ready)

    def start(self, ready=True):
        self.urls = []
        self.started_at = len(self.log)  # lines before are of an earlier process
        self.process = subprocess.Popen(self.argv, env=self.env, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.set_blocking(self.process.stderr.fileno(), False)
        if ready:
            self.wait_ready()

    def read_log(self, timeout):
        """Reads what the daemon has written; True when something came."""
        if not select.select([self.process.stderr], [], [], timeout)[0]:
            return False
        data = os.read(self.process.stderr.fileno(), 1 << 16)
        if not data:
            return False
        self.log += data.decode("utf-8", "replace").splitlines()
        lines = self.log[self.started_at:]
        self.urls = [m.group(1) for m in (re.search(r"listening on (\S+)", x) for x in lines) if m]
        return True

    def wait_ready(self):
        deadline = time.monotonic() + self.timeout
        while len(self.urls) < self.listen:
            if not self.read_log(max(0, deadline - time.monotonic())):
                code = self.process.poll()
                raise AssertionError(f"not ready (exit {code}):\n" + "\n".join(self.log))

    @property
    def url(self):
        return self.urls[0]

    def connection(self, url=None, timeout=None):
        url = url or self.url
        if url.startswith("unix:"):
            return UnixConnection(url[5:], timeout or self.timeout)
        u = urllib.parse.urlsplit(url)
        return http.client.HTTPConnection(u.hostname, u.port, timeout=timeout or self.timeout)

    def request(self, method, target, body=None, headers=None, url=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = self.connection(url)
        try:
            connection.request(method, target, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def get(self, target, query=None, **kw):
        if query:
            target += "?" + urllib.parse.urlencode(query)
        return self.request("GET", target, **kw)

    def post(self, target, body=None, **kw):
        return self.request("POST", target, body=body, **kw)

    def delete(self, target, **kw):
        return self.request("DELETE", target, **kw)

    def stop(self, expect=0):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "no exit after SIGTERM"
        while self.read_log(0):
            pass
        self.process.stderr.close()
        if expect is not None:
            assert code == expect, f"exit {code}:\n" + "\n".join(self.log[-60:])

    def ends(self):
        """Waits for a daemon that ends by itself; its exit status."""
        deadline = time.monotonic() + self.timeout
        while self.read_log(max(0, deadline - time.monotonic())):
            pass
        self.process.stderr.close()
        return self.process.wait(self.timeout)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def restart(self):
        self.stop()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.stderr.closed:
            return  # the test has ended it
        if kind is None:
            self.stop()
        else:
            while self.process.poll() is None and self.read_log(0):
                pass
            self.kill() if self.process.poll() is None else None
            print("\n".join(self.log[-60:]))
