#!/usr/bin/python3
"""
template.py BUILD [FOLDER]: rendering chat templates, against python3-jinja2 and @huggingface/jinja, in one run.

Templates are those of the tests, or all *.jinja of FOLDER. All render the same compiled template with the
same context, ten rounds of many times each, one after the other; the quickest round of each counts. Ours
reads the context's JSON each time: the ratios "json" give the others their json.loads() or JSON.parse()
too, "render" do not. @huggingface/jinja is installed by npm into a cache outside of the source; without
npm it is left out. A JSON line per template and chat, then the medians over templates, the largest parse
and the most memory of a rendering; exit status 1 when a goal is missed.
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
CHATS = ("turns", "parallel_calls")
ROUNDS, TIMES = 10, 30
GOALS = {"jinja2 render": 20, "huggingface render": 5, "largest parse_ns": 1_000_000}


NODE = """
import { Template } from "@huggingface/jinja";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { template, context, times, rounds } = JSON.parse(line);
  const text = JSON.stringify(context);
  try {
    const compiled = new Template(template);
    for (let i = 0; i < times; i++) compiled.render(context);
    const quickest = (work) => {
      let least = Infinity;
      for (let round = 0; round < rounds; round++) {
        const start = process.hrtime.bigint();
        for (let i = 0; i < times; i++) work();
        least = Math.min(least, Number(process.hrtime.bigint() - start) / times);
      }
      return least;
    };
    const render = quickest(() => compiled.render(context)), parse = quickest(() => JSON.parse(text));
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
    least = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(TIMES):
            work()
        least = min(least, (time.perf_counter_ns() - start) / TIMES)
    return least


def main(build, folder=DATA):
    chats = json.loads((DATA / "chats.json").read_text())
    ratios, parse_ns, memory = {}, [], []
    ours = subprocess.Popen([f"{build}/tests/e2e/template_render", "-n", str(10 * TIMES)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    node = start_node()
    for path in sorted(pathlib.Path(folder).glob("*.jinja")):
        template = path.read_bytes().decode()
        of_template = {}
        for chat in CHATS:
            context, variables = chats[chat], reference.variables(chats[chat])
            kind, want = reference.render(template, context)
            got = asked(ours, template=template, context=context)
            if kind != "ok" or got.get("text") != want:
                continue
            compiled, text = reference.ENV.from_string(template), json.dumps(context)
            peers = {"jinja2": (timed(lambda: compiled.render(**variables)), timed(lambda: json.loads(text)))}
            there = (asked(node, template=template, context=variables, times=TIMES, rounds=ROUNDS)
                     if node else {})
            if there.get("text") == want:
                peers["huggingface"] = (there["render"], there["parse"])
            parse_ns.append(got["compile_ns"])
            memory.append(got["memory"])
            line = {"case": f"{path.stem}/{chat}", "ns": got["render_ns"], "parse_ns": got["compile_ns"],
                    "memory": got["memory"]}
            for name, (render, parse) in peers.items():
                line[f"{name}_ns"] = round(render)
                of_template.setdefault(f"{name} render", []).append(render / got["render_ns"])
                of_template.setdefault(f"{name} json", []).append((render + parse) / got["render_ns"])
            print(json.dumps(line))
        for name, values in of_template.items():
            ratios.setdefault(name, []).append(statistics.median(values))
    met = True
    for name, values in ratios.items():
        ratio = round(statistics.median(values), 1)
        met = met and ratio >= GOALS.get(name, 0)
        print(json.dumps({"median ratio": name, "templates": len(values), "ratio": ratio, "goal": GOALS.get(name)}))
    met = met and max(parse_ns) < GOALS["largest parse_ns"]
    print(json.dumps({"largest parse_ns": max(parse_ns), "goal": GOALS["largest parse_ns"],
                      "most memory of a rendering": max(memory)}))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
