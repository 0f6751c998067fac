#!/usr/bin/python3
"""
What does a request cost? CPU microseconds of the server per request, which on a
shared machine is steadier than requests per second.

    bench/http/run.py [--build build] [--rounds 5] [--seconds 1] [--connections 64]

All servers are up at once and take turns, round after round, so that what else
the machine does hits all of them alike; read ratios within one run, and only those. One
JSON line per case: median, min and max over the rounds. Needs wrk; nginx and
FastAPI (python3-fastapi, python3-uvicorn) are compared when they are installed.
"""

import argparse
import atexit
import importlib.util
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

SIZE = 600
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*argv, **more):
    p = subprocess.Popen(argv, **more)
    atexit.register(lambda: (p.terminate(), p.wait()))
    return p


def wait_for(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def listening(process):
    """The port of the line "listening on http://HOST:PORT"."""
    for line in process.stderr:
        if m := re.match(r"listening on http://.*:(\d+)", line):
            return int(m[1])
    raise SystemExit("the server does not listen")


def cases(build, work):
    """(name, pid, url) of each server that can be had."""
    found = []
    p = run(f"{build}/tests/unit/transport_server", "tcp", stderr=subprocess.PIPE, text=True)
    base = f"http://127.0.0.1:{listening(p)}"
    found += [("transport, handler", p.pid, f"{base}/hello"),
              ("transport, kept answer", p.pid, f"{base}/hot"),
              ("transport, backend on the loop", p.pid, f"{base}/slow?how=now")]
    if os.path.exists(f"{build}/pipelined"):
        p = run(f"{build}/pipelined", "--listen", "127.0.0.1:0", "--state-dir", f"{work}/state",
                "--offline", stderr=subprocess.PIPE, text=True)
        base = f"http://127.0.0.1:{listening(p)}"
        run("cat", stdin=p.stderr, stdout=subprocess.DEVNULL)  # its log
        found += [("pipelined, /livez", p.pid, f"{base}/livez"),
                  ("pipelined, an architecture", p.pid,
                   f"{base}/v1/architectures/LlamaForCausalLM?task=text_generation")]
    if os.path.exists(f"{build}/bench/http/bare_mhd"):
        p = run(f"{build}/bench/http/bare_mhd", str(SIZE), stdout=subprocess.PIPE, text=True)
        found.append(("libmicrohttpd alone", p.pid, f"http://127.0.0.1:{int(p.stdout.readline())}/"))
    if shutil.which("nginx"):
        port = free_port()
        with open(f"{work}/x.json", "w", encoding="ascii") as f:
            f.write("x" * SIZE)
        with open(f"{work}/nginx.conf", "w", encoding="ascii") as f:
            f.write(f"daemon off; master_process off; pid {work}/pid; error_log stderr crit;"
                    "events { worker_connections 1024; } http { access_log off;"
                    f"client_body_temp_path {work}/b; proxy_temp_path {work}/p;"
                    f"fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;"
                    "keepalive_requests 1000000000; open_file_cache max=10;"
                    f"server {{ listen 127.0.0.1:{port}; root {work}; }} }}")
        p = run("nginx", "-c", f"{work}/nginx.conf")
        wait_for(port)
        found.append(("nginx, static file", p.pid, f"http://127.0.0.1:{port}/x.json"))
    if importlib.util.find_spec("fastapi") and importlib.util.find_spec("uvicorn"):
        port = free_port()
        with open(f"{work}/app.py", "w", encoding="ascii") as f:
            f.write("from fastapi import FastAPI\napp = FastAPI()\n"
                    f"@app.get('/')\ndef get(): return {{'hello': 'x' * {SIZE - 12}}}\n")
        p = run("/usr/bin/python3", "-m", "uvicorn", "app:app", "--port", str(port),
                "--log-level", "warning", "--no-access-log", cwd=work)
        wait_for(port)
        found.append(("FastAPI on uvicorn", p.pid, f"http://127.0.0.1:{port}/"))
    return found


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def measure(pid, url, seconds, connections):
    before = cpu_s(pid)
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url],
                         capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"{url}: {out}")
    n = int(re.search(r"(\d+) requests in", out)[1])
    return (cpu_s(pid) - before) / n * 1e6, float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--build", default="build")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=1)
    p.add_argument("--connections", type=int, default=64)
    a = p.parse_args()
    work = tempfile.mkdtemp(prefix="bench-http-")
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    servers = cases(os.path.abspath(a.build), work)
    rounds = {name: [] for name, _, _ in servers}
    for _ in range(a.rounds):
        for name, pid, url in servers:
            rounds[name].append(measure(pid, url, a.seconds, a.connections))
    for name, results in rounds.items():
        cpu = [c for c, _ in results]
        print(json.dumps({
            "case": name, "connections": a.connections, "rounds": a.rounds,
            "cpu_us_median": round(statistics.median(cpu), 2), "cpu_us_min": round(min(cpu), 2),
            "cpu_us_max": round(max(cpu), 2),
            "requests_per_s_median": round(statistics.median(r for _, r in results)),
        }))


if __name__ == "__main__":
    main()
