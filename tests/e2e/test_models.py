"""What is said of Hub repositories and local models."""
import json
import shutil

import pytest

from daemon import EXAMPLES, Daemon
from families import add_family, family_files


def test_summary(daemon, hub):
    repo = add_family(hub, "llama3")
    doc = daemon.get("/v1/model?model=fam/llama3").json()
    assert (doc["model"], doc["requested"], doc["commit"]) == ("fam/llama3", "main", repo.head)
    files = {f["path"]: f for f in doc["files"]}
    assert set(files) == set(repo.commits[repo.head])
    assert files["config.json"]["size_bytes"] == len(repo.commits[repo.head]["config.json"].data)
    assert {"encoding": "bfloat16"}.items() <= doc["encodings"][0].items() and doc["encodings"][0]["evidence"]
    assert "LlamaForCausalLM" in str(doc["architectures"])


def test_a_commit_is_asked_for_once(daemon, hub):
    repo = hub.repo("once/model", family_files("qwen2"))
    target = f"/v1/model/config?model=once/model&revision={repo.head}"
    assert daemon.get(target).status == 200
    hub.forget()
    for _ in range(3):
        assert daemon.get(target).status == 200
    assert hub.requests("once/model") == []


def test_a_branch_is_pinned_until_refresh(daemon, hub):
    repo = hub.repo("moves/model", family_files("qwen2"))
    old = repo.head
    assert daemon.get("/v1/model?model=moves/model").json()["commit"] == old
    new = repo.commit({"README.md": b"hello"})
    assert daemon.get("/v1/model?model=moves/model").json()["commit"] == old
    answer = daemon.post("/v1/model/refresh", {"model": "moves/model"}).json()
    assert (answer["commit"], answer["previous_commit"], answer["changed"]) == (new, old, True)
    assert daemon.get("/v1/model?model=moves/model").json()["commit"] == new
    again = daemon.post("/v1/model/refresh?model=moves/model").json()
    assert (again["commit"], again["changed"]) == (new, False)


def test_refresh_wants_one_name(daemon):
    assert daemon.post("/v1/model/refresh", {}).status == 422
    assert daemon.post("/v1/model/refresh?model=a/b", {"model": "a/b"}).status == 422


def test_revisions(daemon, hub):
    repo = hub.repo("has/branches", family_files("qwen2"))
    repo.branch("dev", repo.commit({"notes.md": b"dev"}, branch="dev"))
    assert daemon.get("/v1/model?model=has/branches&revision=dev").json()["commit"] == repo.find("dev")
    missing = daemon.get("/v1/model?model=has/branches&revision=nope")
    assert (missing.status, missing.json()["code"]) == (404, "revision-not-found")


def test_evict(daemon, hub):
    hub.repo("evict/me", family_files("qwen2"))
    daemon.get("/v1/model?model=evict/me")
    assert daemon.delete("/v1/model?model=evict/me").status == 200
    hub.forget()
    assert daemon.get("/v1/model?model=evict/me").status == 200
    assert hub.requests("evict/me")


def test_models_known_here(daemon, hub):
    add_family(hub, "qwen3")
    daemon.get("/v1/model?model=fam/qwen3")
    doc = daemon.get("/v1/models").json()
    assert doc["object"] == "list"
    assert "fam/qwen3" in [m["id"] for m in doc["data"]]
    assert all(m["object"] == "model" for m in doc["data"])


@pytest.mark.parametrize("name,code,status", [
    ("private/model", "repository-not-found", 404),
    ("gated/model", "repository-gated", 403),
    ("disabled/model", "repository-disabled", 403),
    ("not/there", "repository-not-found", 404),
])
def test_refusals_are_told_apart(daemon, hub, name, code, status):
    files = family_files("qwen2")
    hub.repo("private/model", files, private=True)
    hub.repo("gated/model", files, gated=True)
    hub.repo("disabled/model", files, disabled=True)
    answer = daemon.get("/v1/model/config", {"model": name})
    assert (answer.status, answer.json()["code"]) == (status, code), answer


def test_renamed_is_followed(daemon, hub):
    repo = hub.repo("old/name", family_files("qwen2"))
    hub.rename("old/name", "new/name")
    answer = daemon.get("/v1/model?model=old/name")
    assert answer.status == 200 and answer.json()["commit"] == repo.head


def test_remote_code_has_to_be_trusted(daemon, hub):
    add_family(hub, "remote_code")
    answer = daemon.get("/v1/model/architecture?model=fam/remote_code")
    assert answer.json()["code"] in ("remote-code-required", "architecture-not-found"), answer


