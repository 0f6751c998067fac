#!/usr/bin/python3
"""
How many registrations a second become durable?

    bench/durable.py [--build build] [--rounds 7] [--seconds 2] [--clients 64] [--dir DIR]

64 HTTP clients register architectures (one request each at a time; a 201 means that it
is on the disk) beside 64 threads that write the same rows to bare SQLite by group
commit, on the same disk, in turns. Neither is pinned. A JSON line per case, and the goal.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402

# Names come round again: what is measured is writing, not how a registry grows.
SCRIPT = """
local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
    n = n + 1
    return wrk.format(nil, nil, nil, (string.format(
        [=[{"name":"Bench%dForCausalLM","task":"text_generation","default_encoding":"bfloat16",
"supported_encodings":{"bfloat16":["paged"]},"default_weights_format":"safetensors",
"weight_formats":["safetensors"],"pipeline_model":"BenchModel","tokenizer":"TextTokenizer",
"context_type":"TextContext"}]=], n % NAMES)))
end
"""


def bare(build, work, clients, seconds):
    shutil.rmtree(f"{work}/bare", ignore_errors=True)
    os.mkdir(f"{work}/bare")
    out = subprocess.run([f"{build}/bench/bare_commit", f"{work}/bare", str(clients), str(seconds)],
                         capture_output=True, text=True, check=True).stdout
    return float(out)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--build", default="build")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--clients", type=int, default=64)
    p.add_argument("--names", type=int, default=512)
    p.add_argument("--dir", help="on the disk in question; default: /var/tmp")
    a = p.parse_args()
    build, work = os.path.abspath(a.build), a.dir or harness.work_dir()
    script = f"{work}/register.lua"
    pathlib.Path(script).write_text(SCRIPT.replace("NAMES", str(a.names)), encoding="ascii")
    server = harness.Pipelined(build, f"{work}/state", cpu=None)
    url = f"{server.url}/v1/architectures?allow_override=true"
    rounds = {"pipelined": [], "bare": []}
    cpu = []
    print(json.dumps(harness.describe_machine()))
    for _ in range(a.rounds):
        before = harness.cpu_s(server.pid)
        n, rate = harness.wrk(url, a.seconds, a.clients, script, cpu=None)
        cpu.append((harness.cpu_s(server.pid) - before) / n * 1e6)
        rounds["pipelined"].append(rate)
        rounds["bare"].append(bare(build, work, a.clients, a.seconds))
    for name, rates in rounds.items():
        print(json.dumps({"case": name, "clients": a.clients, "rounds": a.rounds,
                          "per_s_median": round(statistics.median(rates)),
                          "per_s_min": round(min(rates)), "per_s_max": round(max(rates)),
                          **({"cpu_us_median": round(statistics.median(cpu), 1)}
                             if name == "pipelined" else {})}))
    goals = harness.Goals()
    goals.show("durable registrations / bare group commit",
               harness.ratio(rounds, "pipelined", "bare"), 0.7, at_most=False)
    return 1 if goals.missed else 0


if __name__ == "__main__":
    sys.exit(main())
