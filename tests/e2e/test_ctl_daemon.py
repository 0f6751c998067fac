"""pipelinectl against the daemon: every command, for people and as JSON, and what it exits with."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from daemon import BUILD, Daemon
from families import add_family, request
from test_architectures import doc

H100 = ["--set", 'devices=[{"type": "H100"}]']
OK, FAILED, NOT_FOUND, CONFLICT, DENIED, USAGE, UNREACHABLE, CANNOT_WRITE = 0, 1, 3, 4, 5, 64, 69, 74


@pytest.fixture(scope="module", autouse=True)
def repos(hub):
    for family in ("llama3", "qwen3", "bert"):
        add_family(hub, family)


def environment(url, **more):
    """The server by $PIPELINED_SERVER; nothing else of ours or of a proxy's."""
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith("PIPELINED_") and not k.lower().endswith("_proxy")}
    return {**clean, "PIPELINED_SERVER": url, **more}


def ctl(daemon, *words, status=OK, text=None, env=None, stdout=subprocess.PIPE):
    done = subprocess.run([BUILD / "pipelinectl", *words], env=environment(daemon.url, **(env or {})),
                          stdin=subprocess.DEVNULL if text is None else None, input=text, stdout=stdout,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done


def as_json(daemon, *words, **kw):
    return json.loads(ctl(daemon, "--json", *words, **kw).stdout)


def table(text):
    """Rows of a table as dicts; every cell begins where its heading does."""
    head, *rows = text.rstrip("\n").splitlines()
    starts = [m.start() for m in re.finditer(r"\S+(?: \S+)*", head)]
    for row in rows:
        assert all(at == 0 or at >= len(row) or row[at - 1] == " " for at in starts), (head, row)
    cells = [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None])] for line in (head, *rows)]
    return [dict(zip(cells[0], row)) for row in cells[1:]]


def members(text):
    """The unindented "name: value" lines."""
    return dict(re.findall(r"^(\w[\w.]*):(?: (.*))?$", text, re.M))


def retrieve(daemon, n, family="llama3"):
    return as_json(daemon, "retrieve", f"fam/{family}", *H100, "--encoding", "bfloat16", "--max-batch-size", "1",
                   "--max-length", str(n))


# ---- the server


def test_status_counts_and_says_whether_it_is_ready(daemon):
    out = members(ctl(daemon, "status").stdout)
    everything = as_json(daemon, "status")
    assert out["server"] == everything["server"] == daemon.url
    assert out["ready"] == everything["ready"] == "yes"
    assert everything["version"] == daemon.get("/version").json()
    listed = daemon.get("/v1/architectures?limit=1000").json()["items"]
    assert int(out["architectures"]) == everything["architectures"] == len(listed) > 100


def test_a_unix_socket_and_a_url_are_servers(hub, tmp_path):
    path = tmp_path / "api.sock"
    with Daemon(tmp_path / "state", hub=hub, listen=("127.0.0.1:0", f"unix:{path}")) as daemon:
        for server in (f"unix:{path}", daemon.url, daemon.url + "/", daemon.url.removeprefix("http://")):
            assert members(ctl(daemon, "--server", server, "status").stdout)["server"] == server
    said = ctl(daemon, "--server", f"unix:{path}", "status", status=UNREACHABLE).stderr
    assert said == f"pipelinectl: unix:{path}: No such file or directory\n"
    ctl(daemon, "status", status=UNREACHABLE)


def test_a_proxy_is_not_asked_for_this_machine(daemon):
    ctl(daemon, "status", env={"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"})


@pytest.mark.parametrize("server", ["ftp://x", "unix:", "/"])
def test_what_is_no_server_is_a_wrong_command_line(daemon, server):
    assert "write http://HOST:PORT" in ctl(daemon, "--server", server, "status", status=USAGE).stderr


