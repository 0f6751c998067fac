#!/usr/bin/python3
"""
What does a text cost over HTTP? CPU time of the server per request, beside a bare
libmicrohttpd that reads the same body and answers as many bytes, and beside the library.

    bench/http-tokenize/run.py --build build --reference DIR [--models llama3_1 ...] [--rounds 7]

DIR is what tests/reference/install makes: tokenizers and corpora. Texts of 1 KiB and of
1 MB, each request another one; JSON in and out, and text/plain in, octet-stream out. Then
prompts that begin alike, and how long /livez takes while every worker encodes. Prints a
JSON line per case, a table and the goals.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

SMALL, LARGE = 1 << 10, 1 << 20
N_SMALL, N_LARGE = 512, 4
JSON = {"Content-Type": "application/json"}
OCTETS = {"Content-Type": "text/plain", "Accept": "application/octet-stream"}


# ---- texts

def corpus(reference, name):
    data = pathlib.Path(reference, "corpora", f"{name}.bin").read_bytes()
    parts, at = [], 0
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        parts.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return b"".join(parts).decode("utf-8", "ignore")


def cut(text, size, n):
    """n different texts of size bytes or a little more."""
    raw, texts = text.encode(), []
    if len(raw) < size * n:
        raw *= size * n // len(raw) + 1
    for i in range(n):
        texts.append(raw[i * size:(i + 1) * size].decode("utf-8", "ignore"))
    return texts


# ---- who answers

def make_model(work, reference, name):
    model = pathlib.Path(work, "models", name)
    model.mkdir(parents=True)
    for f in pathlib.Path(reference, "models", name).iterdir():
        (model / f.name).write_bytes(f.read_bytes())
    (model / "config.json").write_text(json.dumps(
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama",
         "max_position_embeddings": 1 << 24}), encoding="ascii")
    return model


class Client:
    """One connection of our own, for everything that is not measured with wrk."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, method, path, body=None, headers=None):
        self.http.request(method, path, body, headers or {})
        answer = self.http.getresponse()
        data = answer.read()
        if answer.status not in (200, 201):
            raise SystemExit(f"{path}: {answer.status} {data[:300]}")
        return data


