"""The registry over HTTP: lists, conditions, batches, faults."""
import copy

import pytest

DOC = {
    "name": "TestForCausalLM", "task": "text_generation", "default_encoding": "bfloat16",
    "supported_encodings": {"bfloat16": ["paged"]}, "pipeline_model": "Llama3Model",
    "tokenizer": "TextTokenizer", "default_weights_format": "safetensors",
}


def doc(name, **members):
    return dict(copy.deepcopy(DOC), name=name, **members)


def pages(daemon, query=""):
    token, items = "", []
    while token is not None:
        answer = daemon.get(f"/v1/architectures?limit=20{query}{token and '&page_token=' + token}").json()
        items += answer["items"]
        token = answer["next_page_token"]
        assert len(answer["items"]) <= 20
    return items


def test_pages_are_the_list(daemon):
    whole = daemon.get("/v1/architectures").json()["items"]
    assert len(whole) >= 100
    assert pages(daemon) == whole
    keys = [(a["name"], a["task"]) for a in whole]
    assert len(set(keys)) == len(keys)


def test_the_next_page_is_linked(daemon):
    answer = daemon.get("/v1/architectures?limit=1")
    link = answer.headers["link"]
    assert link.endswith('; rel="next"')
    second = daemon.get(link[1:link.index(">")])
    assert second.json()["items"] != answer.json()["items"]


@pytest.mark.parametrize("query,holds", [
    ("task=embeddings_generation", lambda a: a["task"] == "embeddings_generation"),
    ("encoding=gptq", lambda a: "gptq" in a["supported_encodings"]),
    ("weights_format=gguf", lambda a: "gguf" in a["weight_formats"]),
    ("source=builtin", lambda a: a["source"] == "builtin"),
    ("q=QWEN", lambda a: "qwen" in (a["name"] + " ".join(a["example_repo_ids"])).lower()),
])
def test_filters(daemon, query, holds):
    found = daemon.get("/v1/architectures?" + query).json()["items"]
    rest = daemon.get("/v1/architectures").json()["items"]
    assert found and found == [a for a in rest if holds(a)]
    assert pages(daemon, "&" + query) == found


