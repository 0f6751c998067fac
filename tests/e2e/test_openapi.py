"""Real answers of the running daemon are what api/openapi.yaml says they are."""
import re

import jsonschema
import pytest
import yaml

from families import family_files
from daemon import SOURCE
from families import add_family, request
from test_architectures import doc

DOCUMENT = yaml.safe_load((SOURCE / "api" / "openapi.yaml").read_text())


def bundled(schema):
    """The schema with the components it may refer to."""
    return {"allOf": [schema], "components": DOCUMENT["components"]}


def check(daemon, method, path, target=None, body=None, headers=None, expect=None):
    """Asks, and holds the answer against the operation at path."""
    operation = DOCUMENT["paths"][path][method]
    if body is not None and "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(body, bundled(schema), cls=jsonschema.Draft202012Validator)
    answer = daemon.request(method.upper(), target or path, body=body, headers=headers)
    assert expect is None or answer.status in expect, answer
    response = operation["responses"].get(str(answer.status), operation["responses"]["default"])
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    if "content" not in response:
        assert answer.body == b""
        return answer
    media = answer.headers["content-type"].split(";")[0]
    assert media in response["content"], (media, list(response["content"]))
    if "json" in media and "ndjson" not in media:
        jsonschema.validate(answer.json(), bundled(response["content"][media]["schema"]),
                            cls=jsonschema.Draft202012Validator)
    return answer


@pytest.fixture(scope="module")
def model(hub):
    add_family(hub, "llama3")
    return "fam/llama3"


def test_it_is_what_is_sent(daemon):
    assert daemon.get("/openapi.json").json() == DOCUMENT
    assert yaml.safe_load(daemon.get("/openapi.yaml").body) == DOCUMENT


@pytest.mark.parametrize("path", [
    "/", "/v1/architectures", "/v1/models", "/v1/tokenizers", "/v1/factories", "/v1/pipelines", "/v1/leases",
    "/v1/tasks", "/v1/capabilities", "/v1/limits", "/v1/status", "/version", "/problems", "/livez", "/readyz",
    "/healthz", "/metrics"])
def test_lists_and_documents(daemon, path):
    check(daemon, "get", path, expect=[200])


def test_home_as_json(daemon):
    check(daemon, "get", "/", headers={"Accept": "application/json"}, expect=[200])


def test_every_builtin_architecture_is_a_valid_request(daemon):
    schema = bundled({"$ref": "#/components/schemas/Architecture"})
    for one in daemon.get("/v1/architectures").json()["items"]:
        jsonschema.validate(one, schema, cls=jsonschema.Draft202012Validator)


def test_architectures(daemon):
    path = "/v1/architectures/{name}"
    check(daemon, "post", "/v1/architectures", body=doc("SpecForCausalLM"), expect=[201])
    check(daemon, "post", "/v1/architectures", body=doc("SpecForCausalLM"), expect=[409])
    check(daemon, "post", "/v1/architectures", body={"architectures": [doc("Spec2ForCausalLM")]}, expect=[201])
    check(daemon, "get", path, "/v1/architectures/SpecForCausalLM", expect=[200])
    check(daemon, "get", path, "/v1/architectures/NoneForCausalLM", expect=[404])
    check(daemon, "delete", path, "/v1/architectures/SpecForCausalLM", expect=[204])


@pytest.mark.parametrize("part", ["", "/config", "/tokenizer", "/architecture", "/task"])
def test_models(daemon, model, part):
    check(daemon, "get", "/v1/model" + part, f"/v1/model{part}?model={model}", expect=[200])
    check(daemon, "get", "/v1/model" + part, f"/v1/model{part}", expect=[422])


def test_refresh(daemon, model):
    check(daemon, "post", "/v1/model/refresh", body={"model": model}, expect=[200])


