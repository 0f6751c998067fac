"""Events: in order, once, resumable, in three forms."""
import json
import threading

import pytest

from daemon import Daemon
from families import add_family, request
from test_architectures import doc


class Reader:
    """An open stream, read line by line."""

    def __init__(self, daemon, target, accept, headers=None):
        self.connection = daemon.connection(timeout=20)
        self.connection.request("GET", target, headers=dict(headers or {}, Accept=accept))
        self.answer = self.connection.getresponse()

    def lines(self):
        while True:
            line = self.answer.readline()
            if not line:
                return
            yield line.decode().rstrip("\n")

    def events(self, n):
        """The next n server-sent events as (id, name, data)."""
        found, fields = [], {}
        for line in self.lines():
            if line.startswith(":"):
                continue
            if line:
                key, _, value = line.partition(": ")
                fields[key] = value
            elif fields:
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                fields = {}
                if len(found) == n:
                    return found
        return found

    def close(self):
        self.connection.close()


def now(daemon):
    return int(daemon.get("/v1/tasks").headers["x-registry-revision"])


def register(daemon, *names):
    for name in names:
        assert daemon.post("/v1/architectures?allow_override=true", doc(name)).status in (200, 201)


def test_every_change_in_order_and_once(daemon):
    since = now(daemon)
    reader = Reader(daemon, f"/v1/events?since={since}&kind=architecture", "text/event-stream")
    assert reader.answer.status == 200
    assert reader.answer.headers["Content-Type"].startswith("text/event-stream")
    register(daemon, "EvAForCausalLM", "EvBForCausalLM")
    daemon.delete("/v1/architectures/EvAForCausalLM")
    events = reader.events(3)
    reader.close()
    assert [name for _, name, _ in events] == ["architecture.registered"] * 2 + ["architecture.deleted"]
    ids = [i for i, _, _ in events]
    assert ids == sorted(set(ids)) and ids[0] > since
    assert all(data["revision"] == i and data["kind"] == name for i, name, data in events)


def test_resume_with_last_event_id(daemon):
    since = now(daemon)
    register(daemon, "ResAForCausalLM", "ResBForCausalLM", "ResCForCausalLM")
    reader = Reader(daemon, f"/v1/events?since={since}", "text/event-stream")
    first = reader.events(1)[0]
    reader.close()
    reader = Reader(daemon, f"/v1/events?since={since}", "text/event-stream", {"Last-Event-ID": str(first[0])})
    rest = reader.events(2)
    reader.close()
    assert [d["name"] for _, _, d in [first] + rest] == ["ResAForCausalLM", "ResBForCausalLM", "ResCForCausalLM"]


def test_lines(daemon):
    since = now(daemon)
    reader = Reader(daemon, f"/v1/events?since={since}", "application/x-ndjson")
    register(daemon, "LineForCausalLM")
    line = next(x for x in reader.lines() if x)
    reader.close()
    assert json.loads(line)["name"] == "LineForCausalLM"


def test_a_document(daemon):
    since = now(daemon)
    register(daemon, "DocAForCausalLM", "DocBForCausalLM")
    page = daemon.get(f"/v1/events?since={since}&limit=1", headers={"Accept": "application/json"}).json()
    assert [e["name"] for e in page["items"]] == ["DocAForCausalLM"]
    page = daemon.get(f"/v1/events?since={page['next_since']}", headers={"Accept": "application/json"}).json()
    assert [e["name"] for e in page["items"]] == ["DocBForCausalLM"]
    assert page["next_since"] == page["revision"]


def test_a_long_poll_is_woken(daemon):
    since, got = now(daemon), []
    thread = threading.Thread(target=lambda: got.append(daemon.get(
        f"/v1/events?since={since}", headers={"Prefer": "wait=15"}).json()))
    thread.start()
    register(daemon, "WakeForCausalLM")
    thread.join(20)
    assert [e["name"] for e in got[0]["items"]] == ["WakeForCausalLM"]


def test_a_long_poll_ends_empty(daemon):
    answer = daemon.get(f"/v1/events?since={now(daemon)}", headers={"Prefer": "wait=1"})
    assert answer.status == 200 and answer.json()["items"] == []


def test_kinds(daemon, hub):
    add_family(hub, "llama3")
    since = now(daemon)
    register(daemon, "KindForCausalLM")
    daemon.post("/v1/pipelines", request("llama3", max_length=451))
    for kind, expected in [("architecture", {"architecture.registered"}), ("pipeline.created", {"pipeline.created"}),
                           ("architecture,pipeline", {"architecture.registered", "pipeline.created"})]:
        items = daemon.get(f"/v1/events?since={since}&kind={kind}", headers={"Accept": "application/json"}).json()["items"]
        assert {e["kind"] for e in items} == expected
    wrong = daemon.get("/v1/events?kind=pipelin")
    assert wrong.status == 422 and "pipeline" in wrong.json()["nearest"]


def test_of_one_pipeline(daemon, hub):
    add_family(hub, "llama3")
    one = daemon.post("/v1/pipelines", request("llama3", max_length=461)).json()["id"]
    daemon.post("/v1/pipelines", request("llama3", max_length=462))
    daemon.post(f"/v1/pipelines/{one}/leases", {"ttl_s": 60})
    items = daemon.get(f"/v1/pipelines/{one}/events?since=0", headers={"Accept": "application/json"}).json()["items"]
    assert [e["kind"] for e in items] == ["pipeline.created", "lease.created"]
    assert daemon.get("/v1/pipelines/pl_" + "0" * 32 + "/events").status == 404


def test_events_survive_a_restart(hub, state):
    with Daemon(state, hub=hub) as daemon:
        since = now(daemon)
        register(daemon, "KeptForCausalLM")
        daemon.restart()
        items = daemon.get(f"/v1/events?since={since}", headers={"Accept": "application/json"}).json()["items"]
        assert "KeptForCausalLM" in [e.get("name") for e in items]


def test_too_long_ago_is_said(hub, state):
    with Daemon(state, "--events-kept", "16", hub=hub) as daemon:
        since = now(daemon)
        register(daemon, *[f"Gone{i}ForCausalLM" for i in range(40)])
        for accept in ("application/json", "text/event-stream", "application/x-ndjson"):
            answer = daemon.get(f"/v1/events?since={since}", headers={"Accept": accept})
            assert (answer.status, answer.json()["code"]) == (410, "events-compacted")


@pytest.mark.parametrize("target,headers", [("/v1/events?since=-1", {}), ("/v1/events?since=x", {}),
                                            ("/v1/events", {"Last-Event-ID": "x"}), ("/v1/events?sinc=1", {})])
def test_what_is_no_place_to_begin(daemon, target, headers):
    assert daemon.get(target, headers=headers).status == 422


def test_a_stopping_daemon_ends_its_streams(hub, state):
    daemon = Daemon(state, hub=hub)
    reader = Reader(daemon, "/v1/events", "text/event-stream")
    thread = threading.Thread(target=daemon.stop)
    thread.start()
    list(reader.lines())
    thread.join(30)
    assert not thread.is_alive()
