#!/usr/bin/python3
"""template.py BUILD: rendering chat templates, against python3-jinja2 and @huggingface/jinja, in one run.

All render the same compiled template with the same context again and again. Ours reads the context's
JSON each time: the ratios "json" give the others their json.loads() or JSON.parse() too, "render"
do not. @huggingface/jinja is installed by npm into a cache outside of the source; without npm it is
left out. A JSON line per template, then the medians.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
import jinja_reference as reference

DATA = SOURCE / "tests" / "data" / "templates"
TIMES = 300


NODE = """
import { Template } from "@huggingface/jinja";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { template, context, times } = JSON.parse(line);
  const text = JSON.stringify(context);
  try {
    const compiled = new Template(template);
    for (let i = 0; i < times; i++) compiled.render(context);
    let start = process.hrtime.bigint();
    for (let i = 0; i < times; i++) compiled.render(context);
    const render = Number(process.hrtime.bigint() - start) / times;
    start = process.hrtime.bigint();
    for (let i = 0; i < times; i++) JSON.parse(text);
    const parse = Number(process.hrtime.bigint() - start) / times;
    console.log(JSON.stringify({ text: compiled.render(context), render, parse }));
  } catch (e) {
    console.log(JSON.stringify({ error: String(e) }));
  }
}
"""


def start_node():
    """A process that renders with @huggingface/jinja, or None."""
    if not shutil.which("npm"):
        return None
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = pathlib.Path(home) / "pipelined-bench-jinja"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "@huggingface" / "jinja").exists():
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder),
                               "@huggingface/jinja"], check=False)
        if done.returncode:
            return None
    (folder / "render.mjs").write_text(NODE)
    return subprocess.Popen(["node", str(folder / "render.mjs")], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)


def asked(process, **what):
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def timed(work):
    start = time.perf_counter_ns()
    for _ in range(TIMES):
        work()
    return (time.perf_counter_ns() - start) / TIMES


def main(build):
    chats = json.loads((DATA / "chats.json").read_text())
    ratios = {}
    compile_ns = []
    ours = subprocess.Popen([f"{build}/tests/e2e/template_render", "-n", str(TIMES)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    node = start_node()
    for path in sorted(DATA.glob("*.jinja")):
        template = path.read_bytes().decode()
        for chat in ("turns", "parallel_calls"):
            context, variables = chats[chat], reference.variables(chats[chat])
            kind, want = reference.render(template, context)
            if kind != "ok":
                continue
            compiled, text = reference.ENV.from_string(template), json.dumps(context)
            got = asked(ours, template=template, context=context)
            compile_ns.append(got["compile_ns"])
            peers = {"jinja2": (timed(lambda: compiled.render(**variables)), timed(lambda: json.loads(text)))}
            there = asked(node, template=template, context=variables, times=TIMES) if node else {}
            if there.get("text") == want:
                peers["huggingface"] = (there["render"], there["parse"])
            line = {"case": f"{path.stem}/{chat}", "n": TIMES, "ns": got["render_ns"], "compile_ns": got["compile_ns"]}
            for name, (render, parse) in peers.items():
                line[f"{name}_ns"] = round(render)
                ratios.setdefault(f"{name} render", []).append(render / got["render_ns"])
                ratios.setdefault(f"{name} json", []).append((render + parse) / got["render_ns"])
            print(json.dumps(line))
    for name, values in ratios.items():
        print(json.dumps({"median ratio": name, "cases": len(values), "ratio": round(statistics.median(values), 1)}))
    print(json.dumps({"largest compile_ns": max(compile_ns)}))


if __name__ == "__main__":
    main(sys.argv[1])
