"""
What the bench scripts share: servers on one processor, load on another, interleaved
rounds, and a table of goals. Standard library only; wrk makes the load.
"""

import atexit
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "examples" / "tiny-llama"
SERVER_CPU, LOAD_CPU = (0, 1) if os.cpu_count() > 1 else (0, 0)
TICK = os.sysconf("SC_CLK_TCK")


def work_dir():
    """Gone when the program ends. On a disk, since some of the cases are about one."""
    path = tempfile.mkdtemp(prefix="pipelined-bench-", dir="/var/tmp")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def on_cpu(cpu):
    return (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None


def start(*argv, cpu=SERVER_CPU, **more):
    """A process that ends with us."""
    p = subprocess.Popen(argv, preexec_fn=on_cpu(cpu), **more)
    atexit.register(stop, p)
    return p


def stop(p):
    if p.poll() is None:
        p.terminate()
        p.wait()


def wait_for(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Pipelined:
    """The daemon, with its state in a folder of its own."""

    def __init__(self, build, state, *flags, cpu=SERVER_CPU):
        begun = time.monotonic()
        # "listening on" comes through the pipe, which then is read no more: little is logged.
        self.process = start(
            f"{build}/pipelined", "--listen", "127.0.0.1:0", "--state-dir", state, "--offline",
            "--model-root", str(ROOT / "examples"), *flags, cpu=cpu, stderr=subprocess.PIPE)
        for line in self.process.stderr:
            if m := re.search(rb"listening on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(m[1])
                break
        else:
            raise SystemExit("pipelined does not start")
        self.ready_ms = (time.monotonic() - begun) * 1e3
        self.pid = self.process.pid
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        stop(self.process)


def cpu_s(pid):
    """utime + stime, in clock ticks: rounds must be long enough for them."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def wrk(url, seconds, connections, script=None, cpu=LOAD_CPU):
    """(requests, requests per second)"""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    out = subprocess.run(argv + (["-s", script] if script else []) + [url], capture_output=True,
                         text=True, check=True, preexec_fn=on_cpu(cpu)).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{url}: {out}")
    return (int(re.search(r"(\d+) requests in", out)[1]),
            float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]))


def post_script(path, body):
    with open(path, "w", encoding="utf-8") as f:
        f.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                f"wrk.body = [[{body}]]\n")
    return path


def ratio(rounds, name, of):
    """The median of the rounds' ratios: what a round suffers, both of its sides suffer."""
    return statistics.median(a / b for a, b in zip(rounds[name], rounds[of]))


class Goals:
    def __init__(self):
        self.missed = 0

    def show(self, what, value, limit, at_most=True, unit=""):
        met = value <= limit if at_most else value >= limit
        self.missed += not met
        print(f"{'met    ' if met else 'NOT MET'}  {what}: {value:.2f}{unit}, "
              f"{'at most' if at_most else 'at least'} {limit:g}{unit}")
        print(json.dumps({"goal": what, "value": round(value, 3), "limit": limit, "met": met}))
        return met


def describe_machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        if m := re.search(r"model name\s*:\s*(.*)", f.read()):
            model = m[1]
    return {"cpus": os.cpu_count(), "cpu": model, "kernel": os.uname().release,
            "load": [round(x, 2) for x in os.getloadavg()],
            "date": time.strftime("%Y-%m-%d")}
