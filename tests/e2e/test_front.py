"""
The front of the server: plain requests are answered before libmicrohttpd is there, everything else
is handed over. No byte may be lost, doubled or answered twice at that border.

    PIPELINED_BUILD=build pytest tests/e2e/test_front.py
"""

import os
import resource
import socket
import time

import pytest

from test_transport import PATIENCE, Client, eventually, start  # noqa: F401

HOT = b"GET /hot HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: hot\r\n\r\n"
COLD = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: cold\r\n\r\n"


def echo(body, name="post"):
    return (f"POST /echo HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {name}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


FILE = b"GET /file HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: file\r\n\r\n"  # libmicrohttpd's


def call(ms, name, how="timer"):
    return (f"GET /call?ms={ms}&how={how} HTTP/1.1\r\nHost: localhost\r\n"
            f"X-Request-Id: {name}\r\n\r\n").encode()


def is_hot(reply):
    return "hot" in reply.get("Server-Timing")


@pytest.fixture(name="server")
def warm_server(start):  # noqa: F811
    s = start("log")
    s.ask("/hot")
    s.ask("/echo", method="POST", body=b"[1]")
    return s


@pytest.mark.parametrize("request_bytes, hot", [(HOT, True), (COLD, False), (echo(b"[1]"), None)])
def test_a_request_split_anywhere_gets_its_one_answer(server, request_bytes, hot):
    for cut in range(1, len(request_bytes)):
        with server.connect() as c:
            c.send(request_bytes[:cut])
            time.sleep(0.001)
            c.send(request_bytes[cut:] + HOT)
            first, second = c.reply(), c.reply()
            assert first.status == 200 and second.get("X-Request-Id") == "hot"
            assert hot is None or is_hot(first) == hot
            c.sock.shutdown(socket.SHUT_WR)
            assert c.is_closed() and not c.buffer


def test_a_request_that_drips_byte_by_byte_is_answered(server):
    with server.connect() as c:
        for byte in HOT + HOT:
            c.send(bytes([byte]))
        assert is_hot(c.reply()) and is_hot(c.reply())


@pytest.mark.parametrize("order", ["HHH", "HCH", "CHC", "HPH", "PCP", "HHHHHHHHC" * 5, "H" * 400,
                                   "SHS", "SSS", "HSCPS", "CFC", "SFS", "SCPHF" * 3])
def test_pipelined_requests_are_answered_in_order_whoever_answers_them(server, order):
    kinds = {"H": HOT, "C": COLD, "P": echo(b"[1]"), "S": call(5, "slow"), "F": FILE}
    names = {"H": "hot", "C": "cold", "P": "post", "S": "slow", "F": "file"}
    with server.connect() as c:
        c.send(b"".join(kinds[k] for k in order))
        assert [c.reply().get("X-Request-Id") for _ in order] == [names[k] for k in order]
        c.sock.shutdown(socket.SHUT_WR)
        assert c.is_closed() and not c.buffer


def test_a_whole_request_behind_one_that_was_cut_by_the_room_to_look_is_not_lost(server):
    body = b"[" + b"1," * 9000 + b"1]"  # more than is looked at
    with server.connect() as c:
        for _ in range(3):
            c.send(HOT + echo(body) + HOT)
        for _ in range(3):
            assert is_hot(c.reply())
            assert len(c.reply().json()) == 9001
            assert c.reply().get("X-Request-Id") == "hot"


def test_garbage_behind_a_hot_request_is_refused_after_its_answer(server):
    with server.connect() as c:
        c.send(HOT + b"nonsense\r\n\r\n")
        assert is_hot(c.reply())
        assert c.is_closed() and c.buffer.count(b"HTTP/1.1 200") == 0


def test_a_client_that_closes_its_half_gets_its_answers_and_the_end(server):
    for request in (HOT, COLD, HOT + COLD, HOT + HOT):
        with server.connect() as c:
            c.send(request)
            c.sock.shutdown(socket.SHUT_WR)
            assert c.is_closed()
            assert c.buffer.count(b"HTTP/1.1 200 OK") == request.count(b"GET ")
    with server.connect() as c:
        c.send(HOT + HOT[:20])
        c.sock.shutdown(socket.SHUT_WR)
        assert c.is_closed() and c.buffer.count(b"HTTP/1.1") == 1
    eventually(lambda: server.figure("pipelined_http_connections") == 1)


def test_slow_readers_get_what_they_asked_for_whole_and_in_order(start):  # noqa: F811
    s = start()
    body = b"[" + b"1," * 7000 + b"1]"
    whole = s.ask("/echo", method="POST", body=body).body
    s.ask("/echo", method="POST", body=body)
    n = 600  # several MB: more than the buffers of the sockets
    with s.connect() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.sock.settimeout(0.5)
        sent = 0
        try:
            for i in range(n):
                c.send(echo(body, f"r{i}"))
                sent += 1
        except socket.timeout:
            pass  # it reads no more while we do not
        c.sock.settimeout(PATIENCE)
        s.ask("/invalidate", method="POST", body=b"")
        assert s.ask("/hello").status == 200
        for i in range(sent):
            r = c.reply()
            assert r.get("X-Request-Id") == f"r{i}" and r.body == whole


def test_an_answer_that_was_invalidated_between_is_made_anew(server):
    with server.connect() as c:
        c.send(HOT)
        assert is_hot(c.reply())
        server.ask("/invalidate", method="POST", body=b"42")
        c.send(HOT)
        assert not is_hot(c.reply())
        c.send(HOT)
        assert is_hot(c.reply())


def test_a_reader_that_does_not_read_is_cut_off(start):  # noqa: F811
    s = start("idle_timeout_ms=300")
    body = b"[" + b"1," * 7000 + b"1]"
    for _ in range(2):
        s.ask("/echo", method="POST", body=body)
    with s.connect() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.sock.settimeout(0.2)
        try:
            while True:
                c.send(echo(body))
        except (socket.timeout, ConnectionError):
            pass
        eventually(lambda: s.figure("pipelined_http_connections") == 1)


def test_the_deadline_of_a_head_does_not_begin_anew_where_it_is_handed_over(start):  # noqa: F811
    s = start("header_timeout_ms=600")
    with s.connect() as c:
        begun = time.monotonic()
        time.sleep(0.4)
        c.send(b"PUT /hello HTTP/1.1\r\n")
        assert c.is_closed()
        assert time.monotonic() - begun < 2


def test_idle_visitors_are_closed_and_active_ones_are_not(start):  # noqa: F811
    s = start("idle_timeout_ms=500")
    s.ask("/hot")
    with s.connect() as idle, s.connect() as active:
        for c in (idle, active):
            c.send(HOT)
            assert is_hot(c.reply())
        begun = time.monotonic()
        while time.monotonic() - begun < 1.2:
            active.send(HOT)
            assert is_hot(active.reply())
            time.sleep(0.05)
        assert idle.is_closed()


def test_a_shortage_of_descriptors_ends_and_everybody_is_served(start):  # noqa: F811
    s = start()
    s.ask("/hot")
    used = len(os.listdir(f"/proc/{s.process.pid}/fd"))
    resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (used + 4, 4096))
    clients = [s.connect() for _ in range(12)]
    for c in clients:
        c.send(HOT)
    before = s.cpu_s()
    time.sleep(0.5)
    assert s.cpu_s() - before < 0.2
    for c in clients[:8]:
        c.sock.close()
    for c in clients[8:]:
        assert is_hot(c.reply())
        c.sock.close()


