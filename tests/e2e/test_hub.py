"""The Hub client against a Hub of our own: every refusal, every fault, every cache."""
import hashlib
import json
import os
import subprocess
import threading

import pytest

from daemon import BUILD
from fakehub import Hub, git_oid, safetensors, sha256

PROBE = str(BUILD / "tests" / "e2e" / "hubprobe")
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64}
WEIGHTS = safetensors({"model.embed_tokens.weight": ("BF16", [8, 64])})


class Probe:
    """hubprobe as a process; ask() waits for its answer, start() and wait() do not."""

    def __init__(self, url, *options, **env):
        env = {"HF_ENDPOINT": url, "HOME": "/nonexistent", "PATH": os.environ["PATH"], **env}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        self.process = subprocess.Popen([PROBE, *map(str, options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)
        self.answers, self.ended, self.changed, self.n = {}, False, threading.Condition(), 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            with self.changed:
                self.answers[answer["id"]] = answer
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def start(self, op, **args):
        self.n += 1
        self.process.stdin.write(json.dumps({"id": self.n, "op": op, **args}) + "\n")
        self.process.stdin.flush()
        return self.n

    def wait(self, number, timeout=20):
        with self.changed:
            ok = self.changed.wait_for(lambda: number in self.answers or self.ended, timeout)
            assert ok and number in self.answers, "no answer"
            return self.answers.pop(number)

    def ask(self, op, **args):
        return self.wait(self.start(op, **args))

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(20)
        self.reader.join(5)
        self.process.stdout.close()
        assert status == 0  # leaks and races are failures, too


@pytest.fixture
def hub():
    with Hub() as h:
        yield h


@pytest.fixture
def start(hub):
    """Probes that end with the test."""
    probes = []

    def make(*options, **env):
        probes.append(Probe(env.pop("url", hub.url), *options, **env))
        return probes[-1]

    yield make
    for p in probes:
        if p.process.returncode is None:
            p.close()


@pytest.fixture
def repo(hub):
    return hub.repo("org/name", {"config.json": CONFIG, "model.safetensors": WEIGHTS,
                                 "sub dir/a+b.txt": b"plus and blank"})


def code(answer):
    assert not answer["ok"], answer
    return answer["error"]["code"]


# ---- pins

def test_a_pin_has_commit_sizes_and_hashes(start, repo):
    pin = start().ask("pin", model="org/name")
    assert pin["commit"] == repo.head
    config = json.dumps(CONFIG).encode()
    assert pin["files"]["config.json"] == {"size": len(config), "oid": git_oid(config)}
    assert pin["files"]["model.safetensors"] == {"size": len(WEIGHTS), "oid": sha256(WEIGHTS)}
    assert pin["encodings"] == 1 << 3  # bfloat16, by the Hub's own count


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/7", "dev/next", "HEAD", "commit"])
def test_every_kind_of_revision_is_pinned(start, repo, revision):
    first = repo.head
    repo.tag("v1.0", first)
    repo.pr(7, first)
    repo.branch("dev/next", first)
    asked = first if revision == "commit" else revision
    if revision != "HEAD":
        repo.commit({"config.json": b"{}"})
    assert start().ask("pin", model="org/name", revision=asked)["commit"] == first


def test_sizes_the_info_lacks_come_from_the_tree_page_by_page(hub, start):
    repo = hub.repo("org/many", {f"d{i % 7}/f{i}.txt": b"x" * i for i in range(95)})
    repo.info["siblings"] = [{"rfilename": f"d{i % 7}/f{i}.txt"} for i in range(95)]
    hub.page_size = 20
    pin = start().ask("pin", model="org/many")
    assert len(pin["files"]) == 95
    assert all(pin["files"][f"d{i % 7}/f{i}.txt"]["size"] == i for i in range(95))
    assert len(hub.requests("/tree/")) == 6  # 102 entries, with the folders


def test_pages_of_another_origin_are_not_followed(hub, start):
    repo = hub.repo("org/many", {"a": b"1"})
    repo.info["siblings"] = None
    hub.fault("/tree/", "headers", headers={"Link": f'<{hub.cdn_url}/evil>; rel="next"'})
    assert code(start().ask("pin", model="org/many")) == "hub-bad-answer"
    assert not hub.requests(origin="cdn")


def test_a_renamed_repository_is_followed_and_its_new_name_told(hub, start, repo):
    hub.rename("org/name", "org/newer")
    probe = start()
    pin = probe.ask("pin", model="org/name")
    assert (pin["commit"], pin["canonical"]) == (repo.head, "org/newer")
    file = probe.ask("file", model="org/name", canonical=pin["canonical"], commit=pin["commit"],
                     path="sub dir/a+b.txt")
    assert file["data"] == "plus and blank"
    assert not hub.requests("/org/name/resolve")  # no hop more for every file


def test_paths_that_lead_out_are_left_out(hub, start):
    repo = hub.repo("org/evil", {"ok.txt": b"ok"})
    repo.info["siblings"] = [{"rfilename": p, "size": 1, "blobId": "0" * 40} for p in
                             ("ok.txt", "../up", "/etc/passwd", "a//b", "a/../../b", "c\\d", "")]
    assert list(start().ask("pin", model="org/evil")["files"]) == ["ok.txt"]


# ---- refusals

@pytest.mark.parametrize("token", [None, "hf_known"])
def test_a_missing_repository(hub, start, token):
    hub.token("hf_known")
    answer = start().ask("pin", model="org/none", token=token)
    assert code(answer) == "repository-not-found"
    assert answer["error"]["authenticated"] is (token is not None)


def test_a_private_repository_looks_missing_without_its_token(hub, start):
    hub.repo("org/secret", {"config.json": CONFIG}, private=True)
    hub.token("hf_insider", reads={"org/secret"})
    hub.token("hf_outsider")
    probe = start()
    assert code(probe.ask("pin", model="org/secret")) == "repository-not-found"
    assert code(probe.ask("pin", model="org/secret", token="hf_outsider")) == "repository-not-found"
    pin = probe.ask("pin", model="org/secret", token="hf_insider")
    assert pin["ok"] and pin["private"]
    # … and what one may see the others still may not
    assert code(probe.ask("pin", model="org/secret", token="hf_outsider")) == "repository-not-found"


@pytest.mark.parametrize("token", [None, "hf_not_accepted"])
def test_a_gated_repository_says_so(hub, start, token):
    repo = hub.repo("org/gated", {"config.json": CONFIG}, gated="manual")
    hub.token("hf_not_accepted")
    probe = start()
    pin = probe.ask("pin", model="org/gated", token=token)
    assert pin["gated"]
    answer = probe.ask("file", model="org/gated", commit=repo.head, path="config.json", token=token)
    assert code(answer) == "repository-gated"
    assert answer["error"]["url"].endswith("/org/gated")


def test_an_accepted_token_reads_a_gated_repository_and_nobody_else_does(hub, start, tmp_path):
    repo = hub.repo("org/gated", {"config.json": CONFIG}, gated="auto")
    hub.token("hf_accepted", accepted={"org/gated"})
    probe = start("--cache", tmp_path)
    args = dict(model="org/gated", commit=repo.head, path="config.json")
    assert probe.ask("file", token="hf_accepted", **args)["ok"]
    assert code(probe.ask("file", token=None, **args)) == "repository-gated"


def test_a_disabled_repository(hub, start):
    hub.repo("org/off", {"config.json": CONFIG}, disabled=True)
    assert code(start().ask("pin", model="org/off")) == "repository-disabled"


def test_a_token_the_hub_does_not_know(hub, start, repo):
    assert code(start(HF_TOKEN="hf_wrong").ask("pin", model="org/name")) == "token-invalid"


def test_a_missing_revision_and_a_missing_file(start, repo):
    probe = start()
    assert code(probe.ask("pin", model="org/name", revision="nope")) == "revision-not-found"
    answer = probe.ask("file", model="org/name", commit=repo.head, path="nope.json")
    assert code(answer) == "file-not-found"
    assert answer["error"]["path"] == "nope.json"


def test_a_refusal_is_remembered_and_says_how_long(hub, start, repo):
    probe = start()
    probe.ask("pin", model="org/none")
    answer = probe.ask("pin", model="org/none")
    assert 0 < answer["error"]["cached_for_s"] <= 60
    assert len(hub.requests("org/none")) == 1
    hub.repo("org/none", {"config.json": CONFIG})
    assert probe.ask("pin", model="org/none", refresh=True)["ok"]
    assert probe.ask("pin", model="org/none")["ok"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"sha":"short"}', b'{"sha":12}', b""])
def test_an_answer_that_makes_no_sense(hub, start, repo, body):
    hub.fault("/revision/", "replace", body=body, times=-1)
    assert code(start().ask("pin", model="org/name")) == "hub-bad-answer"


# ---- files and redirects

def test_files_come_whole_whatever_redirects(hub, start, repo):
    probe = start()
    small = probe.ask("file", model="org/name", commit=repo.head, path="sub dir/a+b.txt")
    large = probe.ask("file", model="org/name", commit=repo.head, path="model.safetensors")
    assert small["data"] == "plus and blank"
    assert large["sha256"] == sha256(WEIGHTS)
    assert hub.requests("resolve-cache") and hub.requests(origin="cdn")
    hub.small_redirects = False
    again = start().ask("file", model="org/name", commit=repo.head, path="sub dir/a+b.txt")
    assert again["data"] == "plus and blank"


def test_an_empty_file_is_a_file(hub, start):
    repo = hub.repo("org/empty", {"empty.txt": b""})
    answer = start().ask("file", model="org/empty", commit=repo.head, path="empty.txt")
    assert answer["ok"] and answer["size"] == 0


def test_a_range_is_cut_from_where_it_lies(start, repo):
    probe = start()
    n = len(WEIGHTS)
    for offset, size in ((0, 8), (100, 50), (n - 10, 100), (n + 5, 10)):
        answer = probe.ask("range", model="org/name", commit=repo.head, path="model.safetensors",
                           offset=offset, size=size)
        assert answer["sha256"] == sha256(WEIGHTS[offset:offset + size])


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, start):
    repo = hub.repo("org/secret", {"model.safetensors": WEIGHTS, "config.json": CONFIG}, private=True)
    hub.token("hf_insider", reads={"org/secret"})
    probe = start(HF_TOKEN="hf_insider")
    for path in ("model.safetensors", "config.json"):
        assert probe.ask("file", model="org/secret", commit=repo.head, path=path)["ok"]
    assert all(r.headers["authorization"] == "Bearer hf_insider" for r in hub.requests(origin="hub"))
    assert hub.requests(origin="cdn")
    assert not [r for r in hub.requests(origin="cdn") if "authorization" in r.headers]


def test_a_chain_that_left_does_not_get_the_token_back(hub, start, repo):
    hub.token("hf_x")
    hub.fault("/resolve/", "redirect", location=f"{hub.cdn_url}/away")
    hub.fault("/away", "redirect", location=f"{hub.url}/back", origin="cdn")
    start("--attempts", 1, HF_TOKEN="hf_x").ask("file", model="org/name", commit=repo.head,
                                               path="config.json")
    (back,) = hub.requests("/back")
    assert "authorization" not in back.headers


def test_redirects_do_not_go_on_for_ever(hub, start, repo):
    hub.fault("/", "redirect", location="/round", times=-1)
    answer = start().ask("file", model="org/name", commit=repo.head, path="config.json")
    assert code(answer) == "hub-bad-answer"
    assert len(hub.log) == 6


@pytest.mark.parametrize("location", ["ftp://example.org/x", "file:///etc/passwd", "http://a b/",
                                      "http://user@127.0.0.1/", "http://"])
def test_redirects_to_what_is_no_web_address_are_refused(hub, start, repo, location):
    hub.fault("/resolve/", "redirect", location=location)
    answer = start().ask("file", model="org/name", commit=repo.head, path="config.json")
    assert code(answer) == "hub-bad-answer"


def test_a_file_larger_than_wanted_is_refused(start, repo):
    args = dict(model="org/name", commit=repo.head, path="model.safetensors")
    assert code(start().ask("file", max_bytes=100, file_size=len(WEIGHTS), **args)) == "file-too-large"


def test_a_body_that_grows_beyond_its_bound_is_cut_off(hub, start):
    repo = hub.repo("org/big", {"big.bin": bytes(1 << 20)})
    answer = start().ask("file", model="org/big", commit=repo.head, path="big.bin", max_bytes=200000)
    assert code(answer) == "file-too-large"


# ---- content

def test_wrong_bytes_are_asked_for_once_more(hub, start, repo):
    hub.fault("/repos/", "corrupt", origin="cdn", times=1)
    answer = start().ask("file", model="org/name", commit=repo.head, path="model.safetensors")
    assert answer["sha256"] == sha256(WEIGHTS)
    assert len(hub.requests(origin="cdn")) == 2


@pytest.mark.parametrize("path,pattern,origin", [("model.safetensors", "/repos/", "cdn"),
                                                 ("config.json", "resolve-cache", "hub")])
def test_wrong_bytes_are_never_shown_nor_kept(hub, start, repo, tmp_path, path, pattern, origin):
    fault = hub.fault(pattern, "corrupt", origin=origin, times=-1)
    probe = start("--cache", tmp_path)
    args = dict(model="org/name", commit=repo.head, path=path)
    answer = probe.ask("file", **args)
    assert code(answer) == "content-mismatch"
    assert answer["error"]["expected"] != answer["error"]["actual"]
    assert not list(tmp_path.iterdir())
    fault.times = 0
    assert probe.ask("file", **args)["ok"]


def test_the_commits_own_hash_beats_what_the_header_says(hub, start, repo):
    answer = start().ask("file", model="org/name", commit=repo.head, path="config.json",
                         oid=git_oid(b"something else"))
    assert code(answer) == "content-mismatch"


# ---- faults of the network

@pytest.mark.parametrize("kind,args", [("status", {"status": 503}), ("status", {"status": 500}),
                                       ("status", {"status": 502}), ("status", {"status": 504}),
                                       ("reset", {}), ("truncate", {})])
@pytest.mark.parametrize("pattern", ["/revision/", "resolve-cache"])
def test_trouble_that_passes_is_not_noticed(hub, start, repo, pattern, kind, args):
    hub.fault(pattern, kind, times=2, **args)
    probe = start()
    assert probe.ask("pin", model="org/name")["ok"]
    assert probe.ask("file", model="org/name", commit=repo.head, path="config.json")["ok"]
    # seen from there: curl itself repeats what a reused connection swallowed
    assert len(hub.requests(pattern)) == 3


def test_trouble_that_stays_is_told_after_a_few_attempts(hub, start, repo):
    hub.fault("/revision/", "status", status=503, times=-1)
    probe = start("--attempts", 3)
    assert code(probe.ask("pin", model="org/name")) == "hub-unreachable"
    assert len(hub.requests("/revision/")) == 3
    status = probe.ask("status")
    assert not status["is_up"] and "503" in status["last_error"]
    # while it is down nobody waits through all attempts again
    probe.ask("pin", model="org/name", revision="other")
    assert len(hub.requests("/revision/")) == 4
    hub.heal()
    assert probe.ask("pin", model="org/name")["ok"]
    assert probe.ask("status")["is_up"]


def test_nobody_listening_is_told_at_once(start):
    with Hub() as gone:
        url = gone.url
    answer = start(url=url).ask("pin", model="org/name")
    assert code(answer) == "hub-unreachable"


@pytest.mark.parametrize("after", [-1, 20])
def test_silence_is_not_waited_out(hub, start, repo, after):
    hub.fault("/revision/", "stall", after=after, times=-1)
    answer = start("--attempts", 1, HF_HUB_DOWNLOAD_TIMEOUT="0.5").ask("pin", model="org/name")
    assert code(answer) == "hub-timeout"


def test_a_slow_body_that_moves_is_waited_for(hub, start, repo):
    hub.fault("/revision/", "slow", chunk=64, delay_s=0.1)
    assert start(HF_HUB_DOWNLOAD_TIMEOUT="0.5").ask("pin", model="org/name")["ok"]


def test_the_storages_refusal_is_answered_with_a_new_signature(hub, start, repo):
    hub.fault("/repos/", "status", status=403, origin="cdn", times=1)
    answer = start().ask("file", model="org/name", commit=repo.head, path="model.safetensors")
    assert answer["ok"]
    assert len(hub.requests("/resolve/")) == 2


# ---- rate limits

def test_a_429_shuts_the_gate_for_everybody_of_that_token(hub, start, repo):
    hub.limit("api", 1, 300)
    probe = start()
    assert probe.ask("pin", model="org/name")["ok"]
    answer = probe.ask("pin", model="org/name", revision="other")
    assert code(answer) == "hub-rate-limited"
    assert 0 < answer["error"]["retry_after_s"] <= 301
    assert len(hub.requests("/api/models/")) == 1  # the first answer said that none is left
    # files are another bucket, and another token has its own
    assert probe.ask("file", model="org/name", commit=repo.head, path="config.json")["ok"]
    hub.token("hf_other")
    assert probe.ask("pin", model="org/name", token="hf_other")["ok"]


def test_a_429_without_headers_is_believed_too(hub, start, repo):
    hub.fault("/revision/", "status", status=429, headers={"Retry-After": "7"})
    probe = start()
    answer = probe.ask("pin", model="org/name")
    assert code(answer) == "hub-rate-limited"
    assert answer["error"]["retry_after_s"] == 7
    assert code(probe.ask("pin", model="org/name", revision="x")) == "hub-rate-limited"
    assert len(hub.requests("/revision/")) == 1


def test_a_gate_that_opens_soon_is_waited_for(hub, start, repo):
    hub.fault("/revision/", "status", status=429, headers={"Retry-After": "1"})
    assert start("--rate-wait", 5000).ask("pin", model="org/name")["ok"]
    assert len(hub.requests("/revision/")) == 2


# ---- once, and again only when it must be

def test_many_who_ask_at_once_cost_one_request(hub, start, repo):
    hold = hub.hold("/revision/")
    probe = start()
    numbers = [probe.start("pin", model="org/name") for _ in range(50)]
    hold.wait_for(1)
    # one at least as late as all of them has been taken in before the Hub answers
    assert probe.ask("status")["joined"] == 49
    hold.release()
    assert {probe.wait(n)["commit"] for n in numbers} == {repo.head}
    assert len(hub.log) == 1


def test_a_pin_is_believed_for_a_while_and_a_commit_for_good(hub, start, repo):
    probe = start("--ttl", 600000)
    first = probe.ask("pin", model="org/name")["commit"]
    repo.commit({"config.json": b"{}"})
    assert probe.ask("pin", model="org/name")["commit"] == first
    assert probe.ask("pin", model="org/name", refresh=True)["commit"] == repo.head
    assert probe.ask("pin", model="org/name")["commit"] == repo.head
    eager = start("--ttl", 0)
    for _ in range(3):
        assert eager.ask("pin", model="org/name", revision=first)["commit"] == first
    assert len(hub.requests(f"/revision/{first}")) == 1


def test_a_stale_pin_beats_a_dead_hub_and_says_why(hub, start, repo):
    probe = start("--ttl", 0)
    probe.ask("pin", model="org/name")
    hub.fault("/revision/", "status", status=503, times=-1)
    answer = probe.ask("pin", model="org/name")
    assert answer["ok"] and answer["stale"] and answer["commit"] == repo.head
    assert answer["error"]["code"] == "hub-unreachable"
    assert len(hub.requests("/revision/")) == 2  # who has something to show does not insist
    hub.heal()
    answer = probe.ask("pin", model="org/name")
    assert not answer["stale"] and "error" not in answer


def test_a_refusal_beats_a_stale_pin(hub, start, repo):
    probe = start("--ttl", 0)
    probe.ask("pin", model="org/name")
    repo.disabled = True
    assert code(probe.ask("pin", model="org/name")) == "repository-disabled"


def test_another_process_finds_what_the_first_one_kept(hub, start, repo, tmp_path):
    first = start("--cache", tmp_path)
    pin = first.ask("pin", model="org/name")
    args = dict(model="org/name", commit=pin["commit"], path="config.json")
    first.ask("file", **args)
    first.ask("range", **{**args, "path": "model.safetensors"}, offset=0, size=8)
    first.close()
    hub.forget()
    second = start("--cache", tmp_path)
    assert second.ask("pin", model="org/name")["commit"] == pin["commit"]
    assert second.ask("file", **args)["ok"]
    assert second.ask("range", **{**args, "path": "model.safetensors"}, offset=0, size=8)["ok"]
    assert not hub.log


@pytest.mark.parametrize("size", [2 << 20, (2 << 20) + 500, 4 << 20])
def test_a_long_range_is_kept_in_pieces(hub, start, tmp_path, size):
    data = os.urandom(3 << 20)
    repo = hub.repo("org/g", {"m.gguf": data})
    args = dict(model="org/g", commit=repo.head, path="m.gguf", offset=7, size=size)
    assert start("--cache", tmp_path).ask("range", **args)["sha256"] == sha256(data[7:7 + size])
    hub.forget()
    assert start("--cache", tmp_path).ask("range", **args)["sha256"] == sha256(data[7:7 + size])
    assert not hub.log
    (tmp_path / sorted(os.listdir(tmp_path))[0]).unlink()
    assert start("--cache", tmp_path).ask("range", **args)["sha256"] == sha256(data[7:7 + size])
    assert hub.log


def test_a_damaged_cache_is_asked_again(hub, start, repo, tmp_path):
    first = start("--cache", tmp_path)
    pin = first.ask("pin", model="org/name")
    oid = pin["files"]["config.json"]["oid"]
    args = dict(model="org/name", commit=pin["commit"], path="config.json", oid=oid)
    first.ask("file", **args)
    for kept in tmp_path.iterdir():
        kept.write_bytes(b"damaged" + kept.read_bytes()[7:])
    assert start("--cache", tmp_path).ask("file", **args)["sha256"] == sha256(json.dumps(CONFIG).encode())


# ---- the folder shared with Python

BIG = b'{"vocab": "' + b"x" * (2 << 20) + b'"}'


def hf_cache(root, name, commit, files, ref="main", tree=False):
    """What huggingface_hub would have left."""
    base = root / ("models--" + name.replace("/", "--"))
    for path, data in files.items():
        oid = sha256(data) if path.endswith(".safetensors") else git_oid(data)
        blob = base / "blobs" / oid
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link = base / "snapshots" / commit / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (base / "refs").mkdir(parents=True, exist_ok=True)
    (base / "refs" / ref).write_text(commit)
    return base


def test_large_files_are_left_where_python_finds_them(hub, start, tmp_path):
    repo = hub.repo("org/name", {"sub/tokenizer.json": BIG})
    probe = start("--disk", tmp_path / "hub")
    args = dict(model="org/name", revision="main", commit=repo.head, path="sub/tokenizer.json")
    assert probe.ask("file", **args)["size"] == len(BIG)
    base = tmp_path / "hub" / "models--org--name"
    link = base / "snapshots" / repo.head / "sub" / "tokenizer.json"
    assert os.readlink(link) == f"../../../blobs/{sha256(BIG)}"
    assert link.read_bytes() == BIG
    assert (base / "refs" / "main").read_text() == repo.head
    assert not list(base.rglob("*.incomplete"))
    hub.forget()
    assert start("--disk", tmp_path / "hub").ask("file", **args)["sha256"] == sha256(BIG)
    assert not hub.log


def test_what_python_downloaded_is_not_downloaded_again(hub, start, repo, tmp_path):
    hf_cache(tmp_path, "org/name", repo.head, {"config.json": json.dumps(CONFIG).encode()})
    answer = start("--disk", tmp_path).ask("file", model="org/name", commit=repo.head,
                                           path="config.json")
    assert answer["ok"] and not hub.log


def test_what_python_found_missing_is_not_asked_again(hub, start, repo, tmp_path):
    base = hf_cache(tmp_path, "org/name", repo.head, {})
    mark = base / ".no_exist" / repo.head / "nope.json"
    mark.parent.mkdir(parents=True)
    mark.touch()
    answer = start("--disk", tmp_path).ask("file", model="org/name", commit=repo.head, path="nope.json")
    assert code(answer) == "file-not-found" and not hub.log


def test_a_damaged_blob_is_fetched_again(hub, start, repo, tmp_path):
    base = hf_cache(tmp_path, "org/name", repo.head, {"config.json": json.dumps(CONFIG).encode()})
    (blob,) = (base / "blobs").iterdir()
    blob.write_bytes(b"rotten")
    answer = start("--disk", tmp_path).ask("file", model="org/name", commit=repo.head,
                                           path="config.json")
    assert answer["sha256"] == sha256(json.dumps(CONFIG).encode())


def test_the_folder_is_for_the_token_it_was_filled_with(hub, start, tmp_path):
    repo = hub.repo("org/gated", {"config.json": CONFIG}, gated="auto")
    hf_cache(tmp_path, "org/gated", repo.head, {"config.json": json.dumps(CONFIG).encode()})
    probe = start("--disk", tmp_path, HF_TOKEN="hf_owner")
    hub.token("hf_stranger")
    args = dict(model="org/gated", commit=repo.head, path="config.json")
    assert probe.ask("file", **args)["ok"]
    assert code(probe.ask("file", token="hf_stranger", **args)) == "repository-gated"


# ---- offline

def test_offline_opens_no_socket(hub, start, repo):
    probe = start(HF_HUB_OFFLINE="1")
    answer = probe.ask("pin", model="org/name")
    assert code(answer) == "offline-not-cached"
    assert answer["error"]["model"] == "org/name"
    assert code(probe.ask("file", model="org/name", commit=repo.head, path="config.json")) == \
        "offline-not-cached"
    assert not hub.log


def test_offline_the_folder_serves(hub, start, tmp_path):
    commit = "0123456789" * 4
    hf_cache(tmp_path, "org/name", commit, {"config.json": json.dumps(CONFIG).encode(),
                                            "a/model.safetensors": WEIGHTS})
    probe = start("--disk", tmp_path, TRANSFORMERS_OFFLINE="yes")
    pin = probe.ask("pin", model="org/name")
    assert pin["commit"] == commit and pin["stale"] and pin["origin"] == 1
    assert pin["files"]["a/model.safetensors"] == {"size": len(WEIGHTS), "oid": sha256(WEIGHTS)}
    answer = probe.ask("range", model="org/name", commit=commit, path="a/model.safetensors",
                       offset=8, size=16)
    assert answer["sha256"] == sha256(WEIGHTS[8:24])
    assert not hub.log


def test_a_dead_hub_is_as_good_as_offline_for_what_python_has(start, tmp_path):
    with Hub() as gone:
        url = gone.url
    commit = "0123456789" * 4
    hf_cache(tmp_path, "org/name", commit, {"config.json": b"{}"})
    pin = start("--disk", tmp_path, url=url).ask("pin", model="org/name")
    assert pin["ok"] and pin["stale"] and pin["commit"] == commit
    assert pin["error"]["code"] == "hub-unreachable"


def test_one_request_may_be_offline_alone(hub, start, repo):
    probe = start("--ttl", 0)
    probe.ask("pin", model="org/name")
    assert probe.ask("pin", model="org/name", offline=True)["stale"]
    assert len(hub.log) == 1


# ---- models

def test_a_model_is_read_once(hub, start, repo):
    probe = start()
    first = probe.ask("model", model="org/name")
    assert first["ok"] and first["commit"] == repo.head and first["origin"] == 0
    n = len(hub.log)
    assert probe.ask("model", model="org/name")["commit"] == repo.head
    assert len(hub.log) == n
    targets = [r.target for r in hub.log]
    assert len(set(targets)) == len(targets)  # nothing twice for one commit


def test_a_branch_that_moved_is_read_again_after_a_refresh(hub, start, repo):
    probe = start()
    probe.ask("model", model="org/name")
    repo.commit({"config.json": {**CONFIG, "hidden_size": 128}})
    assert probe.ask("model", model="org/name", refresh=True)["commit"] == repo.head


def test_a_branch_that_did_not_move_costs_one_request(hub, start, repo):
    probe = start("--ttl", 0)
    probe.ask("model", model="org/name")
    hub.forget()
    assert probe.ask("model", model="org/name")["ok"]
    assert [r.path for r in hub.log] == ["/api/models/org/name/revision/main"]


def test_many_who_want_a_model_read_it_once(hub, start, repo):
    hold = hub.hold("/revision/")
    probe = start()
    numbers = [probe.start("model", model="org/name") for _ in range(30)]
    hold.wait_for(1)
    hold.release()
    assert {probe.wait(n)["commit"] for n in numbers} == {repo.head}
    assert len(hub.requests("/revision/")) == 1


def test_models_are_evicted_by_bytes(hub, start):
    for i in range(5):
        hub.repo(f"org/m{i}", {"config.json": CONFIG})
    probe = start("--models", 1)
    for i in range(5):
        assert probe.ask("model", model=f"org/m{i}")["ok"]
    status = probe.ask("status")
    assert status["models"] == 0 and status["model_evicted"] == 5


def test_forgotten_models_are_read_again(hub, start, repo):
    probe = start()
    probe.ask("model", model="org/name")
    n = len(hub.log)
    assert probe.ask("forget", model="org/name")["models"] == 0
    probe.ask("model", model="org/name")
    assert len(hub.log) > n


def test_a_canceled_question_is_told_so_and_leaves_nothing_behind(hub, start, repo):
    probe = start()
    for op in ("model", "pin"):
        assert code(probe.ask(op, model="org/name", cancel=True)) == "canceled"
    assert probe.ask("model", model="org/name")["ok"]


def test_an_end_in_the_middle_of_everything_is_clean(hub, start, repo):
    hold = hub.hold("/")
    probe = start()
    probe.start("model", model="org/name")
    probe.start("pin", model="org/name", revision="x", cancel=True)
    hold.wait_for(1)
    hold.release()
    probe.close()


# ---- local models

@pytest.fixture
def local(tmp_path):
    root = tmp_path / "models"
    (root / "m" / "sub").mkdir(parents=True)
    (root / "m" / "config.json").write_text(json.dumps(CONFIG))
    (root / "m" / "sub" / "w.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "config.json").write_text("{}")
    return root


def test_a_folder_below_a_root_is_a_model(start, local):
    model = start("--root", local).ask("model", model=str(local / "m"))
    assert model["ok"] and model["origin"] == 2
    assert model["files"]["sub/w.safetensors"]["size"] == len(WEIGHTS)


def test_a_changed_file_is_another_commit(start, local):
    probe = start("--root", local)
    first = probe.ask("model", model=str(local / "m"))["commit"]
    assert probe.ask("model", model=str(local / "m"), refresh=True)["commit"] == first
    (local / "m" / "config.json").write_text(json.dumps({**CONFIG, "x": 1}))
    assert probe.ask("model", model=str(local / "m"), refresh=True)["commit"] != first


@pytest.mark.parametrize("where", ["../secret", "up", "link"])
def test_what_lies_outside_of_the_roots_stays_there(start, local, where):
    (local / "up").symlink_to("../secret")
    (local / "link").symlink_to(local.parent / "secret")
    answer = start("--root", local).ask("model", model=str(local) + "/" + where)
    assert code(answer) in ("path-not-allowed", "invalid-field")


def test_a_path_outside_of_all_roots_names_them(start, local):
    answer = start("--root", local).ask("model", model="/etc")
    assert code(answer) == "path-not-allowed"
    assert answer["error"]["roots"] == [str(local)]
    assert code(start().ask("model", model="/etc")) == "path-not-allowed"
    assert code(start("--root", local).ask("model", model=str(local / "none"))) == "path-not-found"
