"""
The transport with a fake backend: every way in which libmicrohttpd 0.9.75 is
known to stall, spin, abort or misread is a test here. The groups are in no
particular order.

    PIPELINED_BUILD=build pytest tests/e2e/test_transport.py
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

BUILD = os.environ.get("PIPELINED_BUILD", "build")
SERVER = f"{BUILD}/tests/unit/transport_server"
PATIENCE = 10  # seconds; only a hang comes near


class Server:
    def __init__(self, *args, pass_fds=()):
        listeners = [a for a in args if a == "tcp" or a.startswith(("unix:", "fd:"))]
        if not listeners:
            args = ("tcp", *args)
        self.process = subprocess.Popen([SERVER, *args], stderr=subprocess.PIPE, text=True,
                                        errors="replace", pass_fds=pass_fds)
        self.addresses, self.log, self.terminated = [], [], False
        for line in self.process.stderr:
            if line.startswith("listening on "):
                self.addresses.append(line.split()[2])
            if line == "ready\n":
                break
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    @property
    def port(self):
        return int(next(a for a in self.addresses if a.startswith("http")).rsplit(":", 1)[1])

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Client(s)

    def ask(self, target="/hello", **more):
        with self.connect() as c:
            return c.ask(target, **more)

    def stats(self):
        return self.ask("/stats").json()

    def figure(self, name):
        for line in self.ask("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self):
        if not self.terminated:
            self.terminated = True
            self.process.send_signal(signal.SIGTERM)

    def stop(self):
        self.terminate()
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert status == 0, "\n".join(self.log)


class Reply:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, _ = lines[0].split(" ", 2)
        self.status = int(status)
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.body = body

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [None])[0]

    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def until(self, mark):
        while mark not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def take(self, n):
        while len(self.buffer) < n:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        found, self.buffer = self.buffer[:n], self.buffer[n:]
        return found

    def head(self):
        return Reply(self.until(b"\r\n\r\n"), b"")

    def reply(self, is_head=False):
        r = self.head()
        if not is_head and r.status not in (204, 304) and r.status >= 200:
            if r.get("Transfer-Encoding") == "chunked":
                while size := int(self.until(b"\r\n"), 16):
                    r.body += self.take(size)
                    self.until(b"\r\n")
                self.until(b"\r\n")
            else:
                r.body = self.take(int(r.get("Content-Length")))
        return r

    def ask(self, target="/hello", method="GET", body=None, headers=()):
        fields = {"Host": "localhost"}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        fields.update(headers)
        lines = "".join(f"{n}: {v}\r\n" for n, v in fields.items() if v is not None)
        self.send(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + (body or b""))
        return self.reply(method == "HEAD")

    def chunk(self):
        size = int(self.until(b"\r\n"), 16)
        data = self.take(size)
        self.until(b"\r\n")
        return data

    def is_closed(self, within=PATIENCE):
        self.sock.settimeout(within)
        try:
            while data := self.sock.recv(65536):
                self.buffer += data
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False


@contextmanager
def serving(*args, **more):
    s = Server(*args, **more)
    try:
        yield s
    finally:
        s.stop()


@pytest.fixture(name="call", params=["/slow", "/call"])
def call_path(request):
    """A route that may stream, whose requests libmicrohttpd carries; one that the front asks."""
    return request.param


@pytest.fixture(scope="module", params=["guest", "thread"])
def server(request):
    """One for the tests that change nothing, on the main loop and on one of its own."""
    with serving("log", *(["thread"] if request.param == "thread" else [])) as s:
        yield s


@pytest.fixture
def start():
    servers = []

    def run(*args, **more):
        servers.append(Server(*args, **more))
        return servers[-1]

    yield run
    for s in servers:
        s.stop()


def eventually(check, within=PATIENCE):
    end = time.monotonic() + within
    while not check():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


# ---- 1, 2: external polling; resuming wakes nothing by itself


@pytest.mark.parametrize("how", ["timer", "thread", "now"])
def test_a_suspended_request_is_answered_at_once_when_its_answer_is_there(server, how, call):
    begin = time.monotonic()
    r = server.ask(f"{call}?how={how}&ms=50")
    assert r.status == 200 and r.json() == {"slow": True}
    assert time.monotonic() - begin < 2


def test_an_idle_server_with_sleeping_requests_uses_no_cpu(start, call):
    s = start()
    with s.connect() as a, s.connect() as b, s.connect() as c:
        a.send(f"GET {call}?how=never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        b.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        b.head()
        c.send("GET /hel")
        eventually(lambda: s.stats()["submitted"] == 1)
        before = s.cpu_s()
        time.sleep(0.7)  # the quantity measured, not a wait for readiness
        assert s.cpu_s() - before < 0.1


# ---- 3: at the limit the listening socket leaves the epoll set


def test_a_connection_over_the_limit_is_served_when_another_one_closes(start):
    s = start("max_connections=4")
    held = [s.connect() for _ in range(4)]
    for c in held:
        assert c.ask().status == 200
    with s.connect() as late:
        late.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        late.sock.settimeout(0.3)
        with pytest.raises(socket.timeout):
            late.sock.recv(1)
        late.sock.settimeout(PATIENCE)
        held.pop().sock.close()
        assert late.reply().status == 200
    for c in held:
        c.sock.close()


def test_a_peer_does_not_get_more_than_its_share_of_connections(start):
    s = start("max_connections_per_peer=2")
    with s.connect() as a, s.connect() as b:
        assert a.ask().status == 200 and b.ask().status == 200
        with s.connect() as c:
            assert c.is_closed()
        assert a.ask().status == 200


# ---- 4: many connections ready at once


def test_three_hundred_connections_ready_at_once_are_all_answered(server):
    clients = [server.connect() for _ in range(300)]
    for c in clients:
        c.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
    begin = time.monotonic()
    assert all(c.reply().status == 200 for c in clients)
    assert time.monotonic() - begin < 5
    for c in clients:
        c.sock.close()


# ---- 6: files, and clients that go away


def test_a_file_arrives_whole_and_from_its_offset(server):
    r = server.ask("/file")
    assert r.body == b"".join(b"%015d\n" % i for i in range(1, (4 << 20) // 16))


def test_a_client_that_leaves_in_the_middle_of_a_file_does_no_harm(server):
    for _ in range(5):
        with server.connect() as c:
            c.send("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
            c.sock.recv(1000)
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.ask().status == 200


# ---- 7: pipelining


def test_pipelined_requests_that_sleep_are_answered_in_order(server, call):
    with server.connect() as c:
        c.send("".join(f"GET {call}?ms={ms} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r{ms}\r\n\r\n"
                       for ms in (50, 40, 30, 20, 10)))
        assert [c.reply().get("X-Request-Id") for _ in range(5)] == ["r50", "r40", "r30", "r20", "r10"]


def test_two_hundred_pipelined_requests_get_two_hundred_replies(server):
    with server.connect() as c:
        c.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        assert all(c.reply().status == 200 for _ in range(200))


def test_what_arrives_while_a_request_sleeps_is_not_lost(server, call):
    with server.connect() as c:
        c.send(f"GET {call}?ms=200 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.05)
        c.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert len(c.reply().body) < 20 and len(c.reply().body) == 600


# ---- 8: a sleeping connection has no timeout of libmicrohttpd's


def test_a_call_that_is_not_answered_in_time_is_abandoned_and_answered_504(start, call):
    s = start("request_timeout_ms=200")
    with s.connect() as c:
        begin = time.monotonic()
        r = c.ask(f"{call}?how=never")
        assert 0.15 < time.monotonic() - begin < 3
        assert r.status == 504 and r.json()["code"] == "timeout"
        assert s.figure("pipelined_http_abandoned_total") == 1
        assert c.ask().status == 200  # the connection is as good as before


def test_an_answer_after_the_deadline_is_thrown_away(start, call):
    s = start("request_timeout_ms=100")
    assert s.ask(f"{call}?ms=400").status == 504
    time.sleep(0.5)
    assert s.ask(f"{call}?ms=10").status == 200


def test_too_many_sleeping_requests_are_told_to_come_back(start, call):
    s = start("max_calls=1")
    with s.connect() as c:
        c.send(f"GET {call}?how=never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: s.stats()["submitted"] == 1)
        r = s.ask(f"{call}")
        assert r.status == 503 and r.get("Retry-After") == "1"


# ---- 9: streams


def test_an_event_reaches_its_readers_at_once(server):
    with server.connect() as sse, server.connect() as lines:
        sse.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines.send("GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n")
        assert sse.head().get("Content-Type") == "text/event-stream"
        assert lines.head().get("Content-Type") == "application/x-ndjson"
        begin = time.monotonic()
        server.ask("/publish", method="POST", body=b'{"n":1}')
        event = sse.chunk()
        assert event.startswith(b"id: ") and event.endswith(b'\nevent: test\ndata: {"n":1}\n\n')
        assert lines.chunk() == b'{"n":1}\n'
        assert time.monotonic() - begin < 2


def test_an_idle_stream_gets_a_heartbeat(start):
    s = start("heartbeat_ms=50")
    with s.connect() as c:
        c.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.head()
        assert c.chunk() == b": hb\n\n" and c.chunk() == b": hb\n\n"


def test_a_reader_that_left_is_noticed_at_the_next_heartbeat(start):
    s = start("heartbeat_ms=50")
    with s.connect() as c:
        c.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.head()
        assert s.stats()["connections"] == 2
    eventually(lambda: s.stats()["connections"] == 1)


def test_a_reader_that_does_not_keep_up_is_dropped_with_an_error(start):
    s = start()
    with s.connect() as c:
        c.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.head()
        line = b'"' + b"x" * 200_000 + b'"'
        with s.connect() as p:
            for _ in range(100):
                assert p.ask("/publish", method="POST", body=line).status == 204
        data = b""
        try:
            while chunk := c.chunk():
                data += chunk
        except EOFError:
            pass
        assert b"event: error\n" in data and b'"code":"busy"' in data[-1000:]
        assert s.ask("/metrics").body.count(b"pipelined_http_slow_readers_total 1\n") == 1


def test_progress_lines_come_before_the_answer(server):
    r = server.ask("/slow?how=progress&ms=10", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(x) for x in r.body.splitlines()] == [
        {"step": 1}, {"step": 2}, {"step": 3}, {"slow": True}]


def test_a_failure_after_the_stream_began_is_its_last_line(server):
    r = server.ask("/slow?how=fail", headers={"Accept": "application/x-ndjson"})
    assert r.status == 200
    assert json.loads(r.body.splitlines()[-1])["error"]["code"] == "hub-unreachable"


def test_a_call_is_abandoned_when_the_reader_of_its_progress_leaves(start):
    s = start("heartbeat_ms=50")
    with s.connect() as c:
        c.send("GET /slow?how=never HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n")
        c.head()
    eventually(lambda: s.figure("pipelined_http_abandoned_total") == 1)


# ---- 10, 11: bodies


def test_a_body_that_is_announced_too_large_is_refused(server):
    with server.connect() as c:
        c.send("POST /bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n")
        r = c.reply()
        assert r.status == 413 and r.json()["limit"] == 1 << 20
        assert r.get("Connection") == "close" and c.is_closed()


def test_a_body_that_grows_too_large_is_refused_or_cut_off(server):
    with server.connect() as c:
        c.send("POST /bytes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        sent = 0
        try:
            for _ in range(100):
                c.send(chunk)
                sent += 65536
        except ConnectionError:
            pass
        assert sent < 100 * 65536
    assert server.ask().status == 200


def test_a_chunked_body_just_over_the_limit_gets_its_413(server):
    with server.connect() as c:
        c.send("POST /bytes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.send(b"100100\r\n" + b"x" * 0x100100 + b"\r\n0\r\n\r\n")
        assert c.reply().status == 413


def test_a_body_of_the_limit_is_taken(server):
    assert server.ask("/bytes", method="POST", body=b"x" * (1 << 20)).json() == {"size": 1 << 20}


def test_an_error_about_a_short_body_leaves_the_connection_usable(server):
    with server.connect() as c:
        assert c.ask("/nowhere", method="POST", body=b"x" * 1000).status == 404
        assert c.ask("/echo", method="POST", body=b"{}",
                     headers={"Content-Type": "text/plain"}).status == 415
        assert c.ask().status == 200


def test_a_get_with_a_body_is_refused_and_its_body_is_no_request(server):
    smuggled = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with server.connect() as c:
        r = c.ask("/hello", body=smuggled)
        assert r.status == 413
        assert c.ask("/livez").body == b"ok\n"


def test_the_client_is_told_to_go_on_with_its_body(server):
    with server.connect() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert c.head().status == 100
        c.send("{}")
        assert c.reply().json() == {}


def test_the_client_is_not_told_to_go_on_when_its_body_is_not_wanted(server):
    with server.connect() as c:
        c.send("POST /bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n"
               "Expect: 100-continue\r\n\r\n")
        assert c.reply().status == 413
        assert c.is_closed()


def test_a_post_may_sleep_after_its_body(server, call):
    assert server.ask(f"{call}?how=thread&ms=20", method="POST", body=b"{}").status == 200


@pytest.mark.parametrize("body, where", [(b"{", "line 1"), (b'{"a":1,"a":2}', "duplicate"),
                                         (b"[" * 1000 + b"]" * 1000, "deeper"), (b"\xff", "line 1")])
def test_a_broken_body_is_400_and_says_where(server, body, where):
    r = server.ask("/echo", method="POST", body=body)
    assert r.status == 400 and where in r.json()["detail"]


def test_a_body_that_is_required_is_missed(server):
    assert server.ask("/echo", method="POST", body=b"").status == 400


# ---- 12: the pool is the limit of a head


def test_a_head_of_any_size_gets_an_answer_or_an_end(start):
    s = start("max_header_bytes=8192")
    for size in [*range(1000, 9000, 500), *range(7700, 8300, 40)]:
        with s.connect() as c:
            c.send(f"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Fill: {'x' * size}\r\n\r\n")
            try:
                assert c.reply().status in (200, 431, 413)
            except (EOFError, ConnectionError):
                assert size > 7000
    with s.connect() as c:
        c.send(f"GET /{'x' * 20000} HTTP/1.1\r\n\r\n")
        try:
            assert c.reply().status == 414
        except (EOFError, ConnectionError):
            pass
    assert s.ask().status == 200


# ---- 13: HEAD, 304


@pytest.mark.parametrize("target", ["/hello", "/hot", "/file", "/slow?how=now", "/livez"])
def test_head_is_get_without_the_body(server, target):
    with server.connect() as c:
        get, head = c.ask(target), c.ask(target, method="HEAD")
        assert head.status == 200 and head.get("Content-Length") == str(len(get.body))
        assert head.get("ETag") == get.get("ETag")
        assert c.ask().status == 200


def test_head_of_a_stream_ends(server):
    with server.connect() as c:
        assert c.ask("/events", method="HEAD").status == 200
        assert c.ask().status == 200


@pytest.mark.parametrize("target", ["/hot", "/file", "/slow?how=now"])
def test_what_did_not_change_is_304_with_one_right_length(server, target):
    with server.connect() as c:
        etag = c.ask(target).get("ETag")
        size = len(c.ask(target).body)
        for tag in (etag, "W/" + etag, f'"other", {etag}', "*"):
            r = c.ask(target, headers={"If-None-Match": tag})
            assert r.status == 304 and r.get("ETag") == etag
            assert r.all("Content-Length") in ([], [str(size)])
        assert c.ask(target, headers={"If-None-Match": '"other"'}).status == 200


# ---- 14: what two servers could read differently


@pytest.mark.parametrize("head", [
    "GET /hello HTTP/1.1\r\n\r\n",
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "GET /hello HTTP/1.1\r\nHost: local host\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2x\r\n\r\n{}",
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length : 2\r\n\r\n{}",
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-A: a\x01b\r\n\r\n",
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nX A: b\r\n\r\n",
    "GET /hel\x7flo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /h\xe9llo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /raw/%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /raw/a/..%2f..%2fetc HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /raw/a/%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
])
def test_an_ambiguous_or_broken_head_is_refused(server, head):
    with server.connect() as c:
        c.send(head)
        r = c.reply()
        assert r.status == 400
    assert server.ask().status == 200


def test_a_second_request_does_not_hide_in_a_refused_one(server):
    with server.connect() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 60\r\n\r\n{}"
               "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n\r\n")
        assert c.reply().status == 400
        assert c.is_closed() and b"HTTP/1.1 200" not in c.buffer


def test_a_plus_stays_and_escapes_are_decoded_once(server):
    r = server.ask("/raw/org%2Fname/a+b/c%20d%2525?x=%2")
    assert r.status == 400  # the query is looked at as well
    r = server.ask("/raw/org%2Fname/a+b/c%20d%2525?x=%20&y=1+2")
    assert r.json()["captures"] == ["org/name", "a+b/c d%25"]


def test_http_1_0_is_served_and_closed(server):
    with server.connect() as c:
        c.send("GET /hello HTTP/1.0\r\n\r\n")
        assert c.reply().status == 200 and c.is_closed()


# ---- 15: slow on purpose


def drip(c, data, seconds):
    """Sends a byte now and then; returns the seconds until the other side hung up."""
    begin = time.monotonic()
    c.sock.settimeout(0.02)
    for byte in data:
        if time.monotonic() - begin > seconds:
            break
        try:
            c.send(bytes([byte]))
            if not c.sock.recv(65536):
                break
        except socket.timeout:
            pass
        except ConnectionError:
            break
    return time.monotonic() - begin


def test_a_head_that_drips_is_cut_off(start):
    s = start("header_timeout_ms=300")
    with s.connect() as c:
        assert drip(c, b"GET /hello HTTP/1.1\r\n" + b"X-A: b\r\n" * 1000, 5) < 3
    assert s.ask("/metrics").body.count(b"pipelined_http_cuts_total 1\n") == 1


# Between requests libmicrohttpd cannot tell a head that has begun from silence.
@pytest.mark.parametrize("path, options", [
    ("/call?how=now", ("header_timeout_ms=300", "idle_timeout_ms=5000")),
    ("/slow?how=now", ("header_timeout_ms=5000", "idle_timeout_ms=300"))])
def test_a_second_head_that_drips_is_cut_off(start, path, options):
    s = start(*options)
    with s.connect() as c:
        assert c.ask(path).status == 200
        assert drip(c, b"GET /" + b"x" * 1000, 5) < 3


def test_a_body_that_drips_is_cut_off(start):
    s = start("body_timeout_ms=300")
    with s.connect() as c:
        c.send("POST /bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        assert drip(c, b"x" * 999, 5) < 3


def test_a_connection_that_says_nothing_is_closed(start):
    s = start("header_timeout_ms=200", "idle_timeout_ms=400")
    with s.connect() as silent, s.connect() as idle:
        assert idle.ask().status == 200
        assert silent.is_closed() and idle.is_closed()
    eventually(lambda: s.stats()["connections"] == 1)


# ---- 16: stopping


def test_sigterm_lets_sleeping_requests_finish_and_refuses_new_ones(start, call):
    s = start()
    with s.connect() as idle, s.connect() as c:
        assert idle.ask().status == 200
        c.send(f"GET {call}?ms=500 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: s.stats()["submitted"] == 1)
        s.terminate()
        assert idle.is_closed()
        with pytest.raises(ConnectionError):
            s.connect()
        r = c.reply()
        assert r.status == 200 and r.get("Connection") == "close"
        assert c.is_closed()
    s.stop()


def test_streams_end_with_a_reason_when_the_server_stops(start):
    s = start()
    with s.connect() as c:
        c.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.head()
        s.terminate()
        assert b'"code":"draining"' in c.chunk()


def test_stopping_with_a_call_that_is_never_answered_is_no_crash(start, call):
    for mode in ((), ("thread",)):
        s = start(*mode)
        with s.connect() as c:
            c.send(f"GET {call}?how=never HTTP/1.1\r\nHost: localhost\r\n\r\n")
            eventually(lambda s=s: s.stats()["submitted"] == 1)
            s.terminate()
            r = c.reply()
            assert r.status == 503 and r.json()["code"] == "draining"
        s.stop()


# ---- 17: listeners


def test_tcp_and_unix_sockets_are_served_side_by_side(start, tmp_path, call):
    path = tmp_path / "s"
    s = start("tcp", f"unix:{path}")
    assert s.ask().status == 200
    u = socket.socket(socket.AF_UNIX)
    u.settimeout(PATIENCE)
    u.connect(str(path))
    with Client(u) as c:
        assert c.ask(f"{call}?how=thread&ms=5", headers={"Host": "anything"}).status == 200
        assert c.ask("/events", method="HEAD").status == 200


def test_an_inherited_socket_is_served(start):
    l = socket.create_server(("127.0.0.1", 0))
    port = l.getsockname()[1]
    s = start(f"fd:{l.fileno()}", pass_fds=[l.fileno()])
    l.close()
    c = Client(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
    with c:
        assert c.ask().status == 200
    s.stop()


# ---- who may ask


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "127.8.9.1:80", "[::1]:8",
                                  "api.localhost"])
def test_names_of_this_machine_are_served_on_loopback(server, host):
    assert server.ask(headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1"])
def test_other_names_are_refused_on_loopback(server, host):
    r = server.ask(headers={"Host": host})
    assert r.status == 403 and r.json()["code"] == "host-not-allowed"


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"},
                                     {"Origin": "http://localhost:1"}, {"Sec-Fetch-Site": "cross-site"}])
def test_pages_of_other_origins_are_refused(server, headers):
    assert server.ask(headers=headers).status == 403


def test_a_page_of_our_own_origin_is_served(server):
    host = f"localhost:{server.port}"
    assert server.ask(headers={"Host": host, "Origin": f"http://{host}"}).status == 200


def test_keys_open_what_their_scopes_name(start):
    s = start("keys=2")
    bearer = lambda k: {"Authorization": f"Bearer {k}"}
    r = s.ask()
    assert r.status == 401 and r.get("WWW-Authenticate") == 'Bearer realm="pipelined"'
    assert 'error="invalid_token"' in s.ask(headers=bearer("wrong")).get("WWW-Authenticate")
    assert s.ask(headers={"Authorization": "Basic eA=="}).status == 401
    assert s.ask("/livez").status == 200  # no scope asked for
    assert s.ask(headers=bearer("reader")).status == 200
    r = s.ask("/raw/x", method="DELETE", headers=bearer("reader"))
    assert r.status == 403 and r.json()["code"] == "forbidden"
    assert s.ask("/raw/x", method="DELETE", headers=bearer("admin")).json()["principal"] == "admin"


def test_a_hot_answer_asks_for_the_key_too(start):
    s = start("keys=2")
    key = {"Authorization": "Bearer reader"}
    assert s.ask("/hot", headers=key).status == 200
    assert "hot" in s.ask("/hot", headers=key).get("Server-Timing")
    assert s.ask("/hot").status == 401


# ---- routes and what every answer carries


def test_every_answer_has_its_headers(server):
    r = server.ask()
    assert r.get("X-Registry-Revision").isdigit() and "total;dur=" in r.get("Server-Timing")
    assert r.get("Cache-Control") and r.get("Content-Type") == "application/json"
    assert len(r.get("X-Request-Id")) == 36 and r.get("X-Request-Id")[14] == "7"
    assert r.get("Connection") is None and r.body.endswith(b"\n")


def test_a_sane_request_id_is_taken_and_a_strange_one_is_not(server):
    assert server.ask(headers={"X-Request-Id": "abc-1"}).get("X-Request-Id") == "abc-1"
    assert len(server.ask(headers={"X-Request-Id": "x" * 129}).get("X-Request-Id")) == 36


def test_problems_say_what_when_and_where(server, call):
    r = server.ask(f"{call}?how=fail")
    p = r.json()
    assert r.status == p["status"] == 502 and r.get("Content-Type") == "application/problem+json"
    assert p["instance"] == "urn:uuid:" + r.get("X-Request-Id") and p["tries"] == 3
    assert r.get("Retry-After") == "7"
    page = server.ask(p["type"]).json()
    assert page["code"] == p["code"] and page["title"] == p["title"] and page["explanation"]


def test_every_kind_of_problem_has_its_page(server):
    for p in server.ask("/problems").json()["problems"]:
        assert server.ask(p["type"]).json() == p
    assert "architecture-not-found" in server.ask("/problems/architecture-notfound").json()["nearest"]


def test_an_unknown_path_names_the_nearest(server):
    r = server.ask("/helo")
    assert r.status == 404 and "/hello" in r.json()["nearest"]
    assert server.ask("/hello/").status == 404 and server.ask("//hello").status == 404


def test_methods_are_named_in_allow(server):
    r = server.ask("/raw/x")
    assert r.status == 405 and r.get("Allow") == "PUT, DELETE, OPTIONS"
    assert server.ask("/hello", method="POST", body=b"").get("Allow") == "GET, HEAD, OPTIONS"
    assert server.ask("/hello", method="BREW").status == 405
    r = server.ask("/echo", method="OPTIONS")
    assert r.status == 204 and r.get("Allow") == "POST, OPTIONS"


def test_query_keys_are_bound_or_refused_with_the_nearest(server, call):
    r = server.ask(f"{call}?mss=5&how=now")
    assert r.status == 422 and r.json()["code"] == "unknown-field"
    assert r.json()["errors"][0]["nearest"] == ["ms"]
    assert server.ask(f"{call}?ms=x").status == 422
    assert server.ask(f"{call}?ms=70000").status == 422
    assert server.ask("/hello?x=1").status == 422


def test_a_handler_that_forgets_to_answer_is_a_500(server):
    assert server.ask("/silent").status == 500


# ---- the hot cache


def test_a_kept_answer_is_the_same_bytes_until_it_is_invalidated(start):
    s = start()
    timing = lambda **h: s.ask("/hot", headers=h).get("Server-Timing")
    first, second = s.ask("/hot"), s.ask("/hot")
    assert first.body == second.body and first.get("ETag") == second.get("ETag")
    assert "hot" not in first.get("Server-Timing") and "hot" in second.get("Server-Timing")
    assert "hot" in s.ask("/hot", method="HEAD").get("Server-Timing")
    assert "hot" not in timing(Range="bytes=0-1") and "hot" not in timing(Prefer="wait=1")
    s.ask("/invalidate", method="POST", body=b"41")
    assert "hot" in timing()
    s.ask("/invalidate", method="POST", body=b"42")
    assert "hot" not in timing() and "hot" in timing()
    s.ask("/invalidate", method="POST", body=b"")
    assert "hot" not in timing()


def test_kept_answers_to_posts_are_told_apart_by_every_byte(start):
    s = start()
    ask = lambda body: s.ask("/echo", method="POST", body=body)
    for body in (b"[1]", b"[2]", b"[1 ]"):
        assert "hot" not in ask(body).get("Server-Timing")
        again = ask(body)
        assert "hot" in again.get("Server-Timing") and again.json() == json.loads(body)


def test_a_kept_answer_says_of_each_request_what_is_its_own(start):
    s = start()
    s.ask("/hot")
    clients = [s.connect() for _ in range(8)]
    for turn in range(3):
        for i, c in enumerate(clients):
            c.send(f"GET /hot HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r{turn}-{i}\r\n\r\n")
        for i, c in enumerate(clients):
            reply = c.reply()
            assert reply.all("X-Request-Id") == [f"r{turn}-{i}"]
            for name in ("Server-Timing", "X-Registry-Revision", "ETag", "Content-Type", "Date"):
                assert len(reply.all(name)) == 1, name
            assert not reply.get("Connection")
    etag = s.ask("/hot").get("ETag")
    assert s.ask("/hot", headers={"If-None-Match": etag}).status == 304
    assert s.ask("/hot", headers={"X-Request-Id": "after"}).all("X-Request-Id") == ["after"]
    for c in clients:
        c.sock.close()


@pytest.mark.parametrize("connection", ["", "Connection: keep-alive, x\r\n"])  # the front, libmicrohttpd
def test_a_slow_reader_gets_its_kept_answer_whole_though_it_was_dropped_meanwhile(start, connection):
    s = start()
    s.ask("/large")
    with s.connect() as slow:
        slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.send(f"GET /large HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: slow\r\n{connection}\r\n")
        head = slow.head()
        assert "hot" in head.get("Server-Timing")
        again = s.ask("/large", headers={"X-Request-Id": "quick"})
        assert again.get("X-Request-Id") == "quick" and len(again.json()) == 1_200_000
        s.ask("/invalidate", method="POST", body=b"")
        assert head.get("X-Request-Id") == "slow"
        assert slow.take(int(head.get("Content-Length"))) == again.body


def test_a_backend_answer_that_may_be_kept_is_asked_once(start):
    s = start()
    for _ in range(3):
        assert s.ask("/slow?how=cache&ms=1").status == 200
    assert s.stats()["submitted"] == 1


# ---- revisions


def test_a_read_waits_for_its_revision(start):
    s = start()
    with s.connect() as c:
        c.send("GET /hello?min_revision=7 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.sock.settimeout(0.2)
        with pytest.raises(socket.timeout):
            c.sock.recv(1)
        c.sock.settimeout(PATIENCE)
        s.ask("/revision", method="POST", body=b"6")
        s.ask("/revision", method="POST", body=b"8")
        r = c.reply()
        assert r.status == 200 and r.get("X-Registry-Revision") == "8"
    assert s.ask("/hello?min_revision=8").status == 200
    assert s.ask("/hello?min_revision=x").status == 422


def test_a_revision_that_does_not_come_is_a_504(start):
    s = start("request_timeout_ms=100")
    r = s.ask("/hello?min_revision=7")
    assert r.status == 504 and r.json()["code"] == "revision-not-reached"


# ---- figures and the log


def test_the_metrics_add_up(start):
    s = start()
    for _ in range(3):
        s.ask()
    s.ask("/nowhere")
    text = s.ask("/metrics").body.decode()
    assert 'pipelined_http_requests_total{method="GET",route="/hello",status="2xx"} 3\n' in text
    assert 'pipelined_http_requests_total{method="other",route="other",status="4xx"} 1\n' in text
    assert 'http_server_request_duration_seconds_count{method="GET",route="/hello"} 3\n' in text
    assert "process_resident_memory_bytes" in text


def test_requests_are_logged_and_probes_are_not(server):
    server.ask("/hello", headers={"X-Request-Id": "log-me"})
    server.ask("/livez", headers={"X-Request-Id": "not-me"})
    eventually(lambda: "GET /hello 200 hello log-me local" in server.log)
    assert not any("not-me" in line for line in server.log)
