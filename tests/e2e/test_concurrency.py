"""Many clients at once: one of them wins, nothing happens twice, and everybody sees the same order."""
import json
import random
import threading
import time

import pytest

from daemon import EXAMPLES, Daemon
from fakehub import Hub
from test_faults import FILES, eventually
from things import TINY, Client, arch, at_once, events, is_contiguous, items, slug

THREADS = pytest.mark.parametrize("threads", [1, 2])
MANY = 32


def counted(found, kind):
    return len([e for e in found if e["kind"] == kind])


# ---- one of many

@THREADS
def test_the_same_pipeline_asked_for_by_many_is_made_once(tmp_path, threads):
    with Hub() as hub, Daemon(tmp_path, "--io-threads", threads, hub=hub) as daemon:
        hub.repo("org/one", FILES)
        request = {"model_path": "org/one", "weights": "remote", "max_length": 128}
        answers = at_once(MANY, lambda i: daemon.post("/v1/pipelines", request))
        assert sorted(a.status for a in answers) == [200] * (MANY - 1) + [201]
        assert len({a.json()["id"] for a in answers}) == 1
        found = events(daemon)
        assert counted(found, "pipeline.created") == 1
        assert counted(found, "tokenizer.created") <= 1
        assert len(items(daemon, "/v1/pipelines")) == 1
        assert len(hub.requests("/api/models/")) == 1, "one flight for all"
        assert len(hub.requests("/resolve/.*config.json")) == len({
            r.path for r in hub.requests("/resolve/.*config.json")})


@THREADS
def test_many_pipelines_of_one_model_share_one_tokenizer(tmp_path, threads):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", threads) as daemon:
        answers = at_once(MANY, lambda i: daemon.post("/v1/pipelines", {**TINY, "max_batch_size": 1 + i}))
        assert [a.status for a in answers] == [201] * MANY
        links = {a.json()["tokenizer"]["id"] for a in answers}
        assert len(links) == 1
        assert [t["id"] for t in items(daemon, "/v1/tokenizers")] == list(links)
        assert counted(events(daemon), "tokenizer.created") == 1


@THREADS
def test_the_same_tokenizer_asked_for_by_many_is_made_once(tmp_path, threads):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", threads) as daemon:
        request = {"model": TINY["model_path"]}
        answers = at_once(MANY, lambda i: daemon.post("/v1/tokenizers", request))
        assert sorted(a.status for a in answers) == [200] * (MANY - 1) + [201]
        assert len({a.json()["id"] for a in answers}) == 1
        assert counted(events(daemon), "tokenizer.created") == 1


@THREADS
def test_a_name_is_registered_by_exactly_one(tmp_path, threads):
    with Daemon(tmp_path, "--io-threads", threads) as daemon:
        for n in range(5):
            name = f"Race{n}ForCausalLM"
            answers = at_once(MANY, lambda i: daemon.post(
                "/v1/architectures", arch(name, pipeline_model=f"Model{i}")))
            assert sorted(a.status for a in answers) == [201] + [409] * (MANY - 1)
            (won,) = [a for a in answers if a.status == 201]
            shown = daemon.get(f"/v1/architectures/{name}")
            assert shown.body == won.body and shown.headers["etag"] == won.headers["etag"]
            for lost in answers:
                if lost.status == 409:
                    assert slug(lost) == "architecture-exists"
        assert counted(events(daemon), "architecture.registered") == 5


def test_batches_that_overlap_are_all_or_nothing(tmp_path):
    with Daemon(tmp_path) as daemon:
        names = [f"Batch{n}ForCausalLM" for n in range(8)]

        def register(i):
            rng = random.Random(i)
            chosen = rng.sample(names, 3)
            answer = daemon.post("/v1/architectures", {"architectures": [
                arch(n, pipeline_model=f"By{i}") for n in chosen]})
            return chosen, answer.status, f"By{i}"

        done = at_once(MANY, register)
        expected = {n: by for chosen, status, by in done if status == 201 for n in chosen}
        there = {a["name"]: a["pipeline_model"] for a in items(daemon, "/v1/architectures")
                 if a["source"] == "api"}
        assert there == expected and {s for _, s, _ in done} == {201, 409}