def test_hot_answers_are_counted_and_logged(server):
    with server.connect() as c:
        c.send(HOT.replace(b": hot", b": log-me"))
        c.reply()
    eventually(lambda: any("log-me" in line and "/hot 200" in line for line in server.log))
    assert server.figure('pipelined_http_hot_hits_total{method="GET",route="/hot"}') == 1


def test_what_is_open_when_the_server_stops_is_closed(server):
    with server.connect() as idle, server.connect() as said_nothing:
        idle.send(HOT)
        idle.reply()
        server.terminate()
        assert idle.is_closed() and said_nothing.is_closed()


def test_the_front_is_on_unix_sockets_too(start, tmp_path):  # noqa: F811
    s = start("tcp", f"unix:{tmp_path}/s")
    s.ask("/hot")
    for _ in range(2):
        with socket.socket(socket.AF_UNIX) as u:
            u.settimeout(PATIENCE)
            u.connect(f"{tmp_path}/s")
            c = Client(u)
            c.send(HOT + COLD + HOT)
            assert [c.reply().get("X-Request-Id") for _ in range(3)] == ["hot", "cold", "hot"]


# ---- requests whose answer takes its time


def test_replies_say_all_that_libmicrohttpd_would_say(server):
    with server.connect() as c:
        c.send(call(1, "a") + b"GET /slow?ms=1 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\r\n\r\n")
        front, mhd = c.reply(), c.reply()
        assert front.status == mhd.status == 200 and front.body == mhd.body
        vary = {"server-timing", "date"}
        heads = [{k.lower(): v for k, v in r.fields if k.lower() not in vary}
                 for r in (front, mhd)]
        assert heads[0] == heads[1]
        assert front.get("Date") and front.get("Server-Timing").startswith("core;dur=1.5, total;dur=")


def test_errors_are_the_fronts_too(server):
    with server.connect() as c:
        for target, status in (("/nowhere", 404), ("/call?x=1", 422), ("/%zz", 400)):
            c.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            r = c.reply()
            assert r.status == status and r.get("Content-Type") == "application/problem+json"
        c.send(b"POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}" + HOT)
        assert c.reply().status == 405 and is_hot(c.reply())


@pytest.mark.parametrize("how", ["timer", "thread", "never"])
def test_a_client_that_goes_while_its_request_waits_leaves_nothing_behind(server, how):
    for _ in range(20):
        with server.connect() as c:
            c.send(call(20, "gone", how))
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
    eventually(lambda: server.figure("pipelined_http_connections") == 1)
    assert server.ask("/hello").status == 200


def test_a_client_that_says_its_end_and_waits_gets_its_answer(server):
    with server.connect() as c:
        c.send(call(50, "last"))
        c.sock.shutdown(socket.SHUT_WR)
        assert c.reply().get("X-Request-Id") == "last"
        assert c.is_closed()


def test_a_connection_that_waited_for_an_answer_rests_no_longer_than_others(start):  # noqa: F811
    s = start("idle_timeout_ms=300")
    with s.connect() as c:
        c.send(call(500, "a"))  # longer than it may rest
        assert c.reply().status == 200
        assert c.is_closed()
    with s.connect() as c:
        for _ in range(3):
            c.send(call(10, "a"))
            assert c.reply().status == 200
            time.sleep(0.15)


def test_many_requests_at_once_are_each_answered_by_name(server):
    clients = [server.connect() for _ in range(150)]  # more than are kept for later
    for round_ in range(2):
        for i, c in enumerate(clients):
            c.send(call(i % 7 + 1, f"r{round_}-{i}") + echo(f"[{i}]".encode(), f"e{i}"))
        for i, c in enumerate(clients):
            assert c.reply().get("X-Request-Id") == f"r{round_}-{i}"
            assert c.reply().json() == [i]
    for c in clients:
        c.sock.close()
