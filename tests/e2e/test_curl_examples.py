"""Every example in curl that the description and the documentation give is run, as written."""
import os
import re
import subprocess

import pytest
import yaml

from daemon import EXAMPLES, SOURCE, Daemon
from families import family_files, weights
from test_openapi import DOCUMENT

DEFAULT = "http://127.0.0.1:8750"
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
DOCUMENTS = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def daemon(hub, tmp_path_factory):
    hub.repo(MODEL, dict(family_files("llama3"), **{"model.safetensors": weights()}))
    with Daemon(tmp_path_factory.mktemp("state"), "--model-root", EXAMPLES, hub=hub) as daemon:
        yield daemon


def ids(daemon):
    """What $PIPELINE and the like stand for."""
    what = {"model_path": MODEL, "devices": [{"type": "L4"}], "max_length": 640}
    pipeline = daemon.post("/v1/pipelines", what).json()["id"]
    lease = daemon.post(f"/v1/pipelines/{pipeline}/leases", {"ttl_s": 600}).json()["id"]
    return {
        "PIPELINE": pipeline, "LEASE": lease,
        "FACTORY": daemon.post("/v1/factories", what).json()["id"],
        "TOKENIZER": daemon.post("/v1/tokenizers", {"model": MODEL}).json()["id"],
    }


def run(daemon, script, **env):
    """The script with the daemon's own address; answers with an error status fail it."""
    script = script.replace(DEFAULT, daemon.url).replace("curl -sS", "curl -sS --fail-with-body --max-time 20")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, cwd=SOURCE,
                          env={**os.environ, **env, "no_proxy": "127.0.0.1"}, timeout=60)
    assert done.returncode == 0, (script, done.stdout[-2000:], done.stderr[-500:])
    return done.stdout


OPERATIONS = [(path, method, operation) for path, item in DOCUMENT["paths"].items()
              for method, operation in item.items() if "x-curl" in operation]


@pytest.mark.parametrize("path,method,operation", OPERATIONS, ids=[o["operationId"] for _, _, o in OPERATIONS])
def test_of_the_description(daemon, path, method, operation):
    if operation["operationId"] == "deleteArchitecture":
        daemon.post("/v1/architectures?allow_override=true", yaml.safe_load(re.search(
            r"--json '(.*)'", DOCUMENT["paths"]["/v1/architectures"]["post"]["x-curl"])[1]))
    run(daemon, operation["x-curl"], **ids(daemon))


def blocks():
    """The shell blocks of each document that talk to the daemon, one script per document."""
    for path in DOCUMENTS:
        found = [b for b in re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.M | re.S) if DEFAULT in b]
        if found:
            yield pytest.param("\n".join(found), id=path.name)


@pytest.mark.parametrize("script", blocks())
def test_of_the_documentation(daemon, script):
    run(daemon, script)
