"""Every problem that can be caused from outside, and what all of them have in common."""
import json

import pytest

from daemon import EXAMPLES, Answer, Daemon
from families import add_family, family_files, request

ZEROS = "0" * 32


@pytest.fixture(scope="module")
def rooted(hub, tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("state"), "--model-root", EXAMPLES, hub=hub) as daemon:
        add_family(hub, "llama3")
        yield daemon


def model(name, what="config", **query):
    return lambda d, h: d.get("/v1/model/" + what, {"model": name, **query})


def with_files(name, what="architecture", *, change=None, **options):
    def ask(d, h):
        files = family_files("llama3")
        files.update(change or {})
        h.repo(name, {k: v for k, v in files.items() if v is not None}, **options)
        return d.get("/v1/model" + (what and "/" + what), {"model": name})
    return ask


def pipeline(**fields):
    return lambda d, h: d.post("/v1/pipelines", request("llama3", **fields))


def pipeline_of(name, change, **fields):
    def ask(d, h):
        files = family_files("llama3")
        files.update(change)
        h.repo(name, {k: v for k, v in files.items() if v is not None})
        return d.post("/v1/pipelines", dict(request("llama3", **fields), model_path=name))
    return ask


def faulty(name, kind, **args):
    def ask(d, h):
        h.repo(name, family_files("llama3"))
        h.fault(args.pop("where", name), kind, times=-1, **args)
        try:
            return d.get("/v1/model/config", {"model": name})
        finally:
            h.heal()
    return ask


def config(**members):
    doc = json.loads(family_files("llama3")["config.json"])
    doc.update(members)
    return json.dumps({k: v for k, v in doc.items() if v is not None}).encode()


def leased(d, h):
    one = d.post("/v1/pipelines", request("llama3", max_length=499)).json()["id"]
    d.post(f"/v1/pipelines/{one}/leases", {"ttl_s": 60})
    return d.delete("/v1/pipelines/" + one)


def exists(d, h):
    return d.post("/v1/architectures", d.get("/v1/architectures/LlamaForCausalLM").json())


def too_large(d, h):
    """Says how much is to come, and sends nothing of it."""
    connection = d.connection()
    connection.putrequest("POST", "/v1/pipelines")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(64 << 20))
    connection.endheaders()
    answer = connection.getresponse()
    found = Answer(answer.status, answer.getheaders(), answer.read())
    connection.close()
    return found


def reused(d, h):
    key = {"Idempotency-Key": '"errors-1"'}
    d.post("/v1/tokenizers", {"model": "fam/llama3"}, headers=key)
    return d.post("/v1/tokenizers", {"model": "fam/llama3", "max_length": 5}, headers=key)


CAUSES = {
    "invalid-request": (400, lambda d, h: d.post("/v1/pipelines", "{", headers={"Content-Type": "application/json"})),
    "invalid-field": (422, pipeline(max_length="x")),
    "unknown-field": (422, pipeline(modle="x")),
    "not-implemented": (501, lambda d, h: d.get("/api/models")),
    "architecture-not-found": (404, lambda d, h: d.get("/v1/architectures/None")),
    "architecture-exists": (409, exists),
    "task-not-found": (404, lambda d, h: d.get("/v1/architectures/LlamaForCausalLM?task=pixel_generation")),
    "task-unknown": (404, lambda d, h: d.get("/v1/tasks/none/pipeline_class")),
    "unsupported-combination": (422, lambda d, h: d.get(
        "/v1/tasks/embeddings_generation/pipeline_class?enable_overlap_scheduler=1")),
    "precondition-failed": (412, lambda d, h: d.delete("/v1/architectures/LlamaForCausalLM",
                                                       headers={"If-Match": '"x"'})),
    "repository-not-found": (404, model("nobody/nothing")),
    "repository-gated": (403, with_files("err/gated", "config", gated=True)),
    "repository-disabled": (403, with_files("err/disabled", "config", disabled=True)),
    "revision-not-found": (404, model("fam/llama3", revision="nope")),
    "hub-unreachable": (502, faulty("err/reset", "reset")),
    "hub-bad-answer": (502, faulty("err/garbage", "garbage")),
    "offline-not-cached": (504, model("err/offline", offline="true")),
    "content-mismatch": (502, faulty("err/corrupt", "corrupt", where="resolve.*err/corrupt.*config.json")),
    "path-not-allowed": (403, model("/etc")),
    "path-not-found": (404, model(str(EXAMPLES / "none"))),
    "config-missing": (422, with_files("err/noconfig", "config", change={"config.json": None})),
    "config-invalid": (422, with_files("err/badconfig", "config", change={"config.json": b"{"})),
    "file-corrupt": (422, None),
    "no-architectures": (422, with_files("err/noarch", change={"config.json": config(architectures=None)})),
    "tokenizer-missing": (422, with_files("err/notok", "tokenizer", change={
        "tokenizer.json": None, "tokenizer_config.json": None})),
    "encoding-unsupported": (422, lambda d, h: (add_family(h, "phi3"), d.post(
        "/v1/pipelines", dict(request("phi3"), quantization_encoding="q4_0")))[1]),
    "weights-not-found": (422, pipeline_of("err/noweights", {"model.safetensors": None})),
    "device-unsupported": (422, pipeline(devices=[{"type": "cpu", "memory_bytes": 1 << 36}],
                                         quantization_encoding="float8_e4m3fn")),
    "max-length-exceeded": (422, pipeline(max_length=1 << 28)),
    "does-not-fit": (422, pipeline(devices=[{"type": "H100", "memory_bytes": 1 << 20, "free_bytes": 1 << 20}])),
    "pipeline-not-found": (404, lambda d, h: d.get("/v1/pipelines/pl_" + ZEROS)),
    "factory-not-found": (404, lambda d, h: d.post(f"/v1/factories/fc_{ZEROS}/pipelines")),
    "tokenizer-not-found": (404, lambda d, h: d.get("/v1/tokenizers/tk_" + ZEROS)),
    "lease-not-found": (404, lambda d, h: d.delete("/v1/leases/ls_" + ZEROS)),
    "pipeline-leased": (409, leased),
    "not-found": (404, lambda d, h: d.get("/v1/pipeline")),
    "method-not-allowed": (405, lambda d, h: d.request("PATCH", "/v1/pipelines")),
    "unsupported-media-type": (415, lambda d, h: d.post("/v1/pipelines", "a=b", headers={"Content-Type": "text/plain"})),
    "payload-too-large": (413, too_large),
    "host-not-allowed": (403, lambda d, h: d.get("/v1/tasks", headers={"Host": "evil.example"})),
    "idempotency-key-reused": (422, reused),
    "revision-not-reached": (504, None),
    "events-compacted": (410, None),
    "unauthorized": (401, None),
    "forbidden": (403, None),
}


