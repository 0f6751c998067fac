"""Idempotency-Key: repeating a POST is safe, whatever happened to the first answer."""
import threading

import pytest

from daemon import Daemon
from families import add_family, request
from test_architectures import doc


def test_the_first_answer_is_replayed(daemon):
    key = {"Idempotency-Key": '"idem-1"'}
    first = daemon.post("/v1/architectures", doc("IdemForCausalLM"), headers=key)
    again = daemon.post("/v1/architectures", doc("IdemForCausalLM"), headers=key)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert first.headers["location"] == again.headers["location"]
    assert daemon.post("/v1/architectures", doc("IdemForCausalLM")).status == 409


def test_with_another_body_it_is_refused(daemon):
    key = {"Idempotency-Key": '"idem-2"'}
    assert daemon.post("/v1/architectures", doc("IdemBForCausalLM"), headers=key).status == 201
    other = daemon.post("/v1/architectures", doc("IdemCForCausalLM"), headers=key)
    assert (other.status, other.json()["code"]) == (422, "idempotency-key-reused")
    assert daemon.get("/v1/architectures/IdemCForCausalLM").status == 404


def test_what_could_not_be_read_is_not_kept(daemon):
    key = {"Idempotency-Key": '"idem-3"', "Content-Type": "application/json"}
    assert daemon.post("/v1/architectures", "{", headers=key).status == 400
    assert daemon.post("/v1/architectures", doc("IdemDForCausalLM"), headers=key).status == 201


def test_while_the_first_is_under_way(daemon, hub):
    add_family(hub, "llama3")
    hub.repo("idem/slow", {p: f.data for p, f in hub.repos["fam/llama3"].commits[hub.repos["fam/llama3"].head].items()})
    hold = hub.hold("idem/slow")
    key, got = {"Idempotency-Key": '"idem-4"'}, []
    body = dict(request("llama3"), model_path="idem/slow")
    thread = threading.Thread(target=lambda: got.append(daemon.post("/v1/pipelines", body, headers=key)))
    thread.start()
    try:
        hold.wait_for(1)
        busy = daemon.post("/v1/pipelines", body, headers=key)
        assert (busy.status, busy.json()["code"]) == (409, "idempotency-key-in-use")
    finally:
        hold.release()
        thread.join()
    assert got[0].status == 201


def test_of_many_at_once_one_does_it(daemon):
    key, got = {"Idempotency-Key": '"idem-5"'}, []
    def post():
        got.append(daemon.post("/v1/architectures", doc("IdemEForCausalLM"), headers=key).status)
    threads = [threading.Thread(target=post) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(got) <= {201, 409} and 201 in got


def test_across_a_restart(hub, state):
    with Daemon(state, hub=hub) as daemon:
        key = {"Idempotency-Key": '"idem-6"'}
        first = daemon.post("/v1/architectures", doc("IdemFForCausalLM"), headers=key)
        daemon.kill()
        daemon.start()
        again = daemon.post("/v1/architectures", doc("IdemFForCausalLM"), headers=key)
        assert (again.status, again.body) == (201, first.body)


@pytest.mark.parametrize("key", ['""', "x" * 300, '"\x7f"'])
def test_what_is_no_key(daemon, key):
    assert daemon.post("/v1/tokenizers", {"model": "fam/llama3"}, headers={"Idempotency-Key": key}).status in (400, 422)
