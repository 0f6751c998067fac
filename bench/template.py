#!/usr/bin/python3
"""template.py BUILD: rendering chat templates, against python3-jinja2, in one run.

Both render the same compiled template with the same context again and again; ours reads the
context's JSON each time. A JSON line per template, then the median ratio.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
import jinja_reference as reference

DATA = SOURCE / "tests" / "data" / "templates"
TIMES = 300


def python_ns(template, context):
    compiled = reference.ENV.from_string(template)
    variables = reference.variables(context)
    start = time.perf_counter_ns()
    for _ in range(TIMES):
        compiled.render(**variables)
    return (time.perf_counter_ns() - start) / TIMES


def main(build):
    chats = json.loads((DATA / "chats.json").read_text())
    ratios = []
    ours = subprocess.Popen([f"{build}/tests/e2e/template_render", "-n", str(TIMES)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for path in sorted(DATA.glob("*.jinja")):
        template = path.read_bytes().decode()
        for chat in ("turns", "parallel_calls"):
            context = chats[chat]
            if reference.render(template, context)[0] != "ok":
                continue
            ours.stdin.write(json.dumps({"template": template, "context": context}) + "\n")
            ours.stdin.flush()
            got = json.loads(ours.stdout.readline())
            theirs = python_ns(template, context)
            ratios.append(theirs / got["render_ns"])
            print(json.dumps({"case": f"{path.stem}/{chat}", "n": TIMES, "ns": got["render_ns"],
                              "compile_ns": got["compile_ns"], "jinja2_ns": round(theirs),
                              "ratio": round(ratios[-1], 1)}))
    print(json.dumps({"case": "median ratio", "ratio": round(statistics.median(ratios), 1)}))


if __name__ == "__main__":
    main(sys.argv[1])
