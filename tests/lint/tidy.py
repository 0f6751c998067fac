#!/usr/bin/python3
"""tidy.py ROOT BUILD: clang-tidy has nothing to say about what BUILD compiles.

clang-tidy takes seconds for a file, so a clean result is remembered under a digest of all that went
in: the compile command, .clang-tidy, the file and every header of ours it includes. As paths are not
in it, all build folders and clones share what is known, in $XDG_CACHE_HOME/pipelined-tidy.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.M)


def own_files(file, folders, seen):
    """file and, recursively, what it includes in quotes."""
    if file in seen:
        return
    seen.add(file)
    for name in INCLUDE.findall(file.read_bytes()):
        for folder in [file.parent, *folders]:
            path = folder / name.decode()
            if path.is_file():
                own_files(path.resolve(), folders, seen)
                break


def digest(entry, root, build):
    words = shlex.split(entry["command"])
    folders = [build / w[2:] for w in words if w.startswith("-I")]
    seen = set()
    own_files(pathlib.Path(entry["file"]), folders, seen)
    h = hashlib.sha256((root / ".clang-tidy").read_bytes())
    h.update(" ".join(sorted(w for w in words if w.startswith(("-D", "-std", "-W")))).replace(str(root), "").encode())
    for data in sorted(path.read_bytes() for path in seen):
        h.update(hashlib.sha256(data).digest())
    return h.hexdigest()


def inspect(entry, root, build, cache):
    mark = cache / digest(entry, root, build)
    if mark.exists():
        return 0, ""
    path = pathlib.Path(entry["file"]).relative_to(root)
    checks = ["--checks=-clang-analyzer-*"] if path.parts[0] in ("tests", "bench") else []
    done = subprocess.run(
        ["clang-tidy", "--quiet", *checks, "--extra-arg=-Wno-unknown-warning-option", "-p", build, entry["file"]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=build)
    if done.returncode == 0:
        mark.touch()
    return done.returncode, done.stdout


def main(root, build):
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or str(build), ".cache")
    cache = pathlib.Path(home) / "pipelined-tidy"
    cache.mkdir(parents=True, exist_ok=True)
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        entry["file"] = os.path.realpath(build / entry["file"])
        if entry["file"].startswith(str(root) + os.sep) and not entry["file"].startswith(str(build)):
            entries[entry["file"]] = entry
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(inspect, e, root, build, cache) for e in entries.values()]
        for job in jobs:
            status, output = job.result()
            if status:
                failed += 1
                print(output)
    print(f"{len(entries)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()))