# ---- order

class Reader(threading.Thread):
    """Reads the stream of events, leaves now and then, and resumes where it was."""

    def __init__(self, daemon, seed):
        super().__init__(daemon=True)
        self.server, self.rng = daemon, random.Random(seed)
        self.seen, self.until, self.wrong = [], None, None

    def is_done(self):
        return self.until is not None and self.seen and self.seen[-1]["revision"] >= self.until

    def read_some(self):
        since = self.seen[-1]["revision"] if self.seen else 0
        connection = self.server.connection()
        connection.request("GET", "/v1/events?since=0", headers={
            "Accept": "application/x-ndjson", "Last-Event-ID": str(since)})
        stream = connection.getresponse()
        assert stream.status == 200
        for _ in range(self.rng.randrange(1, 60)):
            line = stream.readline()
            if line.strip():
                event = json.loads(line)
                assert "error" not in event, event
                self.seen.append(event)
            if self.is_done():
                break
        stream.close()
        connection.close()

    def run(self):
        try:
            while not self.is_done():
                self.read_some()
        except Exception as e:
            self.wrong = e


@THREADS
def test_a_storm_is_seen_in_order_once_and_by_all(tmp_path, threads):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", threads) as daemon:
        readers = [Reader(daemon, n) for n in range(4)]
        for r in readers:
            r.start()

        def storm(i):
            rng, client, last = random.Random(i), Client(daemon), 0
            counts = {}
            for n in range(40):
                what = rng.choice(["register", "register", "delete", "pipeline", "lease"] +
                                  ["reset"] * (i == 0))
                name = f"Storm{rng.randrange(6)}ForCausalLM"
                if what == "register":
                    status, headers, body = client.ask(
                        "POST", "/v1/architectures?allow_override=true", arch(name))
                    assert status == 201, body
                elif what == "delete":
                    status, headers, body = client.ask("DELETE", f"/v1/architectures/{name}")
                    assert status in (204, 404), body
                elif what == "reset":
                    status, headers, body = client.ask("POST", "/v1/reset", {
                        "architectures": rng.choice(["builtin", "keep"]),
                        "pipelines": True, "caches": rng.random() < 0.5})
                    assert status == 200, body
                else:
                    status, headers, body = client.ask("POST", "/v1/pipelines", {
                        **TINY, "max_length": 16 + rng.randrange(4),
                        **({"lease": {"ttl_s": 60}} if what == "lease" else {})})
                    assert status in (200, 201), body
                revision = int(headers["x-registry-revision"])
                assert revision >= last, "the revision went back on one connection"
                last = revision
                counts[what, status] = counts.get((what, status), 0) + 1
            client.close()
            return counts

        counts = {}
        for one in at_once(8, storm):
            for key, n in one.items():
                counts[key] = counts.get(key, 0) + n
        now = int(daemon.get("/v1/tasks").headers["x-registry-revision"])
        for r in readers:
            r.until = now
        assert daemon.post("/v1/architectures", arch("LastForCausalLM")).status == 201  # wakes readers
        for r in readers:
            r.join(20)
            assert not r.is_alive() and not r.wrong, r.wrong
            assert r.seen[0]["revision"] == 1 and is_contiguous(r.seen)
        full = events(daemon)
        assert is_contiguous(full)
        for r in readers:
            assert r.seen == full[:len(r.seen)]
        # As many events as there were changes that were acknowledged.
        registered = counted(full, "architecture.registered") + counted(full, "architecture.overridden")
        assert registered == counts["register", 201] + 1
        assert counted(full, "architecture.deleted") == counts.get(("delete", 204), 0)
        assert counted(full, "registry.reset") == counts.get(("reset", 200), 0)
        # What the events tell is what there is.
        there = set()
        for e in full:
            if e["kind"] in ("architecture.registered", "architecture.overridden"):
                there.add(e["name"])
            elif e["kind"] == "architecture.deleted":
                there.discard(e["name"])
            elif e["kind"] == "registry.reset" and e["architectures"] != "keep":
                there.clear()
        assert there == {a["name"] for a in items(daemon, "/v1/architectures") if a["source"] == "api"}
        state = {path: items(daemon, path) for path in
                 ("/v1/architectures", "/v1/pipelines", "/v1/tokenizers")}
        leases = sorted(x["id"] for x in items(daemon, "/v1/leases"))
        daemon.restart()
        for path, before in state.items():
            assert items(daemon, path) == before
        assert sorted(x["id"] for x in items(daemon, "/v1/leases")) == leases