def test_keys_are_asked_for_and_taken(hub, tmp_path):
    made = subprocess.run([BUILD / "pipelined", "--make-key", "reader", "--scopes", "read"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    key, line = (x.split(":  ")[1].strip() for x in made.splitlines())
    keys = tmp_path / "keys"
    keys.write_text(line + "\n")
    keys.chmod(0o600)
    with Daemon(tmp_path / "state", "--keys-file", keys, hub=hub) as daemon:
        ctl(daemon, "architectures", status=DENIED)
        ctl(daemon, "--key", "wrong", "architectures", status=DENIED)
        ctl(daemon, "architectures", env={"PIPELINED_API_KEY": ""}, status=DENIED)
        ctl(daemon, "architectures", env={"PIPELINED_API_KEY": key})
        ctl(daemon, "--key", key, "reset", "--yes", status=DENIED)


# ---- the registry


def test_architectures_are_a_table(daemon):
    rows = table(ctl(daemon, "architectures", "--task", "embeddings_generation").stdout)
    items = daemon.get("/v1/architectures?task=embeddings_generation").json()["items"]
    assert [r["NAME"] for r in rows] == [i["name"] for i in items]
    assert [int(r["ENCODINGS"]) for r in rows] == [len(i["supported_encodings"]) for i in items]
    assert {r["TASK"] for r in rows} == {"embeddings_generation"} and {r["SOURCE"] for r in rows} == {"builtin"}
    assert as_json(daemon, "architectures", "--task", "embeddings_generation") == {"items": items}
    nothing = ctl(daemon, "architectures", "--query", "nothing-is-called-so")
    assert (nothing.stdout, nothing.stderr) == ("", "no architectures\n")


def test_one_architecture_and_why_a_model_has_it(daemon):
    out = members(ctl(daemon, "architectures", "LlamaForCausalLM").stdout)
    assert (out["name"], out["task"], out["source"]) == ("LlamaForCausalLM", "text_generation", "builtin")
    why = as_json(daemon, "architectures", "--model", "fam/bert", "--task", "embeddings_generation")
    assert why["name"] == "BertModel" and why["decisions"]
    assert "because:" in ctl(daemon, "architectures", "--model", "fam/llama3").stdout
    said = ctl(daemon, "architectures", "LlamaForCausalM", status=NOT_FOUND).stderr
    assert said.startswith("error: ") and "did you mean LlamaForCausalLM?" in said
    assert as_json(daemon, "architectures", "LlamaForCausalM", status=NOT_FOUND)["code"] == "architecture-not-found"


def test_registering_overriding_deleting(daemon, tmp_path):
    file = tmp_path / "architecture.json"
    file.write_text(json.dumps(doc("CtlForCausalLM")))
    assert members(ctl(daemon, "register", str(file)).stdout)["source"] == "api"
    changed = json.dumps(dict(doc("CtlForCausalLM"), notes=["changed"]))
    assert "there already:" in ctl(daemon, "register", "-", text=changed, status=CONFLICT).stderr
    ctl(daemon, "register", "-", "--allow-override", text=changed)
    several = json.dumps([doc("CtlAForCausalLM"), doc("CtlBForCausalLM")])
    assert [r["NAME"] for r in table(ctl(daemon, "register", "-", text=several).stdout)] == [
        "CtlAForCausalLM", "CtlBForCausalLM"]
    assert ctl(daemon, "architectures", "--delete", "CtlForCausalLM").stdout == ""
    ctl(daemon, "architectures", "CtlForCausalLM", status=NOT_FOUND)
    ctl(daemon, "architectures", "--delete", "CtlForCausalLM", status=NOT_FOUND)


def test_every_fault_is_said_once(daemon):
    one = ctl(daemon, "register", "-", text=json.dumps(dict(doc("X"), default_encoding="float32")), status=FAILED)
    assert one.stderr.count("/default_encoding") == 1
    many = ctl(daemon, "register", "-", text='{"name": "x", "nam": 1}', status=FAILED).stderr.splitlines()
    assert len([x for x in many if re.match(r"  /\w+: ", x)]) > 3
    assert len(many) == len(set(many))


def test_reset_says_what_went(hub, state):
    with Daemon(state, hub=hub) as daemon:
        ctl(daemon, "reset", status=USAGE)
        retrieve(daemon, 64)
        n = as_json(daemon, "status")["architectures"]
        out = members(ctl(daemon, "reset", "--yes").stdout)
        assert (int(out["architectures"]), out["pipelines"], out["architectures_left"]) == (n, "0", "0")
        answer = as_json(daemon, "reset", "--yes", "--architectures", "builtin", "--caches", "--pipelines")
        assert (answer["pipelines"], answer["architectures_left"]) == (1, n)


# ---- models


def test_models_their_config_and_task(daemon, hub):
    head = hub.repos["fam/llama3"].head
    out = members(ctl(daemon, "model", "fam/llama3").stdout)
    assert (out["model"], out["commit"], out["architectures"]) == ("fam/llama3", head, "LlamaForCausalLM")
    assert as_json(daemon, "config", "fam/llama3")["config"]["model_type"] == "llama"
    assert "  model_type: llama\n" in ctl(daemon, "config", "fam/llama3").stdout
    assert members(ctl(daemon, "task", "fam/bert").stdout)["task"] == "embeddings_generation"
    known = {r["MODEL"]: r for r in table(ctl(daemon, "model").stdout)}
    assert known["fam/llama3"]["COMMIT"] == head and known["fam/llama3"]["REVISION"] == "main"
    assert "fam/bert" in [m["id"] for m in as_json(daemon, "model")["data"]]


def test_a_model_is_refreshed_and_forgotten(daemon, hub):
    add_family(hub, "qwen2")
    ctl(daemon, "model", "fam/qwen2")
    ctl(daemon, "model", "fam/qwen2", "--revision", "nope", status=NOT_FOUND)
    hub.repos["fam/qwen2"].commit({"README.md": b"new"})
    assert members(ctl(daemon, "model", "fam/qwen2", "--refresh").stdout)["changed"] == "yes"
    assert int(members(ctl(daemon, "model", "fam/qwen2", "--delete").stdout)["evicted"]) > 0
    ctl(daemon, "model", "fam/qwen2", "--offline", status=FAILED)
    ctl(daemon, "model", "fam/nope", status=NOT_FOUND)


def test_a_tokenizers_facts_and_handle(daemon):
    facts = members(ctl(daemon, "tokenizer", "fam/llama3").stdout)
    assert facts["kind"] == "BPE" and facts["model"] == "fam/llama3"
    handle = as_json(daemon, "tokenizer", "fam/llama3", "--handle")["id"]
    assert members(ctl(daemon, "tokenizer", "fam/llama3", "--handle").stdout)["id"] == handle


def test_text_goes_the_way_the_server_lets_it(daemon):
    """As people and as JSON the same answer; what the server refuses is refused with its words."""
    handle = as_json(daemon, "tokenizer", "fam/llama3", "--handle")["id"]
    chat = [{"role": "user", "content": "hi"}]
    served = {}
    for words, text, target, body, shown in [
            (["encode", handle, "--", "--a b"], None, "encode", {"text": "--a b"},
             lambda d: " ".join(map(str, d["ids"]))),
            (["decode", handle, *map(str, range(40, 140))], None, "decode", {"ids": list(range(40, 140))},
             lambda d: d["text"]),
            (["render", handle, "-"], json.dumps(chat), "render", {"messages": chat}, lambda d: d["text"]),
            (["render", handle, "-", "--ids", "--template-only"], json.dumps(chat), "render",
             {"messages": chat, "tokenize": True, "special_tokens": "template_only"},
             lambda d: " ".join(map(str, d["ids"]))),
            (["render", handle, "-", "--template", "none"], json.dumps({"messages": chat}), "render",
             {"messages": chat, "template_name": "none"}, None)]:
        answer = daemon.post(f"/v1/tokenizers/{handle}/{target}", body)
        served[target] = answer.status == 200 or shown is None
        if answer.status == 200:
            assert ctl(daemon, *words, text=text).stdout == shown(answer.json()) + "\n"
        else:
            assert answer.json()["detail"] in ctl(daemon, *words, text=text, status=FAILED).stderr
    ctl(daemon, "encode", "tk_none", "x", status=NOT_FOUND if served["encode"] else FAILED)


# ---- pipelines


def test_a_pipeline_and_why(daemon):
    words = ["retrieve", "fam/llama3", *H100, "--encoding", "bfloat16", "--max-length", "512", "--max-batch-size", "1"]
    document = as_json(daemon, *words)
    out = ctl(daemon, *words).stdout
    facts, memory, decisions = out.split("\n\n")
    assert members(facts)["id"] == document["id"] and members(facts)["model.commit"] == document["model"]["commit"]
    assert members(facts)["state_reason"] == document["state_reason"]
    assert table(memory)[0]["FITS"] == "yes" and table(memory)[0]["KV CACHE"] == "64.0 MiB"
    rows = table(decisions)
    assert [r["FIELD"] for r in rows] == [d["field"] for d in document["decisions"]]
    assert [r["BECAUSE"] for r in rows] == [d["because"] for d in document["decisions"]]
    assert daemon.post("/v1/pipelines", request("llama3", max_length=512, trust_remote_code=False)).json()["id"] \
        == document["id"]


def test_a_dry_run_keeps_nothing(daemon):
    words = ["retrieve", "fam/llama3", *H100, "--encoding", "bfloat16", "--max-length", "613", "--dry-run"]
    one = members(ctl(daemon, *words).stdout)["id"]
    ctl(daemon, "pipelines", one, status=NOT_FOUND)


@pytest.mark.parametrize("words,status,said", [
    (["fam/nope"], NOT_FOUND, "error: "),
    (["fam/llama3", "--set", "max_lenght=3"], FAILED, 'did you mean "max_length"?'),
    (["fam/llama3", "--max-length", "x"], USAGE, "no whole number"),
    (["fam/llama3", "--set", "x"], USAGE, "write FIELD=VALUE"),
    (["fam/llama3", *["--set", "a=1"] * 33], USAGE, "too many --set"),
    (["a", "b"], USAGE, "wrong number of operands"),
    (["fam/llama3", "--encoding", "bfloat16", "--set",
      'devices=[{"type":"x","memory_bytes":1048576,"free_bytes":1048576}]'], FAILED, "KV cache"),
])
def test_what_is_refused(daemon, words, status, said):
    assert said in ctl(daemon, "retrieve", *words, status=status).stderr


def test_a_refusal_says_what_was_tried_and_what_would_do(daemon, hub):
    add_family(hub, "gpt2")
    said = ctl(daemon, "retrieve", "fam/gpt2", "--encoding", "bfloat16", status=NOT_FOUND).stderr
    assert re.search(r"^  tried:\n    -\n      \w+: GPT2LMHeadModel$", said, re.M), said
    said = ctl(daemon, "retrieve", "fam/llama3", "--encoding", "bfloat16", "--set",
               'devices=[{"type":"x","memory_bytes":1048576,"free_bytes":1048576}]', status=FAILED).stderr
    assert "  memory:\n" in said, said


def test_words_that_are_no_text(daemon):
    done = subprocess.run([BUILD / "pipelinectl", "model", b"a\xff"], env=environment(daemon.url),
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == USAGE and b"UTF-8" in done.stderr


def test_a_factory_is_made_and_called(daemon):
    words = ["factory", "fam/qwen3", *H100, "--encoding", "bfloat16", "--max-length", "512", "--max-batch-size", "1"]
    factory = as_json(daemon, *words)["id"]
    assert factory.startswith("fc_") and members(ctl(daemon, *words).stdout)["id"] == factory
    built = members(ctl(daemon, "factory", "--build", factory).stdout)["id"]
    assert built.startswith("pl_") and as_json(daemon, "factory", "--build", factory)["id"] == built
    ctl(daemon, "factory", "--build", "fc_none", status=NOT_FOUND)


def test_pipelines_are_listed_shown_leased_released(daemon):
    one = retrieve(daemon, 701)["id"]
    row = {r["ID"]: r for r in table(ctl(daemon, "pipelines").stdout)}[one]
    assert (row["MODEL"], row["ARCHITECTURE"], row["LEASES"]) == ("fam/llama3", "LlamaForCausalLM", "0")
    assert members(ctl(daemon, "pipelines", one).stdout)["id"] == as_json(daemon, "pipelines", one)["id"] == one
    lease = members(ctl(daemon, "lease", one, "--holder", "me", "--ttl", "50").stdout)
    assert lease["holder"] == "me" and lease["ttl_s"] == "50"
    renewed = as_json(daemon, "lease", lease["id"], "--renew", "--ttl", "500")
    assert renewed["expires_at"] > lease["expires_at"]
    assert "1 lease" in ctl(daemon, "pipelines", "--delete", one, status=CONFLICT).stderr
    assert ctl(daemon, "lease", lease["id"], "--release").stdout == ""
    ctl(daemon, "lease", lease["id"], "--release", status=NOT_FOUND)
    assert ctl(daemon, "pipelines", "--delete", one).stdout == ""
    ctl(daemon, "pipelines", one, status=NOT_FOUND)


def test_output_that_cannot_be_written_is_a_failure(daemon):
    with open("/dev/full", "w", encoding="ascii") as full:
        assert "No space left" in ctl(daemon, "architectures", status=CANNOT_WRITE, stdout=full).stderr


# ---- what goes on


class Terminal:
    """pipelinectl with a terminal as its stderr (and as its stdout, if wanted)."""

    def __init__(self, daemon, *words, stdout=False):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [BUILD / "pipelinectl", *words], env=environment(daemon.url, TERM="xterm"), stdin=subprocess.DEVNULL,
            stdout=slave if stdout else subprocess.PIPE, stderr=slave)
        os.close(slave)
        self.seen = b""

    def wait_for(self, text):
        deadline = time.monotonic() + 30
        while text not in self.seen:
            assert self.more(deadline), self.seen
        return self.seen

    def more(self, deadline):
        if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self.master, 4096)
        except OSError:  # the last writer is gone
            return False
        self.seen += data
        return bool(data)

    def end(self):
        out = b"" if self.process.stdout is None else self.process.stdout.read()
        while self.more(time.monotonic() + 30):
            pass
        status = self.process.wait(30)
        os.close(self.master)
        if self.process.stdout:
            self.process.stdout.close()
        return status, out.decode(), self.seen.decode()


def hold_repo(hub, name):
    hold = hub.hold(name)
    family = hub.repos["fam/llama3"]
    hub.repo(name, {path: file.data for path, file in family.commits[family.head].items()})
    return hold


def test_a_terminal_sees_progress_and_then_only_the_pipeline(daemon, hub):
    hold = hold_repo(hub, "slow/watched")
    terminal = Terminal(daemon, "retrieve", "slow/watched", *H100, "--encoding", "bfloat16", "--max-length", "512")
    try:
        terminal.wait_for(b"resolving: slow/watched")
    finally:
        hold.release()
    status, out, seen = terminal.end()
    assert status == OK and seen.endswith("\r\033[K"), seen
    assert "resolved: pl_" in seen and "\n" not in seen
    assert members(out)["id"].startswith("pl_") and "\033" not in out


def test_a_terminal_is_told_what_went_wrong(daemon):
    status, out, seen = Terminal(daemon, "retrieve", "no/where").end()
    assert (status, out) == (NOT_FOUND, "")
    assert "\r\033[K\033[31merror:\033[0m the Hub has no public repository no/where" in seen


def test_a_long_name_stays_on_its_line(daemon):
    _, _, seen = Terminal(daemon, "retrieve", "no/" + "x" * 90).end()
    shown = [x.removeprefix("\033[K") for x in seen.split("\r") if "resolving" in x]
    assert shown and max(map(len, shown)) < 80


def test_a_server_that_goes_away_is_unreachable(hub, tmp_path):
    hold = hold_repo(hub, "slow/killed")
    daemon = Daemon(tmp_path / "state", hub=hub)
    terminal = Terminal(daemon, "retrieve", "slow/killed", *H100, "--max-length", "512")
    try:
        terminal.wait_for(b"resolving")
        daemon.kill()
    finally:
        hold.release()
    assert terminal.end()[:2] == (UNREACHABLE, "")


def test_events_are_shown_as_they_happen(daemon):
    since = int(daemon.get("/v1/tasks").headers["x-registry-revision"])
    ctl(daemon, "register", "-", text=json.dumps(doc("EvCtlAForCausalLM")))
    terminal = Terminal(daemon, "events", "--since", str(since), "--kind", "architecture", stdout=True)
    try:
        terminal.wait_for(b"name=EvCtlAForCausalLM")
        ctl(daemon, "register", "-", text=json.dumps(doc("EvCtlBForCausalLM")))
        lines = terminal.wait_for(b"EvCtlBForCausalLM").decode().splitlines()
    finally:
        terminal.process.kill()
        terminal.end()
    assert [x.split()[2] for x in lines[:2]] == ["architecture.registered"] * 2
    assert int(lines[0].split()[0]) == since + 1


def test_events_that_were(daemon):
    since = int(daemon.get("/v1/tasks").headers["x-registry-revision"])
    ctl(daemon, "register", "-", text=json.dumps(doc("EvCtlCForCausalLM")))
    line = ctl(daemon, "events", "--since", str(since), "--no-follow", "--kind", "architecture.registered").stdout
    assert line.count("\n") == 1 and "name=EvCtlCForCausalLM" in line
    events = [json.loads(x) for x in ctl(
        daemon, "--json", "events", "--since", str(since), "--no-follow").stdout.splitlines()]
    assert [e["name"] for e in events if e["kind"] == "architecture.registered"] == ["EvCtlCForCausalLM"]
    assert "allowed:" in ctl(daemon, "events", "--kind", "nothing", status=FAILED).stderr


def test_events_end_with_the_daemon(hub, tmp_path):
    daemon = Daemon(tmp_path / "state", hub=hub)
    terminal = Terminal(daemon, "events", "--since", "0", stdout=True)
    terminal.wait_for(b"registry.catalog_reloaded")
    daemon.stop()
    assert terminal.end()[0] == OK


# ---- help


def test_help_lists_every_command_and_each_has_its_own(daemon):
    tables = as_json(daemon, "help")
    text = ctl(daemon, "help").stdout
    for command in tables["commands"]:
        assert re.search(rf"^  {command['name']} +{re.escape(command['summary'])}$", text, re.M)
        own = ctl(daemon, "help", command["name"]).stdout
        assert own == ctl(daemon, command["name"], "--help").stdout
        assert [o["name"] for o in command["options"]] == re.findall(r"^  --([\w-]+)", own, re.M)
    assert ctl(daemon, status=USAGE).stdout == text
    assert ctl(daemon, "--version").stdout.split()[1] == daemon.get("/version").json()["version"]