@pytest.mark.parametrize("family", ["llama3", "bert", "qwen3_moe", "gemma3_text", "mamba"])
def test_handles(daemon, hub, family):
    add_family(hub, family)
    tokenizer = check(daemon, "post", "/v1/tokenizers", body={"model": "fam/" + family}, expect=[200, 201]).json()["id"]
    check(daemon, "get", "/v1/tokenizers/{id}", "/v1/tokenizers/" + tokenizer, expect=[200])
    factory = check(daemon, "post", "/v1/factories", body=request(family), expect=[200, 201]).json()["id"]
    check(daemon, "get", "/v1/factories/{id}", "/v1/factories/" + factory, expect=[200])
    check(daemon, "post", "/v1/factories/{id}/pipelines", f"/v1/factories/{factory}/pipelines", expect=[200, 201])
    pipeline = check(daemon, "post", "/v1/pipelines", body=request(family), expect=[200]).json()
    check(daemon, "get", "/v1/pipelines/{id}", "/v1/pipelines/" + pipeline["id"], expect=[200])
    schema = bundled({"$ref": "#/components/schemas/PipelineRequest"})
    jsonschema.validate(pipeline["effective"], schema, cls=jsonschema.Draft202012Validator)


def test_leases(daemon, hub, model):
    one = daemon.post("/v1/pipelines", request("llama3")).json()["id"]
    lease = check(daemon, "post", "/v1/pipelines/{id}/leases", f"/v1/pipelines/{one}/leases", body={"ttl_s": 60},
                  expect=[201]).json()["id"]
    check(daemon, "get", "/v1/leases", expect=[200])
    check(daemon, "put", "/v1/leases/{id}", "/v1/leases/" + lease, expect=[200])
    check(daemon, "delete", "/v1/leases/{id}", "/v1/leases/" + lease, expect=[204])


def test_events(daemon, hub, model):
    json_ = {"Accept": "application/json"}
    check(daemon, "get", "/v1/events", "/v1/events", headers=json_, expect=[200, 410])
    one = daemon.post("/v1/pipelines", request("llama3", max_length=77)).json()["id"]
    check(daemon, "get", "/v1/pipelines/{id}/events", f"/v1/pipelines/{one}/events", headers=json_, expect=[200, 410])


def test_reset(daemon):
    check(daemon, "post", "/v1/reset", body={"architectures": "keep", "caches": True}, expect=[200])


@pytest.mark.parametrize("path,method", sorted(
    (path, method) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
    if method != "parameters" and "501" in operation["responses"]))
def test_what_is_not_served_yet_says_so(daemon, path, method):
    target = re.sub(r"\{\w+\}", "x", path)
    answer = daemon.request(method.upper(), target, body="{}" if method == "post" else None)
    assert (answer.status, answer.json()["code"]) == (501, "not-implemented")


def test_every_body_table_refuses_an_unknown_member(daemon, hub):
    hub.repo("org/text", family_files("llama3"))
    tokenizer = daemon.post("/v1/tokenizers", {"model": "org/text"}).json()["id"]
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method == "parameters" or "requestBody" not in operation or "501" in operation["responses"]:
                continue
            target = re.sub(r"\{\w+\}", tokenizer if "/tokenizers/" in path else "x", path)
            body = {"model": "org/text"} if path in ("/tokenize", "/detokenize") else {}
            answer = daemon.request(method.upper(), target, body={**body, "zzz_not_a_field": 1})
            assert answer.status == 422, (path, answer)
            assert "zzz_not_a_field" in answer.body.decode()


def test_every_query_refuses_an_unknown_key(daemon):
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method == "parameters" or "501" in operation["responses"] or path in ("/livez",):
                continue
            target = re.sub(r"\{\w+\}", "x", path) + "?zzz_not_a_key=1"
            answer = daemon.request(method.upper(), target, body={} if "requestBody" in operation else None)
            assert answer.status == 422, (method, path, answer)
            assert "zzz_not_a_key" in answer.body.decode()


def test_the_readiness_of_checks(daemon):
    names = daemon.get("/readyz/none").json()["available"]
    for name in names:
        assert daemon.get("/readyz/" + name).status in (200, 503)
    verbose = daemon.get("/readyz?verbose").body.decode()
    assert all(f"]{name}" in verbose for name in names)
    assert daemon.get("/readyz?exclude=hub&exclude=none").status == 422


def test_metrics_are_metrics(daemon):
    text = daemon.get("/metrics").body.decode()
    families = set(re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", text, re.M))
    assert {"pipelined_build_info", "pipelined_registry_architectures", "process_open_fds"} <= families
    for line in text.splitlines():
        assert re.match(r"^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [-+0-9.eE]+|\w+(\{.*\})? (NaN|[-+]?Inf))$", line), line


