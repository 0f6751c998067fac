#!/usr/bin/python3
"""
What does a request cost? CPU microseconds of the server per request, which on a
shared machine is steadier than requests per second.

    bench/http/run.py [--build build] [--rounds 7] [--seconds 1] [--connections 64]

All servers are up at once on one processor and take turns, round after round, with wrk
on another; ratios are taken round by round. Prints a JSON line per case, a table, and
the goals. Needs wrk; nginx and FastAPI (python3-fastapi, python3-uvicorn,
python3-uvloop, python3-httptools) are compared when they are installed.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

ARCHITECTURE = "/v1/architectures/LlamaForCausalLM?task=text_generation"
POOL = "8192"  # of libmicrohttpd, per connection: what pipelined has by default


class Case:
    def __init__(self, name, pid, url, script=None):
        self.name, self.pid, self.url, self.script = name, pid, url, script

    def measure(self, seconds, connections):
        before = harness.cpu_s(self.pid)
        n, rate = harness.wrk(self.url, seconds, connections, self.script)
        return (harness.cpu_s(self.pid) - before) / n * 1e6, rate


def ask(url, body=None):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def bare(build, name, size):
    p = harness.start(f"{build}/bench/http/bare_mhd", str(size), POOL, stdout=subprocess.PIPE,
                      text=True)
    return Case(name, p.pid, f"http://127.0.0.1:{int(p.stdout.readline())}/")


def floor(build, name, size):
    p = harness.start(f"{build}/bench/http/floor", str(size), stdout=subprocess.PIPE, text=True)
    return Case(name, p.pid, f"http://127.0.0.1:{int(p.stdout.readline())}/")


def nginx(work, files):
    port = harness.free_port()
    conf = pathlib.Path(work, "nginx.conf")
    temps = " ".join(f"{kind}_temp_path {work}/{kind};"
                     for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf.write_text(
        f"daemon off; master_process off; pid {work}/pid; error_log stderr crit;"
        "events { worker_connections 1024; } http { access_log off; "
        # As Debian's nginx.conf has it.
        f"{temps} default_type application/json; sendfile on; tcp_nopush on;"
        "keepalive_requests 1000000000;"
        "open_file_cache max=10; open_file_cache_valid 3600s;"
        f"server {{ listen 127.0.0.1:{port}; root {work}; }} }}", encoding="ascii")
    for name, content in files.items():
        pathlib.Path(work, name).write_bytes(content)
    p = harness.start("nginx", "-c", str(conf))
    harness.wait_for(port)
    return {name: Case(f"nginx, {name}", p.pid, f"http://127.0.0.1:{port}/{name}")
            for name in files}


FASTAPI = """
import json
from fastapi import FastAPI
app = FastAPI()
ARCHITECTURE = json.load(open("architecture.json"))
PIPELINE = json.load(open("pipeline.json"))

@app.get("/architecture")
async def architecture():
    return ARCHITECTURE

@app.post("/pipelines")
async def pipelines(body: dict):
    return PIPELINE
"""


def fastapi(work, script):
    port = harness.free_port()
    pathlib.Path(work, "app.py").write_text(FASTAPI, encoding="ascii")
    p = harness.start(sys.executable, "-m", "uvicorn", "app:app", "--port", str(port),
                      "--log-level", "warning", "--no-access-log", cwd=work)
    harness.wait_for(port)
    url = f"http://127.0.0.1:{port}"
    return [Case("FastAPI, GET", p.pid, f"{url}/architecture"),
            Case("FastAPI, POST", p.pid, f"{url}/pipelines", script)]


def cases(build, work):
    server = harness.Pipelined(build, f"{work}/state")
    body = json.dumps({"model_path": str(harness.MODEL), "max_length": 128}).ljust(1024)
    script = harness.post_script(f"{work}/post.lua", body)
    config = f"{server.url}/v1/model/config?model={harness.MODEL}"
    # The first answers, which also make the later ones warm.
    files = {"architecture.json": ask(server.url + ARCHITECTURE), "config.json": ask(config),
             "pipeline.json": ask(f"{server.url}/v1/pipelines", body.encode())}
    found = [Case("GET architecture", server.pid, server.url + ARCHITECTURE),
             bare(build, "bare, architecture", len(files["architecture.json"])),
             floor(build, "floor, architecture", len(files["architecture.json"])),
             Case("GET config", server.pid, config),
             bare(build, "bare, config", len(files["config.json"])),
             floor(build, "floor, config", len(files["config.json"])),
             Case("POST pipelines", server.pid, f"{server.url}/v1/pipelines", script)]
    if shutil.which("nginx"):
        found += nginx(work, files).values()
    if importlib.util.find_spec("fastapi") and importlib.util.find_spec("uvicorn"):
        found += fastapi(work, script)
    return found, {name: len(content) for name, content in files.items()}


def show_goals(rounds):
    goals = harness.Goals()

    def compare(name, of, limit):
        if name in rounds and of in rounds:
            goals.show(f"{name} / {of}", harness.ratio(rounds, name, of), limit)

    compare("GET architecture", "bare, architecture", 1.15)
    compare("GET config", "bare, config", 1.15)
    compare("GET architecture", "nginx, architecture.json", 0.75)
    compare("GET config", "nginx, config.json", 0.75)
    compare("POST pipelines", "GET architecture", 1.7)
    compare("POST pipelines", "FastAPI, POST", 0.1)
    return goals


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--build", default="build")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=int, default=1)
    p.add_argument("--connections", type=int, default=64)
    p.add_argument("--only", nargs="*", default=[], help="cases whose names have these in them")
    a = p.parse_args()
    found, sizes = cases(os.path.abspath(a.build), harness.work_dir())
    found = [c for c in found if not a.only or any(o in c.name for o in a.only)]
    rounds = {c.name: [] for c in found}
    rates = {c.name: [] for c in found}
    print(json.dumps({**harness.describe_machine(), "answer_bytes": sizes}))
    for _ in range(a.rounds):
        for c in found:
            cpu, rate = c.measure(a.seconds, a.connections)
            rounds[c.name].append(cpu)
            rates[c.name].append(rate)
    for name, cpu in rounds.items():
        print(json.dumps({"case": name, "connections": a.connections, "rounds": a.rounds,
                          "cpu_us_median": round(statistics.median(cpu), 2),
                          "cpu_us_min": round(min(cpu), 2), "cpu_us_max": round(max(cpu), 2),
                          "per_s_median": round(statistics.median(rates[name]))}))
    print(f"\n{'':26} {'CPU us':>7} {'min':>7} {'max':>7} {'per s':>8}")
    for name, cpu in rounds.items():
        print(f"{name:26} {statistics.median(cpu):7.2f} {min(cpu):7.2f} {max(cpu):7.2f} "
              f"{statistics.median(rates[name]):8.0f}")
    print()
    return 1 if show_goals(rounds).missed else 0


if __name__ == "__main__":
    sys.exit(main())
