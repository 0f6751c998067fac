#!/usr/bin/python3
"""docs.py SETTINGS.json COMMANDS.json BUILD/man: man pages and completions mention every option, and
man and the shells can read them."""
import json
import pathlib
import shutil
import subprocess
import sys


def options_of(settings, commands):
    daemon = {x["name"] for part in ("flags", "settings") for x in settings[part]}
    ctl = {o["name"] for c in [commands, *commands["commands"]] for o in c["options"]}
    return daemon, ctl | {c["name"] for c in commands["commands"]}


def main(settings, commands, folder):
    folder = pathlib.Path(folder)
    tables = [json.loads(pathlib.Path(p).read_text()) for p in (settings, commands)]
    daemon, ctl = options_of(*tables)
    wanted = {"pipelined.8": daemon, "pipelinectl.1": ctl,
              "pipelined.conf.5": {s["name"] for s in tables[0]["settings"]}}
    for shell, names in {"bash": ("pipelined", "pipelinectl"), "zsh": ("_pipelined", "_pipelinectl"),
                         "fish": ("pipelined.fish", "pipelinectl.fish")}.items():
        wanted[f"{shell}-{names[0]}"], wanted[f"{shell}-{names[1]}"] = daemon, ctl
    faults = []
    for file, names in wanted.items():
        text = (folder / file).read_text().replace("\\-", "-")
        faults += [f"{file} does not mention {name}" for name in sorted(names) if name not in text]
        if "@" in text and file[-1].isdigit():
            faults.append(f"{file} has a place that was not filled")
        shell = file.split("-")[0]
        if shell in ("bash", "zsh", "fish") and shutil.which(shell):
            command = [shell, "-n", str(folder / file)]
        elif file[-1].isdigit() and shutil.which("man"):
            command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(folder / file)]
        else:
            continue
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode or done.stderr:
            faults.append(f"{' '.join(command)}: {done.returncode} {done.stderr}")
    print("\n".join(faults) or f"{len(wanted)} documents mention {len(daemon) + len(ctl)} names")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
