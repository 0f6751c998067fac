"""Leases: taken, renewed, released, expired."""
import pytest

from families import add_family, request


@pytest.fixture(scope="module")
def pipeline(daemon, hub):
    add_family(hub, "llama3")
    return daemon.post("/v1/pipelines", request("llama3")).json()["id"]


def lease(daemon, pipeline, **body):
    answer = daemon.post(f"/v1/pipelines/{pipeline}/leases", body or None)
    assert answer.status == 201, answer
    return answer.json()


def test_a_lease_is_counted_and_listed(daemon, pipeline):
    before = daemon.get("/v1/pipelines/" + pipeline).json()["leases"]
    one = lease(daemon, pipeline, ttl_s=60, holder="test")
    assert one["id"].startswith("ls_") and one["holder"] == "test" and one["ttl_s"] == 60
    assert daemon.get("/v1/pipelines/" + pipeline).json()["leases"] == before + 1
    listed = daemon.get("/v1/leases?pipeline=" + pipeline).json()["items"]
    assert one["id"] in [x["id"] for x in listed]
    assert daemon.delete("/v1/leases/" + one["id"]).status == 204
    assert daemon.get("/v1/pipelines/" + pipeline).json()["leases"] == before


def test_renewal_moves_the_end(daemon, pipeline):
    one = lease(daemon, pipeline, ttl_s=60)
    later = daemon.request("PUT", "/v1/leases/" + one["id"], {"ttl_s": 3600})
    assert later.status == 200 and later.json()["expires_at"] > one["expires_at"]
    kept = daemon.request("PUT", "/v1/leases/" + one["id"])
    assert kept.json()["ttl_s"] == 3600


def test_a_leased_pipeline_is_not_deleted_by_chance(daemon, pipeline):
    one = lease(daemon, pipeline, ttl_s=60)
    refused = daemon.delete("/v1/pipelines/" + pipeline)
    assert (refused.status, refused.json()["code"]) == (409, "pipeline-leased")
    daemon.delete("/v1/leases/" + one["id"])


def test_an_expired_lease_is_gone_and_said_so(daemon, pipeline):
    one = lease(daemon, pipeline, ttl_s=1)
    revision = daemon.get("/v1/pipelines/" + pipeline).headers["x-registry-revision"]
    events = daemon.get(f"/v1/events?since={revision}&kind=lease.expired",
                        headers={"Accept": "application/json", "Prefer": "wait=10"}).json()["items"]
    assert [e["lease"] if "lease" in e else e["id"] for e in events] == [one["id"]]
    gone = daemon.request("PUT", "/v1/leases/" + one["id"])
    assert (gone.status, gone.json()["code"]) == (404, "lease-not-found")


def test_with_the_pipeline(daemon, hub):
    doc = daemon.post("/v1/pipelines", request("llama3", max_length=401, lease={"ttl_s": 60, "holder": "x"})).json()
    assert doc["leases"] == 1


@pytest.mark.parametrize("body", [{"ttl_s": 0}, {"ttl_s": -1}, {"ttl_s": "60"}, {"ttl": 60}, {"holder": "x" * 200}])
def test_what_is_no_lease(daemon, pipeline, body):
    assert daemon.post(f"/v1/pipelines/{pipeline}/leases", body).status == 422


def test_of_no_pipeline(daemon):
    answer = daemon.post("/v1/pipelines/pl_" + "0" * 32 + "/leases", {"ttl_s": 5})
    assert (answer.status, answer.json()["code"]) == (404, "pipeline-not-found")