def test_events_of_the_past_are_forgotten_in_the_store_too(tmp_path):
    with Daemon(tmp_path, "--events-kept", 16) as daemon:
        for n in range(40):
            assert daemon.post("/v1/architectures", arch(f"Past{n}ForCausalLM")).status == 201
        answer = daemon.get("/v1/events?since=1", headers={"Accept": "application/json"})
        assert answer.status == 410 and slug(answer) == "events-compacted", answer
        oldest = answer.json()["oldest"]
        kept = events(daemon, oldest)
        assert len(kept) == 16 and is_contiguous(kept)
        daemon.kill()
        daemon.start()
        answer = daemon.get("/v1/events?since=1", headers={"Accept": "application/json"})
        assert answer.status == 410 and answer.json()["oldest"] == oldest
        assert events(daemon, oldest) == kept


# ---- leases

@THREADS
def test_leases_expire_and_release_their_pipeline(tmp_path, threads):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", threads) as daemon:
        made = daemon.post("/v1/pipelines", TINY).json()["id"]

        def take(i):
            answer = daemon.post(f"/v1/pipelines/{made}/leases", {"ttl_s": 1 if i % 2 else 600,
                                                                  "holder": f"h{i}"})
            assert answer.status == 201, answer
            return answer.json()["id"]

        leases = at_once(16, take)
        assert slug(daemon.delete(f"/v1/pipelines/{made}")) == "pipeline-leased"
        short, long = set(leases[1::2]), set(leases[::2])
        eventually(lambda: daemon.get(f"/v1/pipelines/{made}").json()["leases"] == 8,
                   "leases do not expire")
        assert {x["id"] for x in items(daemon, "/v1/leases")} == long
        statuses = at_once(16, lambda i: daemon.delete(f"/v1/leases/{sorted(long)[i % 8]}").status)
        assert sorted(statuses) == [204] * 8 + [404] * 8, "released twice, or not at all"
        found = events(daemon)
        assert {e["id"] for e in found if e["kind"] == "lease.expired"} == short
        assert counted(found, "lease.expired") == 8 and counted(found, "lease.released") == 8
        assert daemon.get(f"/v1/pipelines/{made}").json()["leases"] == 0
        assert daemon.delete(f"/v1/pipelines/{made}").status == 204


def test_a_lease_that_expires_while_the_daemon_is_down_has_expired(tmp_path):
    with Daemon(tmp_path, "--model-root", EXAMPLES) as daemon:
        made = daemon.post("/v1/pipelines", {**TINY, "lease": {"ttl_s": 1, "holder": "short"}}).json()
        assert made["lease"]["holder"] == "short"
        keeps = daemon.post(f"/v1/pipelines/{made['id']}/leases", {"ttl_s": 600}).json()["id"]
        daemon.kill()
        time.sleep(1.1)  # the lease's own time, not a wait for something
        daemon.start()
        eventually(lambda: [x["id"] for x in items(daemon, "/v1/leases")] == [keeps],
                   "expired leases came back")
        eventually(lambda: daemon.get(f"/v1/pipelines/{made['id']}").json()["leases"] == 1,
                   "the pipeline counts it still")
        assert counted(events(daemon), "lease.expired") == 1