def test_a_list_is_not_sent_twice(daemon):
    answer = daemon.get("/v1/architectures")
    again = daemon.get("/v1/architectures", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    daemon.post("/v1/architectures", doc("MovesTheListForCausalLM"))
    assert daemon.get("/v1/architectures", headers={"If-None-Match": answer.headers["etag"]}).status == 200


def test_an_unknown_task_of_a_known_name_lists_its_tasks(daemon):
    answer = daemon.get("/v1/architectures/LlamaForCausalLM?task=pixel_generation")
    assert answer.status == 404
    assert answer.json()["code"] == "task-not-found"
    assert answer.json()["available"] == ["text_generation"]


def test_a_typing_error_is_recognised(daemon):
    problem = daemon.get("/v1/architectures/LamaForCausalLM").json()
    assert problem["code"] == "architecture-not-found"
    assert problem["nearest"][0] == "LlamaForCausalLM"


def test_a_batch_is_all_or_nothing(daemon):
    before = daemon.get("/v1/architectures").headers["x-registry-revision"]
    bad = doc("BatchBForCausalLM", default_encoding="q4_k")
    answer = daemon.post("/v1/architectures", {"architectures": [doc("BatchAForCausalLM"), bad]})
    assert answer.status == 422
    assert {e["pointer"].split("/")[2] for e in answer.json()["errors"]} == {"1"}
    assert daemon.get("/v1/architectures/BatchAForCausalLM").status == 404
    assert daemon.get("/v1/architectures").headers["x-registry-revision"] == before
    answer = daemon.post("/v1/architectures",
                         {"architectures": [doc("BatchAForCausalLM"), doc("BatchBForCausalLM")]})
    assert answer.status == 201
    assert [a["name"] for a in answer.json()["architectures"]] == ["BatchAForCausalLM", "BatchBForCausalLM"]


def test_every_fault_is_reported_at_once_with_its_pointer(daemon):
    answer = daemon.post("/v1/architectures", {
        "name": "FaultyForCausalLM", "task": "text_generatoin", "default_encoding": "bfloat16",
        "supported_encodings": {"bfloat17": ["paged"]}, "pipeline_model": 7,
        "tokenizer": "TextTokenizer", "default_weights_format": "safetensors", "rope_typ": "neox",
    })
    assert answer.status == 422
    errors = {e["pointer"]: e for e in answer.json()["errors"]}
    assert {"/task", "/supported_encodings/bfloat17", "/pipeline_model", "/rope_typ"} <= set(errors)
    assert "text_generation" in str(errors["/task"]["nearest"])
    assert "rope_type" in str(errors["/rope_typ"]["nearest"])


@pytest.mark.parametrize("missing", ["name", "task", "supported_encodings", "pipeline_model", "tokenizer",
                                     "default_weights_format"])
def test_what_is_required(daemon, missing):
    body = doc("RequiredForCausalLM")
    del body[missing]
    answer = daemon.post("/v1/architectures", body)
    assert answer.status == 422
    assert any(e["pointer"] == "/" + missing for e in answer.json()["errors"])


def test_what_is_read_can_be_registered(daemon):
    one = daemon.get("/v1/architectures/LlamaForCausalLM").json()
    answer = daemon.post("/v1/architectures?allow_override=true", one)
    assert answer.status in (200, 201), answer
    assert answer.json()["source"] == "api"
    assert daemon.delete("/v1/architectures/LlamaForCausalLM?task=text_generation").status == 204


def test_override_and_delete_obey_if_match(daemon):
    made = daemon.post("/v1/architectures", doc("MatchForCausalLM"))
    etag = made.headers["etag"]
    stale = daemon.post("/v1/architectures?allow_override=true", doc("MatchForCausalLM", rope_type="neox"),
                        headers={"If-Match": '"0123456789abcdef0123456789abcdef"'})
    assert (stale.status, stale.json()["code"]) == (412, "precondition-failed")
    fresh = daemon.post("/v1/architectures?allow_override=true", doc("MatchForCausalLM", rope_type="neox"),
                        headers={"If-Match": etag})
    assert fresh.status in (200, 201)
    assert daemon.delete("/v1/architectures/MatchForCausalLM", headers={"If-Match": etag}).status == 412
    gone = daemon.delete("/v1/architectures/MatchForCausalLM", headers={"If-Match": fresh.headers["etag"]})
    assert (gone.status, gone.body) == (204, b"")
    assert daemon.delete("/v1/architectures/MatchForCausalLM").status == 404


def test_create_only(daemon):
    headers = {"If-None-Match": "*"}
    assert daemon.post("/v1/architectures?allow_override=true", doc("OnlyForCausalLM"), headers=headers).status == 201
    assert daemon.post("/v1/architectures?allow_override=true", doc("OnlyForCausalLM"), headers=headers).status == 412


def test_a_deleted_builtin_stays_deleted(hub, state):
    from daemon import Daemon
    with Daemon(state, hub=hub) as daemon:
        assert daemon.delete("/v1/architectures/MPTForCausalLM").status == 204
        daemon.restart()
        assert daemon.get("/v1/architectures/MPTForCausalLM").status == 404


def test_every_write_moves_the_revision(daemon):
    first = daemon.post("/v1/architectures", doc("RevAForCausalLM")).json()["revision"]
    second = daemon.post("/v1/architectures", doc("RevBForCausalLM")).json()["revision"]
    assert second > first
    answer = daemon.get(f"/v1/architectures?min_revision={second}")
    assert int(answer.headers["x-registry-revision"]) >= second


def test_min_revision_that_does_not_come(daemon):
    answer = daemon.get("/v1/architectures?min_revision=banana")
    assert answer.status == 422


def test_dry_run_registers_nothing(daemon):
    answer = daemon.post("/v1/architectures?dry_run=true", doc("DryForCausalLM"))
    assert answer.status in (200, 201), answer
    assert daemon.get("/v1/architectures/DryForCausalLM").status == 404
