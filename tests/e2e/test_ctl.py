"""pipelinectl against a server whose answers the test decides."""
import http.server
import json
import os
import pathlib
import pty
import socketserver
import subprocess
import threading

import pytest

BUILD = pathlib.Path(os.environ.get("PIPELINED_BUILD", "build")).resolve()

ARCHITECTURES = [
    {"name": "LlamaForCausalLM", "task": "text_generation", "default_encoding": "bfloat16",
     "supported_encodings": {"bfloat16": ["paged"], "float32": ["paged"]}, "source": "builtin"},
    {"name": "BertModel", "task": "embeddings_generation", "default_encoding": "float32",
     "supported_encodings": {"float32": []}, "source": "api"},
]
PIPELINE = {
    "id": "pl_0123", "state": "ready", "task": "text_generation",
    "architecture": {"name": "LlamaForCausalLM"}, "model": {"requested": "main", "commit": "abc"},
    "memory": {"weights_bytes": 3 << 30, "total_bytes": 5 << 30, "fits": True},
    "decisions": [{"field": "quantization_encoding", "value": "bfloat16", "because": "the weights are"}],
    "warnings": [],
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "local"

    def handle_any(self):
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size)) if size else None
        self.server.seen.append((self.command, self.path, body, dict(self.headers)))
        status, document, kind = self.server.answer(self.command, self.path)
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class Server:
    """Answers by (method, path without query); what it was asked is in seen."""

    def __init__(self, unix=None):
        self.answers = {}
        self.http = UnixServer(unix, Handler) if unix else http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.seen = self.seen = []
        self.http.answer = self.answer
        self.url = f"unix:{unix}" if unix else f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, method, path):
        answer = self.answers.get((method, path.split("?")[0]))
        if callable(answer):
            answer = answer(path)
        if answer is None:
            return 404, {"title": "Not found", "status": 404, "detail": f"no {path}"}, "application/problem+json"
        return (*answer, "application/json") if len(answer) == 2 else answer

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    s = Server()
    yield s
    s.stop()


