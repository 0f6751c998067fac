"""What is kept of the Hub on this machine: found again, held to its budget, removed, listed."""
import hashlib
import os
import sqlite3
import subprocess
import time

import pytest

from daemon import BUILD, EXAMPLES, Daemon
from fakehub import File, Hub
from families import family_files, request

MIB = 1 << 20


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


def files_of(family="llama3", tokenizer_bytes=0, **more):
    """A small model; with tokenizer_bytes its tokenizer.json is that large."""
    files = {**family_files(family), **more}
    text = files["tokenizer.json"]
    files["tokenizer.json"] = text + b" " * (tokenizer_bytes - len(text))
    return files


def folder(state, name=None):
    hub = state / "hf" / "hub"
    return hub / ("models--" + name.replace("/", "--")) if name else hub


def blob_bytes(state):
    total = 0
    for path in folder(state).glob("models--*/blobs/*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # evicted between the two looks
            pass
    return total


def put_as_another_program(state, name, files, ref="main", absent=()):
    """The repository in the Hub cache folder, as huggingface_hub lays it out. Returns the commit."""
    top = folder(state, name)
    commit = hashlib.sha1(name.encode()).hexdigest()
    for path, data in files.items():
        blob = top / "blobs" / File(path, data).etag
        link = top / "snapshots" / commit / path
        for parent in (blob.parent, link.parent):
            parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link.symlink_to(os.path.relpath(blob, link.parent))
    for path in absent:
        mark = top / ".no_exist" / commit / path
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    (top / "refs").mkdir(exist_ok=True)
    (top / "refs" / ref).write_text(commit)
    return commit


def tree(top):
    """Every path below top with what it holds."""
    return {str(p.relative_to(top)): os.readlink(p) if p.is_symlink() else p.read_bytes()
            for p in top.rglob("*") if p.is_symlink() or p.is_file()}


def until(true, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def summary(daemon, name, **query):
    answer = daemon.get("/v1/model", {"model": name, **query})
    assert answer.status == 200, answer
    return answer.json()


# ---- large files

def test_a_large_file_lies_where_other_programs_find_it(hub, state):
    repo = hub.repo("big/one", files_of(tokenizer_bytes=3 * MIB))
    etag = repo.commits[repo.head]["tokenizer.json"].etag
    with Daemon(state, hub=hub) as daemon:
        summary(daemon, "big/one")
    top = folder(state, "big/one")
    assert (top / "refs" / "main").read_text() == repo.head
    assert (top / "snapshots" / repo.head / "tokenizer.json").resolve() == (top / "blobs" / etag).resolve()
    with sqlite3.connect(f"file:{state}/cache.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT path, blob_path, bytes, content FROM file WHERE blob_path NOT NULL").fetchall() == [
            ("tokenizer.json", f"models--big--one/blobs/{etag}", 3 * MIB, None)]
    hub.forget()
    with Daemon(state, hub=hub) as daemon:
        summary(daemon, "big/one")
    assert hub.log == []


def test_the_least_recently_put_goes_when_the_disk_budget_is_exceeded(hub, state):
    repos = [hub.repo(f"big/m{i}", files_of(tokenizer_bytes=5 * MIB + i)) for i in range(6)]
    with Daemon(state, "--cache-disk", "16M", hub=hub) as daemon:
        for repo in repos:
            summary(daemon, repo.name)
            until(lambda: blob_bytes(state) <= 16 * MIB, "the budget is exceeded")
        first, last = folder(state, "big/m0"), folder(state, "big/m5")
        until(lambda: not tree(first), "what was evicted left something behind")
        assert tree(last)
        assert summary(daemon, "big/m0")["commit"] == repos[0].head
    with Daemon(state, "--cache-disk", "16M", hub=hub) as daemon:
        hub.forget()
        summary(daemon, "big/m0")  # the tokenizer comes again, the pin does not
        assert not hub.requests("/revision/") and hub.requests("tokenizer.json")


def test_a_smaller_budget_holds_from_the_start_and_after_a_reload(hub, state):
    for i in range(4):
        hub.repo(f"big/m{i}", files_of(tokenizer_bytes=8 * MIB + i))
    with Daemon(state, hub=hub) as daemon:
        for i in range(4):
            summary(daemon, f"big/m{i}")
    assert blob_bytes(state) > 32 * MIB
    config = state / "pipelined.conf"
    config.write_text("cache-disk = 28M\n")
    with Daemon(state, "--config", config, hub=hub) as daemon:
        until(lambda: blob_bytes(state) <= 28 * MIB, "the budget is exceeded after the start")
        assert blob_bytes(state) > 16 * MIB
        config.write_text("cache-disk = 16M\ncache-memory = 1M\n")
        daemon.process.send_signal(1)
        until(lambda: blob_bytes(state) <= 16 * MIB, "the budget is exceeded after a reload")


def test_a_model_that_is_deleted_takes_along_what_we_wrote(hub, state):
    hub.repo("big/one", files_of(tokenizer_bytes=3 * MIB))
    hub.repo("big/two", files_of(tokenizer_bytes=2 * MIB))
    with Daemon(state, hub=hub) as daemon:
        summary(daemon, "big/one")
        summary(daemon, "big/two")
        answer = daemon.delete("/v1/model?model=big/one").json()
        assert answer["model"] == "big/one"
        assert (answer["evicted"], answer["pins"]) == (1, 1)
        assert answer["files"] >= 3 and answer["freed_bytes"] > 3 * MIB
        assert tree(folder(state, "big/one")) == {} and tree(folder(state, "big/two"))
        again = daemon.delete("/v1/model?model=big/one").json()
        assert (again["evicted"], again["pins"], again["files"], again["freed_bytes"]) == (0, 0, 0, 0)
        hub.forget()
        summary(daemon, "big/one")
        assert hub.requests("big/one/revision") and tree(folder(state, "big/one"))


def test_a_reset_of_the_caches_takes_along_what_we_wrote(hub, state):
    for name in ("big/one", "big/two"):
        hub.repo(name, files_of(tokenizer_bytes=2 * MIB))
    theirs = put_as_another_program(state, "their/model", files_of(tokenizer_bytes=2 * MIB))
    with Daemon(state, hub=hub) as daemon:
        for name in ("big/one", "big/two"):
            summary(daemon, name)
        before = tree(folder(state, "their/model"))
        answer = daemon.post("/v1/reset", {"architectures": "keep", "caches": True}).json()
        assert (answer["models"], answer["pins"]) == (2, 2)
        assert answer["files"] >= 6 and answer["freed_bytes"] > 4 * MIB
        assert not tree(folder(state, "big/one")) and not tree(folder(state, "big/two"))
        assert tree(folder(state, "their/model")) == before
        assert daemon.post("/v1/reset", {"architectures": "keep", "caches": True}).json()["pins"] == 0
        assert summary(daemon, "their/model", offline="true")["commit"] == theirs


def test_what_another_program_wrote_stays_though_we_read_it(hub, state):
    files = files_of(tokenizer_bytes=2 * MIB)
    hub.repo("both/model", files)
    put_as_another_program(state, "both/model", {"tokenizer.json": files["tokenizer.json"]}, ref="v0")
    with Daemon(state, "--cache-disk", "16M", hub=hub) as daemon:
        summary(daemon, "both/model")  # another commit with the same tokenizer
        before = tree(folder(state, "both/model"))
        daemon.delete("/v1/model?model=both/model")
        daemon.post("/v1/reset", {"architectures": "keep", "caches": True})
        assert {p: v for p, v in tree(folder(state, "both/model")).items() if p.startswith("blobs/")} == {
            p: v for p, v in before.items() if p.startswith("blobs/")}
        assert summary(daemon, "both/model", revision="v0", offline="true")


def test_a_ref_of_another_program_is_not_moved(hub, state):
    hub.repo("both/model", files_of(tokenizer_bytes=2 * MIB))
    theirs = put_as_another_program(state, "both/model", files_of())
    with Daemon(state, hub=hub) as daemon:
        assert summary(daemon, "both/model")["commit"] != theirs
    assert (folder(state, "both/model") / "refs" / "main").read_text() == theirs


def test_a_cache_folder_that_cannot_be_written_costs_no_answer(hub, state):
    hub.repo("big/one", files_of(tokenizer_bytes=2 * MIB))
    state.mkdir()
    (state / "hf").mkdir()
    (state / "hf" / "hub").symlink_to("/proc/nowhere")
    with Daemon(state, hub=hub) as daemon:
        assert summary(daemon, "big/one")["tokenizer_kind"]
        assert daemon.delete("/v1/model?model=big/one").status == 200


# ---- memory

def test_models_in_memory_keep_to_their_budget_and_the_rest_is_on_disk(hub, state):
    names = [f"many/m{i}" for i in range(40)]
    for i, name in enumerate(names):
        hub.repo(name, files_of(**{f"filler-{k}.txt": b"%d" % i for k in range(300)}))
    with Daemon(state, "--cache-memory", "1M", hub=hub) as daemon:
        for name in names:
            summary(daemon, name)
            assert daemon.get("/v1/status").json()["models_bytes"] <= MIB
        status = daemon.get("/v1/status").json()
        assert 0 < status["models"] < len(names)
        hub.forget()
        for name in names:
            summary(daemon, name, trust_remote_code="true")
        assert hub.log == []


def test_a_refusal_ends_with_the_process(hub, state):
    with Daemon(state, hub=hub) as daemon:
        first, again = (daemon.get("/v1/model?model=not/yet").json() for _ in range(2))
        assert "cached_for_s" not in first and 0 < again["cached_for_s"] <= 60
        assert len(hub.log) == 1
        hub.repo("not/yet", files_of())
        daemon.restart()
        summary(daemon, "not/yet")


def test_a_private_repository_is_not_told_from_a_missing_one(hub, state):
    hub.repo("secret/model", files_of(), private=True)
    hub.token("hf_insider", reads={"secret/model"})
    hub.token("hf_outsider")
    with Daemon(state, hub=hub) as daemon:
        problem = daemon.get("/v1/model?model=secret/model").json()
        assert (problem["code"], problem["authenticated"]) == ("repository-not-found", False)
        assert "private" in problem["detail"] and "HF_TOKEN" in problem["detail"]
        explained = daemon.get("/problems/repository-not-found", headers={"Accept": "application/json"})
        assert "private" in explained.body.decode() and "HF_TOKEN" in explained.body.decode()
    with Daemon(state, hub=hub, env={"HF_TOKEN": "hf_outsider"}) as daemon:
        problem = daemon.get("/v1/model?model=secret/model").json()
        assert (problem["code"], problem["authenticated"]) == ("repository-not-found", True)
    with Daemon(state, hub=hub, env={"HF_TOKEN": "hf_insider"}) as daemon:
        summary(daemon, "secret/model")
        assert [m["id"] for m in daemon.get("/v1/models").json()["data"]] == ["secret/model"]
    with Daemon(state, hub=hub, offline=True) as daemon:  # what one token saw is not shown without it
        assert daemon.get("/v1/models").json()["data"] == []
        assert daemon.get("/v1/model?model=secret/model").json()["code"] == "offline-not-cached"


# ---- the list

def test_the_list_has_what_is_known_here_also_after_a_restart(hub, state):
    for name in ("b/two", "a/one"):
        hub.repo(name, files_of())
    hub.repos["a/one"].branch("dev", hub.repos["a/one"].head)
    theirs = put_as_another_program(state, "c/theirs", files_of())
    with Daemon(state, "--model-root", EXAMPLES, hub=hub) as daemon:
        summary(daemon, "b/two")
        summary(daemon, "a/one")
        summary(daemon, "a/one", revision="dev")
        summary(daemon, "a/one", trust_remote_code="true")
        local = str(EXAMPLES / "tiny-llama")
        summary(daemon, local)

        data = daemon.get("/v1/models").json()["data"]
        assert [m["id"] for m in data] == [local, "a/one", "b/two", "c/theirs"]
        one = data[1]
        assert one["object"] == "model" and one["owned_by"] == "huggingface" and one["in_memory"]
        assert sorted((r["revision"], r["commit"]) for r in one["revisions"]) == [
            ("dev", hub.repos["a/one"].head), ("main", hub.repos["a/one"].head)]
        assert one["architecture"] == "LlamaForCausalLM" and one["created"] > 1e9
        hub.forget()
        daemon.restart()

        data = {m["id"]: m for m in daemon.get("/v1/models").json()["data"]}
        assert sorted(data) == ["a/one", "b/two", "c/theirs"]
        assert not data["a/one"]["in_memory"] and len(data["a/one"]["revisions"]) == 2
        assert data["b/two"]["commit"] == hub.repos["b/two"].head
        assert data["c/theirs"]["commit"] == theirs and data["c/theirs"]["in_hub_cache"]
        assert daemon.get("/v1/models/b/two").json() == data["b/two"]
        assert daemon.get("/v1/models/b%2Ftwo").json() == data["b/two"]
        missing = daemon.get("/v1/models/never/seen")
        assert (missing.status, missing.json()["code"]) == (404, "not-found")
        assert daemon.get("/v1/models/a/b/c").status == 422
        daemon.delete("/v1/model?model=b/two")
        assert daemon.get("/v1/models/b/two").status == 404
        assert hub.log == []


def test_the_list_comes_by_pages(hub, state):
    names = sorted(f"{org}/m{i}" for org in ("a", "b") for i in range(4))
    for name in names:
        put_as_another_program(state, name, {"config.json": b"{}"})
    with Daemon(state, hub=hub) as daemon:
        for limit in (1, 3, 8, 9):
            seen, query = [], {"limit": limit}
            while True:
                page = daemon.get("/v1/models", query).json()
                assert len(page["data"]) <= limit
                seen += [m["id"] for m in page["data"]]
                if page["next_page_token"] is None:
                    break
                query["page_token"] = page["next_page_token"]
            assert seen == names
        table = subprocess.run([BUILD / "pipelinectl", "--server", daemon.url, "model"], capture_output=True, text=True)
        assert table.returncode == 0 and [line.split()[0] for line in table.stdout.splitlines()[1:]] == names, table


# ---- refresh

def test_a_branch_that_moved_moves_for_everybody_at_the_refresh(hub, state):
    def commits():
        body = {**request("llama3"), "model_path": "moves/model", "trust_remote_code": True}
        yield daemon.get("/v1/model/config?model=moves/model").json()["commit"]
        yield daemon.get("/v1/model/config?model=moves/model&trust_remote_code=true").json()["commit"]
        yield daemon.get("/v1/model/tokenizer?model=moves/model").json()["commit"]
        yield daemon.get("/v1/model/architecture?model=moves/model").json()["commit"]
        yield daemon.post("/v1/tokenizers", {"model": "moves/model"}).json()["commit"]
        yield daemon.post("/v1/pipelines", body).json()["model"]["commit"]

    repo = hub.repo("moves/model", files_of())
    old = repo.head
    with Daemon(state, hub=hub) as daemon:
        assert set(commits()) == {old}
        new = repo.commit({"README.md": b"moved"})
        assert set(commits()) == {old}
        daemon.restart()
        assert set(commits()) == {old}
        answer = daemon.post("/v1/model/refresh", {"model": "moves/model"}).json()
        assert (answer["previous_commit"], answer["commit"], answer["changed"]) == (old, new, True)
        assert set(commits()) == {new}
        daemon.restart()
        assert set(commits()) == {new}


def test_what_was_pinned_before_is_known_after_a_restart(hub, state):
    repo = hub.repo("moves/model", files_of())
    old = repo.head
    with Daemon(state, hub=hub) as daemon:
        first = daemon.post("/v1/model/refresh", {"model": "moves/model"}).json()
        assert (first["previous_commit"], first["commit"], first["changed"]) == (None, old, True)
        new = repo.commit({"README.md": b"moved"})
        daemon.restart()
        answer = daemon.post("/v1/model/refresh", {"model": "moves/model"}).json()
        assert (answer["previous_commit"], answer["commit"], answer["changed"]) == (old, new, True)
        daemon.restart()
        answer = daemon.post("/v1/model/refresh", {"model": "moves/model"}).json()
        assert (answer["previous_commit"], answer["commit"], answer["changed"]) == (new, new, False)


# ---- offline

WAYS = {
    "the request": ({}, {}, {"offline": True}),
    "the flag": ({"offline": True}, {}, {}),
    "the environment": ({}, {"HF_HUB_OFFLINE": "1"}, {}),
}


def check_offline(daemon, name, commit, way, model, state_of_pipeline):
    query = {"model": name, **({"offline": "true"} if way else {})}
    assert daemon.get("/v1/model", query).json()["commit"] == commit
    assert daemon.get("/v1/model/config", query).json()["config"]["architectures"] == ["LlamaForCausalLM"]
    tokenizer = daemon.post("/v1/tokenizers", {"model": name, **way})
    assert tokenizer.status in (200, 201), tokenizer
    answer = daemon.post("/v1/pipelines", {**request("llama3"), "model_path": name, **way, **model})
    assert answer.status in (200, 201), answer
    doc = answer.json()
    assert (doc["model"]["commit"], doc["state"]) == (commit, state_of_pipeline), doc
    missing = daemon.get("/v1/model", {**query, "model": "never/seen"})
    assert (missing.status, missing.json()["code"]) == (504, "offline-not-cached")


@pytest.mark.parametrize("how", WAYS)
def test_offline_what_was_read_before_is_known_and_nobody_is_asked(hub, state, how):
    options, env, way = WAYS[how]
    repo = hub.repo("known/model", files_of())
    with Daemon(state, hub=hub) as daemon:
        summary(daemon, "known/model")
    hub.forget()
    with Daemon(state, hub=hub, env=env, **options) as daemon:
        check_offline(daemon, "known/model", repo.head, way, {"weights": "remote"}, "ready")
    assert hub.log == []


@pytest.mark.parametrize("how", WAYS)
def test_offline_what_another_program_downloaded_is_ready(hub, state, how):
    options, env, way = WAYS[how]
    commit = put_as_another_program(state, "their/model", files_of(), absent=["adapter_config.json"])
    with Daemon(state, hub=hub, env=env, **options) as daemon:
        check_offline(daemon, "their/model", commit, way, {}, "ready")
        by_commit = daemon.get("/v1/model", {"model": "their/model", "revision": commit, "offline": "true"})
        assert by_commit.json()["commit"] == commit
    assert hub.log == []


def test_offline_weights_that_are_not_here_are_not_ready(hub, state):
    files = files_of()
    hub.repo("known/model", files)
    with Daemon(state, hub=hub) as daemon:
        summary(daemon, "known/model")
    hub.forget()
    with Daemon(state, hub=hub, offline=True) as daemon:
        answer = daemon.post("/v1/pipelines", {**request("llama3"), "model_path": "known/model", "weights": "required"})
        assert answer.json()["state"] == "resolved", answer
    assert hub.log == []