@pytest.mark.parametrize("code", sorted(c for c in CAUSES if CAUSES[c][1]))
def test_problem(rooted, hub, code):
    status, cause = CAUSES[code]
    answer = cause(rooted, hub)
    assert answer.headers["content-type"].startswith("application/problem+json"), answer
    problem = answer.json()
    assert (problem["code"], answer.status) == (code, status), problem
    assert problem["status"] == status
    assert problem["type"] == "/problems/" + code
    assert len(problem["detail"]) > 10 and problem["title"]
    assert answer.headers["x-request-id"] in problem["instance"]
    page = rooted.get(problem["type"])
    assert page.status == 200 and page.json()["title"] == problem["title"]


def test_keys_and_scopes(hub, state, tmp_path):
    import subprocess
    from daemon import BUILD
    keys = tmp_path / "keys"
    made = {}
    for scope in ("read", "write"):
        out = subprocess.run([BUILD / "pipelined", "--make-key", scope, "--scopes", scope], capture_output=True,
                             text=True, check=True).stdout.splitlines()
        made[scope] = out[0].split()[-1]
        with keys.open("a") as file:
            file.write(out[1].partition(":  ")[2] + "\n")
    keys.chmod(0o600)
    with Daemon(state, "--keys-file", keys, hub=hub) as daemon:
        none = daemon.get("/v1/tasks")
        assert (none.status, none.json()["code"]) == (401, "unauthorized")
        assert none.headers["www-authenticate"].startswith("Bearer")
        assert daemon.get("/livez").status == 200
        reader = {"Authorization": "Bearer " + made["read"]}
        assert daemon.get("/v1/tasks", headers=reader).status == 200
        refused = daemon.post("/v1/reset", headers=reader)
        assert (refused.status, refused.json()["code"]) == (403, "forbidden")


def test_every_problem_has_a_page(rooted):
    problems = rooted.get("/problems").json()["problems"]
    assert set(CAUSES) <= {p["code"] for p in problems}
    for p in problems:
        assert rooted.get(p["type"]).json()["explanation"]
    assert rooted.get("/problems/nothing-like-it").status == 404


def test_method_not_allowed_says_what_is(rooted):
    answer = rooted.request("PATCH", "/v1/architectures")
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"


def test_the_request_id_is_kept_or_made(rooted):
    assert rooted.get("/v1/tasks", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = [rooted.get("/v1/tasks", headers={"X-Request-Id": bad}).headers["x-request-id"] for bad in ("a b", "x" * 500)]
    assert all(len(m) == 36 for m in made)


def test_paths_of_a_hub_are_not_served_yet(rooted):
    for path in ("/fam/llama3/resolve/main/config.json", "/gpt2/resolve/main/config.json", "/api/models/fam/llama3",
                 "/api/whoami-v2"):
        answer = rooted.get(path)
        assert (answer.status, answer.json()["code"]) == (501, "not-implemented")
        assert "x-error-code" not in answer.headers