def ctl(server, *words, status=0, env=None, text=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PIPELINED_") and not k.lower().endswith("_proxy")}
    url = server.url if isinstance(server, Server) else server
    done = subprocess.run([BUILD / "pipelinectl", "--server", url, *words], env={**clean, **(env or {})}, input=text,
                          stdin=None if text else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done


def test_a_list_is_a_table_of_all_pages(server):
    def page(path):
        last = "page_token=two" in path
        return 200, {"items": ARCHITECTURES[last:last + 1], "next_page_token": None if last else "two"}

    server.answers["GET", "/v1/architectures"] = page
    lines = ctl(server, "architectures", "--task", "a b").stdout.splitlines()
    assert lines[0].split() == ["NAME", "TASK", "DEFAULT", "ENCODINGS", "SOURCE"]  # FORMAT is empty: left out
    assert lines[1].split() == ["LlamaForCausalLM", "text_generation", "bfloat16", "2", "builtin"]
    assert lines[2].split() == ["BertModel", "embeddings_generation", "float32", "1", "api"]
    assert len({line.index(w) for line, w in zip(lines, ("TASK", "text_gen", "embeddings"))}) == 1
    assert server.seen[0][1] == "/v1/architectures?task=a%20b"
    document = json.loads(ctl(server, "architectures", "--json").stdout)
    assert document == {"items": ARCHITECTURES}


def test_a_request_is_made_of_options_sets_and_a_file(server, tmp_path):
    server.answers["POST", "/v1/pipelines"] = (201, PIPELINE)
    body = tmp_path / "request.json"
    body.write_text('{"task": "x", "kv_cache": {"page_size": 128}}')
    out = ctl(server, "retrieve", "org/model", "--body", str(body), "--task", "text_generation",
              "--max-length=2048", "--set", "kv_cache.page_size=256", "--set", "rope_type=normal",
              "--lease", "60", "--holder", "me", "--dry-run").stdout
    assert server.seen[0][2] == {
        "model_path": "org/model", "task": "text_generation", "max_length": 2048, "rope_type": "normal",
        "kv_cache": {"page_size": 256}, "lease": {"ttl_s": 60, "holder": "me"}, "dry_run": True}
    assert "id: pl_0123" in out and "5.0 GiB" in out and "the weights are" in out


def test_exit_status_and_message_tell_what_is_the_matter(server):
    problem = {"title": "Architecture exists", "status": 409, "detail": "there is one already",
               "errors": [{"pointer": "/name", "detail": "taken"}], "nearest": ["a", "b"]}
    server.answers["POST", "/v1/architectures"] = (409, problem)
    server.answers["GET", "/v1/model"] = (401, {"detail": "a key is missing"})
    server.answers["POST", "/v1/reset"] = (503, {"detail": "draining"})
    said = ctl(server, "register", "-", status=4, text='{"name": "X"}').stderr
    assert "error: there is one already" in said and "/name: taken" in said and "did you mean: a,b" in said
    ctl(server, "architectures", "Nope", status=3)
    ctl(server, "model", "x", status=5)
    ctl(server, "reset", "--yes", status=1)
    ctl(server, "reset", status=64)
    ctl(server, "register", "/nonexistent", status=66)
    assert "did you mean pipelines?" in ctl(server, "pipeline", status=64).stderr
    ctl(server, "retrieve", "x", "--max-length", "many", status=64)
    ctl(server, "retrieve", "x", "--nope", status=64)
    ctl(server, "lease", status=64)
    ctl("http://127.0.0.1:1", "status", status=69)
    ctl("unix:/nonexistent/socket", "status", status=69)
    assert json.loads(ctl(server, "--json", "architectures", "Nope", status=3).stdout)["status"] == 404


def test_leases_are_taken_renewed_and_released(server):
    lease = {"id": "ls_1", "expires_at": "2030-01-01T00:00:00Z"}
    server.answers["POST", "/v1/pipelines/pl_1/leases"] = (201, lease)
    server.answers["PUT", "/v1/leases/ls_1"] = (200, lease)
    server.answers["DELETE", "/v1/leases/ls_1"] = (204, None)
    assert "ls_1" in ctl(server, "lease", "pl_1", "--ttl", "30", "--holder", "me").stdout
    ctl(server, "lease", "ls_1", "--renew", "--ttl", "30")
    assert ctl(server, "lease", "ls_1", "--release").stdout == ""
    assert [(m, b) for m, _, b, _ in server.seen] == [
        ("POST", {"holder": "me", "ttl_s": 30}), ("PUT", {"ttl_s": 30}), ("DELETE", None)]


def test_events_come_as_lines(server):
    events = [{"revision": i, "kind": "pipeline.created", "time": "2030-01-01T00:00:00Z", "id": f"pl_{i}"}
              for i in range(3)]
    text = b"".join(json.dumps(e).encode() + b"\n" for e in events)
    server.answers["GET", "/v1/events"] = (200, text, "application/x-ndjson")
    lines = ctl(server, "events", "--since", "0", "--kind", "pipeline").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["0", "1", "2"] and "id=pl_2" in lines[2]
    assert server.seen[0][1] == "/v1/events?since=0&kind=pipeline"
    assert "x-ndjson" in server.seen[0][3]["Accept"]
    assert [json.loads(x) for x in ctl(server, "events", "--json").stdout.splitlines()] == events


def test_it_speaks_to_a_unix_socket_with_a_key(tmp_path):
    server = Server(unix=str(tmp_path / "api.sock"))
    server.answers["GET", "/v1/model/config"] = (200, {"model_type": "llama"})
    out = ctl(server, "config", "/models/a b", "--revision", "v1", env={"PIPELINED_API_KEY": "pk_x"}).stdout
    assert out == "model_type: llama\n"
    assert server.seen[0][1] == "/v1/model/config?model=%2Fmodels%2Fa%20b&revision=v1"
    assert server.seen[0][3]["Authorization"] == "Bearer pk_x"
    server.stop()


def test_what_a_server_sends_cannot_steer_the_terminal(server):
    server.answers["GET", "/v1/model/task"] = (200, {"task": "a\x1b[2Jb"})
    assert "\x1b" not in ctl(server, "task", "x").stdout


@pytest.mark.parametrize("no_color", [False, True])
def test_colour_is_for_terminals_that_want_it(server, no_color):
    server.answers["GET", "/v1/model/task"] = (200, {"task": "a"})
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **({"NO_COLOR": "1"} if no_color else {})}
    if not no_color:
        env.pop("NO_COLOR", None)
    done = subprocess.run([BUILD / "pipelinectl", "--server", server.url, "task", "x"], env=env, stdout=slave,
                          stderr=subprocess.PIPE, timeout=30, check=False)
    os.close(slave)
    text = os.read(master, 4096)
    os.close(master)
    assert done.returncode == 0
    assert (b"\x1b[1m" in text) != no_color