class Library:
    """bench_tokenize, which answers lines."""

    def __init__(self, build, model):
        self.process = harness.start(f"{build}/bench/tokenize/bench_tokenize",
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask(f"load {model}/tokenizer.json")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def texts(self, path, texts):
        with open(path, "wb") as f:
            for text in texts:
                raw = text.encode()
                f.write(struct.pack("<I", len(raw)) + raw)
        self.n = self.ask(f"texts {path}")["documents"]

    def us(self, passes):
        """CPU microseconds a text, of that many passes over them."""
        return sum(self.ask("round ids")["ns"] for _ in range(passes)) / passes / self.n / 1e3


def post_script(path, bodies, headers):
    """wrk asks with one body after another; they are read from files beside the script."""
    folder = pathlib.Path(str(path) + ".bodies")
    folder.mkdir()
    for i, body in enumerate(bodies):
        (folder / str(i)).write_bytes(body)
    lines = "".join(f'wrk.headers["{k}"] = "{v}"\n' for k, v in headers.items())
    pathlib.Path(path).write_text(
        f'wrk.method = "POST"\n{lines}'
        "local requests, at = {}, 0\n"
        "function init(args)\n"
        f"  for i = 0, {len(bodies) - 1} do\n"
        f'    local f = io.open("{folder}/" .. i, "rb")\n'
        '    requests[i] = wrk.format(nil, nil, nil, f:read("*a"))\n'
        "    f:close()\n"
        "  end\n"
        "end\n"
        "function request()\n"
        f"  at = (at + 1) % {len(bodies)}\n"
        "  return requests[at]\n"
        "end\n", encoding="ascii")
    return str(path)


class Case:
    def __init__(self, name, pid, url, script, connections):
        self.name, self.pid, self.url = name, pid, url
        self.script, self.connections = script, connections

    def measure(self, seconds):
        before = harness.cpu_s(self.pid)
        n, rate = harness.wrk(self.url, seconds, self.connections, self.script)
        return (harness.cpu_s(self.pid) - before) / n * 1e6, rate


def bare(build, name, size, script, connections):
    p = harness.start(f"{build}/bench/http/bare_mhd", str(size), "16384", stdout=subprocess.PIPE,
                      text=True)
    return Case(name, p.pid, f"http://127.0.0.1:{int(p.stdout.readline())}/", script, connections)


def pair(build, work, name, server, path, bodies, headers, connections):
    """The case, and the bare one of the same size."""
    client = Client(server.port)
    sizes = [len(client.ask("POST", path, body, headers)) for body in bodies]
    script = post_script(f"{work}/{name.replace(' ', '-')}.lua", bodies, headers)
    size = round(statistics.mean(sizes))
    return [Case(name, server.pid, server.url + path, script, connections),
            bare(build, f"bare, {name}", size, script, connections)]


def start_server(build, work, name, *flags, cpu=harness.SERVER_CPU):
    server = harness.Pipelined(build, f"{work}/{name}", "--model-root", f"{work}/models",
                               "--max-body", "64M", *flags, cpu=cpu)
    return server


def handle(server, model):
    made = Client(server.port).ask("POST", "/v1/tokenizers",
                                   json.dumps({"model": str(model)}).encode(), JSON)
    return f"/v1/tokenizers/{json.loads(made)['id']}"


# ---- the questions

def as_json(texts):
    return [json.dumps({"text": t}, ensure_ascii=False).encode()
            for t in texts]


def show(rounds, rates, library):
    for name, cpu in rounds.items():
        line = {"case": name, "cpu_us_median": round(statistics.median(cpu), 2),
                "cpu_us_min": round(min(cpu), 2), "cpu_us_max": round(max(cpu), 2)}
        if name in rates:
            line["per_s_median"] = round(statistics.median(rates[name]))
        print(json.dumps(line))
    print(f"\n{'':34} {'CPU us':>9} {'min':>9} {'per s':>8}")
    for name, cpu in rounds.items():
        per_s = f"{statistics.median(rates[name]):8.0f}" if name in rates else ""
        print(f"{name:34} {statistics.median(cpu):9.2f} {min(cpu):9.2f} {per_s}")
    print()


def compare(a, goals, build, work, name, reference):
    """1 KiB beside a bare server, 1 MB beside the library; processor 0 has the servers, 1 wrk."""
    model = make_model(work, reference, name)
    server = start_server(build, work, f"state-{name}", "--prefix-memory", "0")
    path = f"{handle(server, model)}/encode"
    english = corpus(reference, a.corpus)
    small, large = cut(english, SMALL, N_SMALL), cut(english, LARGE, N_LARGE)
    cases = []
    for size, texts, connections in ("1 KiB", small, a.connections), ("1 MB", large, 4):
        cases += pair(build, work, f"{name} {size} json", server, path, as_json(texts), JSON,
                      connections)
        cases += pair(build, work, f"{name} {size} octets", server,
                      path, [t.encode() for t in texts], OCTETS, connections)
    cases = [c for c in cases if not a.only or any(o in c.name for o in a.only)]
    library = Library(build, model)
    library.texts(f"{work}/large", large)
    of_library = f"{name} 1 MB library"
    rounds = {c.name: [] for c in cases} | {of_library: []}
    rates = {c.name: [] for c in cases}
    library.us(1)
    for _ in range(a.rounds):
        for c in cases:
            cpu, rate = c.measure(a.seconds)
            rounds[c.name].append(cpu)
            rates[c.name].append(rate)
        rounds[of_library].append(library.us(16))
    show(rounds, rates, library)
    for form in "json", "octets":
        one = f"{name} 1 KiB {form}"
        if one in rounds:
            goals.show(f"CPU, {one} / bare", harness.ratio(rounds, one, f"bare, {one}"), 1.6)
        one = f"{name} 1 MB {form}"
        if one in rounds:
            goals.show(f"throughput, {one} / library", harness.ratio(rounds, of_library, one), 0.5,
                       at_most=False)
    harness.stop(library.process)
    for c in cases:
        if c.name.startswith("bare"):
            os.kill(c.pid, 15)
    server.stop()


def prefixes(a, goals, build, work, name, reference):
    """Prompts of 256 KiB that begin alike and end in 1 KiB of their own: with the cache and without."""
    english = corpus(reference, a.corpus)
    shared = cut(english, 256 << 10, 1)[0]
    bodies = as_json([shared + tail for tail in cut(english, 1 << 10, 64)])
    took = {"with": [], "without": []}
    servers = {"with": start_server(build, work, f"prefix-{name}"),
               "without": start_server(build, work, f"no-prefix-{name}", "--prefix-memory", "0")}
    model = f"{work}/models/{name}"
    clients, paths = {}, {}
    for which, server in servers.items():
        clients[which] = Client(server.port)
        paths[which] = f"{handle(server, model)}/encode"
        clients[which].ask("POST", paths[which], bodies[0], JSON)
    for _ in range(a.rounds):
        for which, server in servers.items():
            before = harness.cpu_s(server.pid)
            for body in bodies * 4:
                clients[which].ask("POST", paths[which], body, JSON)
            took[which].append((harness.cpu_s(server.pid) - before) / len(bodies) / 4 * 1e6)
    show({f"{name} shared prompt, {which}": cpu for which, cpu in took.items()}, {}, None)
    goals.show(f"CPU, {name} shared prompt of 256 KiB, with the prefix cache / without",
               harness.ratio(took, "with", "without"), 0.9)
    for server in servers.values():
        server.stop()


def liveness(a, goals, build, work, name, reference):
    """How long /livez takes while every worker encodes, whatever processor the kernel gives it."""
    server = start_server(build, work, f"live-{name}", "--prefix-memory", "0", cpu=None)
    path = f"{handle(server, f'{work}/models/{name}')}/encode"
    bodies = as_json(cut(corpus(reference, a.corpus), 4 << 20, 4))
    ends = time.monotonic() + 4 * a.seconds
    done = [0]

    def load():
        client = Client(server.port)
        while time.monotonic() < ends:
            for body in bodies:
                client.ask("POST", path, body, JSON)
                done[0] += 1

    threads = [threading.Thread(target=load) for _ in range(4)]
    prober = subprocess.Popen([sys.executable, __file__, "--probe", str(server.port),
                               str(4 * a.seconds)], stdout=subprocess.PIPE, text=True)
    for t in threads:
        t.start()
    took = json.loads(prober.communicate()[0])
    for t in threads:
        t.join()
    took.sort()
    line = {"case": f"{name} livez while 4 clients encode 4 MB each", "n": len(took),
            "encoded": done[0], "ms_median": took[len(took) // 2],
            "ms_p99": took[len(took) * 99 // 100], "ms_max": took[-1]}
    print(json.dumps(line))
    goals.show("/livez, 99th percentile while every worker encodes", line["ms_p99"], 10, unit=" ms")
    server.stop()


def probe(port, seconds):
    """In a process of its own, so that the load's threads are not in its way."""
    client, took, ends = Client(port), [], time.monotonic() + seconds
    while time.monotonic() < ends:
        begun = time.monotonic()
        client.ask("GET", "/livez")
        took.append(round((time.monotonic() - begun) * 1e3, 3))
        time.sleep(0.002)
    print(json.dumps(took))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--build", default="build")
    p.add_argument("--reference", help="a folder that tests/reference/install has filled")
    p.add_argument("--models", nargs="*", default=["llama3_1"])
    p.add_argument("--corpus", default="english")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=int, default=1)
    p.add_argument("--connections", type=int, default=64)
    p.add_argument("--only", nargs="*", default=[], help="cases whose names have these in them")
    p.add_argument("--questions", nargs="*", default=["compare", "prefixes", "liveness"])
    p.add_argument("--probe", nargs=2, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.probe:
        probe(int(a.probe[0]), float(a.probe[1]))
        return 0
    build, work, goals = os.path.abspath(a.build), harness.work_dir(), harness.Goals()
    reference = a.reference or f"{build}/reference"
    print(json.dumps({**harness.describe_machine(), "corpus": a.corpus}))
    for name in a.models:
        if not pathlib.Path(work, "models", name).exists() and "compare" not in a.questions:
            make_model(work, reference, name)
        for question in a.questions:
            globals()[question](a, goals, build, work, name, reference)
    return 1 if goals.missed else 0


if __name__ == "__main__":
    sys.exit(main())
