#!/usr/bin/python3
"""count.py RESULTS: prints "N passed, N failed, N skipped" over all suites; exit 1 if any failed.

RESULTS holds what ./check collected: meson-*.json (a test program of cmocka counts as its tests),
e2e-*.xml (JUnit, by pytest) and steps ("pass NAME" or "fail NAME" in a line).
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

CMOCKA = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) test\(s\)", re.M)
OUTCOME = {"OK": 0, "EXPECTEDFAIL": 0, "SKIP": 2}


def of_meson(text):
    for line in text.splitlines():
        test = json.loads(line)
        outcome = OUTCOME.get(test["result"], 1)
        output = test.get("stdout", "") + test.get("stderr", "")
        counts = {word: int(n) for word, n in CMOCKA.findall(output)}
        if not counts:
            yield outcome, 1
            continue
        failed = counts.get("FAILED", 0)
        yield 0, counts.get("PASSED", 0)
        # A program that dies, or that a sanitizer ends, fails whatever its tests said.
        yield 1, max(failed, 1) if outcome == 1 else failed
        yield 2, counts.get("SKIPPED", 0)


def of_junit(text):
    for suite in ET.fromstring(text).iter("testsuite"):
        n = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        bad = n["failures"] + n["errors"]
        yield 0, n["tests"] - bad - n["skipped"]
        yield 1, bad
        yield 2, n["skipped"]


def main(results):
    total = [0, 0, 0]
    for path in sorted(results.iterdir()):
        text = path.read_text()
        if path.suffix == ".json":
            counts = of_meson(text)
        elif path.suffix == ".xml":
            counts = of_junit(text)
        elif path.name == "steps":
            counts = ((0 if line.startswith("pass ") else 1, 1) for line in text.splitlines())
        else:
            continue
        for outcome, n in counts:
            total[outcome] += n
    print("{} passed, {} failed, {} skipped".format(*total))
    return 0 if total[0] and not total[1] else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
