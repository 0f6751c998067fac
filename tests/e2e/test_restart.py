"""What was acknowledged is there after a stop, and after a kill."""
import threading

import pytest

from daemon import Daemon
from families import add_family, request
from test_architectures import doc


def everything(daemon):
    """What a client could know of the daemon's state."""
    def items(path):
        return daemon.get(path + "?limit=1000").json()["items"]
    pipelines = {p["id"]: daemon.get("/v1/pipelines/" + p["id"]).json() for p in items("/v1/pipelines")}
    return {
        "architectures": items("/v1/architectures"),
        "pipelines": pipelines,
        "factories": sorted(f["id"] for f in items("/v1/factories")),
        "tokenizers": sorted(t["id"] for t in items("/v1/tokenizers")),
        "leases": sorted((x["id"], x["pipeline"], x["holder"], x["ttl_s"]) for x in items("/v1/leases")),
        "revision": int(daemon.get("/v1/tasks").headers["x-registry-revision"]),
    }


def fill(daemon, hub):
    add_family(hub, "llama3")
    assert daemon.post("/v1/architectures", doc("StaysForCausalLM")).status == 201
    assert daemon.delete("/v1/architectures/MPTForCausalLM").status == 204
    assert daemon.post("/v1/tokenizers", {"model": "fam/llama3"}).status == 201
    assert daemon.post("/v1/factories", request("llama3", max_length=100)).status == 201
    one = daemon.post("/v1/pipelines", request("llama3")).json()["id"]
    assert daemon.post(f"/v1/pipelines/{one}/leases", {"ttl_s": 3600, "holder": "me"}).status == 201


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_state_stays(hub, state, how):
    with Daemon(state, hub=hub) as daemon:
        fill(daemon, hub)
        before = everything(daemon)
        getattr(daemon, how)()
        daemon.start()
        assert everything(daemon) == before


def test_revisions_go_on(hub, state):
    with Daemon(state, hub=hub) as daemon:
        first = daemon.post("/v1/architectures", doc("GoesOnForCausalLM")).json()["revision"]
        daemon.kill()
        daemon.start()
        assert daemon.post("/v1/architectures", doc("GoesOn2ForCausalLM")).json()["revision"] > first


def test_no_acknowledged_write_is_lost(hub, state):
    """Eight clients write, the daemon is killed among them, ten times."""
    acknowledged = set()
    with Daemon(state, hub=hub) as daemon:
        for round_ in range(10):
            enough = threading.Event()

            def write(client):
                for n in range(10000):
                    name = f"R{round_}C{client}N{n}ForCausalLM"
                    try:
                        if daemon.post("/v1/architectures", doc(name)).status != 201:
                            return
                    except OSError:
                        return
                    acknowledged.add(name)
                    if len(acknowledged) >= (round_ + 1) * 30:
                        enough.set()

            clients = [threading.Thread(target=write, args=(c,)) for c in range(8)]
            for c in clients:
                c.start()
            assert enough.wait(30)
            daemon.process.kill()
            for c in clients:
                c.join()
            daemon.kill()
            daemon.start()
            there = {a["name"] for a in daemon.get("/v1/architectures?source=api&limit=1000").json()["items"]}
            token = daemon.get("/v1/architectures?source=api&limit=1000").json()["next_page_token"]
            while token:
                page = daemon.get(f"/v1/architectures?source=api&limit=1000&page_token={token}").json()
                there |= {a["name"] for a in page["items"]}
                token = page["next_page_token"]
            assert acknowledged <= there


def test_the_cache_may_be_deleted(hub, state):
    with Daemon(state, hub=hub) as daemon:
        fill(daemon, hub)
        before = everything(daemon)
        daemon.stop()
        for file in state.rglob("cache.db*"):
            file.unlink()
        daemon.start()
        after = everything(daemon)
        assert after["pipelines"].keys() == before["pipelines"].keys()
        assert after["architectures"] == before["architectures"]