@pytest.mark.parametrize("query,pointer", [
    ("model=../etc", "model"), ("model=a/b/c", "model"), ("model=", "model"), ("", "model"),
    ("model=a/b&revision=../x", "revision"), ("model=a/b&subfolder=/abs", "subfolder"),
    ("model=a/b&modle=x", "modle"), ("model=a/b&offline=maybe", "offline"),
])
def test_names_are_checked_at_the_door(daemon, hub, query, pointer):
    hub.forget()
    answer = daemon.get("/v1/model?" + query)
    assert answer.status == 422, answer
    assert pointer in answer.body.decode()
    assert hub.log == []


def test_local_models_below_a_root(hub, state, tmp_path):
    root = tmp_path / "models"
    shutil.copytree(EXAMPLES / "tiny-llama", root / "tiny")
    (root / "link").symlink_to("/etc")
    with Daemon(state, "--model-root", root, hub=hub) as daemon:
        doc = daemon.get("/v1/model", {"model": str(root / "tiny")}).json()
        assert doc["commit"] and "LlamaForCausalLM" in str(doc["architectures"])
        config = daemon.get("/v1/model/config", {"model": str(root / "tiny")}).json()["config"]
        assert config == json.loads((root / "tiny" / "config.json").read_text())
        for path, code in [("/etc", "path-not-allowed"), (str(root / "link"), "path-not-allowed"),
                           (str(root / "none"), "path-not-found")]:
            answer = daemon.get("/v1/model", {"model": path})
            assert answer.json()["code"] == code, (path, answer)
    assert hub.log == []


def test_gguf(hub, state):
    with Daemon(state, "--model-root", EXAMPLES, hub=hub) as daemon:
        path = next((EXAMPLES / "tiny-llama-gguf").glob("*.gguf"))
        doc = daemon.get("/v1/model/architecture", {"model": str(path)})
        assert doc.status == 200 and doc.json()["name"] == "LlamaForCausalLM", doc


def test_offline_asks_nothing(hub, state):
    repo = hub.repo("off/line", family_files("qwen2"))
    with Daemon(state, hub=hub) as daemon:
        assert daemon.get("/v1/model?model=off/line").status == 200
        hub.forget()
        assert daemon.get("/v1/model?model=off/line&offline=true").json()["commit"] == repo.head
        missing = daemon.get("/v1/model?model=never/seen&offline=true")
        assert (missing.status, missing.json()["code"]) == (504, "offline-not-cached")
    with Daemon(state, hub=hub, offline=True) as daemon:
        assert daemon.get("/v1/model/config?model=off/line").status == 200
        assert daemon.get("/v1/model?model=never/seen").json()["code"] == "offline-not-cached"
    assert hub.log == []


def test_a_dead_hub_is_said_and_what_is_known_is_served(hub, state):
    hub.repo("stays/known", family_files("qwen2"))
    with Daemon(state, hub=hub) as daemon:
        assert daemon.get("/v1/model?model=stays/known").status == 200
        hub.fault(".", "reset", times=-1)
        try:
            assert daemon.get("/v1/model?model=stays/known").status == 200
            answer = daemon.get("/v1/model?model=other/model")
            assert answer.status == 502 and answer.json()["code"] == "hub-unreachable"
        finally:
            hub.heal()


def test_a_file_that_cannot_be_read_is_told_from_one_that_is_missing(daemon, hub):
    hub.repo("org/broken-gguf", {"model-Q4_0.gguf": b"GGUF" + b"\xff" * 200})
    hub.repo("org/broken-tokenizer", {"config.json": b'{"architectures":["LlamaForCausalLM"]}',
                                      "tokenizer.json": b'{"version": "1.0", '})
    hub.repo("org/no-tokenizer", {"config.json": b'{"architectures":["LlamaForCausalLM"]}'})

    broken = daemon.get("/v1/model/config", {"model": "org/broken-gguf"})
    assert (broken.status, broken.json()["code"]) == (422, "file-corrupt")
    assert broken.json()["file"] == "model-Q4_0.gguf"
    broken = daemon.get("/v1/model/tokenizer", {"model": "org/broken-tokenizer"})
    assert (broken.json()["code"], broken.json()["file"]) == ("file-corrupt", "tokenizer.json")
    missing = daemon.get("/v1/model/tokenizer", {"model": "org/no-tokenizer"})
    assert (missing.status, missing.json()["code"]) == (422, "tokenizer-missing")