def test_a_forced_delete_among_leases_leaves_none(tmp_path):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", 2) as daemon:
        for n in range(10):
            made = daemon.post("/v1/pipelines", TINY).json()["id"]
            lease = daemon.post(f"/v1/pipelines/{made}/leases", {"ttl_s": 600}).json()["id"]

            def work(i):
                if i == 0:
                    return daemon.delete(f"/v1/pipelines/{made}?force=true").status
                if i % 2:
                    return daemon.post(f"/v1/pipelines/{made}/leases", {"ttl_s": 600}).status
                if i % 4:
                    return daemon.request("PUT", f"/v1/leases/{lease}", {"ttl_s": 600}).status
                return daemon.post("/v1/pipelines", {**TINY, "lease": {"ttl_s": 600}}).status

            statuses = at_once(17, work)
            assert set(statuses) <= {200, 201, 204, 404}, statuses
            listed = items(daemon, "/v1/leases")
            pipelines = items(daemon, "/v1/pipelines")
            assert len(pipelines) <= 1
            assert sum(p["leases"] for p in pipelines) == len(listed)
            daemon.restart()
            assert sorted(x["id"] for x in items(daemon, "/v1/leases")) == sorted(
                x["id"] for x in listed)
            daemon.post("/v1/reset", {"architectures": "keep", "pipelines": True})
            assert items(daemon, "/v1/leases") == []


def test_leases_and_resets_at_once_agree_with_the_store(tmp_path):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", 2) as daemon:
        for n in range(10):
            def work(i):
                if i < 2:
                    return daemon.post("/v1/reset", {"architectures": "keep", "pipelines": True}).status
                return daemon.post("/v1/pipelines", {**TINY, "max_length": 16 + i % 3,
                                                     "lease": {"ttl_s": 600}}).status
            assert set(at_once(12, work)) <= {200, 201}
            listed = sorted(x["id"] for x in items(daemon, "/v1/leases"))
            assert sum(p["leases"] for p in items(daemon, "/v1/pipelines")) == len(listed)
            daemon.restart()
            assert sorted(x["id"] for x in items(daemon, "/v1/leases")) == listed


# ---- idempotency

@THREADS
def test_a_key_sent_by_many_has_one_effect(tmp_path, threads):
    with Daemon(tmp_path, "--model-root", EXAMPLES, "--io-threads", threads) as daemon:
        headers = {"Idempotency-Key": "one-for-all"}
        answers = at_once(MANY, lambda i: daemon.post("/v1/architectures", arch("OnceForCausalLM"),
                                                      headers=headers))
        first = next(a for a in answers if a.status == 201)
        for a in answers:
            assert a.status == 201 and a.body == first.body or slug(a) == "idempotency-key-in-use"
        assert counted(events(daemon), "architecture.registered") == 1


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_answers_are_replayed_across_a_restart(tmp_path, how):
    with Daemon(tmp_path, "--model-root", EXAMPLES) as daemon:
        sent = [("/v1/architectures", arch("ReplayForCausalLM")),
                ("/v1/pipelines", TINY),
                ("/v1/architectures", {"name": "broken"}),
                ("/v1/pipelines", {**TINY, "lease": {"ttl_s": 600, "holder": "me"}})]

        def send_all():
            return [daemon.post(path, body, headers={"Idempotency-Key": f"key-{n}"})
                    for n, (path, body) in enumerate(sent)]

        first = send_all()
        assert [a.status for a in first] == [201, 201, 422, 200]
        revision = daemon.get("/v1/tasks").headers["x-registry-revision"]
        if how == "kill":
            daemon.kill()
            daemon.start()
        else:
            daemon.restart()
        again = send_all()

        def told(answer):
            told = answer.json()
            told.pop("instance", None)  # of the request, not of the problem
            return answer.status, told, answer.headers.get("location"), answer.headers.get("etag")

        assert [told(a) for a in again] == [told(a) for a in first]
        assert daemon.get("/v1/tasks").headers["x-registry-revision"] == revision
        other = daemon.post("/v1/architectures", arch("OtherForCausalLM"),
                            headers={"Idempotency-Key": "key-0"})
        assert slug(other) == "idempotency-key-reused"
