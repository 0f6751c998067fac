"""Handles: made, asked for again, streamed, deleted, refused."""
import json

import pytest

from families import add_family, request


@pytest.fixture(scope="module", autouse=True)
def repos(hub):
    for family in ("llama3", "qwen3", "bert"):
        add_family(hub, family)


def test_new_then_known(daemon):
    body = request("llama3", max_length=333)
    first, again = daemon.post("/v1/pipelines", body), daemon.post("/v1/pipelines", body)
    assert (first.status, again.status) == (201, 200)
    assert first.headers["location"] == "/v1/pipelines/" + first.json()["id"]
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["x-registry-revision"] == again.headers["x-registry-revision"]


def test_the_same_question_in_other_words(daemon):
    body = request("llama3", max_length=334)
    first = daemon.post("/v1/pipelines", body).json()["id"]
    words = dict(reversed(list(body.items())))
    assert daemon.post("/v1/pipelines", json.dumps(words, indent=4),
                       headers={"Content-Type": "application/json"}).json()["id"] == first
    words["model"] = words.pop("model_path")
    assert daemon.post("/v1/pipelines", words).json()["id"] == first


def test_another_question_another_id(daemon):
    ids = {daemon.post("/v1/pipelines", request("llama3", max_length=n)).json()["id"] for n in (341, 342, 343)}
    assert len(ids) == 3


def test_the_answer_explains_itself(daemon):
    doc = daemon.post("/v1/pipelines", request("llama3")).json()
    for d in doc["decisions"]:
        assert d["field"] and d["because"], d
    memory = doc["memory"]
    assert memory["total_bytes"] >= memory["weights_bytes"] + memory["kv_cache_bytes"]
    assert doc["tokenizer"]["href"] == "/v1/tokenizers/" + doc["tokenizer"]["id"]
    assert daemon.get(doc["tokenizer"]["href"]).status == 200


@pytest.mark.parametrize("where", ["query", "body"])
def test_dry_run_keeps_nothing(daemon, where):
    body = request("llama3", max_length=351 if where == "query" else 352)
    if where == "body":
        body["dry_run"] = True
    answer = daemon.post("/v1/pipelines" + ("?dry_run=true" if where == "query" else ""), body)
    assert answer.status == 200, answer
    assert daemon.get("/v1/pipelines/" + answer.json()["id"]).status == 404


def test_it_does_not_fit(daemon):
    answer = daemon.post("/v1/pipelines", request(
        "llama3", devices=[{"type": "tiny", "memory_bytes": 1 << 20, "free_bytes": 1 << 20}]))
    assert answer.status == 422, answer
    assert answer.json()["code"] == "does-not-fit"


def test_progress_ends_with_the_pipeline(daemon):
    answer = daemon.post("/v1/pipelines", request("qwen3", max_length=361),
                         headers={"Accept": "application/x-ndjson"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.body.splitlines() if line]
    assert lines[-1]["id"].startswith("pl_")
    assert all("id" not in line for line in lines[:-1])


def test_progress_ends_with_the_problem(daemon):
    answer = daemon.post("/v1/pipelines", dict(request("qwen3"), model_path="not/there"),
                         headers={"Accept": "application/x-ndjson"})
    assert answer.status == 200
    last = json.loads(answer.body.splitlines()[-1])
    assert last["error"]["code"].startswith("repository-")


def test_a_faulty_body_is_a_problem_also_for_a_stream(daemon):
    answer = daemon.post("/v1/pipelines", {"model_pth": "x"}, headers={"Accept": "application/x-ndjson"})
    assert answer.status == 422
    assert "model_path" in str(answer.json()["errors"][0]["nearest"])


def test_respond_async(daemon, hub):
    hold = hub.hold("slow/async")
    hub.repo("slow/async", {k: f.data for k, f in hub.repos["fam/llama3"].commits[hub.repos["fam/llama3"].head].items()})
    answer = daemon.post("/v1/pipelines", dict(request("llama3"), model_path="slow/async"),
                         headers={"Prefer": "respond-async"})
    try:
        assert answer.status == 202
        assert answer.headers["preference-applied"] == "respond-async"
        provisional = answer.headers["location"]
        assert daemon.get(provisional).json()["state"] == "resolving"
    finally:
        hold.release()
    final = daemon.post("/v1/pipelines", dict(request("llama3"), model_path="slow/async")).json()
    seen = daemon.get(provisional)
    assert seen.json()["id"] == final["id"]
    assert seen.headers["content-location"] == "/v1/pipelines/" + final["id"]


def test_lists_and_filters(daemon):
    for family in ("llama3", "bert"):
        daemon.post("/v1/pipelines", request(family))
    items = daemon.get("/v1/pipelines?limit=1000").json()["items"]
    texts = daemon.get("/v1/pipelines?limit=1000&task=text_generation").json()["items"]
    mine = daemon.get("/v1/pipelines?model=fam/bert").json()["items"]
    assert 0 < len(texts) < len(items)
    assert {p["task"] for p in texts} == {"text_generation"}
    assert {p["task"] for p in mine} == {"embeddings_generation"}
    token, paged = "", []
    while token is not None:
        page = daemon.get(f"/v1/pipelines?limit=2{token and '&page_token=' + token}").json()
        paged += [p["id"] for p in page["items"]]
        token = page["next_page_token"]
    assert sorted(paged) == sorted(p["id"] for p in items)


def test_delete(daemon):
    one = daemon.post("/v1/pipelines", request("llama3", max_length=371)).json()["id"]
    assert daemon.delete("/v1/pipelines/" + one).status == 204
    gone = daemon.get("/v1/pipelines/" + one)
    assert (gone.status, gone.json()["code"]) == (404, "pipeline-not-found")
    assert daemon.post("/v1/pipelines", request("llama3", max_length=371)).json()["id"] == one


def test_unknown_fields_are_named(daemon):
    answer = daemon.post("/v1/pipelines", request("llama3", max_lenght=5))
    assert answer.status == 422
    fault = answer.json()["errors"][0]
    assert fault["pointer"] == "/max_lenght" and "max_length" in str(fault["nearest"])
    assert daemon.post("/v1/pipelines?dryrun=1", request("llama3")).status == 422


def test_engines_are_not_run(daemon):
    answer = daemon.post("/v1/pipelines", request("llama3", engine="vllm"))
    assert (answer.status, answer.json()["code"]) == (501, "not-implemented")


def test_what_does_not_exist(daemon):
    for path, code in [("pipelines/pl_" + "0" * 32, "pipeline-not-found"), ("factories/fc_x", "factory-not-found"),
                       ("tokenizers/tk_x", "tokenizer-not-found"), ("pipelines/" + "x" * 300, "pipeline-not-found")]:
        answer = daemon.get("/v1/" + path)
        assert (answer.status, answer.json()["code"]) == (404, code)
