"""Requests that no client should send: each gets a 4xx, or its connection is closed; the daemon lives."""
import json
import random
import socket

N = 5000
SEED = 20261123

PATHS = ["/", "/v1/architectures", "/v1/architectures/LlamaForCausalLM", "/v1/model?model=a/b", "/v1/pipelines",
         "/v1/factories", "/v1/tokenizers", "/v1/reset", "/v1/leases/ls_1", "/v1/events?since=1", "/tokenize",
         "/v1/tasks/text_generation/pipeline_class", "/a/b/resolve/main/config.json", "/metrics"]
POSTS = ["/v1/architectures", "/v1/pipelines", "/v1/factories", "/v1/tokenizers", "/v1/model/refresh"]
BODY = json.dumps({"model_path": "org/name", "max_length": 5, "kv_cache": {"cache_strategy": "paged"},
                   "devices": [{"type": "H100"}], "task": "text_generation"}).encode()


def request(method, path, headers=(), body=b"", version="HTTP/1.1"):
    head = [f"{method} {path} {version}".encode("latin-1"), b"Host: localhost"]
    head += [h if isinstance(h, bytes) else h.encode("latin-1") for h in headers]
    if body:
        head += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def bad_json(rng):
    kind = rng.randrange(7)
    if kind == 0:                                   # cut off
        return BODY[:rng.randrange(1, len(BODY) - 1)]
    if kind == 1:                                   # one byte is another
        body = bytearray(BODY)
        body[rng.randrange(len(body))] = rng.choice(b'\x00\xff{}[]",:\\')
        return bytes(body) + b"}"
    if kind == 2:
        return b"[" * rng.randrange(200, 5000)
    if kind == 3:
        return rng.randbytes(rng.randrange(1, 400))
    if kind == 4:                                   # a name twice
        return b'{"model_path":"a/b","model_path":"c/d"}'
    if kind == 5:                                   # a name nobody knows
        return json.dumps({"model_path": "a/b", f"x{rng.randrange(1000)}": 1}).encode()
    return json.dumps(rng.choice([[], 1, "x", None, [{}], True])).encode()   # no object


def bad_value(rng):
    field = rng.choice(["model_path", "max_length", "kv_cache", "devices", "task", "draft_model", "lease",
                        "custom_architectures", "quantization_encoding"])
    value = rng.choice([[], {"x": 1}, -1, 1e300, "x" * 9000, "\u0000", [[[[1]]]], {"ttl_s": -5}, ["a", 3]])
    return json.dumps({"model_path": "../..", field: value}).encode()


def bad_target(rng):
    return rng.choice([
        lambda: "/v1/%" + rng.choice(["", "z", "zz", "0", "f", "ff", "00", "c0%af"]),
        lambda: "/v1/model?model=" + "".join(f"%{rng.randrange(256):02x}" for _ in range(rng.randrange(1, 20))) + "%ff",
        lambda: "/v1/../" * rng.randrange(1, 20) + "etc/passwd",
        lambda: "/" + "x/" * rng.randrange(65, 200) + "x",
        lambda: "/v1/architectures/" + "A" * rng.randrange(300, 4000),
        lambda: "/v1/architectures?" + "&".join(f"k{i}={i}" for i in range(rng.randrange(1, 80))),
        lambda: "/v1/events?since=" + rng.choice(["-1", "x", "9" * 40, "1.5", "0x10"]),
        lambda: "/v1/architectures?limit=" + rng.choice(["0", "-1", "1001", "x", "9" * 30]),
        lambda: "/v1/tokenizers/tk_" + "".join(rng.choice("0123456789abcdef%/.") for _ in range(40)),
        lambda: "//" + rng.choice(PATHS)[1:] + "x",
    ])()


def one(rng):
    kind = rng.randrange(12)
    if kind < 3:
        return request("POST", rng.choice(POSTS), body=bad_json(rng))
    if kind < 5:
        return request("POST", "/v1/pipelines", body=bad_value(rng))
    if kind < 8:
        return request("GET", bad_target(rng))
    if kind == 8:
        return request(rng.choice(["BREW", "get", "PATCH", "TRACE", "CONNECT", "G E T", "PUT", "\x01"]),
                       rng.choice(["/v1/tasks", "/v1/events", "/v1/limits"]))
    if kind == 9:
        header = rng.choice(["Content-Length: -1", "Content-Length: 1, 2", "Content-Length: zebra",
                             "Transfer-Encoding: gzip", "Transfer-Encoding: chunked\r\nContent-Length: 5",
                             "Content-Length: 5\r\nContent-Length: 6", " folded: x", "NoColon", ": empty",
                             "Host: other", "X: " + "y" * 100000])
        return request("POST", "/v1/pipelines", [header], b"")
    if kind == 10:
        return request("GET", "/v1/tasks", version=rng.choice(["HTTP/9.9", "HTTP/1", "HTP/1.1", "", "HTTP/1.1 x"]))
    return rng.randbytes(rng.randrange(1, 300)) + b"\r\n\r\n"


def send(address, data):
    """The status, or None when the connection was closed without one."""
    with socket.create_connection(address, timeout=20) as s:
        try:
            s.sendall(data)
            try:
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was closed meanwhile; what it said can still be read
            answer = b""
            while b"\r\n" not in answer:
                got = s.recv(4096)
                if not got:
                    break
                answer += got
        except ConnectionError:
            return None
    if not answer.startswith(b"HTTP/1."):
        return None
    return int(answer.split()[1])


def test_five_thousand_of_them(daemon):
    address = (daemon.url.split("//")[1].split(":")[0], int(daemon.url.rsplit(":", 1)[1]))
    rng = random.Random(SEED)
    seen = {}
    for n in range(N):
        data = one(rng)
        status = send(address, data)
        seen[status] = seen.get(status, 0) + 1
        assert status is None or 400 <= status < 500 or status in (501, 505), (n, status, data[:300])
        if n % 500 == 0:
            assert daemon.get("/livez").status == 200
    assert daemon.process.poll() is None
    assert daemon.get("/v1/architectures/LlamaForCausalLM").status == 200
    assert sum(v for k, v in seen.items() if k) > N // 2, seen

